"""Training objectives, per example, in nats, higher is better: of tensors, and of a batch."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from vae_core import joint
from vae_core.config import TrainConfig
from vae_core.data import corrupt
from vae_core.lattices import shifted_prior_nodes
from vae_core.models import VAE
from vae_core.priors import LearnedMixture

_LABEL_WEIGHT = 10.0  # of log p(label|z) with a digit mixture: the alpha of model M2
_START_STD = 0.06  # z units; of q(z|x) while the networks are fitted to given codes


def elbo(log_px_z: Tensor, kl: Tensor) -> Tensor:
    """Evidence lower bound: E_q log p(x|z) − KL(q(z|x) ‖ p(z)).

    Kingma & Welling, ICLR 2014, equation 3.

    Parameters
    ----------
    log_px_z : Tensor, shape (B,)
        log p(x|z) at z ~ q(z|x), or its mean over several such z.
    kl : Tensor, shape (B,)
        KL(q(z|x) ‖ p(z)).

    Returns
    -------
    Tensor, shape (B,)
        At most log p(x) in expectation.
    """
    return log_px_z - kl


def beta_elbo(log_px_z: Tensor, kl: Tensor, beta: float) -> Tensor:
    """ELBO with the KL weighted by `beta`; a bound on log p(x) only for beta ≥ 1.

    Higgins et al., "beta-VAE", ICLR 2017, equation 4. Shapes as in `elbo`.
    """
    return log_px_z - beta * kl


def iwae(log_w: Tensor) -> Tensor:
    """Importance-weighted bound: log of the mean of K weights.

    Burda, Grosse & Salakhutdinov, "Importance weighted autoencoders", ICLR 2016, equation 8.

    Parameters
    ----------
    log_w : Tensor, shape (K, B)
        log p(x|z) + log p(z) − log q(z|x) at K samples z ~ q(z|x).

    Returns
    -------
    Tensor, shape (B,)
        At least the ELBO and at most log p(x) in expectation.
    """
    return log_w.logsumexp(0) - math.log(log_w.shape[0])


class BatchObjective(NamedTuple):
    """What one batch is trained on, and its parts: per example, each of shape (B,), in nats."""

    objective: Tensor
    elbo: Tensor
    kl: Tensor
    reconstruction: Tensor


def batch_objective(
    model: VAE, x: Tensor, config: TrainConfig, generator: Generator, labels: Tensor | None = None
) -> BatchObjective:
    """Objective and its parts for one batch.

    Parameters
    ----------
    model : VAE
    x : Tensor, shape (B, 784)
        What the likelihood explains: binary for Bernoulli, grey in [0, 1] for Gaussian.
    config : TrainConfig
        Names the objective, beta and K.
    generator : Generator
        Source of eps, on the device of `x`.
    labels : Tensor, shape (B,), optional
        int64; needed by the prior "digit-mixture" alone.
    """
    if config.objective == "lattice":
        return _lattice_objective(model, x, config, generator)
    seen = corrupt(x, config.input_noise, generator) if config.input_noise else x
    posterior = model.encoder(seen)
    if config.objective == "autoencoder":
        log_px_z = joint.log_px_z(model, posterior.mu, x)
        nothing = torch.full_like(log_px_z, math.nan)  # no q(z|x): neither KL nor a bound
        return BatchObjective(log_px_z, nothing, nothing, log_px_z)
    z = posterior.sample(generator, config.n_samples)  # (K, B, D)
    log_px_z = joint.log_px_z(model, z, x)  # (K, B)
    kl = model.prior.kl(posterior)
    bound = elbo(log_px_z.mean(0), kl)
    if config.objective == "iwae":
        log_w = log_px_z + model.prior.log_pz(z) - posterior.log_prob(z)
        return BatchObjective(iwae(log_w), bound, kl, log_px_z.mean(0))
    if isinstance(model.prior, LearnedMixture):
        if labels is None:
            raise ValueError('the prior "digit-mixture" is learned with labels, got none')
        to_class = model.prior.kl_to_class(posterior, labels)
        of_class = elbo(log_px_z.mean(0), to_class)  # a bound on log p(x, label)
        # Components may overlap for all the bound cares; this, E_q log p(label|z), parts them.
        return BatchObjective(
            of_class - _LABEL_WEIGHT * (to_class - kl), bound, kl, log_px_z.mean(0)
        )
    weighted = beta_elbo(log_px_z.mean(0), kl, config.beta)
    return BatchObjective(weighted, bound, kl, log_px_z.mean(0))


def _lattice_objective(
    model: VAE, x: Tensor, config: TrainConfig, generator: Generator
) -> BatchObjective:
    """Log p(x) itself, by a lattice of latents that all images share; trains the decoder alone.

    Numerical integration as an objective: Correia et al., "Continuous mixtures of tractable
    probabilistic models", AAAI 2023. The shift is fresh each step, for with fixed nodes the
    decoder would sharpen at the nodes. With jitter it is trained where each node might as well
    have been, so that it cannot fold the plane more finely than that: the ELBO's noise, without
    its encoder.
    """
    n_nodes = config.n_nodes
    z = shifted_prior_nodes(n_nodes, generator)
    statistics = model.likelihood.statistics(x)
    with torch.set_grad_enabled(not config.jitter):
        nodes = joint.decode_nodes(model, z)
    with torch.no_grad():
        with torch.autocast(x.device.type, enabled=False):  # bfloat16 would round it to a nat
            log_px_z = nodes.log_px_z(statistics)  # (B, N)
        log_px = log_px_z.logsumexp(1) - math.log(n_nodes)
        log_px_z -= log_px.unsqueeze(1) + math.log(n_nodes)
        responsibility = log_px_z.exp_()  # p(z_n|x_b), rows of sum 1
        shares, expected = responsibility.sum(0), responsibility.T @ statistics
    if config.jitter:
        z = z + config.jitter * torch.randn(z.shape, generator=generator, device=z.device)
        nodes = joint.decode_nodes(model, z)
    # Fisher's identity: with the responsibilities held fixed, the gradient of the expected
    # log p(x|z) is that of Σ log p(x); backward then needs no (B, N) array.
    surrogate = (nodes.eta * expected).sum() - (nodes.log_normalizer * shares).sum()
    nothing = torch.full_like(log_px, math.nan)
    return BatchObjective(
        log_px + (surrogate - surrogate.detach()) / len(x), nothing, nothing, nothing
    )


def fit_objective(model: VAE, x: Tensor, codes: Tensor, generator: Generator) -> BatchObjective:
    """Objective of a start from given codes, or of a refit: fit the networks to them.

    Parameters
    ----------
    model : VAE
        With a Gaussian q(z|x).
    x : Tensor, shape (B, 784)
        As in `batch_objective`.
    codes : Tensor, shape (B, D)
        Where the images should lie.
    generator : Generator
    """
    mu, logvar = model.encoder(x)
    distance = (mu - codes).square().sum(-1)
    width = (0.5 * logvar - math.log(_START_STD)).square().sum(-1)
    eps = torch.randn(codes.shape, generator=generator, device=codes.device)
    log_px_z = joint.log_px_z(model, codes + _START_STD * eps, x)
    nothing = torch.full_like(log_px_z, math.nan)  # z is not drawn from q: this is no bound
    return BatchObjective(log_px_z - 100.0 * distance - 10.0 * width, nothing, nothing, log_px_z)
