"""The first page: hover, click, type, zoom, keys, touch."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from latent_explorer.vocabulary import PALETTE
from tests.browser.conftest import FIRST_TEST_DIGIT, Server, Shipped
from tests.browser.tab import Tab, View, read_canvas, read_grey
from vae_core.data import DataSet

BLUE, ORANGE = np.array([0, 114, 178]), np.array([214, 94, 0])


def on_paper(ink: NDArray[np.floating]) -> NDArray[np.floating]:
    """Levels of a picture in the light theme."""
    return 255 * (1 - ink)


def pick_lone_digit(tab: Tab, shipped: Shipped, *, which: int = 0) -> int:
    """Click a test digit that lies apart; returns its id."""
    row, px = tab.map().lone_digits(shipped.test_coords, n=which + 1)[which]
    tab.map().click(px)
    tab.picture("Original").wait_for()
    tab.wait_idle()
    return FIRST_TEST_DIGIT + row


def heading(digits: DataSet, digit: int) -> str:
    split = f"test #{digit - FIRST_TEST_DIGIT:,}"
    if digit < FIRST_TEST_DIGIT:
        split = f"train #{digit:,}"
    return f"A {digits.labels[digit]} · {split}"


def test_opens_with_the_test_digits(tab: Tab, first: Shipped, digits: DataSet) -> None:
    assert tab.map().root.get_attribute("data-points") == "10000"
    view = tab.map().view()
    assert view.width / (view.x1 - view.x0) == pytest.approx(
        view.height / (view.y1 - view.y0), rel=1e-6
    )
    px = view.to_px(first.test_coords) - (view.left, view.top)  # all but a few far out are in sight
    assert ((px > 0) & (px < (view.width, view.height))).all(1).mean() > 0.99
    assert view.width >= 0.55 * tab.page.get_by_test_id("stMain").bounding_box()["width"]
    # under every lone digit the canvas has the colour of its class
    image = read_canvas(tab.map().root.locator("canvas.points"))[..., :3].astype(int)
    lone = tab.map().lone_digits(first.test_coords, n=12)
    for row, _ in lone:
        x, y = view.to_px(first.test_coords[row][None])[0]
        found = image[int(y - view.top), int(x - view.left)]
        label = digits.labels[FIRST_TEST_DIGIT + row]
        colours = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in PALETTE["light"]])
        # drawn translucently: between the colour and the paper, nearer to the colour
        mixed = 255 + (colours - 255) * 0.8
        assert np.abs(mixed - found).sum(1).argmin() == label


def test_hover_decodes_without_the_server(tab: Tab, first: Shipped) -> None:
    n_sent = len(tab.sent)
    assert n_sent > 0  # so that a frame would be seen
    n_received = len(tab.received)
    view = tab.map().view()
    rng = np.random.default_rng(0)
    pictures = []
    for px in rng.choice(view.free_grid(), 8, replace=False):
        z = tab.map().hover((float(px[0]), float(px[1])))
        pictures.append(tab.map().lens())
        expected = on_paper(first.decode(z))
        assert np.abs(pictures[-1] - expected).max() <= 2
        assert view.to_plane((float(px[0]), float(px[1]))) == pytest.approx(
            z, abs=0.01 / view.scale
        )
    assert len(np.unique(pictures, axis=0)) == len(pictures)
    tab.page.mouse.move(5, 5)
    tab.until(lambda: tab.map().z() is None, "the lens to go with the pointer")
    assert len(tab.sent) == n_sent
    assert len(tab.received) == n_received


def test_click_on_an_empty_place_decodes_exactly_there(tab: Tab, first: Shipped) -> None:
    px = tab.map().empty_place(first.test_coords)
    z = tab.map().view().to_plane(px)
    n_received = len(tab.received)
    with tab.rerun():
        tab.map().click(px)
    tab.wait_picture("Decoded", on_paper(first.decode(z)), within=1)
    assert tab.picture("Original").count() == 0
    # the payloads were sent before: a click moves kilobytes, not megabytes
    assert sum(frame.size for frame in tab.received[n_received:]) < 100_000
    typed = [float(part) for part in tab.typed("z").split(",")]
    latent = first.map.center + first.map.axes @ np.array(z)
    assert typed == pytest.approx(latent.tolist(), abs=6e-5)
    # the lens stays at the pin when the pointer leaves, and shows the same place
    tab.page.mouse.move(5, 5)
    tab.until(lambda: tab.map().z() == pytest.approx(z, abs=1e-6), "the lens at the pin")
    assert np.abs(tab.map().lens() - on_paper(first.decode(z))).max() <= 2


def test_click_on_a_digit_shows_it(tab: Tab, first: Shipped, digits: DataSet) -> None:
    digit = pick_lone_digit(tab, first)
    pixels = digits.images[digit].reshape(-1).astype(int)
    mu, _ = first.encode(digits.images[digit])
    decoded = first.decode_z(mu)
    tab.page.get_by_role("heading", name=heading(digits, digit)).wait_for()
    assert (read_grey(tab.picture("Original")) == 255 - pixels).all()
    tab.wait_picture("Reconstruction", on_paper(decoded), within=1)
    found = read_canvas(tab.picture("Difference"))[..., :3].reshape(784, 3).astype(float)
    difference = decoded - pixels / 255
    colour = np.where(difference[:, None] > 0, ORANGE, BLUE)
    expected = 255 + (colour - 255) * np.abs(difference)[:, None]
    assert np.abs(found - expected).max() <= 2.5
    assert f"label {digits.labels[digit]}" in tab.picture("Original").get_attribute("aria-label")
    # the pin is the digit's own place, and the lens rests there and names it
    tab.page.mouse.move(5, 5)
    x, y = first.test_coords[digit - FIRST_TEST_DIGIT].tolist()
    tab.until(lambda: tab.map().z() == pytest.approx((x, y), abs=1e-4), "the lens at the digit")
    assert f"#{digit - FIRST_TEST_DIGIT:,}" in tab.map().root.locator(".lens-digit").inner_text()


def test_ellipse_is_drawn_to_scale(tab: Tab, shipped: dict[str, Shipped], digits: DataSet) -> None:
    """One and two sigma, within a pixel, measured on the overlay's own pixels."""
    model = next(
        s for s in shipped.values()
        if s.checkpoint.config.posterior == "gaussian" and s.checkpoint.config.latent_dim == 2
    )  # fmt: skip
    if (
        tab.keyed("app_checkpoint").get_by_role("combobox").input_value().split(" · ")[0]
        != model.ref.name
    ):
        with tab.rerun():
            tab.choose("Checkpoint", model.ref.name)
        tab.wait_ready()
    # far from the glyphs, which would hide a part of it
    row, px = tab.map().lone_digits(model.test_coords, n=1)[0]
    with tab.rerun():
        tab.map().click(px)
    tab.picture("Original").wait_for()
    mu, sigma = model.encode(digits.images[FIRST_TEST_DIGIT + row])
    centre = model.map.axes.T @ (mu - model.map.center)
    for _ in range(40):
        view = tab.map().view()
        if sigma.min() * view.scale > 28 or sigma.max() * view.scale * 4.4 > view.height:
            break
        x, y = view.to_px(centre[None])[0]
        tab.map().zoom_at((float(x), float(y)), deltas=1, delta=-150)
    tab.page.mouse.move(5, 5)
    view = tab.map().settle()
    x, y = view.to_px(centre[None])[0] - (view.left, view.top)
    ratio = tab.page.evaluate("devicePixelRatio")
    assert ratio == 1

    def strokes() -> list[NDArray[np.floating]]:
        """Ink of strokes, not of fills, on the row and the column through the centre."""
        overlay = read_canvas(tab.map().root.locator("canvas.overlay")).astype(float)
        share = overlay[..., 3] / 255
        red = overlay[..., 0] * share + 255 * (1 - share)  # on paper; the accent has little red
        ink = np.maximum(0, 200 - red)
        return [ink[round(y - 0.5)], ink[:, round(x - 0.5)]]

    def offsets() -> list[float]:
        """How far each line is from where it belongs, px; NaN where there is none."""
        found = []
        for ink, at, semi in zip(strokes(), (x, y), sigma * view.scale, strict=True):
            for expected in (at - 2 * semi, at - semi, at + semi, at + 2 * semi):
                if 48 < expected < len(ink) - 48:  # clear of the numbers along the border
                    near = np.arange(round(expected) - 5, round(expected) + 6)
                    weights = ink[near]
                    is_line = weights.sum() > 40
                    middle = np.average(near + 0.5, weights=weights) if is_line else np.nan
                    found.append(middle - expected)
        return found

    tab.until(lambda: np.isfinite(offsets()).all(), "the ellipse's lines, all near their places")
    measured = offsets()
    assert len(measured) >= 4
    assert np.abs(measured).max() <= 1


