"""A new layer in the browser, and layers of which there is but half."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from tests.browser.running import ROOT, Server, share_server
from tests.browser.tab import Tab, read_canvas

CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}


@pytest.fixture(scope="session")
def toy_server(server_folder: Path) -> Iterator[Server]:
    """The app of toy_app.py."""
    with share_server(server_folder, "toy", script=ROOT / "tests/browser/toy_app.py") as running:
        yield running


def colour_at(tab: Tab, x: float, y: float) -> list[int]:
    """What is painted under the overlay at a place."""
    view = tab.map().view()
    (px,) = view.to_px(np.array([[x, y]])) - (view.left, view.top)
    return read_canvas(tab.map().root.locator("canvas.points"))[int(px[1]), int(px[0])].tolist()


def test_a_new_layer(open_tab: Callable[..., Tab], toy_server: Server) -> None:
    """It is in the popover, has its key, is painted with its legend, and survives in a link."""
    tab = open_tab(toy_server, "?layers=none", **CLIPBOARD).wait_ready()
    map_, page = tab.map().root, tab.page
    map_.focus()
    page.keyboard.press("y")
    toy = map_.get_by_role("checkbox", name="Toy")
    assert toy.is_visible()
    assert not toy.is_checked()
    assert "1 … h" in (map_.locator("[data-popover=help]").text_content() or "")
    page.keyboard.press("Escape")
    map_.focus()
    page.keyboard.press("9")
    tab.until(lambda: "Toy, z units" in map_.get_by_test_id("legends").inner_text(), "the legend")
    assert map_.get_attribute("data-layers") == "toy"
    tab.until(lambda: colour_at(tab, 0.05, 0.05)[1] > 240, "paper at the origin")
    far = colour_at(tab, *[0.9 * end for end in tab.map().view()[1::2][:2]])
    assert far[0] > 250  # red
    assert far[1] < 160
    page.keyboard.press("y")
    map_.get_by_text("By Pythagoras.").wait_for()
    page.keyboard.press("Escape")
    map_.focus()
    page.keyboard.press("k")
    map_.locator(".toast", has_text="Link copied").wait_for()
    link = urlsplit(page.evaluate("navigator.clipboard.readText()"))
    assert parse_qs(link.query)["layers"] == ["toy"]
    again = open_tab(toy_server, f"?{link.query}").wait_ready()
    assert again.map().root.get_attribute("data-layers") == "toy"
    again.map().root.get_by_test_id("legends").get_by_text("Toy, z units").wait_for()
    assert not [text for text in again.alerts() if "link" in text]


def test_half_a_layer_is_one_readable_sentence(
    open_tab: Callable[..., Tab], toy_server: Server
) -> None:
    """The map is there with all its other layers, and says what is wrong."""
    tab = open_tab(toy_server, "?edit=half").wait_ready()
    toast = tab.map().root.locator(".toast")

    def said() -> str:
        return toast.text_content() or ""  # also once it has gone

    expected = {
        "an entry without its scale": "The layer “half” lacks a scale.",
        "an entry of no kind": "The layer “odd” lacks a kind that can be painted (blob).",
        "a link to no layer": "The link names “rings”, which no map has.",
        "a link to no colour": "The link names “red”, which no map has.",
    }
    for what, sentence in expected.items():
        tab.until(lambda text=sentence: text in said(), what)
    # the data come with the layer that the link does name
    lost = "There are data for “density”, which is no layer and no colour."
    tab.until(lambda: lost in said(), "data without an entry")
    tab.map().root.get_by_test_id("legends").get_by_text("Toy, z units").wait_for()
    rows = tab.map().root.locator("[data-layer]")
    assert "half" not in rows.evaluate_all("rows => rows.map((row) => row.dataset.layer)")

    tab = open_tab(toy_server, "?layers=points,hollow").wait_ready()
    toast = tab.map().root.locator(".toast")
    tab.until(lambda: "Hollow: Nothing computes this layer." in said(), "an entry that is empty")
    assert tab.map().root.get_by_role("checkbox", name="Hollow").is_disabled()


def test_a_map_without_its_vocabulary_says_so(
    open_tab: Callable[..., Tab], toy_server: Server
) -> None:
    tab = open_tab(toy_server, "?edit=none")
    tab.map().root.get_by_text("The map was not told which layers there are.").wait_for()
