"""How long a step in latent space is: by what is decoded, or by how sparse the digits are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from vae_core.geometry.metrics import Metric, embed, metric_tensor, squared_distance
from vae_core.geometry.paths import squared_chords
from vae_core.models import VAE

_CHUNK = 4096  # latents decoded at once
_MOST = 50.0  # weight of a step where there is no digit at all


class Measure(Protocol):
    """How long steps are."""

    def squares(self, curve: Tensor) -> Tensor:
        """Squared lengths of a polyline's sides, (T, D) to (T − 1,); differentiable."""
        ...

    def squared_edges(self, nodes: Tensor, tails: Tensor, heads: Tensor) -> Tensor:
        """Squared lengths of edges between nodes, (N, D) and two rows of indices to (E,)."""
        ...

    def tensor(self, z: Tensor) -> Tensor:
        """Metric tensor, (B, D) to (B, D, D)."""
        ...


class Decoded(NamedTuple):
    """How far what is decoded moves; see `vae_core.geometry.metrics`."""

    model: VAE
    metric: Metric = "image"

    def squares(self, curve: Tensor) -> Tensor:  # noqa: D102
        return squared_chords(self.model, curve, self.metric)

    def squared_edges(self, nodes: Tensor, tails: Tensor, heads: Tensor) -> Tensor:  # noqa: D102
        with torch.no_grad():
            parts = [embed(self.model, part, self.metric) for part in torch.split(nodes, _CHUNK)]
            places = torch.cat(parts)
            pairs = zip(torch.split(tails, _CHUNK), torch.split(heads, _CHUNK), strict=True)
            return torch.cat(
                [squared_distance(self.model, places[t], places[h], self.metric) for t, h in pairs]
            )

    def tensor(self, z: Tensor) -> Tensor:  # noqa: D102
        return metric_tensor(self.model, z, self.metric)


class Dense(NamedTuple):
    """Steps in z, each longer the sparser the digits are: ds = (q₀/q(z))^(1/D) |dz|.

    The spacing of N digits of density q is (N q)^(−1/D), so a step counts in proportion to the
    spacing about it (the density-based distances of Bousquet, Chapelle & Hein, NIPS 2003). Where
    q is q₀ it counts in z units, and nowhere more than 50 times that.
    """

    log_density: Callable[[Tensor], Tensor]  # log q(z), (B, D) to (B,), nats; differentiable
    log_reference: float  # log q₀

    def weights(self, z: Tensor) -> Tensor:
        """ds/|dz|, shape (B,)."""
        root = ((self.log_density(z) - self.log_reference) / z.shape[-1]).exp()
        return 1.0 / (root + 1.0 / _MOST)

    def squares(self, curve: Tensor) -> Tensor:  # noqa: D102
        weights = self.weights(curve)
        means = 0.5 * (weights[1:] + weights[:-1])
        return means.square() * curve.diff(dim=0).square().sum(-1)

    def squared_edges(self, nodes: Tensor, tails: Tensor, heads: Tensor) -> Tensor:  # noqa: D102
        with torch.no_grad():
            weights = torch.cat([self.weights(part) for part in torch.split(nodes, _CHUNK)])
        means = 0.5 * (weights[tails] + weights[heads])
        return means.square() * (nodes[tails] - nodes[heads]).square().sum(-1)

    def tensor(self, z: Tensor) -> Tensor:  # noqa: D102
        with torch.no_grad():
            squares = self.weights(z).square()
        return squares[:, None, None] * torch.eye(z.shape[-1]).to(z)
