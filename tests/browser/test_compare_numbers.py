"""The Compare page's numbers on screen: drift as colour and threshold, and the table of figures."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from tests.browser.conftest import Server, Shipped
from tests.browser.tab import Tab
from vae_core.comparison import alignment, drift, neighbourhoods

FIRST, OTHER = "line", "autoencoder"  # quickly measured, both


def number(text: str) -> float:
    found = re.search(r"-?[\d.]+\d", text.replace("−", "-"))
    assert found is not None, text
    return float(found[0])


def test_drift_colours_the_map_and_its_threshold_selects(
    open_tab: Callable[..., Tab], server: Server, shipped: dict[str, Shipped]
) -> None:
    query = f"section=drift&checkpoint={OTHER}&other={FIRST}&measure=relative&k=20"
    tab = open_tab(server, f"compare?{query}").wait_ready()
    a, b = (shipped[name].test_coords.astype(float) for name in (OTHER, FIRST))
    near = neighbourhoods.neighbours(a, k=20)
    want = drift.relative_change(a, alignment.align(b, a).aligned, near)
    root = tab.map().root
    tab.until(lambda: root.get_attribute("data-colour") == "drift", "the points' colour")
    ends = root.locator(".legend-scale span:not(.legend-bar)").all_inner_texts()
    shown = [number(text) for text in ends]
    assert np.abs(np.array(shown) - np.quantile(want, (0.02, 0.98))).max() < 0.006
    assert "Change of relative place, z units" in root.locator(".legend-title").all_inner_texts()
    row, px = tab.map().lone_digits(a, n=1)[0]
    tab.map().hover(px)
    value = root.get_by_text(re.compile(r"change of relative place [\d.]+ z units")).first
    value.wait_for()
    assert abs(number(value.inner_text().partition("place")[2]) - want[row]) < 0.0051
    slider = tab.page.get_by_role("slider", name="Threshold, z units")
    with tab.rerun():
        slider.press("ArrowLeft")
    said = tab.page.get_by_text(re.compile(r"digits lie at")).inner_text()
    n, threshold = int(number(said.replace(",", ""))), number(said.partition("at")[2])
    rounding = 0.00051
    assert np.count_nonzero(want >= threshold + rounding) <= n
    assert n <= np.count_nonzero(want >= threshold - rounding)
    tab.until(lambda: root.get_attribute("data-selected") == str(n), f"{n} digits to be selected")
    tab.sheet(total=n).wait_for()


def test_the_table_of_figures(
    open_tab: Callable[..., Tab], server: Server, shipped: dict[str, Shipped]
) -> None:
    tab = open_tab(server, f"compare?section=figures&checkpoint={FIRST}&other={OTHER}")
    table = tab.page.get_by_role("table", name="Figures on the 10,000 test digits")
    table.wait_for(timeout=180_000)  # all is measured the first time
    tab.wait_idle()
    heads = [text.strip() for text in table.get_by_role("columnheader").all_inner_texts()]
    assert heads[1:] == [FIRST, OTHER]
    metrics = [shipped[name].checkpoint.metrics for name in (FIRST, OTHER)]
    for key, title in {"knn10": "10-NN accuracy", "silhouette": "Silhouette", "ari": "ARI"}.items():
        row = table.get_by_role("row", name=re.compile(f"^{title}"))
        cells = row.get_by_role("cell")
        values = [figures[key].value for figures in metrics]
        for i, value in enumerate(values):
            assert abs(number(cells.nth(i).inner_text()) - value) <= 0.00051
            assert cells.nth(i).locator("strong").count() == (value == max(values))
    name = table.get_by_role("button", name="Silhouette")
    definition = table.get_by_role("tooltip").filter(has_text="Rousseeuw 1987")
    assert not definition.is_visible()
    name.focus()  # by keyboard or a tap
    definition.wait_for()
    assert "from −1 to 1; best: 1" in definition.inner_text()
    name.blur()
    definition.wait_for(state="hidden")
    name.hover()
    definition.wait_for()
    with tab.page.expect_download() as download:
        tab.press("Download the table")
    assert download.value.suggested_filename == f"compare-{FIRST}-{OTHER}.csv"
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("figure,unit,checkpoint,sha256,value,low,high")
    (line,) = (line for line in lines if line.startswith(f"Silhouette,,{OTHER},"))
    assert float(line.split(",")[4]) == metrics[1]["silhouette"].value
