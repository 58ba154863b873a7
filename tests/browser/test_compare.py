"""Two checkpoints side by side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.browser.conftest import FIRST_TEST_DIGIT, Server, Shipped
from tests.browser.tab import Tab
from vae_core.data import DataSet

NAMES = {
    "log_px": "log p(x), exact, nats",
    "elbo": "ELBO, nats",
    "reconstruction": "Reconstruction, nats",
    "kl": "KL(q‖p), nats",
    "knn1": "1-NN accuracy",
    "knn10": "10-NN accuracy",
    "knn50": "50-NN accuracy",
    "silhouette": "Silhouette",
    "nmi": "NMI of k-means",
    "ari": "ARI of k-means",
    "posterior_std": "Median σ of q(z|x), z units",
}
NO_BEST = {"kl", "posterior_std"}


@pytest.fixture
def tab(open_tab: Callable[..., Tab], server: Server) -> Tab:
    return open_tab(server, "compare").wait_ready(maps=2)


@pytest.fixture
def other(shipped: dict[str, Shipped], first: Shipped) -> Shipped:
    """What the page opens with on the right: the next by name."""
    return min((s for s in shipped.values() if s is not first), key=lambda s: s.ref.name)


def wait_pin(tab: Tab, i: int, coords: tuple[float, float]) -> None:
    tab.until(lambda: tab.map(i).z() == pytest.approx(coords, abs=1e-4), f"the pin of map {i + 1}")


def test_a_digit_is_shown_in_both(
    tab: Tab, first: Shipped, other: Shipped, digits: DataSet
) -> None:
    for i, model in enumerate((first, other)):
        assert model.ref.name in tab.map(i).root.get_attribute("aria-label")
    row, px = tab.map(0).lone_digits(first.test_coords, n=1)[0]
    tab.map(0).click(px)
    tab.page.mouse.move(5, 5)
    digit = FIRST_TEST_DIGIT + row
    tab.wait_picture("Original", 255.0 - digits.images[digit].reshape(-1), within=0)
    for i, model in enumerate((first, other)):
        mu, _ = model.encode(digits.images[digit])
        tab.wait_picture(model.ref.name, 255 * (1 - model.decode_z(mu)), within=1)
        wait_pin(tab, i, tuple((model.map.axes.T @ (mu - model.map.center)).tolist()))
    tab.page.get_by_role("heading", name=f"A {digits.labels[digit]} · test #{row:,}").wait_for()


def test_an_empty_place_is_the_same_z_in_both(tab: Tab, first: Shipped, other: Shipped) -> None:
    px = tab.map(1).empty_place(other.test_coords)
    u = tab.map(1).view().to_plane(px)
    z = other.map.center + other.map.axes @ np.array(u)
    tab.map(1).click(px)
    tab.page.mouse.move(5, 5)
    for i, model in enumerate((first, other)):
        tab.wait_picture(model.ref.name, 255 * (1 - model.decode_z(z)), within=1)
        view = tab.map(i).view()
        x, y = (model.map.axes.T @ (z - model.map.center)).tolist()
        if view.x0 < x < view.x1 and view.y0 < y < view.y1:
            wait_pin(tab, i, (x, y))
    assert tab.picture("Original").count() == 0


def test_another_pair(tab: Tab, shipped: dict[str, Shipped], first: Shipped) -> None:
    last = max((s for s in shipped.values() if s is not first), key=lambda s: s.ref.name)
    tab.choose("Compared with", last.ref.name)
    tab.until(lambda: last.ref.name in tab.map(1).root.get_attribute("aria-label"), "its map")
    tab.map(1).wait_ready(points=10_000)
    tab.wait_idle()
    n_sent = len(tab.sent)
    for i, model in enumerate((first, last)):  # each decodes under the pointer, alone
        view = tab.map(i).settle()
        px = (round(view.left + 0.4 * view.width), round(view.top + 0.55 * view.height))
        z = tab.map(i).hover(px)
        assert np.abs(tab.map(i).lens() - 255 * (1 - model.decode(z))).max() <= 2
        tab.until(lambda: tab.map(1 - i).z() is None, "the other lens to go")  # noqa: B023
    assert len(tab.sent) == n_sent
    # the wheel zooms the map and leaves the page, which is longer than the window, where it is
    view = tab.map(0).view()
    tab.map(0).zoom_at((view.left + 50, view.top + 50), deltas=2, delta=300)
    assert tab.map(0).settle().scale < view.scale
    assert tab.page.get_by_test_id("stMain").evaluate("e => e.scrollTop") == 0
    # a checkpoint against itself is odd but allowed
    with tab.rerun():
        tab.choose("Compared with", first.ref.name)
    tab.until(lambda: first.ref.name in tab.map(1).root.get_attribute("aria-label"), "its map")
    tab.map(1).wait_ready(points=10_000)


def test_figures(tab: Tab, first: Shipped, other: Shipped) -> None:
    rows = tab.page.get_by_role("table").get_by_role("row")
    heads = [text.strip() for text in rows.first.get_by_role("columnheader").all_inner_texts()]
    assert heads[1:3] == [first.ref.name, other.ref.name]
    found = {}
    for i in range(1, rows.count()):
        cells = rows.nth(i).get_by_role("cell")
        texts = [text.strip() for text in cells.all_inner_texts()]
        assert len(texts) == 4
        assert texts[3], "every figure says what it means"
        bold = [cells.nth(j).locator("strong").count() == 1 for j in (1, 2)]
        found[texts[0]] = (texts[1:3], bold)
    assert list(found) == list(NAMES.values())
    for key, title in NAMES.items():
        figures = [model.checkpoint.metrics.get(key) for model in (first, other)]
        values = [figure and figure["value"] for figure in figures]
        texts, bold = found[title]
        for value, text in zip(values, texts, strict=True):
            if value is None:
                assert text == "–"
            else:
                shown = text.replace("−", "-").split()[0]
                decimals = len(shown.partition(".")[2])
                assert decimals >= 2
                assert float(shown) == pytest.approx(value, abs=0.5001 * 10**-decimals)
        known = [value for value in values if value is not None]
        hows = {figure["how"] for figure in figures if figure}  # alike, or there is no contest
        has_best = key not in NO_BEST and len(known) == 2 and len(hows) == 1
        assert bold == [has_best and value == max(known) for value in values], title
    # and the bars beneath
    chart = tab.keyed("compare_purity")
    chart.locator(".barlayer .trace").first.wait_for()
    assert chart.locator(".barlayer .trace").count() == 2
    assert chart.locator(".barlayer .point").count() == 20
    legend = chart.locator(".legendtext").all_text_contents()
    assert legend == [first.ref.name, other.ref.name]
