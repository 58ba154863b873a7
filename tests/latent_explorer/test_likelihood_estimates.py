"""The Likelihood page's chapters on estimators and on dimensions, without a browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from streamlit.testing.v1 import AppTest

from latent_explorer.data import catalogue, digits, encoding, lattice, observations
from latent_explorer.data.lattice import ESTIMATE_SAMPLES
from latent_explorer.pages.likelihood import estimates, noise
from latent_explorer.pages.likelihood.votes import collisions, confusion
from latent_explorer.plots import dimensions as dimension_plots
from latent_explorer.plots import estimates as estimate_plots
from tests.latent_explorer.test_pages import component, pictures, shown_errors
from vae_core.analysis.denoising import denoise
from vae_core.analysis.evaluation import model_input
from vae_core.analysis.marginal import log_px_exact
from vae_core.checkpoints import CheckpointRef, load_checkpoint
from vae_core.data import load_mnist
from vae_core.exact.posterior import kl_to_posterior

PAGE = "latent_explorer/pages/likelihood/view.py"
COLORS = {"Naive": "#112233", "IWAE": "#223344", "exact": "#334455", "ELBO": "#445566", "KL": "#0"}


@pytest.fixture
def page(app: AppTest) -> Callable[..., AppTest]:
    """Open a chapter, of a checkpoint."""

    def open_page(chapter: int, checkpoint: str, **query: str) -> AppTest:
        for name, value in {"chapter": str(chapter), "checkpoint": checkpoint, **query}.items():
            app.query_params[name] = value
        app.run()
        return app.switch_page(PAGE).run()

    return open_page


def said(at: AppTest) -> str:
    parts = (one.value for one in (*at.markdown, *at.caption))
    return "\n".join(parts).replace("−", "-").replace("&nbsp;", " ")


def ref_of(name: str) -> CheckpointRef:
    return next(ref for ref in catalogue.checkpoints()[0] if ref.name == name)


def found_number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found is not None, f"{pattern} in {text}"
    return float(found[1].replace(",", ""))


# --- estimators ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("checkpoint", "digit"), [("line", 60_001), ("line", 60_003)])
def test_the_numbers_are_the_core_s(
    page: Callable[..., AppTest], checkpoint: str, digit: int
) -> None:
    at = page(4, checkpoint, id=str(digit))
    assert not at.exception
    assert not shown_errors(at)
    model = load_checkpoint(ref_of(checkpoint)).model
    x = model_input(model, load_mnist("test"))[digit - 60_000 : digit - 59_999]
    exact = log_px_exact(model, x, spacing=0.04)
    text = said(at)
    assert found_number(r"exact: \*\*(-[\d.]+) nats", text) == pytest.approx(float(exact), abs=0.01)
    kl = found_number(r"-[\d.]+ \+ ([\d.]+) = ", text)
    assert kl == pytest.approx(float(kl_to_posterior(model, x, exact)), abs=0.01)
    elbo = found_number(r"ELBO: \*\*(-[\d.]+) nats", text)
    error = found_number(r"standard error of ([\d.]+) from the ELBO", text)
    assert elbo + kl == pytest.approx(float(exact), abs=5 * error + 0.02)
    assert text.count(":material/check_circle:") == 2
    assert ":material/error:" not in text
    assert pictures(at, "estimates_digit").popitem()[1] == pytest.approx(255 * x[0].numpy())


def test_k_moves_through_the_runs(page: Callable[..., AppTest]) -> None:
    at = page(4, "line")
    found = lattice.estimates(
        ref_of("line"), observations.explained_pixels(ref_of("line"), 60_000).tobytes()
    )
    (slider,) = (one for one in at.select_slider if one.key == estimates.K)
    assert slider.value == 1000
    for k in (1, 100, 100_000):
        slider.set_value(k).run()
        assert not at.exception
        assert f"All 50 runs at K = {k:,}" in said(at)
        column = ESTIMATE_SAMPLES.index(k)
        for name, runs in (("Naive", found.naive), ("IWAE", found.iwae)):
            cells = re.search(rf"^\| {name} \|(.*)\|$", said(at), re.MULTILINE)
            assert cells is not None
            median, between, ess = (cell.strip() for cell in cells[1].split("|"))
            values = runs.value[:, column].numpy()
            assert float(median) == pytest.approx(np.median(values), abs=0.006)
            low, high = (float(part) for part in between.split(" to "))
            assert [low, high] == pytest.approx(np.quantile(values, [0.05, 0.95]), abs=0.006)
            assert float(ess.replace(",", "")) <= k
    # naive Monte Carlo closes in on the exact value, as its error says it must
    relative_variance = lattice.explanation(
        ref_of("line"), observations.explained_pixels(ref_of("line"), 60_000).tobytes()
    ).relative_variance()
    stderr = (relative_variance / 100_000) ** 0.5
    off = np.abs(found.naive.value[:, -1].numpy() - found.log_px)
    assert np.median(off) < 2 * stderr
    needed = found_number(r"about\s+\*\*([\d,]+) prior samples", said(at))
    assert needed == pytest.approx(relative_variance / 0.01, rel=0.06)


@pytest.mark.parametrize(("checkpoint", "why"), [("ten", "10 dimensions"), ("autoencoder", "no p")])
def test_what_has_no_lattice_is_offered_another(
    page: Callable[..., AppTest], checkpoint: str, why: str
) -> None:
    at = page(4, checkpoint)
    assert not at.exception
    assert why in " ".join(one.value for one in at.info)
    (switch,) = (one for one in at.button if one.label.startswith("Switch to"))
    assert not at.select_slider
    assert switch.label == "Switch to atlas"


def test_convergence_shows_and_plays_the_runs() -> None:
    values = np.array([[-9.0, -5.0, -4.0], [-7.0, -5.0, -4.0], [-8.0, -6.0, -4.1]])
    figure = estimate_plots.convergence(
        n_samples=[1, 10, 100],
        runs={"Naive": values, "IWAE": values + 1},
        lines={"exact": -4.0, "ELBO": -6.0},
        chosen=10,
        lowest=-9.0,
        colors=COLORS,
    )
    shown = {trace.name: trace for trace in figure.data if trace.name}
    assert list(shown["Naive, median"].y) == [-8.0, -5.0, -4.0]
    assert list(shown["IWAE, median"].y) == [-7.0, -4.0, -3.0]
    assert list(shown["exact"].y) == [-4.0, -4.0]
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.yaxis.range[0] < -9.0
    assert figure.layout.yaxis.range[1] > -3.0
    assert [frame.name for frame in figure.frames] == ["1", "10", "100"]
    for i, frame in enumerate(figure.frames, start=1):
        for at, part in zip(frame.traces, frame.data, strict=True):
            assert list(part.y) == list(figure.data[at].y)[:i]


def test_spread_has_a_dot_for_each_run() -> None:
    runs = {"Naive": np.array([-9.0, -8.0]), "IWAE": np.array([-5.0, -4.0])}
    figure = estimate_plots.spread(runs=runs, lines={"exact": -4.0, "ELBO": -6.0}, colors=COLORS)
    for row, (trace, values) in enumerate(zip(figure.data, runs.values(), strict=True)):
        assert list(trace.x) == list(values)
        assert np.abs(np.array(trace.y) - row).max() <= 0.25
    assert [shape.x0 for shape in figure.layout.shapes] == [-4.0, -6.0]


def test_the_parts_end_where_they_add_up_to() -> None:
    figure = estimate_plots.decomposition(
        log_px=-90.0, elbo=-97.5, kl=7.4, colors=COLORS | {"KL": "#556677"}
    )
    ends = {bar.name: bar.base[0] + bar.x[0] for bar in figure.data}
    assert ends == pytest.approx({"ELBO": -97.5, "KL": -90.1, "log p(x)": -90.0})
    low, high = figure.layout.xaxis.range
    assert low == min(bar.base[0] for bar in figure.data)
    assert high > -90.0


# --- dimensions ---------------------------------------------------------------------------------


def neighbours_vote(codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    near = NearestNeighbors(n_neighbors=11).fit(codes).kneighbors(codes)[1][:, 1:]
    return np.stack([np.bincount(row, minlength=10) for row in labels[near]]).argmax(1)


def test_collisions_are_those_of_the_neighbours(page: Callable[..., AppTest]) -> None:
    at = page(6, "elbo")
    assert not at.exception
    assert not shown_errors(at)
    labels = digits.labels()[60_000:]
    votes = neighbours_vote(encoding.positions(ref_of("elbo")).coords[60_000:], labels)
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (labels, votes), 1)
    assert np.abs(confusion(ref_of("elbo")) - counts).max() <= 2  # ties in float32
    mutual = np.triu(counts + counts.T, 1)
    a, b = np.unravel_index(mutual.argmax(), mutual.shape)
    text = said(at)
    shown = found_number(rf"{a} and {b} taken for one another.*: \*\*([\d,]+)\*\* in elbo", text)
    assert shown == pytest.approx(mutual[a, b], abs=2)
    for i, (ids, label) in enumerate(
        zip(collisions(ref_of("elbo"), (int(a), int(b))), (a, b), strict=True)
    ):
        assert (digits.labels()[ids] == label).all()
        strip = component(at, f"dimensions_pair_{i}")["images"]
        assert [one["title"] for one in strip] == [f"a {label}"] * 6
    selected = component(at, "likelihood_map")
    assert selected["pin"] is not None


def test_the_table_has_the_headers_figures(page: Callable[..., AppTest]) -> None:
    text = said(page(6, "line"))
    for ref in catalogue.checkpoints()[0]:
        header = catalogue.stored(ref).header
        row = re.search(rf"^\| D = (\d+), \*\*{ref.name}\*\* \|(.*)\|$", text, re.MULTILINE)
        if header.model.likelihood != "bernoulli":
            assert row is None
            continue
        assert row is not None
        assert int(row[1]) == header.model.latent_dim
        figure = header.metrics["log_px"]
        name = "exact"
        if figure.value is None and "iwae" in header.metrics:
            figure, name = header.metrics["iwae"], "IWAE-"
        if figure.value is None:
            assert " – " in row[2]
            continue
        assert f"{figure.value:.2f} :small[{name}" in row[2]
        assert f"{header.metrics['knn10'].value:.3f}" in row[2]


def test_noise_is_mended_as_the_core_does(page: Callable[..., AppTest]) -> None:
    at = page(6, "line", id="60005")
    (slider,) = (one for one in at.slider if one.key == noise.NOISE)
    assert slider.value == 25  # what the denoising model was trained with
    slider.set_value(40).run()
    assert not at.exception
    strip = component(at, "dimensions_mended")["images"]
    shown = pictures(at, "dimensions_mended")
    for name in ("denoising", "elbo"):
        model = load_checkpoint(ref_of(name)).model
        x = model_input(model, load_mnist("test"))[5:6]
        found = denoise(model, x, share=0.4, generator=torch.Generator().manual_seed(0))
        assert shown["Clean"] == pytest.approx(255 * x[0].numpy())
        assert shown["Noisy"] == pytest.approx(255 * found.noisy[0].numpy())
        assert np.abs(shown[name] - 255 * found.recon[0].numpy()).max() <= 1
        (caption,) = (one["caption"] for one in strip if one["title"] == name)
        nats = float(caption.replace("−", "-").split()[0])
        assert nats == pytest.approx(float(found.log_px_z), abs=0.02)
    (again,) = (one for one in at.button if one.label == "Other noise")
    again.click().run()
    assert (pictures(at, "dimensions_mended")["Noisy"] != shown["Noisy"]).any()


def test_what_is_missing_is_said(
    app: AppTest, weights: Path, write_checkpoint: Callable[..., Any]
) -> None:
    write_checkpoint(weights / "alone.safetensors")
    app.query_params["chapter"] = "6"
    app.run()
    app.switch_page(PAGE).run()
    assert not app.exception
    assert "no denoising model" in " ".join(one.value for one in app.info)
    assert "no model with 1 or 10 latent dimensions" in said(app)


def test_a_vote_matrix_frames_the_pair() -> None:
    counts = np.arange(100).reshape(10, 10)
    figure = dimension_plots.vote_matrix(
        counts, most=98, marked=(4, 9), color="#b3261e", ink="#000000"
    )
    [trace] = figure.data
    assert (np.diag(trace.z) == 0).all()  # only wrong votes are coloured
    assert trace.z[3][4] == 34
    assert trace.text[3][4] == "34"
    assert {(shape.x0, shape.y0) for shape in figure.layout.shapes} == {(8.5, 3.5), (3.5, 8.5)}


def test_noise_curves_are_drawn() -> None:
    figure = dimension_plots.noise_curves(
        shares=[0.0, 0.5],
        curves={"a": [-1.0, -2.0], "b": [-1.5, -1.6]},
        chosen=0.25,
        colors={"a": "#111111", "b": "#222222"},
    )
    assert {trace.name: list(trace.y) for trace in figure.data} == {
        "a": [-1.0, -2.0],
        "b": [-1.5, -1.6],
    }
    assert figure.layout.shapes[0].x0 == 0.25
