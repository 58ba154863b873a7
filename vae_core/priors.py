"""p(z): the standard normal, and a mixture of Gaussians, with its transport to the former."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor, nn

from vae_core.config import ModelConfig
from vae_core.posterior import Posterior
from vae_core.torch_functions import log_ndtr, ndtri, to_list

N_CLASSES = 10

_LOG_TINY = -600.0  # log of the least probability whose normal quantile is taken directly
_BISECTIONS = 40  # leave 1e-12 of a bracket
_HERMITE = 6  # nodes per axis of the quadrature under q(z|x); exact for polynomials of degree 11
_POLISH = 4  # Newton steps after, quadratic: each doubles the digits


class StandardNormal(nn.Module):
    """N(0, I) in D dimensions; it has no parameters.

    Parameters
    ----------
    latent_dim : int
        D.
    """

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim

    def log_pz(self, z: Tensor) -> Tensor:
        """Log density in nats of `z`, shape (…, D); returns shape (…,)."""
        return -0.5 * (z.square().sum(-1) + self.latent_dim * math.log(2.0 * math.pi))

    def sample(self, n: int, generator: Generator) -> Tensor:
        """Draw z ~ p(z), shape (n, D)."""
        return torch.randn(n, self.latent_dim, generator=generator, device=generator.device)

    def kl_per_dim(self, q: Posterior) -> Tensor:
        """KL from a diagonal Gaussian q(z|x) to the prior, in nats.

        Kingma & Welling, "Auto-encoding variational Bayes", ICLR 2014, appendix B.

        Parameters
        ----------
        q : Posterior

        Returns
        -------
        Tensor, shape (B, D)
            Never negative; sum the last axis to get the KL of each example.
        """
        return 0.5 * (q.mu.square() + q.logvar.exp() - 1.0 - q.logvar)

    def kl(self, q: Posterior) -> Tensor:
        """KL(q(z|x) ‖ p(z)) of each example in nats, shape (B,); see `kl_per_dim`."""
        return self.kl_per_dim(q).sum(-1)


class Components(NamedTuple):
    """Parameters of a mixture of K Gaussians in the plane."""

    log_weights: Tensor  # (K,)
    means: Tensor  # (K, 2)
    log_diagonal: Tensor  # (K, 2), of the Cholesky factors
    slope: Tensor  # (K,), below their diagonals


class LearnedMixture(nn.Module):
    """One Gaussian per class in the plane, its parameters learned with the labels.

    The mixture is the prior of z; given its label, a digit's prior is its class's component
    (as the classes of model M2 of Kingma et al., "Semi-supervised learning with deep generative
    models", NeurIPS 2014, with the label in p(z) instead of p(x|z)). Its second moment is held at
    that of N(0, I), since neither networks nor bound would notice another scale of z. `mixture`
    has its exact transport to N(0, I).
    """

    latent_dim = 2
    _RADIUS, _STD = 2.0, 0.5  # where training starts: ten components on a circle

    def __init__(self) -> None:
        super().__init__()
        angle = torch.arange(N_CLASSES) * (2.0 * math.pi / N_CLASSES)
        self.means = nn.Parameter(self._RADIUS * torch.stack([angle.cos(), angle.sin()], -1))
        self.log_diagonal = nn.Parameter(torch.full((N_CLASSES, 2), math.log(self._STD)))
        self.slope = nn.Parameter(torch.zeros(N_CLASSES))  # below the diagonal of the factor
        self.logits = nn.Parameter(torch.zeros(N_CLASSES))

    def components(self) -> Components:
        """Weights, means and Cholesky factors, to scale."""
        log_weights = self.logits.log_softmax(0)
        squares = self.means.square().sum(-1) + self.slope.square()
        squares = squares + (2.0 * self.log_diagonal).exp().sum(-1)
        log_scale = 0.5 * (log_weights.exp() @ squares / self.latent_dim).log()
        shrunk = (-log_scale).exp()
        return Components(
            log_weights, self.means * shrunk, self.log_diagonal - log_scale, self.slope * shrunk
        )

    def mixture(self) -> DigitMixture:
        """Freeze the parameters into the density with the transport."""
        log_weights, means, log_diagonal, slope = (t.detach().double() for t in self.components())
        scale_tril = torch.diag_embed(log_diagonal.exp())
        scale_tril[:, 1, 0] = slope
        return DigitMixture(log_weights.exp(), means, scale_tril)

    def log_pz(self, z: Tensor) -> Tensor:
        """Log density in nats of `z`, shape (…, 2); returns shape (…,)."""
        log_weights, means, log_diagonal, slope = self.components()
        offset = z.unsqueeze(-2) - means  # (…, 10, 2)
        first = offset[..., 0] * (-log_diagonal[:, 0]).exp()
        second = (offset[..., 1] - slope * first) * (-log_diagonal[:, 1]).exp()
        log_terms = _log_normal(first) + _log_normal(second) - log_diagonal.sum(-1)
        return torch.logsumexp(log_weights + log_terms, -1)

    def sample(self, n: int, generator: Generator) -> Tensor:
        """Draw z ~ p(z), shape (n, 2)."""
        return self.mixture().sample(n, generator)

    def kl(self, q: Posterior) -> Tensor:
        """KL(q(z|x) ‖ p(z)) in nats, shape (B,), by 6 × 6 Gauss-Hermite nodes under q(z|x)."""
        x, w = np.polynomial.hermite_e.hermegauss(_HERMITE)
        nodes = torch.cartesian_prod(*[torch.as_tensor(x).to(q.mu)] * 2)  # (36, 2)
        weights = torch.cartesian_prod(*[torch.as_tensor(w / w.sum()).to(q.mu)] * 2).prod(-1)
        z = q.mu.unsqueeze(-2) + q.std.unsqueeze(-2) * nodes  # (B, 36, 2)
        entropy = 0.5 * (q.logvar + math.log(2.0 * math.pi) + 1.0).sum(-1)
        return -entropy - (self.log_pz(z) * weights).sum(-1)

    def kl_to_class(self, q: Posterior, labels: Tensor) -> Tensor:
        """KL from q(z|x) to log p(z, label), the component with its share, in nats, shape (B,).

        Never less than `kl`: the difference is −E_q log p(label|z).

        Parameters
        ----------
        q : Posterior
        labels : Tensor, shape (B,)
            int64, 0 to 9.
        """
        log_weights, means, log_diagonal, slope = (t[labels] for t in self.components())
        inverse, std = (-log_diagonal).exp(), q.std
        offset = q.mu - means
        first = offset[:, 0] * inverse[:, 0]
        second = (offset[:, 1] - slope * first) * inverse[:, 1]
        spread = (std * inverse).square().sum(-1)
        spread = spread + (slope * inverse[:, 0] * inverse[:, 1] * std[:, 0]).square()
        log_ratio = 2.0 * log_diagonal.sum(-1) - q.logvar.sum(-1)
        kl = 0.5 * (spread + first.square() + second.square() - 2.0 + log_ratio)
        return kl - log_weights


Prior = StandardNormal | LearnedMixture


def prior_of(config: ModelConfig) -> Prior:
    """Build the prior a configuration names."""
    return StandardNormal(config.latent_dim) if config.prior == "normal" else LearnedMixture()


class DigitMixture:
    """A mixture of K Gaussians in the plane, say one per digit, and its transport to N(0, I).

    The transport u = g(z) is the Knothe-Rosenblatt map: u₁ = Φ⁻¹(F(z₁)) and u₂ = Φ⁻¹(F(z₂|z₁)).
    It is exact, smooth, increasing in z₁ and, at fixed z₁, in z₂, so it tears nothing apart.
    Rosenblatt, "Remarks on a multivariate transformation", 1952. Computed in float64, in
    logarithms of whichever tail is smaller; where components are more than some 8 standard
    deviations apart, the empty gap between them is squeezed to less than rounding and `from_normal`
    cannot tell its points apart.

    Parameters
    ----------
    weights : Tensor, shape (K,)
        Above 0, of sum 1.
    means : Tensor, shape (K, 2)
        z units.
    scale_tril : Tensor, shape (K, 2, 2)
        Lower Cholesky factors of the covariances, with positive diagonals.

    Raises
    ------
    ValueError
        Parameters of other shapes or out of range.
    """

    latent_dim = 2

    def __init__(self, weights: Tensor, means: Tensor, scale_tril: Tensor) -> None:
        n = len(weights) if weights.ndim else 0
        got = tuple(weights.shape), tuple(means.shape), tuple(scale_tril.shape)
        if n == 0 or got != ((n,), (n, 2), (n, 2, 2)):
            raise ValueError(f"parameters must have shapes (K,), (K, 2) and (K, 2, 2), got {got}")
        self.weights, self.means, self.scale_tril = (
            t.detach().to(torch.double, copy=True) for t in (weights, means, scale_tril)
        )
        if not all(t.isfinite().all() for t in (self.weights, self.means, self.scale_tril)):
            raise ValueError("parameters must be finite, got NaN or infinite values")
        if not (self.weights > 0).all() or abs(float(self.weights.sum()) - 1.0) > 1e-5:
            raise ValueError(f"weights must be above 0, of sum 1, got {to_list(self.weights)}")
        if (
            self.scale_tril[:, 0, 1].any()
            or not (self.scale_tril.diagonal(dim1=1, dim2=2) > 0).all()
        ):
            raise ValueError("scale_tril must be lower triangular with positive diagonals")
        self.weights /= self.weights.sum()

    def log_pz(self, z: Tensor) -> Tensor:
        """Log density in nats of `z`, shape (…, 2); returns shape (…,)."""
        first, second = self._scores(z)
        log_terms = _log_normal(first) + _log_normal(second)  # (…, K)
        return torch.logsumexp(log_terms + self._log_scale(z.device), -1).to(z.dtype)

    def sample(self, n: int, generator: Generator) -> Tensor:
        """Draw z ~ p(z), shape (n, 2)."""
        device = generator.device
        weights, means, scale_tril = self._on(device)
        k = torch.multinomial(weights, n, replacement=True, generator=generator)
        eps = torch.randn(n, 2, 1, generator=generator, device=device, dtype=torch.double)
        return (means[k] + (scale_tril[k] @ eps).squeeze(-1)).to(torch.get_default_dtype())

    def to_normal(self, z: Tensor) -> Tensor:
        """g(z), which follows N(0, I) where z follows the mixture; differentiable once.

        Parameters
        ----------
        z : Tensor, shape (…, 2)

        Returns
        -------
        Tensor, shape (…, 2)
        """
        first, second = self._scores(z)
        log_weights = self._on(z.device)[0].log()
        log_given = torch.log_softmax(self._log_first(first, z.device), -1)
        u = [_normal_score(first, log_weights), _normal_score(second, log_given)]
        return torch.stack(u, -1).to(z.dtype)

    @torch.no_grad()
    def from_normal(self, u: Tensor) -> Tensor:
        """g⁻¹(u), by bisection and then Newton to float64's precision; no gradients.

        Parameters
        ----------
        u : Tensor, shape (…, 2)

        Returns
        -------
        Tensor, shape (…, 2)
            z units.
        """
        target = u.double()
        weights, means, scale_tril = self._on(u.device)
        scales, slope = scale_tril.diagonal(dim1=1, dim2=2), scale_tril[:, 1, 0]
        z1 = _quantile(target[..., 0], weights.log(), means[:, 0], scales[:, 0])
        first = (z1.unsqueeze(-1) - means[:, 0]) / scales[:, 0]
        log_given = torch.log_softmax(self._log_first(first, u.device), -1)
        z2 = _quantile(target[..., 1], log_given, means[:, 1] + slope * first, scales[:, 1])
        return torch.stack([z1, z2], -1).to(u.dtype)

    def log_det(self, z: Tensor) -> Tensor:
        """log |det ∂g/∂z| in nats, shape (…,), so that log p(z) = log N(g(z); 0, I) + log_det."""
        exact = z.double()
        log_normal = _log_normal(self.to_normal(exact)).sum(-1)
        return (self.log_pz(exact) - log_normal).to(z.dtype)

    def _scores(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """z₁, and z₂ given z₁, standardised by each component, each of shape (…, K)."""
        if z.ndim == 0 or z.shape[-1] != 2:
            raise ValueError(f"z must have shape (…, 2), got {tuple(z.shape)}")
        _, means, scale_tril = self._on(z.device)
        offset = z.double().unsqueeze(-2) - means  # (…, K, 2)
        first = offset[..., 0] / scale_tril[:, 0, 0]
        return first, (offset[..., 1] - scale_tril[:, 1, 0] * first) / scale_tril[:, 1, 1]

    def _log_first(self, first: Tensor, device: torch.device) -> Tensor:
        """log of each component's share of the density of z₁, shape (…, K)."""
        weights, _, scale_tril = self._on(device)
        return weights.log() - scale_tril[:, 0, 0].log() + _log_normal(first)

    def _log_scale(self, device: torch.device) -> Tensor:
        weights, _, scale_tril = self._on(device)
        return weights.log() - scale_tril.diagonal(dim1=1, dim2=2).log().sum(-1)

    def _on(self, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        return self.weights.to(device), self.means.to(device), self.scale_tril.to(device)


def _log_normal(x: Tensor) -> Tensor:
    """log φ(x), in nats."""
    return -0.5 * (x.square() + math.log(2.0 * math.pi))


def _log_tails(scores: Tensor, log_weights: Tensor) -> tuple[Tensor, Tensor]:
    """log F and log(1 − F) of a mixture, from a point's standardised distances (…, K)."""
    return (
        torch.logsumexp(log_weights + log_ndtr(scores), -1),
        torch.logsumexp(log_weights + log_ndtr(-scores), -1),
    )


def _normal_score(scores: Tensor, log_weights: Tensor) -> Tensor:
    """Φ⁻¹(F) of a mixture, shape (…,), differentiable once."""
    log_below, log_above = _log_tails(scores, log_weights)
    is_below = log_below < log_above
    log_tail = torch.where(is_below, log_below, log_above)  # at most log ½
    with torch.no_grad():
        u = torch.where(log_tail > _LOG_TINY, ndtri(log_tail.exp()), -(-2.0 * log_tail).sqrt())
        for _ in range(_POLISH):
            u = _towards(u, log_tail)
    u = _towards(u, log_tail)  # its derivative is that of the solution
    return torch.where(is_below, u, -u)


def _towards(u: Tensor, log_tail: Tensor) -> Tensor:
    """One Newton step to the solution of log Φ(u) = log_tail, which is concave in u."""
    log_cdf = log_ndtr(u)
    return u - (log_cdf - log_tail) * (log_cdf - _log_normal(u)).exp()


def _quantile(u: Tensor, log_weights: Tensor, means: Tensor, scales: Tensor) -> Tensor:
    """z with F(z) = Φ(u) of a mixture; `means` and `log_weights` broadcast to (…, K)."""
    each = means + scales * u.unsqueeze(-1)  # (…, K): the mixture's quantile lies among them
    low, high = each.amin(-1), each.amax(-1)
    is_below = u < 0
    log_target = log_ndtr(-u.abs())

    def excess(z: Tensor) -> tuple[Tensor, Tensor]:
        """log F − log Φ(u), in the smaller tail, rising with z, and its slope."""
        scores = (z.unsqueeze(-1) - means) / scales
        log_below, log_above = _log_tails(scores, log_weights)
        log_tail = torch.where(is_below, log_below, log_above)
        log_density = torch.logsumexp(log_weights - scales.log() + _log_normal(scores), -1)
        gap = log_tail - log_target
        return torch.where(is_below, gap, -gap), (log_density - log_tail).exp()

    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        is_over = excess(middle)[0] > 0
        low, high = torch.where(is_over, low, middle), torch.where(is_over, middle, high)
    z = 0.5 * (low + high)
    for _ in range(_POLISH):
        gap, slope = excess(z)
        z = torch.clamp(z - gap / slope, low, high)
    return z
