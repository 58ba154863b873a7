"""The lens on the real maps: where its card lies, and how it rests at a pin."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from latent_explorer.components.latent_map.payload import apart, first_view
from tests.browser.conftest import FIRST_TEST_DIGIT, Server, Shipped
from tests.browser.tab import Map, Tab

SIZES = ((1366, 768), (1024, 768), (820, 1180), (390, 844))
MAPS = {"Explore": 1, "Interpolate": 1, "Compare": 2, "Likelihood": 1}

# Points at 7 x 7 places of each map, its borders among them, all maps at once; returns what is
# wrong with the card there. That it is right at every other place is a test of tests/js.
POINT = """async roots => {
    const box = element => element.getBoundingClientRect();
    const frame = () => new Promise(requestAnimationFrame);
    const wrong = [];
    const parts = Array.from({ length: 7 }, (_, i) => 0.01 + (0.98 * i) / 6);
    for (const across of parts) for (const down of parts) {
        for (const root of roots) {
            const { left, top, width, height } = box(root);
            root.querySelector(".overlay").dispatchEvent(new PointerEvent("pointermove", {
                clientX: left + across * width, clientY: top + down * height, pointerId: 1,
                pointerType: "mouse", bubbles: true, composed: true }));
        }
        await frame(); // the map asked for this one first
        for (const root of roots) {
            const lens = root.querySelector(".lens");
            const [map, card, bar] = [root, lens, root.querySelector(".toolbar")].map(box);
            const isUnder = card.left < bar.right && card.right > bar.left
                && card.top < bar.bottom && card.bottom > bar.top;
            const isWithin = card.left >= map.left && card.right <= map.right
                && card.top >= map.top && card.bottom <= map.bottom;
            if (lens.hidden || !card.width || isUnder || !isWithin)
                wrong.push([across, down, JSON.stringify(map), JSON.stringify(card)]);
        }
    }
    for (const root of roots)
        root.querySelector(".overlay").dispatchEvent(new PointerEvent("pointerleave"));
    return wrong;
}"""


def test_no_part_of_it_is_cut_off(open_tab: Callable[..., Tab], server: Server) -> None:
    tab = open_tab(server).wait_ready()
    opened = tab.page.viewport_size
    assert opened is not None
    for title, n in MAPS.items():
        tab.page.set_viewport_size({"width": 1366, "height": 768})
        if title != "Explore":
            tab.go(title)
            for i in range(n):
                tab.map(i).wait_ready()
        for width, height in SIZES:
            tab.page.set_viewport_size({"width": width, "height": height})
            for i in range(n):
                tab.map(i).settle()
            wrong = tab.page.get_by_test_id("latent-map").evaluate_all(POINT)
            assert not wrong, f"{title} at {width} x {height}: {wrong}"
    tab.page.set_viewport_size(opened)  # the page is used again


def is_focused(map_: Map) -> bool:
    return map_.root.evaluate("root => root.matches(':focus')")


def test_it_rests_where_nothing_shows_the_pin(tab: Tab, first: Shipped) -> None:
    """The panel beside the map shows a pinned digit: the lens need not, but can."""
    map_ = tab.map()
    card, close = map_.root.locator(".lens"), map_.root.get_by_role("button", name="Close the lens")
    ((_, px),) = map_.lone_digits(first.test_coords, n=1)
    with tab.rerun():
        map_.click(px)
    tab.page.mouse.move(2, 2)
    card.wait_for(state="hidden")
    assert map_.z() is not None  # the pin is there
    tab.open_panel("Selection")  # shows something else
    card.wait_for()
    assert [name.inner_text() for name in card.locator(".lens-name").all()] == ["generated", "real"]
    box, view = card.bounding_box(), map_.view()
    assert box is not None
    corner = (box["x"] - view.left, box["y"] - view.top)
    assert min(corner[0], view.width - 44 - corner[0] - box["width"]) < 20
    assert min(corner[1], view.height - corner[1] - box["height"]) < 20
    close.click()
    card.wait_for(state="hidden")
    assert is_focused(map_)
    assert map_.z() is not None
    tab.page.keyboard.press("i")
    card.wait_for()
    tab.page.keyboard.press("i")
    card.wait_for(state="hidden")


def test_a_pile_says_how_many_and_can_be_gone_through(
    open_tab: Callable[..., Tab], server: Server, shipped: dict[str, Shipped]
) -> None:
    """On a line of latents some digits lie within a pixel of the deepest zoom, two by two."""
    coords = shipped["line"].test_coords
    near = apart(first_view(coords))
    order = coords[:, 0].argsort()
    gaps = np.diff(coords[order, 0])
    alone = (gaps[1:-1] < near / 2) & (gaps[:-2] > 2 * near) & (gaps[2:] > 2 * near)
    pair = np.sort(order[np.flatnonzero(alone)[0] + 1 :][:2])
    tab = open_tab(server, f"?checkpoint=line&id={FIRST_TEST_DIGIT + pair[0]}").wait_ready()
    tab.page.get_by_text("2 digits lie at this very place").wait_for()
    tab.sheet(total=2).wait_for()
    assert tab.map().root.locator(".lens-pile").text_content() == "one of 2 here"
    tab.map().root.focus()
    with tab.rerun():
        tab.page.keyboard.press("n")
    heading = tab.page.get_by_role("heading", name=re.compile(rf"test #{pair[1]:,}$"))
    heading.wait_for()
    with tab.rerun():
        tab.page.keyboard.press("Shift+N")
    tab.page.get_by_role("heading", name=re.compile(rf"test #{pair[0]:,}$")).wait_for()


def test_escape_gives_the_map_its_keys_back(tab: Tab) -> None:
    """From a box, from the pad, and from a list that it closes first."""
    map_, press = tab.map(), tab.page.keyboard.press
    tab.page.get_by_role("textbox", name="z", exact=True).focus()
    press("Escape")
    assert is_focused(map_)
    tab.open_panel("Draw")
    tab.page.locator("canvas[tabindex='0']").last.focus()
    press("Escape")
    assert is_focused(map_)
    box = tab.page.get_by_role("combobox", name="Checkpoint", exact=True)
    box.click()
    options = tab.page.get_by_role("listbox")
    options.wait_for()
    press("Escape")
    options.wait_for(state="detached")
    assert not is_focused(map_)
    press("Escape")
    assert is_focused(map_)