def test_typed_latents(tab: Tab, first: Shipped) -> None:
    d = first.checkpoint.config.latent_dim
    z = [0.25, -0.5, 0.1, *[0.0] * d][:d]
    tab.type("z", ", ".join(map(str, z)))
    expected = on_paper(first.decode_z(z))
    tab.wait_picture("Decoded", expected, within=1)
    for bad in ("abc", "inf, 0", "nan", "1", "1,2,3", "1e99 0", "0.1; x", "0x1 2"):
        with tab.rerun():
            tab.type("z", bad)
        said = tab.wait_alert(f"“{bad}”")
        assert tab.alerts() == [said]
        tab.wait_picture("Decoded", expected, within=1)  # the old picture stays
        assert tab.typed("z") == bad  # what was typed stays, to be mended
    # a minus as the app itself writes it, brackets, spaces
    tab.type("z", f"[{' '.join(str(-v).replace('-', '−') for v in z)}]")
    tab.wait_picture("Decoded", on_paper(first.decode_z([-v for v in z])), within=1)
    assert tab.alerts() == []
    with tab.rerun():
        tab.type("z", "")
    tab.until(lambda: tab.picture("Decoded").count() == 0, "an empty box to release the place")


def test_neighbours_can_be_picked(tab: Tab, first: Shipped, digits: DataSet) -> None:
    digit = pick_lone_digit(tab, first)
    strip = tab.keyed("explore_neighbours").get_by_role("button")
    assert strip.count() == 5
    for metric in ("Map", "Pixels"):
        if metric == "Pixels":
            before = strip.all_inner_texts()
            with tab.rerun():
                tab.choose_radio(metric)
            tab.until(
                lambda: strip.all_inner_texts() != before,  # noqa: B023
                "other neighbours",
            )
        pixels = 255 - read_grey(strip.nth(2).locator("canvas"))
        (match,) = np.flatnonzero((digits.images.reshape(-1, 784) == pixels).all(1))
        assert match >= FIRST_TEST_DIGIT  # of the digits on the map
        assert match != digit
        assert f"a {digits.labels[match]}" in strip.nth(2).inner_text()
        with tab.rerun():
            strip.nth(2).click()
        tab.page.get_by_role("heading", name=heading(digits, int(match))).wait_for()
        tab.wait_picture("Original", 255 - pixels, within=0)
        digit = int(match)


