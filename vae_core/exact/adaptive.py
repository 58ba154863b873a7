"""The adaptive lattice: tiles of nodes, widened and halved until they integrate an image exactly.

For a smooth integrand that vanishes at the border the trapezoid rule converges faster than any
power of the spacing (Trefethen & Weideman, SIAM Review 2014), once the spacing is below about 1.5
standard deviations of p(z|x). Whether it is, lattices tell that integrate the same function: the
2^D interleaved ones of twice the spacing that this one consists of, and, where an image's mass is,
the same one half a spacing farther. Where they disagree on an image the spacing is halved for it,
in the tiles that hold its mass; where its mass comes near the border the lattice is widened.

Who asks for a sum over many images and who asks for the nodes of one follow one algorithm, each by
its own `Rule`.
"""

from __future__ import annotations

import math
from itertools import compress
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from vae_core.exact.tiles import Tile, on_border, tiles_around

# z units between nodes, of figures in headers: next to no image needs them any closer.
REPORTED_SPACING = 0.02
# z units between nodes, of figures computed while a user waits.
LIVE_SPACING = 0.04
# z units that a lattice reaches. The prior's mass outside is 6.7e-10; with 4.6 (2.5e-5) the few
# digits whose codes lie farther out came out up to 13 nats too low.
RADIUS = 6.5
# Times that the spacing may be halved: an eighth of it is below every posterior's width seen.
HALVINGS = 3
# z units by which the lattice grows around where an image's mass reaches its border.
WIDER = 1.0


class Rule(NamedTuple):
    """When a lattice is fine and wide enough for an image; differences in nats."""

    shifted: float  # most that log p(x) may differ from that of the lattice half a spacing farther
    interleaved: float  # most that log p(x) may differ between the interleaved sublattices
    tested: float  # below the fullest tile: where the nodes half a spacing farther are looked at
    halved: float  # below the fullest tile: where the spacing is halved
    widened: float  # below the fullest tile: where a tile on the border hides something beyond
    is_mean: bool  # whether the value is the mean with the lattice half a spacing farther


# Two rules, as measured on atlas at a spacing of 0.04: by the explanation's a sum over 1,500 images
# takes 2.9 times as long; by the sum's an explained image is up to 0.16 nat off instead of 0.009.
SUM_RULE = Rule(
    # What sets the two lattices apart cancels in their mean.
    shifted=0.05,
    # A first look. Alone, and within 0.2, it left 14 of atlas's 10,000 test digits off by more
    # than 0.1 nat: a peak halfway between two nodes weighs the same on the sublattices of both.
    interleaved=1.0,
    # Tiles of 16 nodes a side, so a peak shows in its tile; all others hold 0.03 % of it each.
    tested=8.0,
    # A narrow ridge may pass between the nodes of a tile and show as little of it as this.
    halved=14.0,
    # A little more, as no node lies beyond the border to show the ridge there.
    widened=16.0,
    is_mean=True,
)
EXPLANATION_RULE = Rule(
    # The nodes half a spacing farther only test: log p(x) is off by half of this at most.
    shifted=0.02,
    # For the same reason half of what a sum allows.
    interleaved=0.5,
    # Tiles of 4 nodes a side show much less of what passes between them: with 14 log p(x) came out
    # up to 0.16 nat too low.
    tested=24.0,
    # What is tested is what is halved.
    halved=24.0,
    # And what is widened.
    widened=24.0,
    is_mean=False,
)


class Sums(NamedTuple):
    """log ∫ p(x|z) p(z) dz of B images over T tiles; −inf where a tile is not wanted."""

    by_tile: Tensor  # (T, B)
    by_sublattice: Tensor  # (2^D, B)


class Integrate(Protocol):
    """Sum p(x|z) p(z) of images over tiles of one spacing."""

    def __call__(self, statistics: Tensor, tiles: list[Tile], wanted: Tensor | None = None) -> Sums:
        """Of images given by T(x), shape (B, F); each in the tiles wanted, bool (T, B)."""
        ...


class Level(NamedTuple):
    """Tiles of one spacing, and which of them finer ones took the place of, for any image."""

    tiles: list[Tile]
    is_halved: Tensor  # bool, (T,)


