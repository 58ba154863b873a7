"""Maps side by side: linked in the browser, aligned by torch's numbers; the morph between them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.browser.conftest import FIRST_TEST_DIGIT, Server, Shipped
from tests.browser.tab import Tab
from tests.browser.test_link import CLIPBOARD
from vae_core.comparison.alignment import align
from vae_core.data import DataSet

OTHERS = ("elbo", "beta4")


@pytest.fixture
def tab(open_tab: Callable[..., Tab], server: Server) -> Tab:
    return open_tab(server, f"compare?other={OTHERS[0]}").wait_ready(maps=2)


@pytest.fixture
def models(shipped: dict[str, Shipped], first: Shipped) -> list[Shipped]:
    return [first, *(shipped[name] for name in OTHERS)]


def wait_lens(tab: Tab, i: int, coords: tuple[float, float]) -> None:
    tab.until(lambda: tab.map(i).z() == pytest.approx(coords, abs=1e-4), f"the lens of map {i + 1}")


def leave(tab: Tab) -> None:
    tab.page.mouse.move(5, 5)


def test_a_digit_is_shown_in_both(tab: Tab, models: list[Shipped], digits: DataSet) -> None:
    for i, model in enumerate(models[:2]):
        assert model.ref.name in tab.map(i).root.get_attribute("aria-label")
    row, px = tab.map(0).lone_digits(models[0].test_coords, n=1)[0]
    tab.map(0).click(px)
    leave(tab)
    digit = FIRST_TEST_DIGIT + row
    tab.wait_picture("Original", 255.0 - digits.images[digit].reshape(-1), within=0)
    for i, model in enumerate(models[:2]):
        mu, _ = model.encode(digits.images[digit])
        tab.wait_picture(model.ref.name, 255 * (1 - model.decode_z(mu)), within=1)
        wait_lens(tab, i, tuple((model.map.axes.T @ (mu - model.map.center)).tolist()))
    tab.page.get_by_role("heading", name=f"A {digits.labels[digit]} · test #{row:,}").wait_for()
    # an empty place is the same z in both
    px = tab.map(1).empty_place(models[1].test_coords)
    z = np.array(tab.map(1).view().to_plane(px))
    tab.map(1).click(px)
    leave(tab)
    for i, model in enumerate(models[:2]):
        tab.wait_picture(model.ref.name, 255 * (1 - model.decode_z(z)), within=1)
        wait_lens(tab, i, tuple(z.tolist()))
    assert tab.picture("Original").count() == 0


def test_three_maps_show_what_one_is_asked(
    open_tab: Callable[..., Tab], server: Server, models: list[Shipped]
) -> None:
    tab = open_tab(server, f"compare?other={','.join(OTHERS)}").wait_ready(maps=3)
    views = [tab.map(i).settle()[:4] for i in range(3)]
    assert views[1] == pytest.approx(views[0], abs=1e-6)  # one view for all
    assert views[2] == pytest.approx(views[0], abs=1e-6)
    n_sent = len(tab.sent)
    # a digit: each map at its own code, decoded by its own decoder
    row, px = tab.map(0).lone_digits(models[0].test_coords, n=1)[0]
    tab.page.mouse.move(*px)
    for i in (1, 2):
        coords = models[i].test_coords[row]
        wait_lens(tab, i, tuple(coords.tolist()))
        assert np.abs(tab.map(i).lens() - 255 * (1 - models[i].decode(tuple(coords)))).max() <= 2
        assert tab.map(i).root.get_attribute("data-nearest") == str(FIRST_TEST_DIGIT + row)
    # a bare place: the same z
    z = tab.map(1).hover(tab.map(1).empty_place(models[1].test_coords))
    for i in (0, 2):
        wait_lens(tab, i, z)
        assert np.abs(tab.map(i).lens() - 255 * (1 - models[i].decode(z))).max() <= 2
    leave(tab)
    for i in range(3):
        tab.until(lambda: tab.map(i).z() is None, "the lens to go")  # noqa: B023
    # the wheel zooms all of them and leaves the page, which is longer than the window, where it is
    view = tab.map(0).view()
    tab.map(0).zoom_at((view.left + 100, view.top + 100), deltas=2)
    zoomed = tab.map(0).settle()
    assert zoomed.scale > view.scale
    for i in (1, 2):
        assert tab.map(i).settle()[:4] == pytest.approx(zoomed[:4], abs=1e-6)
    assert tab.page.get_by_test_id("stMain").evaluate("e => e.scrollTop") == 0
    assert len(tab.sent) == n_sent
    # a selection made in one is made in all, before the server answers and after
    tab.map(1).root.focus()
    with tab.rerun():
        tab.page.keyboard.press("b")
        for keys in (["Enter"], ["Shift+ArrowRight"] * 3, ["Shift+ArrowDown"] * 3, ["Enter"]):
            for key in keys:
                tab.page.keyboard.press(key)
    chosen = [int(tab.map(i).root.get_attribute("data-selected") or 0) for i in range(3)]
    assert chosen[0] > 0
    assert len(set(chosen)) == 1
    tab.sheet(total=chosen[0]).wait_for()


def test_an_aligned_map_is_turned_to_scale(
    open_tab: Callable[..., Tab], server: Server, models: list[Shipped], digits: DataSet
) -> None:
    query = f"compare?other={OTHERS[0]}&aligned=all&views=free&layers2=points,classes"
    tab = open_tab(server, query).wait_ready(maps=2)
    first, other = models[:2]
    want = align(other.test_coords.astype(float), first.test_coords.astype(float))
    said = tab.page.get_by_text("root mean square over 10,000 digits").inner_text()
    assert f"residual {want.residual:.3f} z units" in said
    # the lens: where the turned map shows a code, the decoder gets the code itself
    row, px = tab.map(0).lone_digits(first.test_coords, n=1)[0]
    tab.page.mouse.move(*px)
    wait_lens(tab, 1, tuple(want.aligned[row].tolist()))
    code = other.test_coords[row]
    assert np.abs(tab.map(1).lens() - 255 * (1 - other.decode_z(code))).max() <= 2
    text = tab.map(1).root.locator(".lens-z").inner_text().replace("−", "-")
    assert text == f"z = ({code[0]:.2f}, {code[1]:.2f})"
    # a pick on the turned map is the z that it shows
    px = tab.map(1).empty_place(want.aligned)
    z = want.rotation @ np.array(tab.map(1).view().to_plane(px))
    tab.map(1).click(px)
    leave(tab)
    for model in (first, other):
        tab.wait_picture(model.ref.name, 255 * (1 - model.decode_z(z)), within=1)
    # free views: one zooms alone
    before = tab.map(0).settle()[:4]
    tab.map(1).zoom_at(px, deltas=1)
    tab.map(1).settle()
    assert tab.map(0).settle()[:4] == before


def test_the_morph_goes_from_map_to_map(
    open_tab: Callable[..., Tab], server: Server, models: list[Shipped], digits: DataSet
) -> None:
    tab = open_tab(server, f"compare?section=morph&other={OTHERS[0]}&aligned=none", **CLIPBOARD)
    root = tab.page.get_by_test_id("morph")
    tab.until(lambda: root.get_attribute("data-ready") == "true", "the morph")
    tab.wait_idle()
    half = float(root.get_attribute("data-half") or "nan")
    start, end = (model.test_coords for model in models[:2])
    box = root.locator("canvas").first.bounding_box()
    assert box is not None
    inside = (np.abs(start) < 0.9 * half).all(1) & (np.abs(end) < 0.9 * half).all(1)
    inside &= ~((start[:, 0] < 0) & (start[:, 1] > 0))  # free of the picture in the corner
    gaps = [np.abs(start - start[row]).sum(1) for row in np.flatnonzero(inside)[:300]]
    row = np.flatnonzero(inside)[int(np.argmax([np.partition(gap, 1)[1] for gap in gaps]))]
    x, y = box["width"] / 2 * (1 + start[row] * [1, -1] / half)
    with tab.rerun():
        root.locator("canvas").first.click(position={"x": float(x), "y": float(y)})
    caption = root.locator(".followed figcaption")
    name = f"A {digits.labels[FIRST_TEST_DIGIT + row]}, test #{row:,}"
    tab.until(lambda: caption.inner_text() == f"{name}, decoded by atlas", "the followed digit")
    slider = root.get_by_role("slider")
    for _ in range(3):
        slider.press("ArrowRight")
    root.get_by_role("button", name="Copy link").click()
    root.get_by_role("button", name="Link copied").wait_for()
    link = tab.page.evaluate("navigator.clipboard.readText()")
    again = open_tab(server, link.removeprefix(server.url)).page.get_by_test_id("morph")
    tab.until(lambda: again.get_attribute("data-t") == "0.03", "the moment of the link")
    assert again.locator(".followed figcaption").inner_text() == f"{name}, decoded by atlas"
    slider.press("End")
    tab.until(lambda: caption.inner_text() == f"{name}, decoded by elbo", "the other end")
    x, y = box["width"] / 2 * (1 + end[row] * [1, -1] / half)
    root.locator("canvas").first.hover(position={"x": float(x), "y": float(y)})
    tip = root.locator(".tip").inner_text().replace("−", "-")
    assert tip.startswith("test #")
    near = np.abs(end - end[row]).max(1) < 9 / (box["width"] / 2 / half)
    assert tip.split(",")[0] in {f"test #{i:,}".split(",")[0] for i in np.flatnonzero(near)}
