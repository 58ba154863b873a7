"""The map by itself: lens, layers, lasso, keys, touch, pictures to keep."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator

from latent_explorer.vocabulary import PALETTE
from tests.browser.conftest import FIRST_TEST_DIGIT, ROOT, Server, Shipped
from tests.browser.running import share_server
from tests.browser.tab import Map, Point, Tab, read_canvas, read_grey
from vae_core.data import DataSet

N_PLACES = 50
LEFT, RIGHT = 3, 7  # the digits of the two halves of map_page.py's class layer
N_SAMPLES = 400
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
LAYERS = ("mosaic", "classes", "prior", "density", "sensitivity", "labels", "points", "thumbnails")
KEY_OF = {name: str(i) for i, name in enumerate(LAYERS, 1)}


@pytest.fixture(scope="session")
def page_server(server_folder: Path) -> Iterator[Server]:
    """The page of map_page.py."""
    with share_server(server_folder, "map", script=ROOT / "tests/browser/map_page.py") as running:
        yield running


@pytest.fixture
def open_map(open_tab: Callable[..., Tab], page_server: Server) -> Callable[..., Map]:
    def open_one(path: str = "", **context: Any) -> Map:
        tab = open_tab(page_server, path, **context).wait_ready()
        return settled(tab.map())

    return open_one


@pytest.fixture
def map_(open_map: Callable[..., Map]) -> Map:
    return open_map()


def settled(map_: Map) -> Map:
    """Wait until all that the map asked for has come."""
    map_.root.and_(map_.tab.page.locator('[data-settled="true"]')).wait_for()
    map_.tab.wait_idle()
    return map_


def said(map_: Map) -> dict[str, Any]:
    """What the page knows of the map."""
    return json.loads(map_.tab.page.get_by_test_id("stCode").inner_text())


def press(map_: Map, *keys: str) -> None:
    map_.root.focus()
    for key in keys:
        map_.tab.page.keyboard.press(key)


def toggle(map_: Map, *layers: str) -> None:
    press(map_, *(KEY_OF[name] for name in layers))
    settled(map_)
    frames(map_)


def frames(map_: Map, n: int = 2) -> None:
    """Let the map draw."""
    map_.root.evaluate(
        """async (root, n) => {
            for (let i = 0; i < n; i++) await new Promise(requestAnimationFrame);
        }""",
        n,
    )


def under(map_: Map) -> NDArray[np.int64]:
    """Colours under the overlay, shape (height, width, 3)."""
    return read_canvas(map_.root.locator("canvas.points"))[..., :3].astype(np.int64)


def colour_at(image: NDArray[np.int64], map_: Map, x: float, y: float) -> NDArray[np.int64]:
    view = map_.view()
    (px,) = view.to_px(np.array([[x, y]])) - (view.left, view.top)
    return image[int(px[1]), int(px[0])]


def spots(map_: Map, rng: np.random.Generator, n: int) -> list[Point]:
    grid = map_.view().free_grid()
    return [(float(x), float(y)) for x, y in rng.choice(grid, n, replace=False)]


def test_it_waits_for_its_data(open_tab: Callable[..., Tab], page_server: Server) -> None:
    tab = open_tab(page_server, "?late=6")  # longer than a map waits until it asks for pictures
    map_ = tab.map()
    map_.root.get_by_text("Drawing the map").wait_for()
    assert map_.root.get_attribute("data-ready") == "false"
    settled(map_.wait_ready())
    map_.root.get_by_text("Drawing the map").wait_for(state="hidden")


# --------------------------------------------------------------------------------------- lens


def test_the_lens_is_torch_and_silent(map_: Map, first: Shipped) -> None:
    n_frames = len(map_.tab.sent) + len(map_.tab.received)
    pictures = []
    for px in spots(map_, np.random.default_rng(5), N_PLACES):
        z = map_.hover(px)
        pictures.append(map_.lens())
        assert np.abs(pictures[-1] - 255 * (1 - first.decode(z))).max() <= 2
    assert len(np.unique(pictures, axis=0)) > 0.9 * N_PLACES
    assert len(map_.tab.sent) + len(map_.tab.received) == n_frames


def check_nearest(map_: Map, coords: NDArray[np.float32], first_id: int, digits: DataSet) -> None:
    """The digit beside the lens is the nearest one, and its picture is its own."""
    for px in spots(map_, np.random.default_rng(6), 6):
        z = map_.hover(px)
        frames(map_)
        digit = int(map_.root.get_attribute("data-nearest") or -1)
        distances = np.linalg.norm(coords - np.array(z, np.float64), axis=1)
        assert distances[digit - first_id] == pytest.approx(distances.min(), abs=1e-5)
        shown = read_grey(map_.root.get_by_test_id("lens-nearest"))
        assert (shown == 255 - digits.images[digit].reshape(-1).astype(int)).all()
        words = map_.root.locator(".lens-near").inner_text()
        assert f"a {digits.labels[digit]}" in words
        assert f"{distances.min():.3f} away in z" in words


def test_beside_it_the_nearest_digit(tab: Tab, first: Shipped, digits: DataSet) -> None:
    """Its own picture also after another split, a page and back."""
    check_nearest(settled(tab.map()), first.test_coords, FIRST_TEST_DIGIT, digits)
    with tab.rerun():
        tab.choose_radio("all 70,000")
    tab.wait_ready(points=70_000)
    check_nearest(settled(tab.map()), first.map.coords, 0, digits)
    tab.go("Interpolate").wait_ready()
    tab.go("Explore").wait_ready(points=70_000)
    check_nearest(settled(tab.map()), first.map.coords, 0, digits)


def test_samples_are_drawn_from_the_likelihood(map_: Map, first: Shipped) -> None:
    """Frequencies of ink are the mean's, within five standard errors."""
    press(map_, "ArrowRight", "m")
    frames(map_)
    z = map_.z()
    assert z is not None
    counts, n_alike = map_.root.evaluate(
        """async (root, n) => {
            const pen = root.querySelector('[data-testid="lens"]').getContext("2d");
            const sums = new Array(784).fill(0);
            let [before, alike] = ["", 0];
            for (let k = 0; k < n; k++) {
                root.dispatchEvent(new KeyboardEvent("keydown", { key: "r" }));
                await new Promise(requestAnimationFrame);
                const { data } = pen.getImageData(0, 0, 28, 28);
                const levels = sums.map((_, i) => data[4 * i]);
                levels.forEach((level, i) => (sums[i] += level / 255));
                alike += levels.join() === before;
                before = levels.join();
            }
            return [sums, alike];
        }""",
        N_SAMPLES,
    )
    ink = first.decode(z)
    frequency = 1 - np.array(counts) / N_SAMPLES
    error = np.sqrt(ink * (1 - ink) / N_SAMPLES)
    assert np.abs(frequency - ink).max() > 0.01  # it is no mean
    assert (np.abs(frequency - ink) <= 5 * error + 2 / N_SAMPLES).all()
    assert n_alike < 0.1 * N_SAMPLES  # one frame may fall into the one before
    assert map_.root.locator(".lens-kind").inner_text() == "sample of p(x|z)"
    press(map_, "m")
    map_.tab.until(lambda: np.abs(map_.lens() - 255 * (1 - ink)).max() <= 2, "the mean again")