def test_random_digit_and_release(tab: Tab) -> None:
    with tab.rerun():
        tab.press("Random digit")
    tab.picture("Original").wait_for()
    heading = tab.page.get_by_role("heading", name=re.compile(r"^A \d · test #"))
    heading.wait_for()
    tab.until(lambda: tab.map().z() is not None, "the lens at the pin")
    with tab.rerun():
        tab.keyed("explore_release").get_by_role("button").click()
    tab.picture("Original").wait_for(state="detached")
    assert tab.typed("z") == ""
    tab.until(lambda: tab.map().z() is None, "the lens to go with the pin")


def test_zoom_pan_and_fit(tab: Tab) -> None:
    map_ = tab.map()
    whole = map_.settle()
    px = (whole.left + 0.3 * whole.width, whole.top + 0.6 * whole.height)
    px = (round(px[0]), round(px[1]))
    map_.zoom_at(px, deltas=2)
    near = map_.settle()
    assert near.x1 - near.x0 < 0.5 * (whole.x1 - whole.x0)
    assert near.to_plane(px) == pytest.approx(whole.to_plane(px), abs=1e-6)  # held in place
    tab.page.mouse.down()
    tab.page.mouse.move(px[0] + 60, px[1] - 40, steps=5)
    tab.page.mouse.up()
    moved = map_.settle()
    assert moved.scale == pytest.approx(near.scale)
    assert (moved.x0 - near.x0) * near.scale == pytest.approx(-60, abs=0.5)
    assert (moved.y0 - near.y0) * near.scale == pytest.approx(-40, abs=0.5)
    for name, is_nearer in (("Zoom in", True), ("Zoom out", False)):
        before = map_.view()
        tab.press(name)
        tab.until(lambda: map_.view() != before, name)  # noqa: B023
        assert (map_.settle().scale > before.scale) == is_nearer
    tab.press("Fit all digits")
    tab.until(lambda: map_.view()[:4] == pytest.approx(whole[:4], abs=1e-6), "the whole map")
    assert tab.picture("Decoded").count() == 0  # a drag is no click
    assert tab.picture("Original").count() == 0


