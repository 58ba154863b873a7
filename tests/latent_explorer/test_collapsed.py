"""Every page of a checkpoint whose encoder gives all digits one code: none breaks, all say so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from latent_explorer.data import catalogue, encoding, lattice
from latent_explorer.pages.compare.choices import SECTIONS
from latent_explorer.pages.likelihood.chapters import CHAPTERS
from tests.latent_explorer.markdown import MARK, as_read, raw_markup
from tests.latent_explorer.test_pages import COMPARE, INTERPOLATE, component, shown_errors, trigger

LIKELIHOOD = "latent_explorer/pages/likelihood/view.py"


DEAD, OTHER = f"{MARK} dead", f"{MARK} other"  # names that must not be markup on any page


def told(at: AppTest, name: str) -> int:
    texts = map(as_read, at.info)
    return sum(f"of {name} ha" in text and "collapsed" in text for text in texts)


def explore(app: AppTest) -> None:
    """Open the map, pick a digit, and let the browser ask for every layer and every colour."""
    app.run()
    trigger(app, "explore_map", "pick", {"coords": [0.0, 0.0], "id": 60_002})
    shown = component(app, "explore_map")
    decoder, points = shown["decoder"], shown["points"]
    trigger(app, "explore_map", "wants", [f"fields:{decoder}", f"values:{decoder}:{points}"])
    assert not app.exception
    assert told(app, DEAD) == 1
    assert raw_markup(app) == []


@pytest.mark.parametrize(
    "kind", [{"encoder_gain": 1e-3}, {"encoder_gain": 0.0, "posterior": "point"}]
)
def test_nearly_collapsed_models_and_dead_autoencoders_say_so(
    kind: dict[str, Any], weights: Path, app: AppTest, write_checkpoint: Callable[..., Any]
) -> None:
    write_checkpoint(weights / "dead.safetensors", **kind)
    app.run()
    assert told(app, "dead") == 1
    app.switch_page(INTERPOLATE).run()
    assert not app.exception
    assert told(app, "dead") == 1
    first, last = (stop["z"] for stop in component(app, "walk_strip")["stops"])
    assert first != last


def test_every_page_of_a_collapsed_model_says_so(
    weights: Path,
    app: AppTest,
    write_checkpoint: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lattice, "ESTIMATE_SAMPLES", (1, 10, 100, 1000))
    for seed, name in enumerate((DEAD, OTHER)):
        write_checkpoint(weights / f"{name}.safetensors", seed=seed, encoder_gain=0.0)
    explore(app)
    app.switch_page(INTERPOLATE).run()
    app.get("button_group")[2].set_value(["straight", "image", "fisher-rao", "density"]).run()
    assert not app.exception
    assert told(app, DEAD) == 1
    assert raw_markup(app) == []
    first, last = (stop["z"] for stop in component(app, "walk_strip")["stops"])
    assert np.linalg.norm(np.subtract(first, last)) == pytest.approx(1.0)
    assert any("no digit but a place 1 z unit from it" in box.value for box in app.info)
    app.switch_page(COMPARE).run()
    for section in SECTIONS:
        app.session_state["compare_section"] = section
        app.run()
        assert not app.exception, section
        assert told(app, DEAD) == 1, section
        assert raw_markup(app) == [], section
        assert told(app, OTHER) == SECTIONS[section].compares, section
    app.switch_page(LIKELIHOOD).run()
    for chapter in CHAPTERS:
        app.session_state["likelihood_chapter"] = chapter
        app.run()
        assert not app.exception, chapter
        assert not shown_errors(app), chapter
        assert told(app, DEAD) == 1, chapter
        assert raw_markup(app) == [], chapter


def test_two_digits_of_one_code_are_no_walk(
    weights: Path, app: AppTest, write_checkpoint: Callable[..., Any]
) -> None:
    """The digits that the page opens with may share a code though others do not."""
    write_checkpoint(weights / "one.safetensors", encoder_gain=1e-3)
    (ref,) = catalogue.checkpoints()[0]
    codes = encoding.test_codes(ref)
    assert not (codes == codes[0]).all()
    app.query_params["a_id"] = app.query_params["b_id"] = "60003"
    app.run()
    app.switch_page(INTERPOLATE).run()
    assert not app.exception
    ids = [mark["id"] for mark in component(app, "walk_map")["marks"]]
    assert ids == [60_000, 60_004]
    assert any("The two ends have one code" in box.value for box in app.info)


def test_the_shipped_checkpoints_have_not_collapsed() -> None:
    assert not [ref.name for ref in catalogue.checkpoints()[0] if encoding.is_collapsed(ref)]
