"""Digits drawn by hand, and pictures of digits, on the Explore page."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Locator

from tests.browser.conftest import FIRST_TEST_DIGIT, Server, Shipped
from tests.browser.tab import Point, Tab, read_grey
from vae_core.data import DataSet

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 3,
}
SEVEN: list[Point] = [(0.25, 0.2), (0.5, 0.19), (0.75, 0.2), (0.6, 0.5), (0.45, 0.85)]


def open_pad(tab: Tab) -> Locator:
    tab.open_panel("Draw")
    canvas = tab.page.get_by_test_id("drawing-canvas")
    # Streamlit fetches this one late; until then a taller skeleton holds the square lower.
    tab.page.get_by_role("radio", name="Upload").wait_for()
    # The square stands before its script does, which says how much is drawn once it listens.
    tab.page.locator('[data-testid="drawing"][data-strokes]').wait_for()
    canvas.scroll_into_view_if_needed()
    tab.wait_idle()
    return canvas


def pad(tab: Tab) -> Locator:
    return tab.page.get_by_test_id("drawing")


def strokes(tab: Tab) -> int:
    return int(pad(tab).get_attribute("data-strokes") or 0)


def on_screen(canvas: Locator, points: list[Point]) -> list[Point]:
    box = canvas.bounding_box()
    assert box is not None
    return [(box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in points]


def draw(tab: Tab, canvas: Locator, points: list[Point]) -> None:
    """One stroke with the mouse."""
    (x, y), *rest = on_screen(canvas, points)
    tab.page.mouse.move(x, y)
    tab.page.mouse.down()
    for to in rest:
        tab.page.mouse.move(*to, steps=4)
    tab.page.mouse.up()


def after(tab: Tab) -> np.ndarray:
    """What the model sees, ink from 0 to 255, in the light theme."""
    return 255 - read_grey(tab.picture("Normalised")).reshape(28, 28)


def check_encoded(tab: Tab, checkpoint: Shipped) -> None:
    """The reconstruction shown is that of the picture shown."""
    settled(tab)
    mu, _ = checkpoint.encode(after(tab).astype(np.uint8))
    tab.wait_picture("Reconstruction", 255 - 255 * checkpoint.decode_z(mu), within=2)


def settled(tab: Tab) -> None:
    """Wait until all that was drawn has been answered and shown."""
    tab.page.locator('[data-testid="drawing"][data-waiting="true"]').wait_for(state="detached")
    tab.picture("Normalised").wait_for()
    tab.wait_idle()


def test_draw_undo_clear(tab: Tab, first: Shipped) -> None:
    canvas = open_pad(tab)
    sent = len(tab.sent)
    draw(tab, canvas, SEVEN)
    settled(tab)
    assert len(tab.sent) - sent <= 8
    assert max(frame.size for frame in tab.sent[sent:]) < 30_000
    seven = after(tab)
    rows, columns = (np.flatnonzero((seven > 0).any(axis)) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    assert seven[rows[0] : rows[0] + 3].sum() > 2 * seven[rows[-1] - 2 : rows[-1] + 1].sum()
    check_encoded(tab, first)

    draw(tab, canvas, [(0.35, 0.55), (0.75, 0.55)])  # the bar some write
    tab.until(lambda: (after(tab) != seven).any(), "the bar to be encoded")
    assert strokes(tab) == 2
    check_encoded(tab, first)
    tab.press("Undo")
    tab.until(lambda: (after(tab) == seven).all(), "the bar to be gone")
    assert strokes(tab) == 1
    tab.press("Clear")
    tab.picture("Normalised").wait_for(state="detached")
    assert strokes(tab) == 0
    for name in ("Undo", "Clear"):
        assert tab.page.get_by_role("button", name=name, exact=True).is_disabled()


def test_what_is_drawn_stays(tab: Tab, second: Shipped) -> None:
    """Over another checkpoint, another panel and another page."""
    draw(tab, open_pad(tab), SEVEN)
    settled(tab)
    seven = after(tab)
    with tab.rerun():
        tab.choose("Checkpoint", second.ref.name)
    check_encoded(tab, second)
    assert (after(tab) == seven).all()
    tab.open_panel("Place")
    tab.go("Compare")
    tab.go("Explore")
    open_pad(tab)
    tab.picture("Normalised").wait_for()
    assert (after(tab) == seven).all()
    tab.until(lambda: strokes(tab) == 1, "the stroke to be there")


def test_draw_with_keys(tab: Tab, first: Shipped) -> None:
    canvas = open_pad(tab)
    canvas.focus()
    keyboard = tab.page.keyboard
    for _ in range(3):
        keyboard.press("Shift+ArrowUp")
    keyboard.press("Space")
    for _ in range(6):
        keyboard.press("Shift+ArrowDown")
    keyboard.press("Space")
    settled(tab)

    def is_upright() -> bool:
        one = after(tab)
        return one[:, 11:18].sum() > 0.8 * one.sum()

    tab.until(is_upright, "the whole stroke to be encoded")  # its first dot may be answered before
    check_encoded(tab, first)
    assert "lifted" in pad(tab).locator(".spoken").inner_text()
    keyboard.press("Backspace")
    tab.picture("Normalised").wait_for(state="detached")
    assert strokes(tab) == 0
    keyboard.press("Tab")
    focused = tab.page.evaluate("document.activeElement.shadowRoot?.activeElement?.tagName")
    assert focused != "CANVAS"  # the keys are no trap


def test_draw_with_a_finger(open_tab: Callable[..., Tab], server: Server, first: Shipped) -> None:
    """On a phone: a finger on the square draws and does not scroll; beside it, it scrolls."""
    tab = open_tab(server, **PHONE).wait_ready()
    canvas = open_pad(tab)
    devtools = tab.page.context.new_cdp_session(tab.page)

    def touch(kind: str, *at: Point) -> None:
        points = [{"x": x, "y": y} for x, y in at]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def swipe(points: list[Point]) -> None:
        touch("touchStart", points[0])
        for a, b in pairwise(points):
            for share in (0.25, 0.5, 0.75, 1.0):
                touch("touchMove", (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])))
        touch("touchEnd")

    before = canvas.bounding_box()
    swipe(on_screen(canvas, SEVEN))
    settled(tab)
    assert strokes(tab) == 1
    check_encoded(tab, first)
    assert canvas.bounding_box() == before, "the page scrolled under the finger"
    touch_actions = pad(tab).evaluate(
        "pad => [pad, ...pad.querySelectorAll('*')].map(one => getComputedStyle(one).touchAction)"
    )
    assert touch_actions.count("none") == 1
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_upload(tab: Tab, first: Shipped, digits: DataSet, tmp_path: Path) -> None:
    open_pad(tab)
    tab.choose_radio("Upload")
    original = digits.images[FIRST_TEST_DIGIT + 7]
    page = np.full((400, 300), 230, np.uint8)
    page[60:284, 40:264] -= (np.kron(original, np.ones((8, 8))) * 0.8).astype(np.uint8)
    Image.fromarray(page).save(tmp_path / "nine.jpg", quality=95)
    chooser = tab.page.locator("input[type=file]")
    chooser.set_input_files(tmp_path / "nine.jpg")
    settled(tab)
    check_encoded(tab, first)
    assert tab.page.get_by_alt_text("Your picture nine.jpg").is_visible()
    seen, meant = after(tab) > 127, original > 200
    assert (seen & meant).sum() > 0.8 * meant.sum()

    (tmp_path / "broken.png").write_bytes((tmp_path / "nine.jpg").read_bytes()[:900])
    chooser.set_input_files(tmp_path / "broken.png")
    said = tab.wait_alert("damaged")
    assert said.endswith("The JPEG file is damaged or cut short; save it again.")
