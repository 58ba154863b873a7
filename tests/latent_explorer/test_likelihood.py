"""The Likelihood page's frame and its first three chapters, without a browser."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from latent_explorer.data import catalogue, digits, encoding
from latent_explorer.data.neighbours import nearest_on_map
from latent_explorer.pages.likelihood.chapters import CHAPTERS
from latent_explorer.pages.likelihood.frame import figures_page
from latent_explorer.pages.likelihood.numerals import one_in, power_of_ten
from latent_explorer.pages.likelihood.posterior_mass import middle_of
from latent_explorer.pages.likelihood.votes import vote
from latent_explorer.plots import likelihoods as plots
from latent_explorer.vocabulary import SYMBOLS
from tests.latent_explorer.test_pages import (
    address,
    component,
    pictures,
    shown_errors,
    trigger,
    widget,
)
from vae_core.analysis.evaluation import model_input
from vae_core.analysis.marginal import log_px_exact
from vae_core.checkpoints import CheckpointRef, load_checkpoint
from vae_core.data import load_mnist
from vae_core.exact.lattice import DecodedLattice

PAGE = "latent_explorer/pages/likelihood/view.py"
MAP = "likelihood_map"


@pytest.fixture
def page(app: AppTest) -> Callable[..., AppTest]:
    """Open a chapter, of a checkpoint."""

    def open_page(chapter: int, checkpoint: str | None = None, **query: str) -> AppTest:
        app.query_params["chapter"] = str(chapter)
        for name, value in query.items():
            app.query_params[name] = value
        if checkpoint is not None:
            app.query_params["checkpoint"] = checkpoint
        app.run()
        return app.switch_page(PAGE).run()

    return open_page


def said(at: AppTest) -> str:
    return "\n".join(one.value for one in (*at.markdown, *at.caption))


def ref_of(name: str) -> CheckpointRef:
    return next(ref for ref in catalogue.checkpoints()[0] if ref.name == name)


def test_one_z_gives_many_images(page: Callable[..., AppTest]) -> None:
    at = page(1)
    assert not at.exception
    assert component(at, MAP)["pin"]["coords"] == pytest.approx([0.1, 0.5])
    ref = ref_of("atlas")
    mean = encoding.decode(ref, np.array([[0.1, 0.5]]))[0]
    assert np.abs(pictures(at, "likelihood_mean")["f(z)"] - mean * 255).max() <= 0.51
    first = pictures(at, "likelihood_draws")
    assert len(first) == 8
    assert all(set(np.unique(x)) == {0, 255} for x in first.values())
    expected = 2 * float((mean * (1 - mean)).sum())
    assert f"Two draws differ in {expected:.1f} of the 784 pixels" in said(at)
    # all pairs of draws differ about as much as that says: its spread is the square root of it
    found = [(a != b).sum() for a in first.values() for b in first.values() if a is not b]
    assert np.mean(found) == pytest.approx(expected, abs=math.sqrt(expected))
    (again,) = (one for one in at.button if one.label == "Draw again")
    again.click().run()
    second = pictures(at, "likelihood_draws")
    assert any((first[name] != second[name]).any() for name in first)
    trigger(at, MAP, "pick", {"coords": [1.5, -0.75], "id": None})
    assert component(at, MAP)["pin"]["coords"] == pytest.approx([1.5, -0.75])
    assert widget(at.text_input, "likelihood_typed_z").value == "1.5000, -0.7500"


def test_the_digit_that_lives_there_is_the_neighbours_vote() -> None:
    ref = ref_of("line")
    codes = encoding.positions(ref)
    z = 0.3
    test = slice(60_000, 70_000)
    distance = np.abs(codes.center[0] + codes.axes[0, 0] * codes.coords[test, 0] - z)
    nearest = distance.argsort()[:50]
    counts = np.bincount(digits.labels()[test][nearest], minlength=10)
    found = vote(ref, (z,))
    assert found.label == counts.argmax()
    assert found.shares == pytest.approx(counts / 50)
    assert found.distance == pytest.approx(distance.min(), abs=1e-5)
    assert "No digit lives" in vote(ref, (90.0,)).said_who()


def test_sampled_z_follow_the_prior(page: Callable[..., AppTest]) -> None:
    at = page(1)
    seen = []
    for _ in range(6):
        (sample,) = (one for one in at.button if one.label.startswith("Sample z"))
        sample.click().run()
        seen.append(component(at, MAP)["pin"]["coords"])
    assert len({tuple(z) for z in seen}) == 6
    assert np.abs(seen).max() < 6


@pytest.mark.parametrize("checkpoint", ["gaussian-sigma", "mixture"])
def test_sigma_is_said_of_gaussian_models(page: Callable[..., AppTest], checkpoint: str) -> None:
    at = page(1, checkpoint)
    assert not at.exception
    model = load_checkpoint(ref_of(checkpoint)).model
    has_sigma = checkpoint == "gaussian-sigma"
    assert ("σ(z), learned" in said(at)) == has_sigma
    if has_sigma:
        with torch.no_grad():
            sigma = float(model.decoder(torch.tensor([[0.1, 0.5]]))[0, 784].clamp_min(-4).exp())
        assert f"at this z: {sigma:.3f} of full ink" in said(at)


@pytest.mark.parametrize(
    "bad", ["abc", "inf, 1", "nan nan", "1", "1,2,3", "1e9, 0", "", "<b>, *1*"]
)
def test_bad_z_is_one_sentence(page: Callable[..., AppTest], bad: str) -> None:
    at = page(2, z="1,0")
    before = [one.value for one in at.markdown]
    widget(at.text_input, "likelihood_typed_z").set_value(bad).run()
    assert not at.exception
    (error,) = shown_errors(at)
    assert f"“{bad}”" in error
    assert [one.value for one in at.markdown] == before
    widget(at.text_input, "likelihood_typed_z").set_value("0 0").run()
    assert not shown_errors(at)
    assert [one.value for one in at.markdown] != before


def test_one_z_against_the_data_set(page: Callable[..., AppTest]) -> None:
    at = page(2, "line", z="0.25")
    checkpoint = load_checkpoint(ref_of("line"))
    model = checkpoint.model
    x = model_input(model, load_mnist("test"))
    with torch.no_grad():
        log_px_z = model.likelihood.log_px_z(model.decoder(torch.tensor([[0.25]])), x).double()
    total, log_px = float(log_px_z.sum()), checkpoint.metrics["log_px"].value
    text = said(at).replace("−", "-")
    for value in (total / 1e4, log_px):
        assert f"| {value:.2f} |" in text
    for value in (total, log_px * 1e4):
        assert f"| 10^({value / math.log(10):,.0f}) |" in text
    order = log_px_z.argsort().tolist()
    labels = load_mnist("test").labels
    for key, rows in (("likelihood_best", order[:-7:-1]), ("likelihood_worst", order[:6])):
        shown = component(at, key)["images"]
        assert [one["title"] for one in shown] == [f"a {labels[row]}" for row in rows]
        assert [one["caption"].replace("−", "-") for one in shown] == [
            f"{log_px_z[row]:.1f}" for row in rows
        ]


def test_the_best_z_for_all_digits(page: Callable[..., AppTest]) -> None:
    at = page(2, "line")
    (best,) = (one for one in at.button if one.label.startswith("The one z"))
    best.click().run()
    model = load_checkpoint(ref_of("line")).model
    mean = model_input(model, load_mnist("test")).mean(0)  # Bernoulli: linear in x
    z = torch.arange(-6, 6, 0.01).unsqueeze(1)
    with torch.no_grad():
        highest = float(model.likelihood.log_px_z(model.decoder(z), mean).max())
    table = next(one.value for one in at.markdown if "This one z" in one.value)
    row = next(line for line in table.splitlines() if "This one z" in line)
    shown = float(row.split(" | ")[1].replace("−", "-"))
    assert shown == pytest.approx(highest, abs=0.2)


@pytest.mark.parametrize("digit", [60_003, 11])
def test_which_z_explain_a_digit(page: Callable[..., AppTest], digit: int) -> None:
    at = page(3, "line", id=str(digit))
    assert not at.exception
    model = load_checkpoint(ref_of("line")).model
    split, row = ("test", digit - 60_000) if digit >= 60_000 else ("train", digit)
    x = model_input(model, load_mnist(split))[row]  # type: ignore[arg-type]
    text = said(at).replace("−", "-")
    log_px = float(log_px_exact(model, x[None]))
    assert f"log p(x) = {log_px:.2f} nats" in text
    region = DecodedLattice(model).explain(x).region(0.99)
    assert f"({region.prior_mass:.2g} of the prior's mass)" in text
    assert f"**{one_in(region.prior_mass)}**" in text
    with torch.no_grad():
        q = model.encode(x[None])
    std = float((0.5 * q.logvar).exp())
    assert f"q(z|x): μ = ({float(q.mu):.3f}), σ = ({std:.3f})" in text
    assert component(at, MAP)["pin"]["id"] == digit


def test_choosing_a_digit(page: Callable[..., AppTest]) -> None:
    at = page(3, "line")
    assert "A 7, test #0" in said(at)
    trigger(at, MAP, "pick", {"coords": [0.0, 0.0], "id": 60_002})
    assert "A 1, test #2" in said(at)
    assert widget(at.text_input, "likelihood_typed_digit").value == "test 2"
    widget(at.text_input, "likelihood_typed_digit").set_value("train 4711").run()
    assert "train #4,711" in said(at)
    widget(at.text_input, "likelihood_typed_digit").set_value("label 3").run()
    assert "A 3, test #" in said(at)
    before = said(at)
    for bad in ("sevens", "test 10000", "", "label 11"):
        widget(at.text_input, "likelihood_typed_digit").set_value(bad).run()
        assert not at.exception
        assert len(shown_errors(at)) == 1
        assert said(at) == before
    (random,) = (one for one in at.button if one.label == "Random digit")
    random.click().run()
    assert not shown_errors(at)
    # a place without a digit takes the nearest
    trigger(at, MAP, "pick", {"coords": [0.1, 0.0], "id": None})
    ref = ref_of("line")
    nearest = int(nearest_on_map(ref, "test", (0.1, 0.0), n=1).ids[0])
    assert component(at, MAP)["pin"]["id"] == nearest


def test_a_drawn_digit(page: Callable[..., AppTest]) -> None:
    at = page(3, "line")
    source = next(
        one for one in at.get("button_group") if (one.key or "").startswith("likelihood_source")
    )
    at.session_state[source.key] = "Drawn by you"
    at.run()
    assert not at.exception
    ink = np.zeros((112, 112), np.float32)
    ink[20:90, 50:60] = 1.0
    at.session_state["likelihood_draw_ink"] = (1, ink)
    at.run()
    assert not at.exception
    assert "Your drawing" in said(at)
    assert "id" not in address(at)
    trigger(at, MAP, "pick", {"coords": [0.0, 0.0], "id": 60_002})
    assert "A 1, test #2" in said(at)


@pytest.mark.parametrize("checkpoint", ["ten", "autoencoder"])
def test_what_a_checkpoint_cannot_show_is_said(
    page: Callable[..., AppTest], checkpoint: str
) -> None:
    at = page(3, checkpoint)
    assert not at.exception
    assert len(at.info) == 1
    (switch,) = (one for one in at.button if one.label.startswith("Switch to"))
    assert switch.label == "Switch to atlas"
    switch.click().run()
    assert not at.exception
    assert at.selectbox(key="app_checkpoint").value == "atlas"
    assert "of the prior's mass" in said(at)


def test_chapter_place_and_digit_outlast_checkpoints_and_pages(
    page: Callable[..., AppTest],
) -> None:
    at = page(2, "line", z="0.25")
    at.selectbox(key="app_checkpoint").set_value("mixture").run()  # other dimensions: the default
    assert component(at, MAP)["pin"]["coords"] == pytest.approx([0.1, 0.5])
    at.switch_page("latent_explorer/pages/explore/view.py").run()
    at.switch_page(PAGE).run()
    assert f"#### {CHAPTERS[2].question}" in [one.value for one in at.markdown]
    assert address(at)["chapter"] == "2"


def test_small_checkpoints_of_every_kind(
    weights: Path, page: Callable[..., AppTest], write_checkpoint: Callable[..., Any]
) -> None:
    write_checkpoint(weights / "grey.safetensors", likelihood="gaussian", sigma=0.3)
    at = page(1)
    assert "σ, the same for every z: 0.300 of full ink" in said(at)
    at.session_state["likelihood_chapter"] = 2
    at.run()
    assert not at.exception
    assert "density of all 10,000" in said(at)


def test_powers_of_ten_and_shares_in_words() -> None:
    assert power_of_ten(-math.log(10) * 1_234_567) == "10^(−1,234,567)"
    assert power_of_ten(math.log(10) * 2.4) == "10^(2)"
    assert one_in(0.001418) == "1 in 705"
    assert one_in(1 / 12_345) == "1 in 12,300"
    assert one_in(0.5) == "1 in 2"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_terms_can_be_read(theme: str) -> None:
    def luminance(color: str) -> float:
        parts = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    paper = luminance({"light": "#ffffff", "dark": "#0e1117"}[theme])
    for color in SYMBOLS[theme].values():
        low, high = sorted((paper, luminance(color)))
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_figures() -> None:
    colors = SYMBOLS["light"]
    log_px_z = np.array([-300.0, -90.0, -80.0, -5.0], np.float32)
    labels = np.array([1, 7, 7, 7], np.uint8)
    edges = np.linspace(-200, 0, 21)
    histogram = plots.likelihood_histogram(
        log_px_z=log_px_z, labels=labels, label=7, edges=edges, mean=-118.75, colors=colors
    )
    sevens, others = histogram.data  # type: ignore[misc]
    assert (sum(sevens.y), sum(others.y)) == (3, 1)
    assert others.y[0] == 1  # beyond the edges: in the outermost bin
    picture = np.arange(16.0).reshape(4, 4)
    plane = plots.likelihood_plane(
        log_px_z=picture, span=(-2, 2), window=(0, 1, 0, 1), has_normal_prior=True, colors=colors
    )
    assert list(plane.data[0].x) == [-1.5, -0.5, 0.5, 1.5]
    assert plane.layout.yaxis.scaleanchor == "x"
    zoomed = plots.posterior_plane(
        log_posterior=picture - 15,
        window=(0, 1, 2, 3),
        center=(0.5, 2.5),
        std=(0.1, 0.2),
        log_border=-3.0,
        colors=colors,
    )
    assert zoomed.data[0].z[-1][-1] == 1.0
    one_sigma = zoomed.data[2]
    assert (max(one_sigma.x), max(one_sigma.y)) == pytest.approx((0.6, 2.7))
    assert zoomed.layout.yaxis.scaleanchor == "x"
    page = figures_page([histogram, zoomed]).decode()
    assert page.count("Plotly.newPlot(") >= 2
    assert "cdn.plot.ly" not in page.replace("https://cdn.plot.ly/un/", "")


def test_the_middle_of_a_picture_keeps_its_places() -> None:
    spacing, n = 0.04, 31
    span = (-(n / 2) * spacing, n / 2 * spacing)
    nodes = (np.arange(n) - n // 2) * spacing
    picture = np.broadcast_to(nodes, (n, n)).astype(np.float32)  # each cell's own x
    kept, (low, high) = middle_of(picture, span, 0.4)
    edges = np.linspace(low, high, len(kept) + 1)
    assert (edges[:-1] + edges[1:]) / 2 == pytest.approx(kept[0], abs=1e-6)
    assert len(kept) < n / 2