def test_splits(tab: Tab, first: Shipped, digits: DataSet) -> None:
    """The view stays when more digits come, and every digit of them can be picked."""
    map_ = tab.map()
    view = map_.view()
    middle = (round(view.left + view.width / 2), round(view.top + view.height / 2))
    map_.zoom_at(middle, deltas=2)
    near = map_.settle()
    with tab.rerun():
        map_.click(middle)
    tab.page.get_by_test_id("digit-strip").first.wait_for()
    for text, points in (("60,000 training", 60_000), ("all 70,000", 70_000)):
        with tab.rerun():
            tab.choose_radio(text)
        tab.wait_ready(points=points)
        assert map_.settle()[:4] == pytest.approx(near[:4], abs=1e-9)
        row, px = tab.map().lone_digits(first.map.coords[:points], n=1)[0]
        with tab.rerun():
            tab.map().click(px)
        tab.page.get_by_role("heading", name=heading(digits, row)).wait_for()
        tab.wait_picture("Original", 255.0 - digits.images[row].reshape(-1), within=0)


def test_keyboard(tab: Tab, first: Shipped) -> None:
    map_ = tab.map()
    view = map_.settle()
    map_.root.focus()
    keyboard = tab.page.keyboard
    keyboard.press("ArrowRight")
    keyboard.press("Shift+ArrowUp")
    x, y = view.to_plane((view.left + view.width / 2 + 10, view.top + view.height / 2 - 50))
    tab.until(lambda: map_.z() == pytest.approx((x, y), abs=1e-6), "the cursor to move")
    assert np.abs(map_.lens() - on_paper(first.decode((x, y)))).max() <= 2
    n_sent = len(tab.sent)
    with tab.rerun():
        keyboard.press("Enter")
    assert len(tab.sent) > n_sent
    tab.page.get_by_test_id("digit-strip").first.wait_for()
    pinned = [float(part) for part in tab.typed("z").split(",")]
    px = view.to_px((first.map.axes.T @ (np.array(pinned) - first.map.center))[None])[0]
    assert np.hypot(*(px - view.to_px(np.array([[x, y]]))[0])) <= 8.1
    keyboard.press("+")
    tab.until(lambda: map_.view().scale > 1.5 * view.scale, "plus to zoom in")
    keyboard.press("0")
    tab.until(lambda: map_.view()[:4] == pytest.approx(view[:4], abs=1e-6), "0 to fit")
    keyboard.press("Tab")  # and on to the buttons
    assert map_.root.get_by_role("button", name="Zoom in").evaluate("b => b.matches(':focus')")


