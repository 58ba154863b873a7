"""The Compare page's numbers, without a browser: drift, classes, figures."""

from __future__ import annotations

import base64
import csv
import io
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from latent_explorer.data import catalogue, digits, encoding
from latent_explorer.data.digit_terms import digit_terms
from latent_explorer.data.digits import SPLITS
from latent_explorer.data.selection import write_ids
from latent_explorer.pages.compare import evaluation, measures, transition
from latent_explorer.pages.compare.definitions import DEFINITIONS, Definition, Shown
from latent_explorer.pages.compare.drift import MAP
from latent_explorer.pages.compare.metrics import as_csv, as_html
from latent_explorer.pages.compare.most_moved import SHEET
from latent_explorer.pages.compare.stories import cluster_stories
from latent_explorer.panels import selection
from latent_explorer.plots.classes import class_bars, class_difference, class_matrix
from latent_explorer.plots.drift import drift_histogram
from tests.latent_explorer.test_pages import address, component, shown_errors, trigger
from vae_core.checkpoints import CheckpointRef, read_listed, save_checkpoint
from vae_core.comparison import alignment, clusters, drift, neighbourhoods, spread
from vae_core.comparison.clusters import k_means_agreement
from vae_core.identity import MNIST_TEST
from vae_core.metrics import Metric, based

PAGE = "latent_explorer/pages/compare/view.py"
N_TEST = 10_000


@pytest.fixture
def pair(weights: Path, write_checkpoint: Callable[..., Any]) -> tuple[CheckpointRef, ...]:
    """Two small random checkpoints, alone in the folder."""
    for seed, name in enumerate(("first", "other")):
        write_checkpoint(weights / f"{name}.safetensors", seed=seed)
    return tuple(catalogue.checkpoints()[0])


@pytest.fixture
def page(app: AppTest) -> Callable[..., AppTest]:
    """Open a section of the page."""

    def open_page(section: str, **query: str) -> AppTest:
        for name, value in {"section": section, **query}.items():
            app.query_params[name] = value
        app.run()
        app.switch_page(PAGE).run()
        assert not app.exception
        assert not shown_errors(app)
        return app

    return open_page


def said(at: AppTest) -> str:
    parts = (one.value for one in (*at.markdown, *at.caption))
    return "\n".join(parts).replace("−", "-")


def numbers(pattern: str, text: str) -> list[float]:
    found = re.search(pattern, text)
    assert found is not None, f"{pattern} in {text}"
    return [float(group.replace(",", "").rstrip(".")) for group in found.groups()]


def test_codes(ref: CheckpointRef) -> np.ndarray:
    return encoding.positions(ref).coords[SPLITS["test"]].astype(float)


test_codes.__test__ = False  # pyright: ignore[reportFunctionMemberAccess]


# --- morph ---------------------------------------------------------------------------------------


def test_the_morph_trails_the_most_changed(
    pair: tuple[CheckpointRef, ...], page: Callable[..., AppTest]
) -> None:
    at = page("morph", aligned="none")
    data = component(at, "compare_morph")
    a, b = (test_codes(ref) for ref in pair)
    change = drift.neighbour_change(
        neighbourhoods.neighbours(a, k=20), neighbourhoods.neighbours(b, k=20)
    )
    assert len(data["trails"]) == 200
    assert change[data["trails"]].min() >= np.sort(change)[-200]
    end = np.frombuffer(base64.b64decode(data["end"]), "<f4").reshape(-1, 2)
    np.testing.assert_allclose(end, b, rtol=1e-6)
    at.toggle(key="compare_morph_aligned").set_value(True).run()
    assert not at.exception
    end = np.frombuffer(base64.b64decode(component(at, "compare_morph")["end"]), "<f4")
    np.testing.assert_allclose(
        end.reshape(-1, 2), alignment.align(b, a).aligned, rtol=1e-4, atol=1e-5
    )
    (residual,) = numbers(r"leaves ([\d.]+) z units", said(at))
    assert residual == pytest.approx(alignment.align(b, a).residual, abs=6e-4)
    selecting_none = next(one for one in at.selectbox if one.key == "compare_trails")
    selecting_none.set_value("selection").run()
    assert component(at, "compare_morph")["trails"] == []


