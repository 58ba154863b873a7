"""Chapter 3: which z explain a digit, exactly, and how well q(z|x) says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from latent_explorer.components.digit_strip import DigitImage, digit_strip
from latent_explorer.data import catalogue, encoding, lattice
from latent_explorer.pages.likelihood import frame, maps, subject
from latent_explorer.pages.likelihood.numerals import one_in
from latent_explorer.pages.likelihood.posterior_mass import (
    Mass,
    along_line,
    log_gaussian,
    log_posterior,
    mass_of,
    middle_of,
)
from latent_explorer.panels.chart import chart
from latent_explorer.plots.likelihoods import likelihood_plane, posterior_line, posterior_plane
from latent_explorer.theme import number, point, significant
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

if TYPE_CHECKING:
    import plotly.graph_objects as go

_STRIP = "likelihood_digit_strip"
_PLANE_REACH = 4.5  # z units shown of the plane, unless the digit is farther out


def draw(ref: CheckpointRef, split: Split) -> None:
    """Draw the chapter."""
    left, right = frame.columns()
    with right:
        chosen = subject.digit_controls(ref)
    with left:
        maps.map_with_digit(ref, split, chosen)
    if chosen is None:
        return
    if not frame.is_exact(ref):
        with right:
            frame.offer_exact(ref)
        return
    mass = mass_of(ref, chosen.x, chosen.encoded)
    zoomed = _zoomed(ref, chosen, mass)
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
            st.markdown(f"**{chosen.name[0].upper()}{chosen.name[1:]}**: {_said_of_share(mass)}")
        st.markdown("**The posterior p(z|x): how probable each z is once x is seen**, exact")
        chart(zoomed, key="likelihood_zoomed", alt="The exact posterior p(z|x) and q(z|x) on it")
        st.caption(_said_of_zoom(ref, chosen, mass))
    whole = _whole(ref, mass)  # while the browser draws the first
    with left:
        st.markdown("**log p(x|z): how well each z explains x**")
        chart(whole, key="likelihood_whole", alt="log p(x|z) over latent space")
    _answer()
    frame.show_end(ref, code="3_posterior.py", figures=[zoomed, whole])


def _answer() -> None:
    likelihood = frame.symbol("likelihood", r"p(x \mid z)")
    posterior = frame.symbol("posterior", r"p(z \mid x)")
    encoder = frame.symbol("encoder", r"q(z \mid x)")
    frame.show_answer(
        "Only the z of a tiny part of the plane give this digit a probability worth counting; "
        f"${posterior}$ says which. The encoder's "
        f"${encoder}$ is a guess at that part, a Gaussian, "
        "so that nobody has to search the whole plane.",
        rf"{posterior} = \frac{{{likelihood}\,{frame.symbol('prior', 'p(z)')}}}"
        rf"{{{frame.symbol('evidence', 'p(x)')}}}",
    )


def _zoomed(ref: CheckpointRef, chosen: subject.ChosenDigit, mass: Mass) -> go.Figure:
    """Draw p(z|x) where its mass is."""
    if mass.n_dims == 1:
        return _zoomed_line(chosen, mass)
    return posterior_plane(
        log_posterior=log_posterior(ref, chosen.x, mass),
        window=mass.window,
        center=chosen.encoded.mu.tolist(),
        std=chosen.encoded.std.tolist(),
        log_border=mass.region.log_density,
        colors=frame.colors(),
    )


def _whole(ref: CheckpointRef, mass: Mass) -> go.Figure:
    """Draw log p(x|z) everywhere."""
    if mass.n_dims == 1:
        return posterior_line(**along_line(mass.explained), log_q=None, colors=frame.colors())
    space = lattice.decoded(ref)
    picture, span = space.raster(mass.explained.log_px_z[: len(space.z)])
    shown, span = middle_of(picture.numpy(), span, max(_PLANE_REACH, *map(abs, mass.window)))
    return likelihood_plane(
        log_px_z=shown,
        span=span,
        window=mass.window,
        has_normal_prior=catalogue.stored(ref).header.model.prior == "normal",
        colors=frame.colors(),
    )


def _zoomed_line(chosen: subject.ChosenDigit, mass: Mass) -> go.Figure:
    on_line = along_line(mass.explained)
    near = np.abs(on_line["z"] - mass.middle[0]) < mass.half
    shown = {name: values[near] for name, values in on_line.items()}
    (mu,), (std,) = chosen.encoded.mu.tolist(), chosen.encoded.std.tolist()
    log_q = log_gaussian(shown["z"], mu, std)
    return posterior_line(**shown, log_q=log_q, colors=frame.colors())


def _said_of_share(mass: Mass) -> str:
    return (
        "the z that hold 99 % of its posterior are so few that of the z sampled from the prior "
        f"only **{one_in(mass.region.prior_mass)}** is one of them "
        f"({significant(mass.region.prior_mass)} of the prior's mass)."
    )


def _said_of_zoom(ref: CheckpointRef, chosen: subject.ChosenDigit, mass: Mass) -> str:
    best = int(mass.explained.log_posterior.argmax())
    n_dims = mass.n_dims
    unit = "z units" if n_dims == 1 else "square z units"
    pixels = (
        "binarised once with seed 0"
        if catalogue.stored(ref).header.model.likelihood == "bernoulli"
        else "grey"
    )
    return (
        f"log p(x) = {number(mass.explained.log_px, 2)} nats, exact, over a lattice. The peak of "
        f"p(z|x), at z = {point(mass.explained.z[best].tolist())}, has log p(x|z) = "
        f"{number(float(mass.explained.log_px_z[best]), 2)} nats. The region with 99 % of "
        f"p(z|x) measures {significant(mass.region.volume)} {unit}, p(z|x) is per {unit[:-1]}. "
        f"q(z|x): μ = {point(chosen.encoded.mu)}, σ = {point(chosen.encoded.std)}. Pixels "
        f"{pixels}, for p and q alike."
    )
