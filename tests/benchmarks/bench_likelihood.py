"""A change of digit on the Likelihood page: the posterior and the estimators, with and without
the latent space that is kept decoded.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import torch
from torch import Generator, Tensor

from latent_explorer.data.lattice import ESTIMATE_RUNS, ESTIMATE_SAMPLES
from tests.benchmarks.harness import interleave, repeats, report, shown_checkpoint
from vae_core.analysis.convergence import PriorDraws, ProposalDraws, estimate
from vae_core.analysis.evaluation import model_input
from vae_core.checkpoints import load_checkpoint
from vae_core.data import load_mnist
from vae_core.estimators import log_px_naive
from vae_core.exact.adaptive import LIVE_SPACING
from vae_core.exact.evidence import log_px_exact
from vae_core.exact.lattice import DecodedLattice
from vae_core.models import VAE

DIGITS = 21
SLOW_ROUNDS = 3
_DRAWS = {"n_trials": ESTIMATE_RUNS, "n_samples": ESTIMATE_SAMPLES[-1]}
_FEW = 1000  # true decodes that a run of naive Monte Carlo without the cache is timed with


@pytest.fixture(scope="module")
def model() -> VAE:
    return load_checkpoint(shown_checkpoint()).model


@pytest.fixture(scope="module")
def lattice(model: VAE) -> DecodedLattice:
    begin = time.perf_counter()
    lattice = DecodedLattice(model)
    seconds = time.perf_counter() - begin
    report("Decoding latent space, once per checkpoint", "s", {"lattice": [seconds]},
           what=f"{len(lattice.z):,} nodes.", digits=2)  # fmt: skip
    return lattice


@pytest.fixture(scope="module")
def images(model: VAE) -> Tensor:
    return model_input(model, load_mnist("test"))[: DIGITS + 1]


def timed(work: Callable[[], object]) -> float:
    """Milliseconds."""
    begin = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - begin)


def test_change_of_digit(model: VAE, lattice: DecodedLattice, images: Tensor) -> None:
    generator = Generator().manual_seed(0)
    prior_draws = PriorDraws(lattice, generator=generator, **_DRAWS)
    proposal_draws = ProposalDraws(model.config.latent_dim, generator=generator, **_DRAWS)
    posterior: list[float] = []
    chapter: list[float] = []
    for x in images:
        posterior.append(timed(lambda: lattice.explain(x).region()))  # noqa: B023
        explained = lattice.explain(x)
        chapter.append(
            timed(
                lambda: estimate(
                    lattice,
                    x,  # noqa: B023
                    explained,  # noqa: B023
                    prior_draws=prior_draws,
                    proposal_draws=proposal_draws,
                    n_samples=ESTIMATE_SAMPLES,
                    generator=generator,
                )
            )
        )
    both = [a + b for a, b in zip(posterior, chapter, strict=True)]
    report(
        "A change of digit",
        "ms",
        {"posterior": posterior[1:], "estimators": chapter[1:], "both": both[1:]},
        what="posterior: exact log p(x), p(z|x) and its 99 % region; estimators: naive Monte Carlo "
        f"and IWAE, {ESTIMATE_RUNS} runs to K = 100,000 each, ELBO and KL; "
        f"{torch.get_num_threads()} threads; goals: both ≤ 300, estimators < 1,000.",
    )


def test_against_no_cache(model: VAE, lattice: DecodedLattice, images: Tensor) -> None:
    rows = images[1:2]
    generator = Generator().manual_seed(0)
    n_all = ESTIMATE_RUNS * ESTIMATE_SAMPLES[-1]

    def naive() -> float:
        ms = timed(lambda: log_px_naive(model, rows, n_samples=_FEW, generator=generator))
        return ms * n_all / _FEW

    series = interleave(
        {
            "kept decoded": lambda: timed(lambda: lattice.explain(rows[0])),
            "log_px_exact": lambda: timed(lambda: log_px_exact(model, rows, spacing=LIVE_SPACING)),
            "5,000,000 decodes": naive,
        },
        rounds=repeats(SLOW_ROUNDS),
    )
    report(
        "One digit's exact log p(x), and fifty runs of naive Monte Carlo without a cache",
        "ms",
        series,
        what=f"5,000,000 decodes: {_FEW:,} timed, times {n_all // _FEW:,}.",
        baseline="kept decoded",
    )
    exact = log_px_exact(model, rows, spacing=LIVE_SPACING)
    assert lattice.explain(rows[0]).log_px == pytest.approx(float(exact), abs=0.01)
