"""The walk: its ends, its steps, its ways."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator

from tests.browser.conftest import FIRST_TEST_DIGIT, Server, Shipped
from tests.browser.tab import Point, Tab, read_canvas, read_grey
from vae_core.data import DataSet

END_A, END_B = re.compile("^End A"), re.compile("^End B")
INK = np.array([0x1B, 0x1F, 0x27])


@pytest.fixture
def tab(open_tab: Callable[..., Tab], server: Server) -> Tab:
    return open_tab(server, "interpolate").wait_ready()


def steps(tab: Tab) -> Locator:
    """Canvases of the strip."""
    return tab.keyed("walk_strip").locator(".cell canvas")


def wait_steps(tab: Tab, n: int) -> None:
    tab.until(lambda: steps(tab).count() == n, f"{n} steps")
    tab.wait_idle()


def z_of(tab: Tab, end: re.Pattern[str]) -> NDArray[np.float64]:
    """An end, as its box has it: four decimals."""
    return np.array([float(part) for part in tab.typed(end).split(",")])


def wait_step(tab: Tab, shipped: Shipped, i: int, z: NDArray[np.floating], within: int) -> None:
    expected = 255 * (1 - shipped.decode_z(z))
    tab.until(lambda: np.abs(read_grey(steps(tab).nth(i)) - expected).max() <= within, f"step {i}")


def test_opens_with_a_walk_between_two_digits(tab: Tab, first: Shipped, digits: DataSet) -> None:
    wait_steps(tab, 11)
    a, b = (first.encode(digits.images[FIRST_TEST_DIGIT + i])[0] for i in (0, 4))
    for i in range(11):
        wait_step(tab, first, i, a + (b - a) * i / 10, within=1)
    titles = [steps(tab).nth(i).get_attribute("data-title") for i in (0, 1, 9, 10)]
    assert titles == ["A", "step 1", "step 9", "B"]
    assert z_of(tab, END_A) == pytest.approx(a, abs=6e-5)
    assert z_of(tab, END_B) == pytest.approx(b, abs=6e-5)
    # the way is drawn where it goes: a dot of ink on the map at every step
    view = tab.map().view()
    ends = np.stack([first.map.axes.T @ (z - first.map.center) for z in (a, b)])
    path = np.linspace(ends[0], ends[1], 11)
    overlay = read_canvas(tab.map().root.locator("canvas.overlay")).astype(int)
    for x, y in (view.to_px(path) - (view.left, view.top))[1:-1]:
        if min(np.hypot(*(view.to_px(ends) - (view.left + x, view.top + y)).T)) < 14:
            continue  # under the letter of an end
        assert np.abs(overlay[int(y), int(x), :3] - INK).max() < 40


def test_clicks_set_a_then_b(tab: Tab, first: Shipped, digits: DataSet) -> None:
    wait_steps(tab, 11)
    radio = tab.page.get_by_role("radio", name="End A", exact=True)
    assert radio.get_attribute("aria-checked") == "true"
    px = tab.map().empty_place(first.test_coords)
    z = first.map.center + first.map.axes @ np.array(tab.map().view().to_plane(px))
    tab.map().click(px)
    wait_step(tab, first, 0, z, within=1)
    tab.until(lambda: radio.get_attribute("aria-checked") == "false", "the next click to set B")
    row, px = tab.map().lone_digits(first.test_coords, n=1)[0]
    tab.map().click(px)
    b, _ = first.encode(digits.images[FIRST_TEST_DIGIT + row])
    wait_step(tab, first, 10, b, within=1)
    wait_step(tab, first, 0, z, within=1)  # A stays
    label = digits.labels[FIRST_TEST_DIGIT + row]
    tab.page.get_by_role("textbox", name=f"End B · a {label}, test #{row:,}").wait_for()
    tab.until(lambda: radio.get_attribute("aria-checked") == "true", "the next click to set A")


def test_random_pair_swap_and_steps(tab: Tab, first: Shipped) -> None:
    wait_steps(tab, 11)
    before = tab.typed(END_A), tab.typed(END_B)
    tab.press("Random pair")
    tab.until(lambda: tab.typed(END_A) != before[0] and tab.typed(END_B) != before[1], "new ends")
    tab.wait_idle()
    a, b = tab.typed(END_A), tab.typed(END_B)
    picture = read_grey(steps(tab).first)
    tab.press("Swap")
    tab.until(lambda: (tab.typed(END_A), tab.typed(END_B)) == (b, a), "the ends to swap")
    tab.until(lambda: (read_grey(steps(tab).last) == picture).all(), "the strip to turn round")
    slider = tab.page.get_by_test_id("stSlider").get_by_role("slider")
    slider.focus()
    slider.press("Home")
    wait_steps(tab, 2)
    slider.press("ArrowRight")
    wait_steps(tab, 3)
    middle = (z_of(tab, END_A) + z_of(tab, END_B)) / 2
    wait_step(tab, first, 1, middle, within=3)  # of ends read to four decimals
    slider.press("End")
    wait_steps(tab, 64)


def test_spherical_arc(tab: Tab, first: Shipped) -> None:
    d = first.checkpoint.config.latent_dim
    tab.type(END_A, ", ".join(map(str, [1.0, 0.0, 0.0, *[0.0] * d][:d])))
    tab.until(lambda: tab.typed(END_A).startswith("1.0000"), "end A")
    tab.type(END_B, ", ".join(map(str, [0.0, 1.0, 0.0, *[0.0] * d][:d])))
    tab.until(lambda: tab.typed(END_B).startswith("0.0000, 1.0000"), "end B")
    wait_step(tab, first, 5, np.array([0.5, 0.5, *[0.0] * d][:d]), within=1)  # straight
    tab.choose_radio("Spherical")
    half = 1 / np.sqrt(2)
    wait_step(tab, first, 5, np.array([half, half, *[0.0] * d][:d]), within=1)
    tab.type(END_B, ", ".join(map(str, [-1.0, 0.0, 0.0, *[0.0] * d][:d])))
    said = tab.wait_alert("No spherical arc")
    assert "opposite" in said
    wait_step(tab, first, 5, np.zeros(d), within=1)  # the straight line instead
    assert len(tab.alerts()) == 1


def test_bad_ends_are_refused(tab: Tab, first: Shipped, digits: DataSet) -> None:
    a, _ = first.encode(digits.images[FIRST_TEST_DIGIT])
    for end, bad in ((END_A, "abc"), (END_B, "1,2,3,4,5,6,7"), (END_A, "inf inf"), (END_B, "")):
        tab.type(end, bad)
        said = tab.wait_alert(f"“{bad}”")
        assert said.startswith(f"End {'AB'[end == END_B]}: ")
        wait_step(tab, first, 0, a, within=1)
        wait_steps(tab, 11)
    tab.type(END_A, "[0.5 −0.5]")
    tab.until(lambda: tab.alerts() == [], "the sentence to go")
    wait_step(tab, first, 0, np.array([0.5, -0.5]), within=1)


def walk(tab: Tab) -> Locator:
    """The strip and the player."""
    return tab.page.get_by_test_id("walk")


def is_live(tab: Tab) -> bool:
    return walk(tab).evaluate("root => root.classList.contains('live')")


def px_of(tab: Tab, first: Shipped, z: NDArray[np.floating]) -> Point:
    """Where a latent lies in the window."""
    coords = first.map.axes.T @ (z - first.map.center)
    x, y = tab.map().view().to_px(coords[None])[0].tolist()
    return x, y


def test_a_dragged_end_moves_the_straight_strip_without_the_server(
    tab: Tab, first: Shipped
) -> None:
    wait_steps(tab, 11)
    tab.keyed("walk_profile").locator(".plot-container").wait_for()
    tab.wait_idle()
    a, b = z_of(tab, END_A), z_of(tab, END_B)
    old_a, old_b = tab.typed(END_A), tab.typed(END_B)
    start = px_of(tab, first, a)
    view = tab.map().view()
    to = round(view.left + view.width / 2), round(view.top + view.height / 4)
    sent = len(tab.sent)
    tab.page.mouse.move(*start)
    tab.page.mouse.down()
    tab.page.mouse.move(*to, steps=8)
    z = first.map.center + first.map.axes @ np.array(view.to_plane(to))
    for i in (0, 5, 10):
        wait_step(tab, first, i, z + (b - z) * i / 10, within=3)
    assert is_live(tab)
    assert len(tab.sent) == sent
    tab.page.keyboard.press("Escape")  # puts it back
    tab.until(lambda: not is_live(tab), "the strip to be the old one")
    tab.page.mouse.move(to[0] + 30, to[1])
    tab.page.mouse.up()
    wait_step(tab, first, 0, a, within=1)
    assert tab.map().view() == view
    assert len(tab.sent) == sent
    tab.page.mouse.move(*start)
    tab.page.mouse.down()
    tab.page.mouse.move(*to, steps=4)
    tab.page.mouse.up()
    tab.until(lambda: tab.typed(END_A) not in ("", old_a), "end A")
    assert z_of(tab, END_A) == pytest.approx(z, abs=1e-3)
    tab.until(lambda: not is_live(tab), "Python's strip")
    wait_step(tab, first, 0, z, within=3)
    # the same by keys
    tab.wait_idle()
    tab.map().root.focus()
    for key in ("g", "g", "Shift+ArrowUp", "Enter"):
        tab.page.keyboard.press(key)
    tab.until(lambda: tab.typed(END_B) not in ("", old_b), "end B")
    assert z_of(tab, END_B)[1] > b[1]


def test_player_and_strip_and_map_mark_one_another(tab: Tab, first: Shipped) -> None:
    wait_steps(tab, 11)
    a, b = z_of(tab, END_A), z_of(tab, END_B)
    stage = tab.page.get_by_test_id("walk-stage")
    scrub = tab.page.get_by_role("slider", name="Step", exact=True)
    scrub.evaluate("input => { input.value = 2.5; input.dispatchEvent(new Event('input')); }")
    between = 255 * (1 - first.decode_z(a + (b - a) * 0.25))
    tab.until(lambda: np.abs(read_grey(stage) - between).max() <= 3, "what is between two steps")
    tab.page.get_by_role("button", name="Play", exact=True).click()
    at = lambda: float(walk(tab).get_attribute("data-at") or 0)  # noqa: E731
    tab.until(lambda: at() > 3, "the player to play")
    tab.page.get_by_role("button", name="Pause", exact=True).click()
    stopped = at()
    tab.page.wait_for_timeout(100)
    assert at() == stopped
    # the strip marks the map
    before = read_canvas(tab.map().root.locator("canvas.overlay"))
    steps(tab).nth(9).hover()
    tab.until(
        lambda: (read_canvas(tab.map().root.locator("canvas.overlay")) != before).any(),
        "a ring on the map",
    )
    # and the map the strip
    tab.map().root.scroll_into_view_if_needed()
    tab.page.mouse.move(*px_of(tab, first, a + (b - a) * 0.6))
    looked_at = tab.page.locator(".cell.looked-at canvas")
    tab.until(
        lambda: looked_at.count() == 1 and looked_at.get_attribute("data-title") == "step 6",
        "step 6 to be marked",
    )


def test_a_link_brings_a_walk_back(open_tab: Callable[..., Tab], server: Server) -> None:
    query = "a_z=0.5,0.25&b_z=-0.5,1&way=image&ways=image,straight&steps=5&spacing=image&loop=1"
    tab = open_tab(server, f"interpolate?{query}&via=0.75,1.5;%2360004").wait_ready()
    wait_steps(tab, 5)
    titles = [steps(tab).nth(i).get_attribute("data-title") for i in range(5)]
    assert titles == ["A", "step 1", "step 2", "step 3", "A again"]
    assert tab.page.get_by_role("radio", name="Geodesic", exact=True).is_checked()
    tab.page.get_by_role("button", name="Clear way-points").wait_for()
    tab.page.get_by_role("table").get_by_text("locally shortest").first.wait_for()
