"""Training objectives, per example, in nats, higher is better: functions of tensors."""

from __future__ import annotations

import math

from torch import Tensor


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