# ------------------------------------------------------------------------------------- layers


def test_fields_lie_where_they_belong(map_: Map) -> None:
    toggle(map_, "points")  # off
    paper = under(map_)
    rgb = {
        digit: np.array([int(PALETTE["light"][digit][i : i + 2], 16) for i in (1, 3, 5)])
        for digit in (LEFT, RIGHT)
    }
    toggle(map_, "classes")
    image = under(map_)
    for digit, x in ((LEFT, -2.3), (RIGHT, 2.3)):
        found = colour_at(image, map_, x, 1.3)
        assert np.abs(found - (255 + rgb[digit]) / 2).max() <= 4
    overlay = read_canvas(map_.root.locator("canvas.overlay"))
    assert overlay[..., 3].max() == 255
    assert "Likeliest digit" in map_.root.get_by_test_id("legends").inner_text()
    toggle(map_, "classes")
    assert (under(map_) == paper).all()

    toggle(map_, "density")
    image = under(map_)
    centre, middle, far = (colour_at(image, map_, x, 0.3).sum() for x in (0.3, 1.7, 3.4))
    assert centre < middle < far  # darker where it is denser
    assert "log q(z)" in map_.root.get_by_test_id("legends").inner_text()
    toggle(map_, "density", "sensitivity")
    image = under(map_)
    assert colour_at(image, map_, -3.3, 1.3).sum() > colour_at(image, map_, 3.3, 1.3).sum()
    toggle(map_, "sensitivity")
    assert (under(map_) == paper).all()
    assert map_.root.get_by_test_id("legends").inner_text() == ""


