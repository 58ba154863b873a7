"""axe-core on every page: no serious or critical finding, in light, in dark and on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest

from tests.browser.conftest import Server, Shipped
from tests.browser.tab import Tab

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")

# Of Streamlit's own, which the app cannot change: rule by rule, and only within its elements.
EXCLUDED: dict[str, str] = {}


def findings(tab: Tab) -> list[str]:
    """Serious and critical findings of axe-core on what the tab shows now."""
    if not tab.page.evaluate("'axe' in window"):
        tab.page.evaluate(AXE)
    result: dict[str, Any] = tab.page.evaluate(
        "axe.run(document, { resultTypes: ['violations'], elementRef: false })"
    )
    assert len(result["passes"]) > 10, "axe found little to look at"
    return [
        f"{found['id']} ({found['impact']}): {found['help']}: "
        + "; ".join(f"{node['target']} {node['html'][:160]}" for node in nodes[:4])
        for found in result["violations"]
        if found["impact"] in ("serious", "critical")
        and (
            nodes := [
                node
                for node in found["nodes"]
                if found["id"] not in EXCLUDED or EXCLUDED[found["id"]] not in node["html"]
            ]
        )
    ]


@pytest.fixture(
    params=[
        {"color_scheme": "light"},
        {"color_scheme": "dark"},
        {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
    ],
    ids=["light", "dark", "phone"],
)
def any_tab(
    request: pytest.FixtureRequest, open_tab: Callable[..., Tab], server: Server
) -> Callable[[str], Tab]:
    """Open a page in one of the looks."""
    return lambda path: open_tab(server, path, **request.param)


def test_axe_notices(tab: Tab) -> None:
    """Else an empty list would mean nothing; it must see into the components too."""
    assert findings(tab) == []
    tab.map().root.evaluate(
        """root => {
            const button = document.createElement("button");
            root.append(button);
        }"""
    )
    assert any(found.startswith("button-name") for found in findings(tab))


def test_explore(any_tab: Callable[[str], Tab], first: Shipped) -> None:
    tab = any_tab("").wait_ready()
    assert findings(tab) == []
    _, px = tab.map().lone_digits(first.test_coords, n=1)[0]
    with tab.rerun():
        tab.map().click(px)
    tab.picture("Original").wait_for()
    assert findings(tab) == []
    tab.open_panel("Selection")
    assert findings(tab) == []
    with tab.rerun():
        tab.type("Search", "nonsense")
    assert findings(tab) == []
    with tab.rerun():
        tab.type("Search", "label 4 9")
    tab.sheet().wait_for()
    assert findings(tab) == []
    tab.press("Download")
    tab.page.get_by_role("button", name="The map as an interactive page").wait_for()
    assert findings(tab) == []
    tab.page.keyboard.press("Escape")
    tab.open_panel("Draw")
    assert findings(tab) == []


def test_interpolate(any_tab: Callable[[str], Tab]) -> None:
    tab = any_tab("interpolate").wait_ready()
    assert findings(tab) == []


def test_compare(any_tab: Callable[[str], Tab]) -> None:
    tab = any_tab("compare?checkpoint=line&other=autoencoder").wait_ready(maps=2)
    assert findings(tab) == []
    for title in ("Morph", "Drift", "Classes", "Figures", "Through training"):
        with tab.rerun():
            tab.choose_radio(title)
        tab.wait_idle()
        assert findings(tab) == [], title


def test_likelihood(any_tab: Callable[[str], Tab]) -> None:
    tab = any_tab("likelihood?chapter=1").wait_ready()
    assert findings(tab) == []
    n = tab.page.get_by_role("radio", name=re.compile(r"^\d · ")).count()
    assert n >= 3
    for number in range(2, n + 1):
        with tab.rerun():
            tab.choose_radio(re.compile(rf"^{number} · "))
        tab.wait_idle()
        assert findings(tab) == [], f"chapter {number}"