def test_a_link_restores_the_morph(
    pair: tuple[CheckpointRef, ...], page: Callable[..., AppTest]
) -> None:
    digits = np.array([60_003, 60_400, 69_999])
    at = page("morph", at="0.25", trails="selection", digits=write_ids(digits), aligned="all")
    data = component(at, "compare_morph")
    assert data["at"] == 0.25
    assert data["trails"] == [3, 400, 9_999]
    asked = {"section": "morph", "trails": "selection", "aligned": "all", "other": "other"}
    assert (asked | {"digits": write_ids(digits)}).items() <= address(at).items()


@pytest.mark.parametrize(("factor", "is_one_scale"), [(2.0, True), (-10.0, False), (0.0, False)])
def test_maps_of_very_different_sizes_have_scales_of_their_own(
    factor: float, is_one_scale: bool
) -> None:
    codes = np.random.default_rng(0).normal(size=(1000, 2))
    first, last = transition._halves(codes, factor * codes)
    quantile = np.quantile(np.abs(codes), 0.998)
    assert last == pytest.approx(abs(factor) * quantile, abs=1e-6)
    assert first == (last if is_one_scale else quantile)


# --- drift ---------------------------------------------------------------------------------------


def expected_drift(refs: tuple[CheckpointRef, ...], measure: str, k: int) -> np.ndarray:
    """Straight from the core."""
    a, b = (test_codes(ref) for ref in refs)
    aligned = alignment.align(b, a).aligned
    if measure == "displacement":
        return drift.displacement(a, aligned)
    near = neighbourhoods.neighbours(a, k=k)
    if measure == "neighbours":
        return drift.neighbour_change(near, neighbourhoods.neighbours(b, k=k))
    return drift.relative_change(a, aligned, near)


@pytest.mark.parametrize(
    ("measure", "k"), [("displacement", 10), ("neighbours", 17), ("relative", 5)]
)
def test_drift_shows_the_core_s_numbers(
    pair: tuple[CheckpointRef, ...], page: Callable[..., AppTest], measure: str, k: int
) -> None:
    at = page("drift", measure=measure, k=str(k))
    want = expected_drift(pair, measure, k)
    shown = numbers(
        r"Median ([\d.]+)(?: z units)?, mean ([\d.]+)(?: z units)?, largest ([\d.]+)", said(at)
    )
    assert shown == pytest.approx([np.median(want), want.mean(), want.max()], abs=0.00051)
    given = component(at, MAP)
    assert given["drift"] is not None
    assert given["start"]["colour"] == "drift"
    assert {"section": "drift", "measure": measure}.items() <= address(at).items()
    (slider,) = (one for one in at.slider if one.label.startswith("Threshold"))
    n = int(np.count_nonzero(want >= slider.value))
    assert f"**{n:,} digits** lie at" in said(at)
    order = np.argsort(-want, kind="stable")[:48]
    ids = component(at, SHEET)["ids"]
    assert ids == (order[:n] + 60_000).tolist()
    if measure != "neighbours":
        residual = alignment.align(*(test_codes(ref) for ref in pair[::-1])).residual
        assert numbers(r"it leaves ([\d.]+) z units", said(at)) == pytest.approx(
            [residual], abs=0.00051
        )


def test_the_threshold_selects_and_a_digit_is_picked(
    pair: tuple[CheckpointRef, ...], page: Callable[..., AppTest]
) -> None:
    at = page("drift")
    want = expected_drift(pair, "displacement", 10)
    (slider,) = (one for one in at.slider if one.label.startswith("Threshold"))
    assert at.session_state[selection._SELECTED] is None
    step = float(slider.step)  # pyright: ignore[reportArgumentType]
    slider.set_value(step * round(float(np.quantile(want, 0.9)) / step)).run()
    (slider,) = (one for one in at.slider if one.label.startswith("Threshold"))
    ids = np.flatnonzero(want >= slider.value) + 60_000
    np.testing.assert_array_equal(at.session_state[selection._SELECTED].ids, ids)
    assert component(at, MAP)["selected"]["first_id"] == ids[0]
    digit = component(at, SHEET)["ids"][3]
    trigger(at, SHEET, "choose", digit)
    assert component(at, MAP)["pin"]["id"] == digit
    value = want[digit - 60_000]
    assert numbers(r": ([\d.]+) z units, rank ([\d,]+) of 10,000", said(at)) == pytest.approx(
        [value, 4], abs=0.00051
    )
    link = address(at)
    assert float(link["threshold"]) == pytest.approx(slider.value, rel=1e-4)
    assert link["digits"] == write_ids(ids)