def test_prior_rings_are_to_scale(map_: Map) -> None:
    toggle(map_, "points")
    before = under(map_)
    toggle(map_, "prior")
    changed = np.abs(under(map_) - before).sum(-1) > 60
    view = map_.view()
    (px,) = view.to_px(np.array([[0.0, 0.0]])) - (view.left, view.top)
    y, x = np.nonzero(changed)
    radius = np.hypot(x + 0.5 - px[0], y + 0.5 - px[1]) / view.scale
    nearest = np.clip(np.rint(radius), 1, 3)
    assert np.abs(radius - nearest).max() * view.scale <= 2
    assert set(nearest) == {1, 2, 3}
    shares = [f"{100 * (1 - math.exp(-(r**2) / 2)):.1f}" for r in (1, 2, 3)]
    assert shares == ["39.3", "86.5", "98.9"]


def test_the_mosaic_is_decoded_and_follows_the_zoom(map_: Map, first: Shipped) -> None:
    toggle(map_, "points", "labels")
    paper = under(map_)
    done = map_.root.and_(map_.tab.page.locator('[data-mosaic="complete"]'))

    def check() -> float:
        """One tile's ink, on average, against torch's; returns the tile's side."""
        frames(map_)
        done.wait_for()
        frames(map_)
        view = map_.view()
        units = 2.0 ** math.floor(math.log2(72 / view.scale))
        image = under(map_)
        n_seen = 0
        for i, j in ((-2, 1), (1, -2), (0, 1)):
            centre = np.array([[(i + 0.5) * units, (j + 0.5) * units]])
            (px,) = view.to_px(centre) - (view.left, view.top)
            half = units * view.scale / 2
            if not all(
                half < p < size - 60 for p, size in zip(px, image.shape[1::-1], strict=True)
            ):
                continue
            (x0, y0), (x1, y1) = np.rint(px - half).astype(int), np.rint(px + half).astype(int)
            ink = 1 - image[y0:y1, x0:x1].mean() / 255
            assert ink == pytest.approx(0.85 * first.decode(centre[0]).mean(), abs=0.02)
            n_seen += 1
        assert n_seen > 0, "none of the tiles is in sight"
        return units

    press(map_, KEY_OF["mosaic"])
    coarse = check()
    press(map_, "+", "+")
    map_.settle()
    assert check() < coarse
    press(map_, "0", KEY_OF["mosaic"])
    map_.settle()
    frames(map_)
    assert (under(map_) == paper).all()


def test_dots_by_another_number(map_: Map) -> None:
    by_label = under(map_)
    press(map_, "c")
    settled(map_)
    map_.tab.until(lambda: map_.root.get_attribute("data-colour") == "elbo", "the ELBO")
    frames(map_)
    assert (under(map_) != by_label).any()
    legend = map_.root.get_by_test_id("legends").inner_text()
    assert "ELBO, nats a digit" in legend
    map_.hover(spots(map_, np.random.default_rng(0), 1)[0])
    digit = int(map_.root.get_attribute("data-nearest") or -1)
    nats = -200 + 100 * digit / 69_999
    assert f"ELBO −{-nats:.1f} nats" in map_.root.locator(".lens-value").inner_text()
    press(map_, "c", "c")
    settled(map_)
    assert "wrong (10.0 %)" in map_.root.get_by_test_id("legends").inner_text()
    assert {"fields", "values"} & set(said(map_)["wants"]) == {"values"}
    press(map_, "c")
    frames(map_)
    assert (under(map_) == by_label).mean() > 0.999


