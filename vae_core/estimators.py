"""Estimators of log p(x) by sampling: the ELBO, importance weighting, naive Monte Carlo.

All values are in nats per image. `x` is grey for a Gaussian likelihood, and binary for a Bernoulli:
grey values, of which it would be an expectation and no likelihood, are refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from vae_core.config import N_PIXELS
from vae_core.joint import decode_nodes, log_joint, log_px_z
from vae_core.models import VAE
from vae_core.pixels import Images, as_pixels
from vae_core.posterior import Posterior

# Latents of the prior decoded at once; each is weighed against all images.
_NODE_CHUNK = 1024
# Latents of q(z|x) decoded at once, over all images: 50 MB of pixels.
_DECODE_CHUNK = 16_384


class Estimate(NamedTuple):
    """A Monte Carlo estimate per image, each of shape (B,)."""

    value: Tensor  # nats
    stderr: Tensor  # nats, of the value, from the spread of its own samples; NaN for K = 1
    ess: Tensor  # effective sample size of the weights, from 1 to K; NaN where none are used


def elbo(model: VAE, x: Images, *, n_samples: int, generator: Generator) -> Estimate:
    """ELBO with analytic KL and `n_samples` draws of z ~ q(z|x) for the reconstruction.

    Parameters
    ----------
    model : VAE
        With a Gaussian q(z|x).
    x : Tensor or array, shape (B, 784) or (B, 28, 28)
        In [0, 1]; binary for a Bernoulli likelihood.
    n_samples : int
        K.
    generator : Generator
        On the device of `x`.

    Returns
    -------
    Estimate
        `ess` is NaN: the ELBO weighs its samples equally.

    Raises
    ------
    ValueError
        A plain autoencoder, K below 1, or bad images.
    """
    kl, reconstructions = elbo_samples(model, x, n_samples=n_samples, generator=generator)
    value = reconstructions.mean(0) - kl
    return Estimate(value, _standard_error(reconstructions), torch.full_like(value, math.nan))


def elbo_samples(
    model: VAE,
    x: Images,
    *,
    n_samples: int,
    generator: Generator,
    posterior: Posterior | None = None,
) -> tuple[Tensor, Tensor]:
    """KL(q(z|x) ‖ p(z)), shape (B,), and log p(x|z) at samples of q, shape (K, B); see `elbo`.

    `posterior` is q(z|x) where it is at hand already.
    """
    x = check_images(model, x)
    with torch.no_grad():
        posterior = posterior or model.encode(x)
        kl = model.prior.kl(posterior)

        def draw(n: int) -> Tensor:
            return log_px_z(model, posterior.sample(generator, n), x)

        return kl, torch.cat(list(_in_chunks(draw, n_samples, len(x))))


def log_px_iwae(
    model: VAE,
    x: Images,
    *,
    n_samples: int,
    generator: Generator,
    posterior: Posterior | None = None,
) -> Estimate:
    """Importance-weighted estimate of log p(x) with K samples of q(z|x).

    Its expectation is a lower bound on log p(x), rising with K (Burda et al., ICLR 2016).
    Parameters and errors as `elbo`; `posterior` is q(z|x) where it is at hand already.
    """
    x = check_images(model, x)
    with torch.no_grad():
        posterior = posterior or model.encode(x)

        def draw(n: int) -> Tensor:
            z = posterior.sample(generator, n)
            return log_joint(model, z, x) - posterior.log_prob(z)

        return _log_mean(torch.cat(list(_in_chunks(draw, n_samples, len(x)))))


def log_px_naive(model: VAE, x: Images, *, n_samples: int, generator: Generator) -> Estimate:
    """Naive Monte Carlo: log of the mean of p(x|z) over K samples of the prior.

    All images share the samples. Unbiased for p(x), far too low for log p(x) until K is huge.
    Parameters and errors as `elbo`.
    """
    x = check_images(model, x)
    _check_count(n_samples)
    statistics = model.likelihood.statistics(x)
    parts: list[Tensor] = []
    with torch.no_grad():
        for z in torch.split(model.prior.sample(n_samples, generator), _NODE_CHUNK):
            parts.append(decode_nodes(model, z).log_px_z(statistics).T)  # (K, B)
    return _log_mean(torch.cat(parts))


def _in_chunks(draw: Callable[[int], Tensor], n_samples: int, n_images: int) -> Iterator[Tensor]:
    """Draw n_samples rows a few at a time, so that memory does not grow with K · B."""
    _check_count(n_samples)
    chunk = max(1, _DECODE_CHUNK // n_images)
    for done in range(0, n_samples, chunk):
        yield draw(min(chunk, n_samples - done))


def _log_mean(log_w: Tensor) -> Estimate:
    """log of the mean weight of K rows, its delta-method error, and Kish's sample size."""
    n_samples = log_w.shape[0]
    value = log_w.logsumexp(0) - math.log(n_samples)
    w = (log_w - value).exp()  # mean 1 over K
    return Estimate(value, _standard_error(w), n_samples / w.square().mean(0))


def _standard_error(samples: Tensor) -> Tensor:
    """Of the mean of K rows; NaN for a single one, which says nothing of its spread."""
    n_samples = samples.shape[0]
    if n_samples == 1:
        return torch.full_like(samples[0], math.nan)
    return samples.std(0) / math.sqrt(n_samples)


def _check_count(n_samples: int) -> None:
    if n_samples < 1:
        raise ValueError(f"n_samples must be at least 1, got {n_samples}")


def check_images(model: VAE, x: Images) -> Tensor:
    """Give images as rows of pixels, shape (B, 784), in [0, 1].

    Raises
    ------
    ValueError
        They are no images, or there are none; they are grey and the pixels of p(x|z) are binary; or
        the model is a plain autoencoder, which gives them no likelihood.
    """
    x = as_pixels(x, next(model.parameters()))
    if len(x) == 0:
        raise ValueError(f"x must have shape (B, {N_PIXELS}) with B ≥ 1, got {tuple(x.shape)}")
    if model.config.likelihood == "bernoulli" and not bool(((x == 0) | (x == 1)).all()):
        raise ValueError(
            "this model's p(x|z) is of binary pixels, got grey ones, of which cross-entropy is no "
            "likelihood: draw binary ones by vae_core.data.binarise(x, generator), or take "
            "vae_core.analysis.evaluation.model_input"
        )
    check_prior(model)
    return x


def check_prior(model: VAE) -> None:
    """Refuse a plain autoencoder."""
    if model.config.posterior == "point":
        raise ValueError("a plain autoencoder has no prior, so it gives images no likelihood")
