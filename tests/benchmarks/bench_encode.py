"""Rates of encoding and of the exact log p(x), beside the matrix products that they consist of."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Iterable
from statistics import median

import pytest
import torch
from torch import Tensor, nn

from tests.benchmarks.harness import interleave, repeats, report, shown_checkpoint
from vae_core.analysis import projection
from vae_core.checkpoints import load_checkpoint
from vae_core.data import binarise, load_mnist
from vae_core.exact.adaptive import RADIUS, REPORTED_SPACING
from vae_core.exact.evidence import log_px_exact
from vae_core.lattices import lattice
from vae_core.models import VAE

ENCODE_ROUNDS = 7
EXACT_ROUNDS = 2


@pytest.fixture(scope="module")
def model() -> VAE:
    return load_checkpoint(shown_checkpoint()).model


def test_encode_all_digits(model: VAE) -> None:
    images = load_mnist("all").images
    grey = torch.from_numpy(images.reshape(len(images), -1) / 255.0).float()
    weights = _weights(model.encoder.net.layers)
    rows = slice(None, None, 7001)
    codes: list[Tensor] = []

    def time_encode() -> float:
        begin = time.perf_counter()
        codes[:] = projection.encode_images(model, images)
        return len(images) / (time.perf_counter() - begin)

    def time_bare() -> float:
        begin = time.perf_counter()
        for x in grey.split(projection._BATCH):
            _products(x, weights)
        return len(images) / (time.perf_counter() - begin)

    series = interleave({"bare": time_bare, "encode": time_encode}, rounds=repeats(ENCODE_ROUNDS))

    report(
        "Encoding 70,000 digits",
        "images/s",
        series,
        what=f"bare: products of the layers' shapes {_shapes(weights)} at batch "
        f"{projection._BATCH:,} on float32 in memory; encode_images has bytes; {_threads()}; "
        "goal ≥ 0.70.",
        baseline="bare",
    )
    expected = model.encode(grey[rows])
    torch.testing.assert_close(codes[0][rows], expected.mu)
    torch.testing.assert_close(codes[1][rows], expected.logvar)


def test_exact_log_px(model: VAE) -> None:
    if model.config.latent_dim != 2 or model.config.posterior == "point":
        pytest.skip("the exact log p(x) needs D = 2 and a prior")
    spacing = REPORTED_SPACING
    images = load_mnist("test").images
    x = torch.from_numpy(images.reshape(len(images), -1) / 255.0).float()
    if model.config.likelihood == "bernoulli":
        x = binarise(x, torch.Generator().manual_seed(0))
    statistics = model.likelihood.statistics(x)
    nodes = lattice(2, spacing=spacing, radius=RADIUS)
    # the first layer's input is z with its Fourier features
    weights = _weights(model.decoder.net.layers)
    inputs = torch.randn(len(nodes), weights[0].shape[1])
    values: list[Tensor] = []
    peaks: list[float] = []

    def time_exact() -> float:
        begin = time.perf_counter()
        values[:] = [log_px_exact(model, x)]
        seconds = time.perf_counter() - begin
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)  # from KiB
        return len(x) / seconds

    def time_bare() -> float:
        begin = time.perf_counter()
        for h in inputs.split(1024):
            eta = _products(h, weights)[:, : statistics.shape[1]]
            for part in statistics.split(1024):
                part[:, : eta.shape[1]] @ eta.T
        return len(x) / (time.perf_counter() - begin)

    series = interleave({"exact": time_exact, "bare": time_bare}, rounds=repeats(EXACT_ROUNDS))

    report(
        f"Exact log p(x) of {len(x):,} images on {len(nodes):,} nodes, spacing {spacing}",
        "images/s",
        series,
        what=f"bare: the decoder's products {_shapes(weights)} at each node, then all pairs of "
        "node and image; log_px_exact also has activations, softplus and logsumexp, and finer "
        f"nodes where they are needed; {_threads()}; goal ≥ 0.60. "
        f"{len(x) / median(series['exact']):.0f} s for all. Peak memory of the process after the "
        f"first time {peaks[0]:,.0f} MiB, torch and the images included; goal 1,500 MB.",
        baseline="bare",
        digits=1,
    )
    (value,) = values
    # Of half the spacing, since log_px_exact too is finer where it needs to be.
    finer = lattice(2, spacing=spacing / 2, radius=RADIUS)
    expected = _brute_force(model, x[:5], finer, spacing / 2)
    torch.testing.assert_close(value[:5], expected, rtol=0.0, atol=0.05)


def _brute_force(model: VAE, x: Tensor, nodes: Tensor, spacing: float) -> Tensor:
    """The same sum, one image at a time, without the exponential-family identity."""
    log_px = torch.full((len(x),), -math.inf, dtype=torch.float64)
    with torch.no_grad():
        for z in nodes.split(4096):
            log_pz = -0.5 * z.double().square().sum(-1) - math.log(2 * math.pi)
            outputs = model.decoder(z)
            rows = [model.likelihood.log_px_z(outputs, row).double() + log_pz for row in x]
            log_px = torch.logaddexp(log_px, torch.stack(rows).logsumexp(1))
    return (log_px + 2 * math.log(spacing)).float()


def _weights(layers: Iterable[nn.Module]) -> list[Tensor]:
    return [layer.weight.detach() for layer in layers if isinstance(layer, nn.Linear)]


def _shapes(weights: list[Tensor]) -> str:
    return ", ".join(f"{w.shape[1]}→{w.shape[0]}" for w in weights)


def _products(h: Tensor, weights: list[Tensor]) -> Tensor:
    for weight in weights:
        h = h @ weight.T
    return h


def _threads() -> str:
    return f"{torch.get_num_threads()} threads"
