"""All of latent space, decoded: exact p(x), estimates of it, q(z) against the prior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from latent_explorer.data.catalogue import checkpoint, stored
from latent_explorer.data.digits import SPLITS
from latent_explorer.data.encoding import posteriors
from latent_explorer.data.observations import test_statistics
from vae_core.checkpoints import CheckpointRef

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.analysis.aggregate import Aggregate
    from vae_core.analysis.convergence import Estimates, PriorDraws, ProposalDraws
    from vae_core.exact.explanation import Explanation
    from vae_core.exact.lattice import DecodedLattice

ESTIMATE_RUNS = 50
# K from 1 to 100,000, six to a decade
ESTIMATE_SAMPLES = tuple(sorted({round(10 ** (i / 6)) for i in range(31)}))
_SEED = 0


@st.cache_resource(max_entries=2, show_spinner="Decoding all of latent space, once…")
def decoded(ref: CheckpointRef) -> DecodedLattice:
    """Decode a checkpoint's latent space, of one or two dimensions; 280 MB, shared by all users."""
    from vae_core.exact.lattice import DecodedLattice

    return DecodedLattice(checkpoint(ref).model)


@st.cache_resource(max_entries=8, show_spinner=False)
def explanation(ref: CheckpointRef, x: bytes) -> Explanation:
    """Explain one image, the bytes of float32 of shape (784,), by all of latent space."""
    return decoded(ref).explain(image_tensor(x))


@st.cache_resource(max_entries=8, show_spinner=False)
def estimates(ref: CheckpointRef, x: bytes) -> Estimates:
    """Estimate one image's log p(x) in every way, 50 times; `x` as in `explanation`."""
    from torch import Generator

    from vae_core.analysis.convergence import estimate

    return estimate(
        decoded(ref),
        image_tensor(x),
        explanation(ref, x),
        prior_draws=_prior_draws(ref),
        proposal_draws=_proposal_draws(stored(ref).header.model.latent_dim),
        n_samples=ESTIMATE_SAMPLES,
        generator=Generator().manual_seed(_SEED),
    )


@st.cache_resource(max_entries=2, show_spinner="Drawing 5,000,000 latents from the prior, once…")
def _prior_draws(ref: CheckpointRef) -> PriorDraws:
    from vae_core.analysis.convergence import PriorDraws

    return PriorDraws(decoded(ref), **_runs())


@st.cache_resource(max_entries=2, show_spinner=False)
def _proposal_draws(latent_dim: int) -> ProposalDraws:
    from vae_core.analysis.convergence import ProposalDraws

    return ProposalDraws(latent_dim, **_runs())


def _runs() -> dict[str, Any]:
    from torch import Generator

    generator = Generator().manual_seed(_SEED)
    return {"n_trials": ESTIMATE_RUNS, "n_samples": ESTIMATE_SAMPLES[-1], "generator": generator}


@st.cache_data(max_entries=16, show_spinner="Looking for the best z…")
def best_z(ref: CheckpointRef) -> tuple[float, ...]:
    """Find the z of the decoded lattice with the highest mean log p(x|z) of the test digits."""
    lattice = decoded(ref)
    best = lattice.mean_log_px_z(test_statistics(ref)).argmax()
    return tuple(lattice.z[best].tolist())


@st.cache_resource(max_entries=4, show_spinner="Laying q(z|x) of 10,000 digits over one another…")
def aggregate(ref: CheckpointRef) -> Aggregate:
    """q(z) of the test digits, by their grey pixels, against the prior; shared by all users."""
    import torch

    from vae_core.analysis.aggregate import aggregate_posterior
    from vae_core.posterior import Posterior

    mu, std = (torch.from_numpy(each[SPLITS["test"]]) for each in posteriors(ref))
    return aggregate_posterior(checkpoint(ref).model, Posterior.from_std(mu, std))


def image_tensor(x: bytes) -> Tensor:
    """Read the bytes of an image, as in `explanation`."""
    import torch

    return torch.from_numpy(np.frombuffer(x, np.float32).copy())
