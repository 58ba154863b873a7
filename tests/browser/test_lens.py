"""The lens on the real maps: where its card lies, and how it rests at a pin."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.conftest import Server, Shipped
from tests.browser.tab import Map, Tab

SIZES = ((1366, 768), (1024, 768), (820, 1180), (390, 844))
MAPS = {"Explore": 1, "Interpolate": 1, "Compare": 2, "Likelihood": 1}

# Points at 3 x 3 places of each map, its borders among them, all maps at once; returns what is
# wrong with the card there. That it is right at every other place is a test of tests/js.
POINT = """async roots => {
    const box = element => element.getBoundingClientRect();
    const frame = () => new Promise(requestAnimationFrame);
    const wrong = [];
    for (const across of [0.01, 0.5, 0.99]) for (const down of [0.01, 0.5, 0.99]) {
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