def test_a_link_restores_the_drift(
    pair: tuple[CheckpointRef, ...], page: Callable[..., AppTest]
) -> None:
    asked = float(np.median(expected_drift(pair, "displacement", 10)))
    digits = write_ids(np.array([60_001, 60_005]))
    at = page(
        "drift", threshold=f"{asked:.4f}", measure="displacement", shown="other", digits=digits
    )
    (slider,) = (one for one in at.slider if one.label.startswith("Threshold"))
    assert slider.value == pytest.approx(asked, abs=slider.step)
    data = component(at, MAP)
    assert (address(at)["shown"], address(at)["digits"]) == ("other", digits)
    assert data["selected"]["first_id"] == 60_001
    assert "other" in data["label"]


def test_a_copy_drifts_nowhere(
    weights: Path, write_checkpoint: Callable[..., Any], page: Callable[..., AppTest]
) -> None:
    write_checkpoint(weights / "first.safetensors")
    (weights / "copy.safetensors").write_bytes((weights / "first.safetensors").read_bytes())
    for ref in catalogue.checkpoints()[0]:
        for measure in ("displacement", "neighbours", "relative"):
            drift = measures.drift(ref, catalogue.checkpoints()[0][0], "test", measure, 10)
            assert drift.shape == (N_TEST,)
            assert drift.max() < 1e-6
    at = page("drift")
    assert "largest 0.000 z units" in said(at)
    assert "No digit moved." in [one.value for one in at.info]


def test_histogram_counts_every_digit_once() -> None:
    values = np.random.default_rng(0).gamma(2.0, size=500)
    figure: Any = drift_histogram(values, threshold=2.0, title="drift, z units", top=values.max())
    below, above = (np.sum(trace.y) for trace in figure.data)
    assert (below, above) == (np.sum(values < 2.0), np.sum(values >= 2.0))
    assert figure.layout.xaxis.title.text == "drift, z units"


# --- classes -------------------------------------------------------------------------------------


def test_classes_show_the_core_s_numbers(
    pair: tuple[CheckpointRef, ...], page: Callable[..., AppTest]
) -> None:
    at = page("classes", k="7", method="mixture")
    labels = digits.labels()[SPLITS["test"]]
    shares = [
        neighbourhoods.class_confusion(neighbourhoods.neighbours(test_codes(ref), k=7), labels)
        for ref in pair
    ]
    for ref, each in zip(pair, shares, strict=True):
        own = numbers(rf"\*\*{ref.name}\*\* · own class ([\d.]+) %", said(at))
        assert own == pytest.approx([100 * np.diag(each).mean()], abs=0.051)
        found = clusters.matched_clusters(
            encoding.test_codes(ref), labels, n_clusters=10, seed=0, method="mixture"
        )
        right = numbers(rf"\*\*{ref.name}\*\* · in the cluster of their class ([\d.]+) %", said(at))
        assert right == pytest.approx([100 * found.accuracy], abs=0.051)
        per_class = measures.class_metrics(ref)
        assert per_class.spread == pytest.approx(
            spread.class_spread(test_codes(ref), labels), rel=1e-4
        )
        mean = per_class.silhouette @ np.bincount(labels) / N_TEST
        assert mean == pytest.approx(measures.silhouettes(ref).mean())
    difference = shares[1] - shares[0]
    np.fill_diagonal(difference, 0.0)
    r, c = divmod(int(np.abs(difference).argmax()), 10)
    word = "more" if difference[r, c] > 0 else "fewer"
    first_said = f"- {100 * abs(difference[r, c]):.1f} points {word} {c}s among the neighbours of"
    assert first_said in said(at)
    assert "other less first" in said(at)
    assert address(at)["method"] == "mixture"


