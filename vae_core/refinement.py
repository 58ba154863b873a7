"""The search for q(z|x) round the encoder's mean, on the decoder's own lattice.

An encoder of a decoder with narrow ridges points beside the peak of p(z|x) by more than the peak
is wide. So the nodes within reach of its mean are decoded, and q(z|x) becomes the Gaussian with the
mean and variances of p(z|x) round the highest of them. Only the search starts from a network, as in
Kim et al., "Semi-amortized variational autoencoders", ICML 2018.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vae_core.joint import Generative, decode_nodes
from vae_core.lattices import lattice
from vae_core.posterior import Posterior
from vae_core.torch_functions import to_list, unique

# z units between nodes: the sharpest models' q(z|x) are about this wide.
_SPACING = 0.02
# z units; least radius of the window round the peak in which moments are taken. Three nodes either
# way, the fewest that tell a variance.
_LEAST_WINDOW = 0.065
# z units; largest radius of the window: beyond, another peak would be measured along.
_WINDOW = 0.15
# Standard deviations that the window reaches: a Gaussian has 0.03 % farther out.
_WINDOW_STDS = 4.0
# Times that the window is fitted to the moments and these to it.
_WINDOW_STEPS = 4
# z units; least std. A narrower peak lies on one node, whose sum of squares says 0.
_LEAST_STD = 0.008
# z units; side of the tiles of encoder means whose images share decoded nodes.
_TILE = 1.0
# Images for which sharing is no gain: each decodes the nodes round its own mean.
_FEW = 8
# Images of a tile at once: what they say of all its nodes takes 56 MB at a radius of 0.5.
_CHUNK = 1024

# z units between the nodes that all images' peaks are looked for at: an encoder is fitted to them,
# and it is not more exact than that.
_PEAK_SPACING = 0.04
# z units; how far from the origin: the prior's mass outside is 3e-4.
_PEAK_RADIUS = 4.0
# Latents, or images, at once; what all of either say of all the others takes 64 MB.
_PEAK_CHUNK = 4096


@torch.no_grad()
def refine(model: Generative, x: Tensor, proposal: Posterior, *, radius: float) -> Posterior:
    """Fit q(z|x) to the highest peak of p(z|x) near the encoder's mean; without gradients.

    Parameters
    ----------
    model : Generative
        With two latent dimensions.
    x : Tensor, shape (B, 784)
        In [0, 1].
    proposal : Posterior
        What the encoder says of them.
    radius : float
        How far from the encoder's mean a peak may lie, z units.
    """
    mu, logvar = (torch.empty_like(t) for t in proposal)
    for rows in _neighbourhoods(proposal.mu):
        mu[rows], logvar[rows] = _peaks(model, x[rows], proposal.mu[rows], radius)
    return Posterior(mu, logvar)


def _neighbourhoods(mu: Tensor) -> list[Tensor]:
    """Rows of images whose encoder means, shape (B, 2), lie close together."""
    if len(mu) <= _FEW:
        return list(torch.arange(len(mu), device=mu.device).unsqueeze(-1))
    tile: Tensor = unique((mu / _TILE).floor(), dim=0, return_inverse=True)[1]
    return [
        part
        for i in range(int(tile.max()) + 1)
        for part in torch.split((tile == i).nonzero().squeeze(-1), _CHUNK)
    ]


def _peaks(model: Generative, x: Tensor, near: Tensor, radius: float) -> Posterior:
    """Fit the peaks of p(z|x) of images whose encoder means, `near`, lie close together."""
    reach = radius + _WINDOW + _SPACING
    low = ((near.amin(0) - reach) / _SPACING).floor()
    high = ((near.amax(0) + reach) / _SPACING).ceil()
    ends = to_list(torch.stack([low, high], 1))
    axes = [torch.arange(first, last + 1, device=x.device) for first, last in ends]
    z = torch.cartesian_prod(*axes) * _SPACING  # (N, 2)
    log_joint = z.new_full((len(x), len(z)), -math.inf)
    statistics = model.likelihood.statistics(x)

    def look_at(nodes: Tensor) -> None:
        log_joint[:, nodes] = decode_nodes(model, z[nodes]).log_joint(statistics)

    is_near = torch.cdist(near, z) <= radius + _SPACING  # one node at least is within reach
    is_known = is_near.any(0)
    look_at(is_known)
    peak = log_joint.masked_fill(~is_near, -math.inf).argmax(1, keepdim=True)
    # The nodes round the peak, by their places on the lattice; some are not within reach.
    n = int(_WINDOW / _SPACING)
    steps = torch.arange(-n, n + 1, device=x.device)
    offset = torch.cartesian_prod(steps, steps)  # (W, 2)
    around = peak + offset @ torch.tensor([len(axes[1]), 1]).to(steps)  # (B, W)
    is_new = torch.zeros_like(is_known).index_fill(0, around.flatten(), True) & ~is_known
    if is_new.any():
        look_at(is_new)
    mean, std = _moments(log_joint.gather(1, around), offset * _SPACING)
    return Posterior.from_std(z[peak.squeeze(1)] + mean, std)


def _moments(log_joint: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and std of the peak at offset 0, each (B, 2), from log p(x, z), (B, W), round it.

    The window widens to four standard deviations, not to the next peak.
    """
    distance = offset.square().sum(-1).sqrt()
    window = torch.full_like(log_joint[:, :1], _LEAST_WINDOW)
    mean = std = log_joint.new_zeros(len(log_joint), 2)
    for _ in range(_WINDOW_STEPS):
        share = log_joint.masked_fill(distance > window, -math.inf).softmax(1)
        mean = share @ offset
        std = (share @ offset.square() - mean.square()).clamp_min(_LEAST_STD**2).sqrt()
        window = (_WINDOW_STDS * std.amax(1, keepdim=True)).clamp(_LEAST_WINDOW, _WINDOW)
    return mean, std


def posterior_peaks(model: Generative, pixels: Tensor) -> Tensor:
    """Where p(z|x) of each image is highest on a lattice, shape (N, 2).

    Of grey images: the peak of the expected log-likelihood over their binarisations.

    Parameters
    ----------
    model : Generative
        With two latent dimensions.
    pixels : Tensor, shape (N, 784)
        uint8.
    """
    best = torch.full((len(pixels),), -math.inf, device=pixels.device)
    peaks = torch.zeros(len(pixels), 2, device=pixels.device)
    with torch.no_grad():
        nodes = lattice(2, spacing=_PEAK_SPACING, radius=_PEAK_RADIUS).to(pixels.device)
        for z in torch.split(nodes, _PEAK_CHUNK):
            decoded = decode_nodes(model, z)
            for i in range(0, len(pixels), _PEAK_CHUNK):
                rows = slice(i, i + _PEAK_CHUNK)
                statistics = model.likelihood.statistics(pixels[rows].float() / 255.0)
                value, node = decoded.log_joint(statistics).max(1)
                is_better = value > best[rows]
                peaks[rows] = torch.where(is_better.unsqueeze(-1), z[node], peaks[rows])
                best[rows] = torch.maximum(value, best[rows])
    return peaks