def test_thumbnails_take_over_when_near(map_: Map, first: Shipped, digits: DataSet) -> None:
    row, px = map_.lone_digits(first.test_coords, n=1)[0]
    map_.zoom_at(px, deltas=7)
    map_.tab.page.mouse.move(5, 5)
    view = map_.settle()
    frames(map_)
    (at,) = view.to_px(first.test_coords[row][None].astype(float)) - (view.left, view.top)
    picture = 255 - digits.images[FIRST_TEST_DIGIT + row].astype(int)

    def found() -> bool:
        overlay = read_canvas(map_.root.locator("canvas.overlay"))[..., 0].astype(int)
        x, y = np.rint(at - 14).astype(int)
        return any(
            np.array_equal(overlay[j : j + 28, i : i + 28], picture)
            for i in (x - 1, x, x + 1)
            for j in (y - 1, y, y + 1)
        )

    map_.tab.until(found, "the digit's own pixels on the map")


# ---------------------------------------------------------------------------------- selection


def inside(polygon: NDArray[np.float64], points: NDArray[np.float32]) -> NDArray[np.intp]:
    """Rows of the points inside, by the number of edges to the right of each (even-odd)."""
    x, y = points.T.astype(np.float64)
    crossings = np.zeros(len(points), int)
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        spans = (ay > y) != (by > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            crossings += spans & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    return np.flatnonzero(crossings % 2)


def draw(map_: Map, corners: NDArray[np.float64], *, modifier: str | None = None) -> None:
    """Press, move along the corners (window px), let go, and wait for the page."""
    mouse, keyboard = map_.tab.page.mouse, map_.tab.page.keyboard
    if modifier:
        keyboard.down(modifier)
    mouse.move(*corners[0])
    mouse.down()
    for x, y in corners[1:]:
        mouse.move(x, y)
    with map_.tab.rerun():
        mouse.up()
    if modifier:
        keyboard.up(modifier)


def test_lasso_and_box_select_exactly_what_is_inside(map_: Map, first: Shipped) -> None:
    view, coords = map_.view(), first.test_coords
    before = under(map_)
    at = np.array([view.left, view.top])
    star = (
        at
        + 330
        + np.rint(
            [
                (240 * (1 - 0.5 * (k % 2)) * math.cos(k * 0.7), 240 * math.sin(k * 0.7))
                for k in range(9)
            ]
        )
    )
    map_.tab.press("Lasso")
    draw(map_, star)
    expected = set(inside(np.array([view.to_plane(p) for p in star]), coords))
    assert 500 < len(expected) < 9_000
    assert set(np.array(said(map_)["selected"]) - FIRST_TEST_DIGIT) == expected
    assert map_.root.get_attribute("data-selected") == str(len(expected))
    frames(map_)
    chosen, others = np.array(sorted(expected)), np.setdiff1d(np.arange(len(coords)), [*expected])
    image = under(map_)
    assert spread_of(image, map_, coords[chosen]) > 2 * spread_of(image, map_, coords[others])

    map_.tab.press("Box")
    box = at + np.array([[80.0, 120.0], [300.0, 420.0]])
    (ax, ay), (bx, by) = map(view.to_plane, box)
    rectangle = np.array([[ax, ay], [bx, ay], [bx, by], [ax, by]])
    draw(map_, box, modifier="Shift")
    added = expected | set(inside(rectangle, coords))
    assert set(np.array(said(map_)["selected"]) - FIRST_TEST_DIGIT) == added
    draw(map_, box, modifier="Alt")
    left = added - set(inside(rectangle, coords))
    assert set(np.array(said(map_)["selected"]) - FIRST_TEST_DIGIT) == left

    press(map_, "Escape")
    assert map_.root.get_attribute("data-tool") == "pan"
    with map_.tab.rerun():
        press(map_, "Escape")
    assert said(map_)["selected"] == []
    map_.tab.page.mouse.move(5, 5)
    frames(map_)
    assert (under(map_) == before).all()


def spread_of(image: NDArray[np.int64], map_: Map, coords: NDArray[np.float32]) -> float:
    """How far the pixels at these places are from grey."""
    view = map_.view()
    px = (view.to_px(coords.astype(float)) - (view.left, view.top)).astype(int)
    ok = ((px >= 0) & (px < image.shape[1::-1])).all(1)
    found = image[px[ok, 1], px[ok, 0]]
    return float(np.ptp(found, axis=1).mean())


def test_an_empty_lasso_clears(map_: Map) -> None:
    view = map_.view()
    at = np.array([view.left, view.top])
    press(map_, "b")
    draw(map_, at + np.array([[100.0, 100.0], [500.0, 500.0]]))
    assert said(map_)["selected"]
    draw(map_, at + np.array([[12.0, 60.0], [18.0, 66.0]]))
    assert said(map_)["selected"] == []


# --------------------------------------------------------------------------------------- keys


def test_a_click_moves_little(map_: Map, first: Shipped) -> None:
    """Neither the component's files nor its payloads travel again."""
    row, px = map_.lone_digits(first.test_coords, n=1)[0]
    n_received = len(map_.tab.received)
    with map_.tab.rerun():
        map_.click(px)
    assert said(map_)["pin"][2] == FIRST_TEST_DIGIT + row
    assert sum(frame.size for frame in map_.tab.received[n_received:]) < 15_000


def test_by_keyboard_alone(map_: Map, first: Shipped) -> None:
    page, view = map_.tab.page, map_.settle()
    for _ in range(20):
        page.keyboard.press("Tab")
        if map_.root.evaluate("root => root.matches(':focus')"):
            break
    assert map_.root.evaluate("root => root.matches(':focus-visible')")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("ArrowUp")
    x, y = view.to_plane((view.left + view.width / 2 - 50, view.top + view.height / 2 - 10))
    map_.tab.until(lambda: map_.z() == pytest.approx((x, y), abs=1e-6), "the cursor")
    spoken = map_.root.locator(".spoken")
    map_.tab.until(lambda: "nearest digit: a " in spoken.inner_text(), "the words")
    with map_.tab.rerun():
        page.keyboard.press("Enter")
    pinned = said(map_)["pin"]
    assert math.hypot(pinned[0] - x, pinned[1] - y) * view.scale <= 8.1

    # a box by its two corners
    page.keyboard.press("b")
    corner = map_.z()
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    with map_.tab.rerun():
        page.keyboard.press("Enter")
    assert corner is not None
    (ax, ay), (bx, by) = corner, (corner[0] + 100 / view.scale, corner[1] - 50 / view.scale)
    expected = inside(np.array([[ax, ay], [bx, ay], [bx, by], [ax, by]]), first.test_coords)
    assert set(np.array(said(map_)["selected"]) - FIRST_TEST_DIGIT) == set(expected)
    page.keyboard.press("Escape")  # the tool
    page.keyboard.press("Escape")  # the cursor
    with map_.tab.rerun():
        page.keyboard.press("Escape")  # the selection
    assert said(map_)["selected"] == []
    with map_.tab.rerun():
        page.keyboard.press("Escape")  # the pin
    assert said(map_)["pin"] is None

    # menus open, hold the focus, and give it back
    page.keyboard.press("y")
    box = map_.root.get_by_role("checkbox", name="Prior")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert box.evaluate("e => e.matches(':focus-visible')")
    page.keyboard.press("Space")
    settled(map_)
    assert "prior" in (map_.root.get_attribute("data-layers") or "")
    page.keyboard.press("Escape")
    layers = map_.root.get_by_role("button", name="Layers")
    assert layers.evaluate("e => e.matches(':focus')")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert map_.root.get_by_role("dialog", name="Keys").is_visible()
    page.keyboard.press("Escape")
    assert not map_.root.get_by_role("dialog", name="Keys").is_visible()


# -------------------------------------------------------------------------------------- touch


def box_of(element: Locator) -> tuple[float, float, float, float]:
    box = element.bounding_box()
    assert box is not None
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def test_touch(open_map: Callable[..., Map], first: Shipped) -> None:
    map_ = open_map(**PHONE)
    page, view = map_.tab.page, map_.settle()
    touch = page.context.new_cdp_session(page)

    def fingers(kind: str, *places: Point) -> None:
        points = [{"x": x, "y": y} for x, y in places]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    lens, toolbar = map_.root.locator(".lens"), map_.root.get_by_role("toolbar")
    for share in ((0.25, 0.3), (0.7, 0.25), (0.3, 0.75), (0.6, 0.7)):
        px = (view.left + share[0] * view.width, view.top + share[1] * view.height)
        with map_.tab.rerun():
            page.touchscreen.tap(*px)
        x, y, _ = said(map_)["pin"]
        (at,) = view.to_px(np.array([[x, y]]))
        assert math.dist(at, px) <= 14.5
        lens.wait_for()
        frames(map_)
        card = box_of(lens)
        assert not overlap(card, (at[0] - 8, at[1] - 8, at[0] + 8, at[1] + 8))
        assert not overlap(card, box_of(toolbar))
        assert card[0] >= view.left
        assert card[3] <= view.top + view.height

    # held still, a finger looks: the lens above it, the map where it was
    start = (view.left + 0.4 * view.width, view.top + 0.7 * view.height)
    to = (start[0] + 30, start[1] - 6)
    fingers("touchStart", start)
    page.wait_for_timeout(600)
    fingers("touchMove", to)
    frames(map_)
    z = map_.z()
    assert z == pytest.approx(view.to_plane(to), abs=1.01 / view.scale)
    assert z is not None
    assert np.abs(map_.lens() - 255 * (1 - first.decode(z))).max() <= 2
    assert box_of(lens)[3] < to[1] - 20
    fingers("touchEnd")
    assert map_.settle()[:4] == view[:4]

    # one finger pans, two zoom
    fingers("touchStart", start)
    for k in range(1, 6):
        fingers("touchMove", (start[0] + 8 * k, start[1] - 12 * k))
    fingers("touchEnd")
    moved = map_.settle()
    assert (view.x0 - moved.x0) * view.scale == pytest.approx(40, abs=1)
    assert (view.y0 - moved.y0) * view.scale == pytest.approx(60, abs=1)
    middle = (view.left + view.width / 2, view.top + view.height / 2)
    for kind, half in (("touchStart", 30), ("touchMove", 45), ("touchMove", 60)):
        fingers(kind, (middle[0] - half, middle[1]), (middle[0] + half, middle[1]))
    fingers("touchEnd")
    assert map_.settle().scale == pytest.approx(2 * view.scale, rel=0.02)

    page.wait_for_timeout(400)  # as a person would: a tap at once belongs to the pinch
    page.get_by_role("button", name="Layers").tap()
    popover = map_.root.get_by_role("dialog", name="Layers")
    x0, y0, x1, y1 = box_of(popover)
    assert x0 >= view.left
    assert y0 >= view.top
    assert y1 <= view.top + view.height
    assert not overlap((x0, y0, x1, y1), box_of(toolbar))
    map_.root.get_by_role("checkbox", name="Aggregate posterior").tap()
    settled(map_)
    assert "log q(z)" in map_.root.get_by_test_id("legends").inner_text()
    assert not overlap(box_of(map_.root.get_by_test_id("legends")), box_of(toolbar))


# ---------------------------------------------------------------------------- links, pictures


def test_a_link_restores_view_layers_and_colour(
    map_: Map, open_map: Callable[..., Map], page_server: Server, first: Shipped
) -> None:
    page = map_.tab.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    view = map_.view()
    map_.zoom_at((round(view.left + 250), round(view.top + 300)), deltas=1)
    toggle(map_, "density", "labels")
    press(map_, "c")
    settled(map_)
    near = map_.settle()
    link = urlsplit(copied_link(map_))
    assert f"{link.scheme}://{link.netloc}/" == page_server.url
    query = {name: values[0] for name, values in parse_qs(link.query).items()}
    start = {
        "view": [float(part) for part in query["view"].split(",")],
        "layers": query["layers"].split(","),
        "colour": query["colour"],
    }
    assert set(start["layers"]) == {"density", "points", "thumbnails"}
    other = open_map(f"?start={quote(json.dumps(start))}")
    settled(other)
    assert other.settle()[:4] == pytest.approx(near[:4], abs=1e-4)
    assert other.root.get_attribute("data-layers") == "density,points,thumbnails"
    assert other.root.get_attribute("data-colour") == "elbo"
    page.bring_to_front()  # only the page in front has the clipboard
    toggle(map_, "density", "points", "thumbnails")
    settled(map_)
    assert parse_qs(urlsplit(copied_link(map_)).query)["layers"] == ["none"]


def copied_link(map_: Map) -> str:
    map_.tab.page.evaluate("navigator.clipboard.writeText('')")
    press(map_, "k")
    map_.root.locator(".toast", has_text="Link copied").wait_for()
    return map_.tab.page.evaluate("navigator.clipboard.readText()")


def saved(map_: Map, item: str) -> Image.Image:
    press(map_, "e")
    with map_.tab.page.expect_download() as download:
        map_.root.get_by_role("menuitem", name=item).click()
    path = download.value.path()
    return Image.open(io.BytesIO(path.read_bytes())).convert("RGB")


def test_pictures_to_keep(map_: Map, first: Shipped) -> None:
    width, height = map_.view()[6:]
    toggle(map_, "density", "labels")
    once, twice, fourfold = (saved(map_, f"Download map, PNG {n}×") for n in (1, 2, 4))
    assert once.width == round(width)
    assert once.height > height + 20  # the legend
    for picture, scale in ((twice, 2), (fourfold, 4)):
        assert picture.width == round(scale * width)
        # drawn anew: more than the small one blown up
        blown_up = np.asarray(once.resize(picture.size), float)
        assert np.abs(np.asarray(picture, float) - blown_up).mean() > 0.5
        small = np.asarray(picture.resize(once.size), float)
        assert np.abs(small - np.asarray(once, float)).mean() < 12
    shown = under(map_)
    same = np.asarray(once)[: shown.shape[0], : shown.shape[1]].astype(int)
    assert (np.abs(same - shown).max(-1) < 40).mean() > 0.95  # the overlay differs

    press(map_, "ArrowRight")
    with map_.tab.rerun():
        press(map_, "Enter")
    z = said(map_)["pin"][:2]
    lens = np.asarray(saved(map_, "Download lens"))[..., 0]
    assert lens.shape == (560, 560)
    blocks = lens.reshape(28, 20, 28, 20).astype(int)
    assert (blocks == blocks[:, :1, :, :1]).all()  # crisp
    assert np.abs(blocks[:, 0, :, 0].ravel() - 255 * (1 - first.decode(z))).max() <= 2


def test_dark_and_pale(open_map: Callable[..., Map]) -> None:
    """Text of toolbar, legends and menus stands out from its paper, by day and by night."""
    for scheme in ("light", "dark"):
        map_ = open_map(color_scheme=scheme)
        toggle(map_, "density", "prior")
        press(map_, "y")
        ratios = map_.root.evaluate(
            """root => {
                const rgb = (css) => css.match(/[\\d.]+/g).slice(0, 3).map(Number);
                const light = (c) => c.map((v) => v / 255)
                    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
                    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
                const paper = rgb(getComputedStyle(root).backgroundColor);
                return [...root.querySelectorAll(".popover span, .popover small, .popover h3," +
                    ".legend span, .legend-title, .toolbar button")]
                    .filter((element) => element.checkVisibility()).map((element) => {
                    let opacity = 1;
                    for (let e = element; e !== root; e = e.parentElement) {
                        opacity *= getComputedStyle(e).opacity;
                    }
                    const ink = rgb(getComputedStyle(element).color)
                        .map((v, i) => v * opacity + paper[i] * (1 - opacity));
                    const [a, b] = [light(ink), light(paper)];
                    return [element.textContent, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
                });
            }"""
        )
        low = [(text, ratio) for text, ratio in ratios if ratio < 4.5]
        assert len(ratios) > 20
        assert not low, f"{scheme}: {low}"


def test_no_motion_for_those_who_want_none(open_map: Callable[..., Map]) -> None:
    map_ = open_map(reduced_motion="reduce")
    view = map_.settle()
    views = map_.root.evaluate(
        """async root => {
            root.dispatchEvent(new KeyboardEvent("keydown", { key: "+" }));
            const views = [];
            for (let k = 0; k < 8; k++) {
                await new Promise(requestAnimationFrame);
                views.push(root.dataset.view);
            }
            return [...new Set(views)];
        }"""
    )
    assert len(views) <= 2  # at once, whichever frame it was
    assert map_.settle().scale == pytest.approx(1.6 * view.scale, rel=1e-6)
