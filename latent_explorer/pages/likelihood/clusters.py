"""Chapter 5: the prior's holes, and ten Gaussians that are carried over to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.components.digit_strip import DigitImage, digit_strip
from latent_explorer.data import catalogue, encoding, lattice
from latent_explorer.pages.likelihood import frame, maps, subject
from latent_explorer.pages.likelihood.transport import transport_panel
from latent_explorer.panels.chart import chart
from latent_explorer.plots.aggregate import prior_and_aggregate
from latent_explorer.session.current import current
from latent_explorer.session.places import Place, place_of_latent
from latent_explorer.theme import number, percent, point
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from vae_core.analysis.aggregate import Aggregate

_STRIP = "likelihood_hole_strip"
_FACTOR = 10.0  # of p(z) over q(z) from which a place is a hole
_BLOCK = 3  # cells of the grid along a side of one in the picture
_REACH = 4.5  # z units shown


def draw(ref: CheckpointRef, split: Split) -> None:
    """Draw the chapter."""
    left, right = frame.columns()
    here = subject.chosen_place()
    with left:
        maps.map_with_place(ref, split)
    with right:
        figure = _holes(ref, here)
    st.markdown("##### Ten Gaussians, or one?")
    transport_panel(ref)
    _answer()
    figures = [] if figure is None else [figure]
    frame.show_end(ref, code="5_clusters.py", figures=figures)


def _answer() -> None:
    prior, encoder = frame.symbol("prior", "p(z)"), frame.symbol("encoder", "q(z)")
    evidence = frame.symbol("evidence", "p(x)")
    likelihood = frame.symbol("likelihood", r"p(x \mid z)")
    unit = frame.symbol("prior", r"\mathcal{N}(u;\, 0, I)")
    carried = frame.symbol("likelihood", r"p(x \mid g^{-1}(u))")
    frame.show_answer(
        "One unit Gaussian holds ten clusters because the decoder is curved: neighbouring parts "
        f"of ${prior}$ become different digits, and what ${encoder}$ leaves empty is a hole. A "
        "smooth transport g turns ten Gaussians into one, its inverse goes before the decoder, "
        f"and ${evidence}$ stays what it was.",
        rf"{evidence} = \int {likelihood}\,{prior}\,dz = \int "
        rf"{carried}\,{unit}\,du",
    )


def _holes(ref: CheckpointRef, here: Place) -> go.Figure | None:
    """Compare p(z) with q(z), and show what the decoder makes of the chosen z."""
    if not catalogue.has_posterior(ref):
        frame.offer_checkpoint("A plain autoencoder has no prior p(z) to have holes.", ref)
        return None
    if (n_dims := catalogue.stored(ref).header.model.latent_dim) != 2:
        said = "one dimension" if n_dims == 1 else f"{n_dims} dimensions"
        frame.offer_checkpoint(f"z has {said} here: the holes are shown for two.", ref)
        return None
    found = lattice.aggregate(ref)
    x, y = here.z
    figure = prior_and_aggregate(**_block_means(found), factor=_FACTOR, place=(x, y))
    chart(
        figure,
        key="likelihood_aggregate",
        alt="The prior and the aggregate posterior over latent space",
    )
    st.markdown(
        f"**KL(q(z) ‖ p(z)) = {number(found.kl)} nats. "
        f"{percent(found.hole_mass(_FACTOR), 1)} of the prior's mass lies in holes**, "
        f"where p(z) is more than {_FACTOR:.0f} times q(z) (beyond the white lines)."
    )
    st.caption(
        "q(z) is the mean of q(z|x) over the 10,000 test digits, encoded grey as on the map, on a "
        "grid of spacing 0.02. "
        "A hole is empty of these digits; of the 60,000 that trained the model some may lie there."
    )
    _place(ref, found, here)
    return figure


def _place(ref: CheckpointRef, found: Aggregate, here: Place) -> None:
    """Show what the decoder makes of the chosen z, and say whether it is in a hole."""
    picture, words = st.columns([1, 2], vertical_alignment="center")
    with picture:
        seen = encoding.decode(ref, np.array([here.z]))[0]
        digit_strip([DigitImage(seen, "f(z)")], key=_STRIP, size=110)
    with words:
        st.markdown(_said_of_place(found, here))
        st.button(
            "Sample a z from the holes",
            on_click=_on_sample_hole,
            disabled=not found.is_hole(_FACTOR).any(),
            icon=":material/casino:",
            help="z ~ p(z), given that it is in a hole. Or click anywhere on the map.",
        )


def _said_of_place(found: Aggregate, here: Place) -> str:
    cell = _cell_of(found, here.z)
    if cell is None:
        return f"z = {point(here.z)} is a **hole**: no q(z|x) comes near it."
    log_pz, log_qz = float(found.log_pz[cell]), float(found.log_qz[cell])
    kind = "is in a **hole**" if found.is_hole(_FACTOR)[cell] else "is in **no hole**"
    return (
        f"z = {point(here.z)} {kind}: log p(z) = {number(log_pz, 2)}, "
        f"log q(z) = {number(log_qz, 2)} nats per z unit²."
    )


def _on_sample_hole() -> None:
    ref, _ = current()
    z = _sample_hole(lattice.aggregate(ref), np.random.default_rng())
    subject.set_place(place_of_latent(ref, z))


def _cell_of(found: Aggregate, z: tuple[float, ...]) -> tuple[int, int] | None:
    """Row and column of the grid's cell that holds z; None off the grid."""
    x0, x1, y0, y1 = found.grid.extent
    if not (x0 <= z[0] < x1 and y0 <= z[1] < y1):
        return None
    height, width = found.grid.shape
    return int((z[1] - y0) / (y1 - y0) * height), int((z[0] - x0) / (x1 - x0) * width)


def _block_means(found: Aggregate) -> dict[str, NDArray[np.float64]]:
    """Mean densities of blocks of cells near the origin, in logarithms, with their places."""
    x, y = found.grid.x, found.grid.y
    columns, rows = _blocks(x), _blocks(y)
    inside = np.ix_(rows.ravel(), columns.ravel())
    shape = (len(rows), _BLOCK, len(columns), _BLOCK)

    def mean(log_density: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.log(np.exp(log_density[inside]).reshape(shape).mean((1, 3)) + 1e-300)

    return {
        "x": x[columns].mean(1),
        "y": y[rows].mean(1),
        "log_pz": mean(found.log_pz),
        "log_qz": mean(found.log_qz),
    }


def _blocks(centers: NDArray[np.float64]) -> NDArray[np.intp]:
    """Cells of one axis that are shown, by blocks, shape (n, _BLOCK)."""
    shown = np.flatnonzero(np.abs(centers) < _REACH)
    return shown[: len(shown) // _BLOCK * _BLOCK].reshape(-1, _BLOCK)


def _sample_hole(found: Aggregate, generator: np.random.Generator) -> tuple[float, float]:
    """Draw z ~ p(z), given that it is in a hole."""
    mass = np.exp(found.log_pz) * found.is_hole(_FACTOR)
    cell = generator.choice(mass.size, p=(mass / mass.sum()).ravel())
    x, y = found.grid.points[cell].tolist()
    return x, y
