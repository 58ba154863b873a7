"""Whether a change of the core left its numbers as they were, bit for bit.

    python -m tests.benchmarks.same_numbers before.npz                      # in the old tree
    python -m tests.benchmarks.same_numbers after.npz --against before.npz  # in the new one

Computes what the app and the headers show, on a few test digits of every shipped checkpoint, and
the weights after a few steps of every kind of training. It takes some three minutes on one core:
with one thread and fixed seeds the same code gives the same bits. With --against it prints every
quantity that moved and by how much, and ends with status 1 if any did.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from vae_core.analysis.aggregate import aggregate_posterior
from vae_core.analysis.convergence import PriorDraws, ProposalDraws, estimate
from vae_core.analysis.denoising import denoise
from vae_core.analysis.digit_elbos import digit_elbos
from vae_core.analysis.evaluation import model_input
from vae_core.analysis.fields import (
    class_field,
    log_aggregate_density,
    log_sensitivity,
    neighbour_votes,
    plane_grid,
)
from vae_core.analysis.marginal import elbo, log_px_exact, log_px_iwae, log_px_naive
from vae_core.analysis.projection import encode_images, map_codes
from vae_core.analysis.transport import conservation, log_px_in_u
from vae_core.checkpoints import list_checkpoints, load_checkpoint
from vae_core.config import ModelConfig, TrainConfig
from vae_core.data import DataSet, load_mnist
from vae_core.exact.evidence import lattice_error
from vae_core.exact.lattice import DecodedLattice
from vae_core.exact.posterior import kl_to_posterior, log_posterior
from vae_core.geometry.geodesics import geodesic
from vae_core.geometry.measures import Decoded
from vae_core.geometry.metrics import fisher_rao_metric
from vae_core.geometry.paths import even_steps, slerp
from vae_core.joint import log_px_z
from vae_core.models import VAE
from vae_core.priors import LearnedMixture
from vae_core.training import start, train

ROOT = Path(__file__).parents[2]

Numbers = Iterator[tuple[str, Any]]

_SPACING = 0.08  # z units, of most lattices here: a quarter of the app's nodes
_TRAINED = 384  # images that each training sees; three batches
_SMALL: dict[str, Any] = {"encoder_hidden": (32,), "decoder_hidden": (32,)}
# One training of each kind: with every objective, prior, start and refit that there is.
_TRAININGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "elbo": ({}, {"objective": "elbo"}),
    "beta": ({"latent_dim": 3}, {"objective": "beta-elbo", "beta": 4.0, "input_noise": 0.2}),
    "iwae": ({}, {"objective": "iwae", "n_samples": 5}),
    "autoencoder": ({"posterior": "point"}, {"objective": "autoencoder"}),
    "mixture": ({"prior": "digit-mixture"}, {"objective": "elbo"}),
    "sigma": ({"likelihood": "gaussian-learned-sigma"}, {"objective": "elbo"}),
    "lattice": (
        {"fourier_features": 8, "fourier_std": 1.0},
        {"objective": "lattice", "n_nodes": 256, "jitter": 0.02, "refit_epochs": 2},
    ),
    "sharp lattice": ({}, {"objective": "lattice", "n_nodes": 256, "refit_epochs": 2}),
}


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def of_every_model(model: VAE, digits: DataSet, x: Tensor) -> Numbers:
    """Codes, pictures, neighbours and, where there is a q(z|x), its estimators."""
    posterior = encode_images(model, digits.images)
    yield "encode", posterior
    yield "encode alone", model.encode(x[:1])
    yield "decode", model.decode(posterior.mu[:64])
    yield "map", map_codes(posterior).coords
    mu = posterior.mu.numpy()
    yield "10-NN votes", neighbour_votes(mu, digits.labels, mu, 10, skip_self=True)
    few = DataSet(digits.images[:64], digits.labels[:64])
    yield "ELBO per digit", digit_elbos(model, few)
    yield "denoised", denoise(model, x[:16], share=0.25, generator=seeded())
    if model.config.posterior == "gaussian":
        yield "ELBO", elbo(model, x[:64], n_samples=8, generator=seeded())
        yield "IWAE", log_px_iwae(model, x[:32], n_samples=50, generator=seeded())
        yield "naive Monte Carlo", log_px_naive(model, x, n_samples=3000, generator=seeded())


def of_a_prior_on_a_lattice(model: VAE, x: Tensor) -> Numbers:
    """Exact numbers: p(x), p(z|x), and how far they may be off."""
    log_px = log_px_exact(model, x[:96], spacing=_SPACING)
    yield "exact log p(x)", log_px
    yield "exact log p(x), coarse", log_px_exact(model, x[:24], spacing=0.2)
    yield "exact log p(x), narrow", log_px_exact(model, x[:24], spacing=0.1, radius=1.5)
    yield "certificate", lattice_error(model, x[:4], spacing=2 * _SPACING)
    yield "log p(z|x)", log_posterior(model, x[:2], spacing=0.2)
    yield "KL(q || p(z|x))", kl_to_posterior(model, x[:32], log_px[:32])
    lattice = DecodedLattice(model, spacing=_SPACING)
    draws: dict[str, Any] = {"n_trials": 4, "n_samples": 2000}
    prior_draws = PriorDraws(lattice, **draws, generator=seeded())
    proposal_draws = ProposalDraws(model.config.latent_dim, **draws, generator=seeded())
    for i, image in enumerate(x[:5]):
        explained = lattice.explain(image)
        yield f"explained {i}: log p(x)", explained.log_px
        yield f"explained {i}: nodes", (explained.z, explained.log_volume, explained.log_pz)
        yield f"explained {i}: log p(x|z)", explained.log_px_z
        yield f"explained {i}: region", explained.region()
        yield f"explained {i}: std", explained.std()
        yield f"explained {i}: relative variance", explained.relative_variance()
        if i < 2:
            yield (
                f"explained {i}: repeated estimates",
                estimate(
                    lattice,
                    image,
                    explained,
                    prior_draws=prior_draws,
                    proposal_draws=proposal_draws,
                    n_samples=(1, 10, 2000),
                    generator=seeded(),
                ),
            )
        if i < 2 and isinstance(model.prior, LearnedMixture):
            mixture = model.prior.mixture()
            yield f"explained {i}: log p(x) in u", log_px_in_u(
                mixture,
                explained,
                lambda z, image=image: log_px_z(model, z, image),
                spacing=0.05,
            )  # fmt: skip
    yield "mean log p(x|z)", lattice.mean_log_px_z(model.likelihood.statistics(x))


def of_a_plane(model: VAE, digits: DataSet) -> Numbers:
    """Fields under the map, the aggregate posterior, and ways through latent space."""
    posterior = encode_images(model, digits.images)
    mu = posterior.mu.numpy()
    grid = plane_grid((-3.0, 3.0, -3.0, 3.0), 24)
    yield "field of classes", class_field(mu, digits.labels, grid, 10)
    yield "field of sensitivity", log_sensitivity(model, grid)
    z = posterior.mu
    yield "Fisher-Rao metric", fisher_rao_metric(model, z[:32])
    yield "arc", slerp(z[0], z[1], 16)
    for metric in ("image", "fisher-rao"):
        yield f"even steps, {metric}", even_steps(model, z[:2], 16, metric=metric)
        measure = Decoded(model, metric)
        yield f"geodesic, {metric}", geodesic(measure, z[2], z[3])
    if model.config.posterior == "gaussian":
        std = posterior.std.numpy()
        yield "field of density", log_aggregate_density(mu, std, grid)
        q = aggregate_posterior(model, posterior, spacing=0.05)
        yield "aggregate posterior", (q.log_qz, q.log_pz, q.kl, q.hole_mass(10.0))
    if isinstance(model.prior, LearnedMixture):
        yield "transport", conservation(model.prior.mixture(), z)


def of_training(digits: DataSet) -> Numbers:
    """Weights and records after a few steps of every kind of training."""
    few = DataSet(digits.images[:_TRAINED], digits.labels[:_TRAINED])
    codes = torch.randn(len(few.images), 2, generator=seeded()).numpy()
    for name, (model_changes, changes) in _TRAININGS.items():
        config: dict[str, Any] = {"epochs": 4, "batch_size": 128, "fit_batch_size": 128}
        if name == "lattice":
            config |= {"start": "neighbours", "start_epochs": 1, "elbo_epochs": 1, "epochs": 6}
        state = start(
            ModelConfig(**(_SMALL | model_changes)), TrainConfig(**(config | changes)), few.images
        )
        for _ in train(state, few.images, codes, few.labels):
            pass
        yield f"weights: {name}", list(state.model.state_dict().values())
        yield f"records: {name}", state.history


def numbers() -> Iterator[tuple[str, str, Any]]:
    """Every quantity, by checkpoint and name."""
    test = load_mnist("test")
    digits = DataSet(test.images[:512], test.labels[:512])
    for ref in list_checkpoints(ROOT / "weights"):
        model = load_checkpoint(ref).model
        x = model_input(model, digits)
        since = time.perf_counter()
        parts: list[Callable[[], Numbers]] = [lambda m=model, x=x: of_every_model(m, digits, x)]
        if model.config.posterior == "gaussian" and model.config.latent_dim <= 2:
            parts.append(lambda m=model, x=x: of_a_prior_on_a_lattice(m, x))
        if model.config.latent_dim == 2:
            parts.append(lambda m=model: of_a_plane(m, digits))
        for part in parts:
            yield from ((ref.name, name, value) for name, value in part())
        say(f"{ref.name}: {time.perf_counter() - since:.1f} s")
    yield from (("training", name, value) for name, value in of_training(digits))


def flat(value: Any) -> Iterator[np.ndarray[Any, Any]]:
    """Arrays that a value consists of, in order."""
    if isinstance(value, Tensor):
        yield value.detach().numpy()
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from flat(part)
    elif value is not None:
        yield np.asarray(value)


def compare(found: dict[str, Any], before: dict[str, Any]) -> bool:
    """Print what moved; whether nothing did."""
    moved = 0
    for key in sorted(found.keys() | before.keys()):
        if key not in found or key not in before:
            say(f"{key:64s} only {'before' if key in before else 'now'}")
            moved += 1
            continue
        new, old = found[key], before[key]
        if new.shape != old.shape or new.dtype != old.dtype:
            say(f"{key:64s} {old.dtype} {old.shape} became {new.dtype} {new.shape}")
            moved += 1
        elif new.tobytes() != old.tobytes():
            with np.errstate(invalid="ignore"):
                apart = np.abs(new.astype(np.float64) - old.astype(np.float64))
            size = float(np.nanmax(np.abs(old[np.isfinite(old)]), initial=0.0))
            say(f"{key:64s} differs by up to {np.nanmax(apart):.3g} (values up to {size:.3g})")
            moved += 1
    say(f"{len(found) - moved} of {len(found)} arrays are identical bit for bit")
    return moved == 0


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Compute the numbers, keep them, compare them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path, help="NPZ file to write the numbers to")
    parser.add_argument("--against", type=Path, help="NPZ file of an earlier run")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = {
        f"{checkpoint} | {name} | {i}": np.atleast_1d(array)
        for checkpoint, name, value in numbers()
        for i, array in enumerate(flat(value))
    }
    np.savez(options.path, **found)
    if options.against is None:
        say(f"{len(found)} arrays in {options.path}")
        return 0
    with np.load(options.against) as before:
        return 0 if compare(found, dict(before)) else 1


if __name__ == "__main__":
    sys.exit(main())
