"""How estimators of one image's log p(x) converge: many trials, each for every K at once.

A decode of each draw would take minutes, so nodes are decoded and the draws read their values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from vae_core import estimators
from vae_core.exact.explanation import Explanation
from vae_core.exact.lattice import DecodedLattice
from vae_core.exact.posterior import kl_to_posterior
from vae_core.joint import log_joint
from vae_core.models import VAE
from vae_core.torch_functions import norm

# Standard deviations of q(z|x) between nodes, on each axis: the mean of the weights over these is
# within 1e-3 of their integral.
_UNIT_SPACING = 1 / 3
# Standard deviations that they reach: one trial in 1,000 with K = 100,000 would have a draw beyond.
_UNIT_RADIUS = 6.0
# Of the ELBO: its standard error is then a tenth of a nat.
_ELBO_SAMPLES = 1000


class Trials(NamedTuple):
    """R trials of an estimator of log p(x), each followed from few samples to many."""

    n_samples: Tensor  # (C,), int64: K
    value: Tensor  # (R, C), nats: log of the mean weight of a trial's first K samples
    ess: Tensor  # (R, C), Kish's effective sample size of these weights, from 1 to K


class Estimates(NamedTuple):
    """What the estimators of one image's log p(x) say, beside the exact value; nats."""

    log_px: float  # exact
    elbo: float
    elbo_stderr: float
    kl: float  # KL(q(z|x) ‖ p(z|x)) by a lattice of its own: owes nothing to the ELBO
    naive: Trials
    iwae: Trials


class PriorDraws:
    """R trials of K draws z ~ p(z), and of each the node of a decoded lattice nearest to it.

    The draws are the prior's own; the likelihood of each is read at its node, half a spacing away
    at most on each axis, less where the posterior is sharp. The mean over the draws is therefore
    that of naive Monte Carlo up to the lattice's own error. The few beyond the lattice, one in a
    billion, are moved to its border.

    Parameters
    ----------
    lattice : DecodedLattice
    n_trials, n_samples : int
        R and K.
    generator : Generator
    """

    def __init__(
        self, lattice: DecodedLattice, *, n_trials: int, n_samples: int, generator: Generator
    ) -> None:
        self.z = torch.empty(n_trials, n_samples, lattice.z.shape[1])
        self.node = torch.empty(n_trials, n_samples, dtype=torch.int32)
        for z, node in zip(self.z, self.node, strict=True):
            z[:] = lattice.model.prior.sample(n_samples, generator)
            z *= (lattice.radius / norm(z, dim=-1, keepdim=True)).clamp_max(1.0)
            node[:] = lattice.nearest(z)

    def log_px_z(self, explained: Explanation) -> Tensor:
        """log p(x|z) of each draw, nats, shape (R, K)."""
        at_node = explained.log_px_z.where(explained.log_volume.isfinite(), torch.nan)
        values = at_node.index_select(0, self.node.flatten())
        finer = values.isnan().nonzero().squeeze(-1)
        if len(finer):
            node = explained.nearest_finer(self.z.flatten(0, 1)[finer])
            values[finer] = explained.log_px_z[node]
        return values.view(self.node.shape)


