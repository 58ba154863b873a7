"""Selecting on the map and by words; the contact sheet, its pages and order; files to keep."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser

from tests.browser.conftest import FIRST_TEST_DIGIT, Server, Shipped
from tests.browser.tab import Tab, read_grey
from vae_core.data import DataSet


def shown_ids(tab: Tab) -> list[int]:
    return [int(part) for part in tab.sheet().get_attribute("data-ids").split(",")]


def lasso(tab: Tab, corners: list[tuple[float, float]], name: str = "Lasso") -> None:
    """Draw round a part of the map, corners in px of the window."""
    tab.map().root.get_by_role("button", name=re.compile(name)).first.click()
    tab.page.mouse.move(*corners[0])
    tab.page.mouse.down()
    for corner in [*corners[1:], corners[0]]:
        tab.page.mouse.move(*corner, steps=6)
    with tab.rerun():
        tab.page.mouse.up()


def test_search_shows_what_it_finds(tab: Tab, digits: DataSet) -> None:
    tab.open_panel("Selection")
    with tab.rerun():
        tab.type("Search", "label 7")
    expected = np.flatnonzero(digits.labels == 7)
    expected = expected[expected >= FIRST_TEST_DIGIT]
    tab.sheet(total=len(expected)).wait_for()
    assert shown_ids(tab) == expected[:48].tolist()
    # each picture belongs to its id
    buttons = tab.sheet().get_by_role("group").get_by_role("button")
    for i in (0, 17, 47):
        digit = expected[i]
        assert (
            read_grey(buttons.nth(i).locator("canvas")) == 255 - digits.images[digit].ravel()
        ).all()
        name = f"a 7 · test #{digit - FIRST_TEST_DIGIT:,}"
        assert buttons.nth(i).get_attribute("aria-label") == name
    counts = tab.sheet().locator(".count").all_inner_texts()
    assert counts == ["0"] * 7 + [f"{len(expected):,}"] + ["0"] * 2
    # the next page sends its own pictures only, and takes their place
    n_received = len(tab.received)
    with tab.rerun():
        tab.press("Next page")
    tab.until(lambda: shown_ids(tab) == expected[48:96].tolist(), "the second page")
    assert sum(frame.size for frame in tab.received[n_received:]) < 150_000
    assert f"49–96 of {len(expected):,}" in tab.sheet().inner_text()
    # a click pins the digit and stays here
    with tab.rerun():
        buttons.nth(3).click()
    tab.until(lambda: buttons.nth(3).get_attribute("aria-pressed") == "true", "the frame")
    assert tab.page.get_by_role("tab", name="Selection", selected=True).count() == 1
    tab.open_panel("Place")
    tab.wait_picture("Original", 255.0 - digits.images[expected[51]].ravel(), within=0)


def test_a_bad_search_is_one_sentence(tab: Tab) -> None:
    tab.open_panel("Selection")
    with tab.rerun():
        tab.type("Search", "label 3")
    tab.sheet().wait_for()
    before = shown_ids(tab)
    for bad in ("sevens", "label 12", "test 10000"):
        with tab.rerun():
            tab.type("Search", bad)
        tab.page.get_by_test_id("stAlert").wait_for()
        (said,) = tab.alerts()
        assert said.endswith(".")
        assert tab.typed("Search") == bad
        assert shown_ids(tab) == before  # the selection stays


def test_the_worst_come_in_their_order(tab: Tab, first: Shipped, digits: DataSet) -> None:
    """The ranking agrees with torch's own sum of the decoder's log-likelihood, at the mean."""
    tab.open_panel("Selection")
    with tab.rerun():
        tab.type("Search", "the 30 worst reconstructions")
    tab.sheet(total=30).wait_for()
    captions = [
        button.get_attribute("aria-label")
        for button in tab.sheet().get_by_role("group").get_by_role("button").all()
    ]
    values = [
        float(text.split("reconstruction ")[1].split()[0].replace("−", "-")) for text in captions
    ]
    assert values == sorted(values)
    worst = set(shown_ids(tab))
    rng = np.random.default_rng(0)
    others = rng.choice(np.arange(FIRST_TEST_DIGIT, 70_000), 30, replace=False)

    def at_mean(digit: int) -> float:
        p = first.decode_z(first.encode(digits.images[digit])[0]).clip(1e-7, 1 - 1e-7)
        x = digits.images[digit].ravel() / 255
        return float((x * np.log(p) + (1 - x) * np.log(1 - p)).sum())

    assert max(map(at_mean, sorted(worst)[:8])) < np.median([at_mean(d) for d in others.tolist()])


def test_lasso(tab: Tab, first: Shipped) -> None:
    """What is inside the polygon, and nothing else; kept over pages and checkpoints."""
    view = tab.map().settle()
    left, top = view.left + 0.2 * view.width, view.top + 0.3 * view.height
    right, bottom = view.left + 0.55 * view.width, view.top + 0.75 * view.height
    lasso(tab, [(left, top), (right, top), (right, bottom), (left, bottom)])
    tab.sheet().wait_for()
    px = view.to_px(first.test_coords)
    gap = np.minimum.reduce([px[:, 0] - left, right - px[:, 0], px[:, 1] - top, bottom - px[:, 1]])
    total = int(tab.sheet().get_attribute("data-total"))
    assert np.count_nonzero(gap > 2) <= total <= np.count_nonzero(gap > -2)
    inside = set((np.flatnonzero(gap > -2) + FIRST_TEST_DIGIT).tolist())
    assert set(shown_ids(tab)) <= inside
    before = shown_ids(tab)
    tab.go("Compare").wait_ready(maps=2)
    tab.go("Explore").wait_ready()
    tab.sheet(total=total).wait_for()
    assert shown_ids(tab) == before
    other = tab.keyed("app_checkpoint").get_by_role("combobox").input_value().split(" · ")[0]
    with tab.rerun():
        tab.choose("Checkpoint", "beta4" if other != "beta4" else "elbo")
    tab.sheet(total=total).wait_for()
    assert shown_ids(tab) == before
    with tab.rerun():
        tab.page.get_by_role("button", name="Release the selection").or_(
            tab.keyed("selection_release").get_by_role("button")
        ).first.click()
    tab.sheet().wait_for(state="detached")


def test_sheet_by_keyboard(tab: Tab) -> None:
    tab.open_panel("Selection")
    with tab.rerun():
        tab.type("Search", "label 1")
    tab.sheet().wait_for()
    buttons = tab.sheet().get_by_role("group").get_by_role("button")
    buttons.first.focus()
    tab.page.keyboard.press("ArrowRight")
    tab.page.keyboard.press("ArrowDown")
    moved = tab.sheet().evaluate(
        """sheet => {
            const buttons = [...sheet.querySelectorAll(".sheet button")];
            return buttons.indexOf(sheet.getRootNode().activeElement);
        }"""
    )
    tops = [round(buttons.nth(i).bounding_box()["y"]) for i in range(20)]
    assert moved == tops.count(tops[0]) + 1
    wanted = shown_ids(tab)[moved]
    with tab.rerun():
        tab.page.keyboard.press("Enter")
    tab.open_panel("Place")
    name = f"test #{wanted - FIRST_TEST_DIGIT:,}"
    tab.page.get_by_role("heading", name=re.compile(re.escape(name) + "$")).wait_for()


def test_files(tab: Tab, first: Shipped, digits: DataSet, tmp_path: Path) -> None:
    tab.open_panel("Selection")
    with tab.rerun():
        tab.type("Search", "test 10-19")
    tab.sheet(total=10).wait_for()
    tab.open_downloads()
    found = {}
    for kind in ("CSV", "NPZ"):
        with tab.page.expect_download() as download:
            tab.press(f"The 10 selected digits as {kind}")
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        found[kind] = path
    lines = found["CSV"].read_text(encoding="utf-8").splitlines()
    assert any("nats" in line for line in lines if line.startswith("#"))
    rows = list(csv.DictReader(io.StringIO("\n".join(x for x in lines if not x.startswith("#")))))
    assert [int(row["index"]) for row in rows] == list(range(10, 20))
    for row in rows:
        mu, _ = first.encode(digits.images[int(row["id"])])
        np.testing.assert_allclose([float(row["z1"]), float(row["z2"])], mu, atol=2e-3)
        assert int(row["label"]) == digits.labels[int(row["id"])]
        total = float(row["reconstruction"]) - float(row["kl"])
        np.testing.assert_allclose(float(row["elbo"]), total, rtol=1e-4)
    with np.load(found["NPZ"]) as arrays:
        assert arrays["id"].tolist() == [int(row["id"]) for row in rows]
        assert "nats" in str(arrays["README"])


def test_map_page_opens_offline(
    tab: Tab, browser: Browser, tmp_path: Path, first: Shipped, digits: DataSet
) -> None:
    """The exported page draws all digits, and asks nobody for anything."""
    tab.open_downloads()
    with tab.page.expect_download() as download:
        tab.press("The map as an interactive page")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    context = browser.new_context(offline=True)
    page = context.new_page()
    requests: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_function(
        """() => {
            const traces = document.querySelector(".js-plotly-plot")?.calcdata ?? [];
            return traces.reduce((n, trace) => n + (trace[0]?.t?.x?.length ?? 0), 0) === 10000;
        }"""
    )
    assert page.locator(".legend .traces").count() == 10
    assert page.locator(".js-plotly-plot canvas").count() > 0
    # pointed at, a digit says its label and its index
    far = np.linalg.norm(first.test_coords, axis=1).argmax()
    x, y = page.evaluate(
        """([x, y]) => {
            const chart = document.querySelector(".js-plotly-plot");
            const { xaxis, yaxis } = chart._fullLayout;
            const box = chart.getBoundingClientRect();
            return [box.x + xaxis._offset + xaxis.l2p(x), box.y + yaxis._offset + yaxis.l2p(y)];
        }""",
        first.test_coords[far].tolist(),
    )
    page.mouse.move(x, y)
    label = page.locator(".hoverlayer .hovertext")
    label.wait_for()
    assert f"a {digits.labels[FIRST_TEST_DIGIT + far]}, test #{far:,}" in label.text_content()
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert errors == []
    context.close()


def test_a_big_selection_sends_one_page(
    open_tab: Callable[..., Tab], server: Server, digits: DataSet
) -> None:
    tab = open_tab(server, "?split=all&select=label+0-6").wait_ready(points=70_000)
    total = int((digits.labels < 7).sum())
    tab.sheet(total=total).wait_for()
    assert shown_ids(tab) == np.flatnonzero(digits.labels < 7)[:48].tolist()