def widen(
    integrate: Integrate,
    statistics: Tensor,
    tiles: list[Tile],
    sums: Sums,
    rule: Rule,
    is_border: Tensor,
) -> tuple[list[Tile], Sums]:
    """Add tiles beyond the border of a lattice until no image's mass goes on there.

    `is_border` is `on_border` of the tiles; the rest as in `refine`.
    """
    tiles, (mass, by_sublattice) = list(tiles), sums
    while (cut := holds_mass(mass, rule.widened) & is_border.unsqueeze(1).to(mass.device)).any():
        is_cut = cut.any(0)  # of (T, B)
        new = sorted(tiles_around(_where(cut.any(1), tiles), WIDER).difference(tiles))
        more = integrate(statistics[is_cut], new)
        tiles += new
        mass = torch.cat([mass, mass.new_full((len(new), mass.shape[1]), -math.inf)])
        mass[-len(new) :, is_cut] = more.by_tile
        by_sublattice[:, is_cut] = torch.logaddexp(by_sublattice[:, is_cut], more.by_sublattice)
        is_border = on_border(tiles)
    return tiles, Sums(mass, by_sublattice)


def refine(
    integrate: Integrate,
    statistics: Tensor,
    tiles: list[Tile],
    sums: Sums,
    rule: Rule,
    halvings: int | None = None,
) -> tuple[Tensor, list[Level]]:
    """Halve the spacing of tiles where it proves too coarse for an image, and again.

    Parameters
    ----------
    integrate : Integrate
    statistics : Tensor, shape (B, F)
        T(x) of the images.
    tiles : list of Tile
        Of one spacing.
    sums : Sums
        Of the images over these.
    rule : Rule
    halvings : int, optional
        At most; by default HALVINGS.

    Returns
    -------
    tuple
        log p(x) in nats, shape (B,), and the tiles it took, the finest last.
    """
    halvings = HALVINGS if halvings is None else halvings
    mass = sums.by_tile
    is_coarse = disagree(sums.by_sublattice, rule.interleaved)
    # Where all is halved anyway no test is needed; where nothing can be, the mean may still be.
    if rule.is_mean if halvings == 0 else not is_coarse.all():
        log_px, is_off = _tested(integrate, statistics, tiles, mass, rule)
        is_coarse |= is_off
    else:
        log_px = mass.logsumexp(0)
    level = Level(tiles, torch.zeros(len(tiles), dtype=torch.bool))
    if halvings == 0 or not is_coarse.any():
        return log_px, [level]
    mass, statistics = mass[:, is_coarse], statistics[is_coarse]
    holds = holds_mass(mass, rule.halved)
    rest = mass.masked_fill(holds, -math.inf).logsumexp(0)
    is_halved = holds.any(1)
    parts = [part for tile in _where(is_halved, tiles) for part in tile.parts()]
    is_in = holds[is_halved].repeat_interleave(2 ** len(tiles[0].corner), 0)
    in_parts = integrate(statistics, parts, is_in)
    refined, finer = refine(integrate, statistics, parts, in_parts, rule, halvings - 1)
    log_px[is_coarse] = torch.logaddexp(rest, refined)
    return log_px, [level._replace(is_halved=is_halved), *finer]


def _tested(
    integrate: Integrate, statistics: Tensor, tiles: list[Tile], mass: Tensor, rule: Rule
) -> tuple[Tensor, Tensor]:
    """log p(x) as the mean with the lattice half a spacing farther, and whether they disagree."""
    peaks = holds_mass(mass, rule.tested)
    rest = mass.masked_fill(peaks, -math.inf).logsumexp(0)
    found = peaks.any(1)
    peaks = peaks[found]
    here = mass[found].masked_fill_(~peaks, -math.inf).logsumexp(0)
    between = [tile.between() for tile in _where(found, tiles)]
    shifted = integrate(statistics, between, peaks).by_tile.logsumexp(0)
    log_px = torch.logaddexp(rest, torch.logaddexp(here, shifted) - math.log(2.0))
    return log_px, disagree(torch.stack([here, shifted]), rule.shifted)


def disagree(log_px: Tensor, by_more_than: float) -> Tensor:
    """Whether lattices' log p(x), shape (lattices, B), lie so many nats apart, shape (B,)."""
    return log_px.amax(0) - log_px.amin(0) > by_more_than


def holds_mass(mass: Tensor, within: float) -> Tensor:
    """Whether a tile, of (T, B), has as much mass as an image's fullest, within so many nats."""
    return mass > mass.amax(0) - within


def _where(is_wanted: Tensor, tiles: list[Tile]) -> list[Tile]:
    return list(compress(tiles, is_wanted.cpu().numpy()))
