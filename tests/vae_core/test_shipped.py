"""Every checkpoint in weights/, whatever is there."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from vae_core.analysis.projection import encode_images
from vae_core.checkpoints import checkpoint_ref, load_checkpoint, read_checkpoint
from vae_core.cli import main
from vae_core.data import load_mnist
from vae_core.identity import MNIST, MNIST_TEST, MNIST_TRAIN
from vae_core.metrics import based
from vae_core.recipes import RECIPES

WEIGHTS = Path(__file__).parents[2] / "weights"
MAX_BYTES = 60_000_000
SHIPPED = sorted(WEIGHTS.glob("*.safetensors"))
every_file = pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)


@every_file
def test_it_loads_and_decodes(path: Path) -> None:
    model = load_checkpoint(checkpoint_ref(path)).model
    images = model.decode(torch.randn(50, model.config.latent_dim))
    assert images.isfinite().all()
    assert images.std(0).max() > 0.1  # not the same picture everywhere


@every_file
def test_its_map_is_its_own_encoding(path: Path) -> None:
    stored = read_checkpoint(path)
    digits = stored.codes
    assert digits is not None
    ids = np.sort(np.random.default_rng(0).choice(70_000, 200, replace=False))
    model = load_checkpoint(checkpoint_ref(path)).model
    mu = encode_images(model, load_mnist("all").images[ids]).mu.numpy()
    np.testing.assert_allclose(
        digits.coords[ids], (mu - digits.center) @ digits.axes, rtol=1e-4, atol=2e-4
    )
    if model.config.latent_dim == 2:
        assert digits.center.tolist() == [0.0, 0.0]
        assert digits.axes.tolist() == [[1.0, 0.0], [0.0, 1.0]]


@every_file
def test_its_header_tells_how_to_repeat_it(path: Path) -> None:
    header = read_checkpoint(path).header
    assert header.recipe in RECIPES
    assert header.about
    assert header.data == MNIST
    for name, metric in header.metrics.items():
        wanted = replace(MNIST_TRAIN, count=10_000) if name == "log_px_train" else MNIST_TEST
        assert metric.data == wanted
    assert [row[0] for row in header.history] == list(range(1, header.train.epochs + 1))


@every_file
def test_its_header_is_written_as_it_was_read(path: Path) -> None:
    with safe_open(path, framework="numpy") as file:
        assert read_checkpoint(path).header.to_json() == file.metadata()["vae_core"]


@every_file
def test_its_figures_are_finite_and_ordered(path: Path) -> None:
    header = read_checkpoint(path).header
    figures = header.metrics
    assert all(figure.method for figure in figures.values())
    assert based(figures, header.model) == figures
    missing = {name for name, figure in figures.items() if figure.value is None}
    if header.model.posterior == "point":
        assert missing == {"log_px", "elbo", "kl"}
    elif header.model.latent_dim == 2:
        assert missing == set()
        value = {name: figure.value for name, figure in figures.items()}
        assert all(map(math.isfinite, value.values()))
        assert value["elbo"] <= value["log_px"]
        assert value["elbo"] == pytest.approx(value["reconstruction"] - value["kl"], abs=1e-3)
        assert 0.5 < value["knn10"] < 1.0


@every_file
def test_a_refined_posterior_s_terms_are_kept(path: Path) -> None:
    stored = read_checkpoint(path)
    terms = stored.elbo_parts
    assert (terms is None) == (stored.header.model.refine_radius == 0)
    if terms is not None:  # of the test digits as behind the header's figures, less sampling noise
        reconstruction, kl = terms[60_000:].astype(float).T
        figures = stored.header.metrics
        assert kl.mean() == pytest.approx(figures["kl"].value, abs=1e-3)
        assert (reconstruction - kl).mean() == pytest.approx(figures["elbo"].value, abs=0.05)


@every_file
def test_its_decoder_is_small_enough_for_the_browser(path: Path) -> None:
    tensors = read_checkpoint(path).tensors
    assert sum(a.size for name, a in tensors.items() if name.startswith("decoder.")) < 2_000_000


def test_all_of_them_fit_into_a_repository() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.rglob("*.safetensors")) < MAX_BYTES


def test_the_folder_s_readme_says_what_the_headers_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", str(WEIGHTS), "--markdown"]) == 0
    assert (WEIGHTS / "README.md").read_text() == capsys.readouterr().out