class ProposalDraws:
    """R trials of K draws from a standard normal rounded to a lattice: q(z|x) in its own units.

    The nodes, a third of a standard deviation apart and six wide, have the normal's density as
    probabilities, so the mean weight is the trapezoid rule's integral of p(x|z) p(z) over them.

    Parameters
    ----------
    latent_dim : int
        D.
    n_trials, n_samples : int
        R and K.
    generator : Generator
    """

    def __init__(
        self, latent_dim: int, *, n_trials: int, n_samples: int, generator: Generator
    ) -> None:
        n = round(_UNIT_RADIUS / _UNIT_SPACING)
        axis = torch.arange(-n, n + 1) * _UNIT_SPACING
        self.units = torch.cartesian_prod(*[axis] * latent_dim).view(-1, latent_dim)  # (N, D)
        probability = (-0.5 * axis.square()).softmax(0)
        edges = probability.double().cumsum(0)[:-1]
        self.node = torch.zeros(n_trials, n_samples, dtype=torch.int32)
        for _ in range(latent_dim):
            uniform = torch.rand(n_trials, n_samples, generator=generator, dtype=torch.double)
            self.node *= len(axis)
            self.node += torch.searchsorted(edges, uniform, out_int32=True)

    def log_weights(self, model: VAE, x: Tensor) -> Tensor:
        """log p(x|z) + log p(z) − log q(z|x) of each draw, shape (R, K), of an image, (784,)."""
        rows = x.unsqueeze(0)
        with torch.no_grad():
            posterior = model.encode(rows)
            z = posterior.mu + posterior.std * self.units  # (N, D)
            log_w = log_joint(model, z, x) - posterior.log_prob(z.unsqueeze(1)).squeeze(1)
        return log_w.index_select(0, self.node.flatten()).view(self.node.shape)


def estimate(
    lattice: DecodedLattice,
    x: Tensor,
    explained: Explanation,
    *,
    prior_draws: PriorDraws,
    proposal_draws: ProposalDraws,
    n_samples: Sequence[int],
    generator: Generator,
) -> Estimates:
    """Estimate an image's log p(x) in every way.

    Parameters
    ----------
    lattice : DecodedLattice
    x : Tensor, shape (784,)
    explained : Explanation
        What `lattice.explain` made of `x`.
    prior_draws, proposal_draws
        Of as many dimensions; the same may serve any number of images.
    n_samples : sequence of int
        The K to follow naive Monte Carlo and IWAE through, as in `follow`.
    generator : Generator
        For the 1,000 samples of the ELBO.
    """
    model, rows = lattice.model, x.unsqueeze(0)
    elbo = estimators.elbo(model, rows, n_samples=_ELBO_SAMPLES, generator=generator)
    kl = kl_to_posterior(model, rows, torch.tensor([explained.log_px]))
    return Estimates(
        log_px=explained.log_px,
        elbo=float(elbo.value),
        elbo_stderr=float(elbo.stderr),
        kl=float(kl),
        naive=follow(prior_draws.log_px_z(explained), n_samples),
        iwae=follow(proposal_draws.log_weights(model, x), n_samples),
    )


def follow(log_w: Tensor, n_samples: Sequence[int]) -> Trials:
    """Follow the log of the mean weight of R trials from few samples to many.

    Parameters
    ----------
    log_w : Tensor, shape (R, K)
        Log weights in the order they were drawn: those of the prior are log p(x|z).
    n_samples : sequence of int, length C
        Rising, from 1 to K at most.

    Raises
    ------
    ValueError
        `n_samples` is no such sequence.
    """
    counts = list(n_samples)
    if not counts or counts[0] < 1 or counts[-1] > log_w.shape[1] or counts != sorted({*counts}):
        raise ValueError(f"n_samples must rise from 1 to {log_w.shape[1]} at most, got {counts}")
    total = square = torch.full((len(log_w),), -math.inf, dtype=torch.double)
    totals: list[Tensor] = []
    squares: list[Tensor] = []
    for start, stop in zip([0, *counts], counts, strict=False):
        part = log_w[:, start:stop]
        peak = part.amax(1, keepdim=True)
        w = (part - peak).exp()
        peak = peak.squeeze(1).double()
        total = torch.logaddexp(total, w.sum(1).double().log() + peak)
        square = torch.logaddexp(square, w.square().sum(1).double().log() + 2.0 * peak)
        totals.append(total)
        squares.append(square)
    k = torch.tensor(counts)
    log_sum = torch.stack(totals, 1)  # (R, C)
    return Trials(k, log_sum - k.log(), (2.0 * log_sum - torch.stack(squares, 1)).exp())