def test_matrices_shade_confusions_and_write_percents() -> None:
    values = np.full((10, 10), 0.02)
    np.fill_diagonal(values, 0.82)
    values[3, 5] = 0.004
    figure: Any = class_matrix(values, ink="#000000", says="", columns="neighbour")
    (heat,) = figure.data
    assert heat.zmax == pytest.approx(0.02)
    assert (heat.z[4][4], heat.text[4][4], heat.text[3][5]) == (0, "82", "")
    difference: Any = class_difference(values - 0.5, ink="#000000", says="", columns="c")
    assert difference.data[0].zmin == -difference.data[0].zmax == pytest.approx(-0.496)
    assert difference.data[0].text[0][1] == "−48"
    bars: Any = class_bars({"a": np.arange(10.0), "b": np.ones(10)}, title="spread, z units")
    assert [trace.name for trace in bars.data] == ["a", "b"]
    assert list(bars.data[0].y) == list(range(10))


def test_stories_tell_what_differs_first() -> None:
    apart = np.diag([100] * 10)
    merged = apart.copy()
    merged[4, [4, 9]] = 38, 62
    split = merged.copy()
    split[1, [1, 2]] = 50, 50
    assert cluster_stories({"one": apart, "two": apart}) == [
        "No two classes share a cluster and none is split, in any of them."
    ]
    stories = cluster_stories({"one": merged, "two": split})
    assert stories == [
        "1 and 2 share a cluster in two (50 % and 100 % of them), apart in one.",
        "1 is split in two (50 % and 50 %), not split in one.",
        "4 and 9 share a cluster in both: one (62 % and 100 % of them) and "
        "two (62 % and 100 % of them).",
        "4 is split in both: one (62 % and 38 %) and two (62 % and 38 %).",
    ]


# --- figures -------------------------------------------------------------------------------------


def rows_of(html: str) -> dict[str, tuple[list[str], list[bool]]]:
    """By the figure's name: the cells' first lines, and which are bold."""
    found: dict[str, tuple[list[str], list[bool]]] = {}
    for row in re.findall(r"<tr><th scope=\"row\">.*?</tr>", html):
        (title,) = re.findall(r"<button[^>]*>(.*?)</button>", row)
        cells = re.findall(r"<td>(.*?)</td>", row)
        texts = [re.sub(r"<small>.*|<[^>]*>", "", cell) for cell in cells]
        found[unescape(title)] = (texts, ["<strong>" in cell for cell in cells])
    return found


def test_figures_show_the_header_s_and_the_core_s_numbers(
    weights: Path,
    write_checkpoint: Callable[..., Any],
    make_header: Callable[..., Any],
    page: Callable[..., AppTest],
) -> None:
    """The first has all it needs in its header, the other nearly nothing."""
    model = write_checkpoint(weights / "other.safetensors", seed=1)
    coords = read_listed(catalogue.checkpoints()[0][0]).codes
    stored = {
        name: Metric(value, None, "", "by hand", data=MNIST_TEST)
        for name, value in (("elbo", -1.4), ("nmi", 0.3), ("ari", 0.2), ("aggregate_kl", 0.1))
    }
    save_checkpoint(
        weights / "first.safetensors", model, make_header(model, metrics=stored), coords
    )
    refs = {ref.name: ref for ref in catalogue.checkpoints()[0]}
    pair = (refs["first"], refs["other"])
    at = page("figures", checkpoint="first")
    (html,) = (one.proto.body for one in at.get("html") if "compared-frame" in one.proto.body)
    rows = rows_of(html)
    assert list(rows) == [
        f"{d.title}, {d.unit}" if d.unit else d.title
        for d in (each.measure for each in DEFINITIONS)
    ]
    codes = test_codes(pair[0])
    images = digits.data_set().images[SPLITS["test"]].reshape(N_TEST, -1)
    labels = digits.labels()[SPLITS["test"]]
    nmi, _ = k_means_agreement(codes.astype(np.float32), labels)
    want = {
        "ELBO, nats": [-1.4, -1.5],  # the headers'
        "NMI of k-means": [0.3, nmi],
        "Silhouette": [measures.silhouettes(ref).mean() for ref in pair],
        "Linear CKA with the first": [1.0, 1.0],
        "Neighbours shared with the first": [1.0, 1.0],
        "Trustworthiness": [
            neighbourhoods.trustworthiness(images, neighbourhoods.neighbours(codes, k=10)).mean()
        ] * 2,
        "10-NN accuracy": [neighbourhoods.knn_right(codes, labels, k=10).mean()] * 2,
        "Reconstruction, nats": [
            digit_terms(ref, "test").reconstruction.mean() for ref in pair
        ],
    }  # fmt: skip
    for title, values in want.items():
        texts, _ = rows[title]
        decimals = len(texts[0].partition(".")[2])
        shown = [float(text.replace("−", "-")) for text in texts]
        assert shown == pytest.approx(values, abs=0.51 * 10**-decimals, rel=1e-5), title
    assert rows["log p(x), exact, nats"][0] == ["–", "–"]
    assert rows["KL of aggregate to prior, nats"][0][0] == "0.100"
    assert rows["ELBO, nats"][1] == [True, False]
    assert rows["NMI of k-means"][1] == [False, False]  # one by hand, one measured
    assert rows["Linear CKA with the first"][1] == [False, False]
    found = evaluation.metric_values(pair[1], pair[0])
    for each in found.values():
        if each.interval is not None:
            assert each.metric.value is not None
            assert each.low is not None
            assert each.high is not None
            assert each.low <= each.metric.value <= each.high
    assert {name for name, each in found.items() if each.interval == "bootstrap"} == {
        "elbo", "reconstruction", "knn1", "knn10", "knn50", "silhouette", "trustworthiness",
        "overlap", "kl",
    }  # fmt: skip
    lines = list(
        csv.DictReader(
            io.StringIO(as_csv(pair, [evaluation.metric_values(r, pair[0]) for r in pair]))
        )
    )
    assert len(lines) == 2 * len(DEFINITIONS)
    assert all(line["definition"] and line["range"] and line["source"] for line in lines)
    by_name = {(line["figure"], line["checkpoint"]): line for line in lines}
    trust = found["trustworthiness"]
    assert float(by_name["Trustworthiness", "other"]["value"]) == trust.metric.value


