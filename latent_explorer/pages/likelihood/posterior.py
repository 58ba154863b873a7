"""Chapter 3: which z explain a digit, exactly, and how well q(z|x) says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.components.digit_strip import DigitImage, digit_strip
from latent_explorer.data import catalogue, encoding, lattice
from latent_explorer.data.digits import Floats
from latent_explorer.pages.likelihood import chapter
from latent_explorer.plots.likelihoods import (
    Window,
    likelihood_plane,
    posterior_line,
    posterior_plane,
)
from latent_explorer.theme import number, point
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from vae_core.exact.explanation import Explanation, Region

_STRIP = "likelihood_digit_strip"
_SHARE = 0.99
_SIDE = 32  # cells along the side of the zoomed picture, each decoded
_LEAST_SIDE = 0.06  # z units
_AROUND = 1.3  # side of the zoomed picture over the region's
_Q_STDS = 2.5  # of q(z|x) that it holds too
_PLANE_REACH = 4.5  # z units shown of the plane, unless the digit is farther out


class _Where(NamedTuple):
    """Where the mass of p(z|x) is."""

    explained: Explanation
    region: Region
    low: NDArray[np.float64]  # (D,): corners of a box that holds the region and q(z|x)
    high: NDArray[np.float64]


def draw(ref: CheckpointRef, split: Split) -> None:
    """Draw the chapter."""
    left, right = chapter.columns()
    with right:
        chosen = chapter.digit_controls(ref)
    with left:
        chapter.digit_map(ref, split, chosen)
    if chosen is None:
        return
    if not chapter.is_exact(ref):
        with right:
            chapter.offer_exact(ref)
        return
    where = _where(ref, chosen)
    zoomed = _zoomed(ref, chosen, where)
    with right:
        picture, words = st.columns([1, 2], vertical_alignment="center")
        with picture:
            seen = encoding.decode(ref, chosen.encoded.mu[None])[0]
            digit_strip(
                [DigitImage(chosen.x, "x"), DigitImage(seen, "f(z)", "at q's mean")],
                key=_STRIP,
                size=76,
                per_row=2,
            )
        with words:
            st.markdown(f"**{chosen.name[0].upper()}{chosen.name[1:]}**: {_said_of_share(where)}")
        st.markdown("**The posterior p(z|x): how probable each z is once x is seen**, exact")
        chapter.show_figure(
            zoomed, key="likelihood_zoomed", alt="The exact posterior p(z|x) and q(z|x) on it"
        )
        st.caption(_said_of_zoom(ref, chosen, where))
    whole = _whole(ref, where)  # while the browser draws the first
    with left:
        st.markdown("**log p(x|z): how well each z explains x**")
        chapter.show_figure(whole, key="likelihood_whole", alt="log p(x|z) over latent space")
    _answer()
    chapter.show_code("3_posterior.py")
    with st.container(horizontal=True, vertical_alignment="center"):
        chapter.show_download(ref, [zoomed, whole])
        chapter.show_link(ref, split, chapter.digit_link(chosen))


def _answer() -> None:
    likelihood = chapter.term("likelihood", r"p(x \mid z)")
    posterior = chapter.term("posterior", r"p(z \mid x)")
    encoder = chapter.term("encoder", r"q(z \mid x)")
    chapter.show_answer(
        "Only the z of a tiny part of the plane give this digit a probability worth counting; "
        f"${posterior}$ says which. The encoder's "
        f"${encoder}$ is a guess at that part, a Gaussian, "
        "so that nobody has to search the whole plane.",
        rf"{posterior} = \frac{{{likelihood}\,{chapter.term('prior', 'p(z)')}}}"
        rf"{{{chapter.term('evidence', 'p(x)')}}}",
    )


def _where(ref: CheckpointRef, chosen: chapter.Chosen) -> _Where:
    explained = lattice.explanation(ref, chosen.x.tobytes())
    region = explained.region(_SHARE)
    is_inside = (explained.log_posterior >= region.log_density) & explained.log_volume.isfinite()
    z = explained.z[is_inside].double().numpy()
    mu, std = chosen.encoded.mu.astype(np.float64), chosen.encoded.std.astype(np.float64)
    low = np.minimum(z.min(0), mu - _Q_STDS * std)
    high = np.maximum(z.max(0), mu + _Q_STDS * std)
    return _Where(explained, region, low, high)


def _window(where: _Where) -> Window:
    """Choose what the zoomed picture shows: a square round the mass."""
    half = max(_AROUND * float((where.high - where.low).max()), _LEAST_SIDE) / 2
    x, y = ((where.low + where.high) / 2).tolist()
    return x - half, x + half, y - half, y + half


def _zoomed(ref: CheckpointRef, chosen: chapter.Chosen, where: _Where) -> go.Figure:
    """Draw p(z|x) where its mass is."""
    if len(where.low) == 1:
        return _zoomed_line(chosen, where)
    window = _window(where)
    return posterior_plane(
        log_posterior=_log_posterior(ref, chosen, where.explained, window),
        window=window,
        center=chosen.encoded.mu.tolist(),
        std=chosen.encoded.std.tolist(),
        log_border=where.region.log_density,
        colors=chapter.colors(),
    )


def _whole(ref: CheckpointRef, where: _Where) -> go.Figure:
    """Draw log p(x|z) everywhere."""
    if len(where.low) == 1:
        return posterior_line(**_on_line(where.explained), log_q=None, colors=chapter.colors())
    window = _window(where)
    space = lattice.decoded(ref)
    picture, span = space.raster(where.explained.log_px_z[: len(space.z)])
    shown, span = _middle(picture.numpy(), span, max(_PLANE_REACH, *map(abs, window)))
    return likelihood_plane(
        log_px_z=shown,
        span=span,
        window=window,
        has_normal_prior=catalogue.stored(ref).header.model.prior == "normal",
        colors=chapter.colors(),
    )


def _middle(
    picture: Floats, span: tuple[float, float], reach: float
) -> tuple[Floats, tuple[float, float]]:
    """Keep |z₁|, |z₂| < reach of a picture, and every second node of each axis."""
    n = len(picture)
    width = (span[1] - span[0]) / n
    cut = max(0, int((span[1] - reach) / width))
    kept = picture[cut : n - cut : 2, cut : n - cut : 2]
    # A node that is left stands for two; the last one's second may lie beyond the cut.
    first = span[0] + (cut - 0.5) * width
    return kept, (first, first + 2 * width * len(kept))


def _log_posterior(
    ref: CheckpointRef, chosen: chapter.Chosen, explained: Explanation, window: Window
) -> Floats:
    """Exact log p(z|x) in the cells of a window, shape (S, S): at their middles or denser nodes.

    A peak that is narrower than a cell is found by the lattice, which is finer there.
    """
    import torch

    from vae_core.analysis.fields import plane_grid

    model = catalogue.checkpoint(ref).model
    z = torch.from_numpy(plane_grid(window, _SIDE).points).float()
    with torch.no_grad():
        log_px_z = model.likelihood.log_px_z(model.decoder(z), torch.from_numpy(chosen.x))
        found = (log_px_z + model.prior.log_pz(z) - explained.log_px).numpy().reshape(_SIDE, _SIDE)
    x0, x1, y0, y1 = window
    nodes = explained.z.numpy()
    column = np.floor((nodes[:, 0] - x0) / (x1 - x0) * _SIDE).astype(np.intp)
    row = np.floor((nodes[:, 1] - y0) / (y1 - y0) * _SIDE).astype(np.intp)
    inside = (column >= 0) & (column < _SIDE) & (row >= 0) & (row < _SIDE)
    density = explained.log_posterior.numpy()[inside]
    np.maximum.at(found, (row[inside], column[inside]), density)
    return found


def _on_line(explained: Explanation) -> dict[str, NDArray[np.float64]]:
    """List what is known along a line of z as `posterior_line` takes it, z ascending."""
    stands = explained.log_volume.isfinite()
    order = explained.z[stands][:, 0].argsort()
    return {
        "z": explained.z[stands][order, 0].double().numpy(),
        "log_px_z": explained.log_px_z[stands][order].double().numpy(),
        "log_posterior": explained.log_posterior[stands][order].double().numpy(),
    }


def _zoomed_line(chosen: chapter.Chosen, where: _Where) -> go.Figure:
    on_line = _on_line(where.explained)
    half = max(_AROUND * float(where.high[0] - where.low[0]), _LEAST_SIDE) / 2
    middle = float(where.high[0] + where.low[0]) / 2
    near = np.abs(on_line["z"] - middle) < half
    shown = {name: values[near] for name, values in on_line.items()}
    (mu,), (std,) = chosen.encoded.mu.tolist(), chosen.encoded.std.tolist()
    log_q = -0.5 * ((shown["z"] - mu) / std) ** 2 - np.log(std) - 0.5 * np.log(2 * np.pi)
    return posterior_line(**shown, log_q=log_q, colors=chapter.colors())


def one_in(share: float) -> str:
    """Write a small share in plain words: 1 in 1,234; three figures at most."""
    n = 1.0 / share
    digits = max(0, len(str(int(n))) - 3)
    return f"1 in {round(n / 10**digits) * 10**digits:,}"


def _said_of_share(where: _Where) -> str:
    return (
        "the z that hold 99 % of its posterior are so few that of the z sampled from the prior "
        f"only **{one_in(where.region.prior_mass)}** is one of them "
        f"({where.region.prior_mass:.2g} of the prior's mass)."
    )


def _said_of_zoom(ref: CheckpointRef, chosen: chapter.Chosen, where: _Where) -> str:
    best = int(where.explained.log_posterior.argmax())
    n_dims = len(where.low)
    unit = "z units" if n_dims == 1 else "square z units"
    pixels = (
        "binarised once with seed 0"
        if catalogue.stored(ref).header.model.likelihood == "bernoulli"
        else "grey"
    )
    return (
        f"log p(x) = {number(where.explained.log_px, 2)} nats, exact, over a lattice. The peak of "
        f"p(z|x), at z = {point(where.explained.z[best].tolist())}, has log p(x|z) = "
        f"{number(float(where.explained.log_px_z[best]), 2)} nats. The region with 99 % of "
        f"p(z|x) measures {where.region.volume:.2g} {unit}, p(z|x) is per {unit[:-1]}. "
        f"q(z|x): μ = {point(chosen.encoded.mu)}, σ = {point(chosen.encoded.std)}. Pixels "
        f"{pixels}, for p and q alike."
    )