def test_phone(
    open_tab: Callable[..., Tab], server: Server, first: Shipped, digits: DataSet
) -> None:
    tab = open_tab(
        server, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    ).wait_ready()
    map_ = tab.map()
    view = map_.settle()
    assert view.left >= 0
    assert view.left + view.width <= 390
    assert view.width > 320
    _no_overflow(tab)
    row, px = map_.lone_digits(first.test_coords, n=1)[0]
    with tab.rerun():
        tab.page.touchscreen.tap(*px)
    tab.picture("Original").wait_for()
    name = heading(digits, FIRST_TEST_DIGIT + row)
    tab.page.get_by_role("heading", name=name).wait_for()
    box = tab.picture("Original").bounding_box()
    assert box["y"] > view.top + view.height  # the map first, what it shows beneath
    words = map_.root.locator(".lens-z")
    assert words.evaluate("e => e.scrollWidth <= e.clientWidth"), "z sticks out of the lens"
    _no_overflow(tab)
    # the pages are at hand without the sidebar
    for title in ("Interpolate", "Compare"):
        with tab.rerun():
            tab.keyed("app_pages").get_by_role("link", name=title).click()
        tab.page.wait_for_url(re.compile(rf"/{title.lower()}(\?|$)"))
        tab.wait_ready()
        _no_overflow(tab)


def test_nothing_jumps_on_a_rerun(tab: Tab, first: Shipped) -> None:
    """The map keeps its place, its size and its opacity in every frame of a click's run."""
    _, px = tab.map().lone_digits(first.test_coords, n=1)[0]
    tab.map().root.evaluate(
        """root => {
            const look = () => {
                const { x, y, width, height } = root.getBoundingClientRect();
                let opacity = 1;
                for (let e = root.getRootNode().host; e; e = e.parentElement) {
                    opacity *= getComputedStyle(e).opacity;
                }
                window.seen.add([x, y, width, height, opacity, root.isConnected].join());
                requestAnimationFrame(look);
            };
            window.seen = new Set();
            look();
        }"""
    )
    with tab.rerun():
        tab.map().click(px)
    tab.picture("Original").wait_for()
    tab.open_panel("Selection")
    with tab.rerun():
        tab.type("Search", "label 7")
    tab.sheet().wait_for()
    assert len(tab.page.evaluate("[...seen]")) == 1


def _no_overflow(tab: Tab) -> None:
    widths = tab.page.evaluate(
        """() => [document.documentElement, document.querySelector("[data-testid=stMain]")]
            .map(e => [e.scrollWidth, e.clientWidth])"""
    )
    assert all(scroll <= client for scroll, client in widths), f"scrolls sideways: {widths}"


def test_another_checkpoint_keeps_the_digit(
    tab: Tab, first: Shipped, second: Shipped, digits: DataSet
) -> None:
    digit = pick_lone_digit(tab, first)
    old_view: View = tab.map().view()
    with tab.rerun():
        tab.choose("Checkpoint", second.ref.name)
    tab.wait_ready(points=10_000)
    mu, _ = second.encode(digits.images[digit])
    tab.wait_picture("Reconstruction", on_paper(second.decode_z(mu)), within=1)
    tab.page.get_by_role("heading", name=heading(digits, digit)).wait_for()
    assert second.ref.name in tab.map().root.get_attribute("aria-label")
    assert [float(v) for v in tab.typed("z").split(",")] == pytest.approx(mu.tolist(), abs=6e-5)
    tab.page.mouse.move(5, 5)
    x, y = (second.map.axes.T @ (mu - second.map.center)).tolist()
    tab.until(lambda: tab.map().z() == pytest.approx((x, y), abs=1e-4), "the pin to move along")
    assert np.abs(tab.map().lens() - on_paper(second.decode((x, y)))).max() <= 2
    # the new map is seen as a whole, if the old one was not moved
    assert tab.map().view()[:4] != old_view[:4]
