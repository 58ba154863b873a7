"""What each page says of itself brings it back: opened anew, and on the browser's back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from latent_explorer.data.selection import write_ids
from latent_explorer.panels.address import show_address
from latent_explorer.session import opened
from tests.latent_explorer.conftest import ROOT
from tests.latent_explorer.test_pages import address, component, shown_errors

PAGES = Path("latent_explorer/pages")
WALK = {"a_z": "0.25,0.5", "b_id": "60004", "via": "1.5,-2;#60011", "way": "spherical"}


def arrive(at: AppTest, page: str, params: dict[str, str], *, is_back: bool = False) -> AppTest:
    """Open an address, at first or as the browser's back and forward do."""
    at.query_params.clear()
    for name, value in params.items():
        at.query_params[name] = value
    if opened._LINK not in at.session_state:
        at.run()  # before it an AppTest knows no other page than the first
    if is_back:
        at.session_state[opened._IS_LEFT] = True
    at.switch_page(str(PAGES / page / "view.py")).run()
    assert not at.exception
    return at


@pytest.mark.parametrize(
    ("page", "asked"),
    [
        ("explore", {"split": "train", "id": "60011", "select": "label 7"}),
        ("explore", {"z": "0.5,-0.25", "digits": write_ids(np.array([3, 69_999]))}),
        ("interpolate", WALK | {"ways": "straight,spherical", "steps": "5", "loop": "1"}),
        ("compare", {"other": "beta4", "section": "maps", "views": "free", "aligned": "all"}),
        ("likelihood", {"chapter": "2", "z": "0.5,0.25"}),
        ("likelihood", {"chapter": "3", "id": "60011"}),
    ],
)
def test_what_is_said_is_restored(app: AppTest, page: str, asked: dict[str, str]) -> None:
    said = address(arrive(app, page, asked))
    assert asked.items() <= said.items()
    assert {"checkpoint", "split"} <= said.keys()
    again = arrive(AppTest.from_file(str(ROOT / "app.py"), default_timeout=60), page, said)
    assert not shown_errors(again)
    assert address(again) == said


def test_back_restores_what_the_page_was_left_with(app: AppTest) -> None:
    pinned = {"checkpoint": "beta4", "split": "train", "z": "0.5,-0.25", "colour": "elbo"}
    arrive(app, "explore", pinned | {"select": "label 7"})
    at = arrive(app, "interpolate", {})
    at.slider(key="walk_steps").set_value(5).run()
    at = arrive(at, "explore", {})
    at.selectbox(key="app_checkpoint").set_value("atlas").run()
    assert address(at).keys() == {"checkpoint", "split", "z", "digits"}

    at = arrive(at, "explore", pinned, is_back=True)
    assert address(at) == {name: pinned[name] for name in ("checkpoint", "split", "z")}
    shown = component(at, "explore_map")
    assert shown["pin"] == {"coords": [0.5, -0.25], "id": None}
    assert shown["start"]["colour"] == "elbo"
    # the walk is another page's, and stays
    at = arrive(at, "interpolate", {})
    assert address(at)["steps"] == "5"
    # an address that says nothing asks for a view as at first
    at = arrive(at, "explore", {"checkpoint": "atlas"}, is_back=True)
    assert component(at, "explore_map")["start"] == {
        "view": None,
        "layers": None,
        "colour": "label",
        "opening": 3,
    }
    # a bad one says so, each time
    at = arrive(at, "likelihood", {"chapter": "9"}, is_back=True)
    (said,) = shown_errors(at)
    assert "chapter is “9”" in said


def test_what_is_too_long_for_an_address_stands_in_links_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[tuple[dict[str, str], dict[str, str]]] = []
    monkeypatch.setattr("latent_explorer.panels.address.page_shown", lambda: "")
    monkeypatch.setattr("latent_explorer.panels.address.opening", lambda: None)
    monkeypatch.setattr(
        "latent_explorer.panels.address.address",
        lambda params, more, **_: given.append((params, more)),
    )
    show_address({"z": "1,2", "digits": "A" * 1497})
    show_address({"z": "1,2", "digits": "A" * 1498})
    assert given == [
        ({"z": "1,2", "digits": "A" * 1497}, {}),
        ({"z": "1,2"}, {"digits": "A" * 1498}),
    ]