@pytest.mark.parametrize(
    ("key", "values", "hows", "configs", "bold"),
    [
        ("elbo", (-3.0, -2.0), ("a", "a"), ({}, {}), [False, True]),
        ("elbo", (-3.0, -2.0), ("a", "b"), ({}, {}), [False, False]),
        ("elbo", (-3.0, None), ("a", "a"), ({}, {}), [False, False]),
        ("elbo", (-3.0, -2.0), ("a", "a"), ({}, {"likelihood": "gaussian"}), [False, False]),
        ("knn10", (0.3, 0.2), ("a", "a"), ({}, {"likelihood": "gaussian"}), [True, False]),
        (
            "log_px",
            (-2.0, -3.0),
            ("exact: lattice, 1", "exact: lattice, 2"),
            ({}, {}),
            [True, False],
        ),
        ("aggregate_kl", (0.3, 0.2), ("a", "a"), ({}, {}), [False, True]),
        ("kl", (0.3, 0.2), ("a", "a"), ({}, {}), [False, False]),
    ],
)
def test_the_best_is_bold_only_where_it_can_be_told(
    weights: Path,
    write_checkpoint: Callable[..., Any],
    key: str,
    values: tuple[float | None, ...],
    hows: tuple[str, ...],
    configs: tuple[dict[str, Any], ...],
    bold: list[bool],
) -> None:
    for name, config in zip(("a", "b"), configs, strict=True):
        write_checkpoint(weights / f"{name}.safetensors", with_map=False, **config)
    refs = catalogue.checkpoints()[0]
    absent = Shown(Metric(None, None, "", "none"))
    found = [
        {each.key: absent for each in DEFINITIONS} | {key: Shown(measured[key])}
        for measured in (
            based({key: Metric(value, None, "", how)}, catalogue.stored(ref).header.model)
            for ref, value, how in zip(refs, values, hows, strict=True)
        )
    ]
    html = as_html(refs, found)
    definition: Definition = next(each for each in DEFINITIONS if each.key == key)
    measure = definition.measure
    title = f"{measure.title}, {measure.unit}" if measure.unit else measure.title
    assert rows_of(html)[title][1] == bold
    is_odd = (hows[0] != hows[1] and key != "log_px") or (key == "elbo" and configs[1] != {})
    assert ("Not to be set against each other" in html) == is_odd
