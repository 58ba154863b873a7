"""Chapter 5: the prior's holes, and ten Gaussians that are carried over to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.components.digit_strip import DigitImage, digit_strip
from latent_explorer.components.morph import Line, Picture, morph
from latent_explorer.data import catalogue, digits, encoding, lattice, observations, transport
from latent_explorer.data.digits import SPLITS, digit_name
from latent_explorer.data.transport import Unfolded
from latent_explorer.links.codec import pin_params
from latent_explorer.pages.likelihood import chapter
from latent_explorer.plots.aggregate import prior_and_aggregate
from latent_explorer.session.current import current
from latent_explorer.session.places import Place, place_of_latent
from latent_explorer.theme import number, point
from latent_explorer.vocabulary import PALETTE
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from vae_core.analysis.aggregate import Aggregate

_STRIP, _MORPH = "likelihood_hole_strip", "likelihood_morph"
_SUMMED = "likelihood_summed"  # checkpoint and digit whose p(x) was asked for on both sides
_FACTOR = 10.0  # of p(z) over q(z) from which a place is a hole
_BLOCK = 3  # cells of the grid along a side of one in the picture
_REACH = 4.5  # z units shown
_IN_SIGHT = 0.999  # share of the codes' coordinates within the square in sight


def draw(ref: CheckpointRef, split: Split) -> None:
    """Draw the chapter."""
    left, right = chapter.columns()
    here = chapter.place()
    assert here is not None  # the page opens with one
    with left:
        chapter.place_map(ref, split)
    with right:
        figure = _holes(ref, here)
    st.markdown("##### Ten Gaussians, or one?")
    _transport(ref)
    _answer()
    chapter.show_code("5_clusters.py")
    with st.container(horizontal=True, vertical_alignment="center"):
        if figure is not None:
            chapter.show_download(ref, [figure])
        chapter.show_link(ref, split, pin_params(here.id, here.z))


def _answer() -> None:
    prior, encoder = chapter.term("prior", "p(z)"), chapter.term("encoder", "q(z)")
    evidence = chapter.term("evidence", "p(x)")
    likelihood = chapter.term("likelihood", r"p(x \mid z)")
    unit = chapter.term("prior", r"\mathcal{N}(u;\, 0, I)")
    carried = chapter.term("likelihood", r"p(x \mid g^{-1}(u))")
    chapter.show_answer(
        "One unit Gaussian holds ten clusters because the decoder is curved: neighbouring parts "
        f"of ${prior}$ become different digits, and what ${encoder}$ leaves empty is a hole. A "
        "smooth transport g turns ten Gaussians into one, its inverse goes before the decoder, "
        f"and ${evidence}$ stays what it was.",
        rf"{evidence} = \int {likelihood}\,{prior}\,dz = \int "
        rf"{carried}\,{unit}\,du",
    )


# ---- the holes


def _holes(ref: CheckpointRef, here: Place) -> go.Figure | None:
    """Compare p(z) with q(z), and show what the decoder makes of the chosen z."""
    if not catalogue.has_posterior(ref):
        chapter.offer_checkpoint("A plain autoencoder has no prior p(z) to have holes.", ref)
        return None
    if (n_dims := catalogue.stored(ref).header.model.latent_dim) != 2:
        said = "one dimension" if n_dims == 1 else f"{n_dims} dimensions"
        chapter.offer_checkpoint(f"z has {said} here: the holes are shown for two.", ref)
        return None
    found = lattice.aggregate(ref)
    x, y = here.z
    figure = prior_and_aggregate(**_picture(found), factor=_FACTOR, place=(x, y))
    chapter.show_figure(
        figure,
        key="likelihood_aggregate",
        alt="The prior and the aggregate posterior over latent space",
    )
    st.markdown(
        f"**KL(q(z) ‖ p(z)) = {number(found.kl)} nats. "
        f"{100 * found.hole_mass(_FACTOR):.1f} % of the prior's mass lies in holes**, "
        f"where p(z) is more than {_FACTOR:.0f} times q(z) (beyond the white lines)."
    )
    st.caption(
        "q(z) is the mean of q(z|x) over the 10,000 test digits, encoded grey as on the map, on a "
        "grid of spacing 0.02. "
        "A z from a hole is one that training never asked the decoder about."
    )
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
    return figure


def _said_of_place(found: Aggregate, here: Place) -> str:
    cell = _cell(found, here.z)
    if cell is None:
        return f"z = {point(here.z)} is a **hole**: no q(z|x) comes near it."
    log_pz, log_qz = float(found.log_pz[cell]), float(found.log_qz[cell])
    kind = "is in a **hole**" if found.is_hole(_FACTOR)[cell] else "is in **no hole**"
    return (
        f"z = {point(here.z)} {kind}: log p(z) = {number(log_pz, 2)}, "
        f"log q(z) = {number(log_qz, 2)} nats per z unit²."
    )


def _cell(found: Aggregate, z: tuple[float, ...]) -> tuple[int, int] | None:
    """Row and column of the grid's cell that holds z; None off the grid."""
    x0, x1, y0, y1 = found.grid.extent
    if not (x0 <= z[0] < x1 and y0 <= z[1] < y1):
        return None
    height, width = found.grid.shape
    return int((z[1] - y0) / (y1 - y0) * height), int((z[0] - x0) / (x1 - x0) * width)


def _picture(found: Aggregate) -> dict[str, NDArray[np.float64]]:
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


def _on_sample_hole() -> None:
    ref, _ = current()
    found = lattice.aggregate(ref)
    mass = np.exp(found.log_pz) * found.is_hole(_FACTOR)
    cell = np.random.default_rng().choice(mass.size, p=(mass / mass.sum()).ravel())
    x, y = found.grid.points[cell].tolist()
    chapter.set_place(place_of_latent(ref, (x, y)))


# ---- the transport


def _transport(ref: CheckpointRef) -> None:
    """Carry a model's ten Gaussians over to one and back."""
    other = _with_mixture(ref)
    if other is None:
        st.info(
            "This needs a checkpoint with one Gaussian per digit as its prior, and none is there.",
            icon=":material/info:",
        )
        return
    if other != ref:
        st.info(f"Shown for the checkpoint {other.name}, whose prior is ten Gaussians.")
    carried = transport.unfolded(other)
    left, right = st.columns([1, 1], gap="medium")
    with left:
        _draw_morph(carried)
    with right:
        st.markdown(
            "The prior of this model is a mixture of **ten Gaussians**, one per digit, learned "
            "with the labels. The transport u = g(z) turns it into **N(0, I)**, exactly, and g⁻¹ "
            "brings it back: put g⁻¹ before the decoder, and the prior is one unit Gaussian."
        )
        st.caption(
            "Points: the 10,000 test digits at the mean of q(z|x) and at g of it. Ellipses: the "
            "ten Gaussians at 1 and 2 σ; rings: N(0, I) at 1, 2 and 3 σ; grid lines: straight in "
            "u; pictures: f(z) where they cross. Between the ends each goes straight, "
            "(1 − t) z + t g(z); both ends are exact, what lies between is only a way to look "
            "from one to the other."
        )
        _weights(carried)
        st.markdown(
            "**Nothing is lost on the way.** Mean log density of the test digits' codes, in nats "
            "per unit²:\n\n"
            f"- the ten Gaussians, log p(z): {number(carried.mean_log_pz, 4)}\n"
            "- log N(g(z); 0, I) + log |det ∂g/∂z|, g differentiated: "
            f"{number(carried.mean_log_pu, 4)}\n\n"
            f"No digit's two differ by more than {_small(carried.largest_gap)} nats."
        )
        _sums(other)


def _with_mixture(ref: CheckpointRef) -> CheckpointRef | None:
    """Find the chosen checkpoint, or else the first, whose prior is a mixture."""
    return next(
        (
            one
            for one in (ref, *catalogue.checkpoints()[0])
            if catalogue.stored(one).header.model.prior == "digit-mixture"
        ),
        None,
    )


def _draw_morph(carried: Unfolded) -> None:
    start, end = carried.codes
    half = float(max(np.quantile(np.abs(codes), _IN_SIGHT) for codes in (start, end)))
    morph(
        key=_MORPH,
        start=start,
        end=end,
        ends=("ten Gaussians", "N(0, I)"),
        labels=digits.labels()[SPLITS["test"]],
        splits=[("test", 0)],
        halves=(half, half),
        label="The test digits' codes, carried over from a mixture of ten Gaussians to N(0, I)",
        palette=PALETTE,
        lines=[
            *(Line(z, u, "always") for z, u in zip(*carried.grid, strict=True)),
            *(Line(z, u, "start") for z, u in zip(*carried.ellipses, strict=True)),
            *(Line(z, u, "end") for z, u in zip(*carried.rings, strict=True)),
        ],
        pictures=[
            Picture(pixels, z, u)
            for pixels, z, u in zip(carried.pictures, *carried.corners, strict=True)
        ],
    )


def _weights(carried: Unfolded) -> None:
    shares = ", ".join(f"{k}: {100 * weight:.0f} %" for k, weight in enumerate(carried.weights))
    st.markdown(f"Weights of the ten Gaussians: {shares}.")


def _small(nats: float) -> str:
    """Round up to a power of ten: 10⁻¹⁴."""
    exponent = int(np.ceil(np.log10(max(nats, 1e-16))))
    return f"10{str(exponent).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def _sums(ref: CheckpointRef) -> None:
    """Offer log p(x) of the chosen digit, added up in z and in u."""
    digit = chapter.chapter_digit()
    name = f"a {digits.labels()[digit]}, {digit_name(digit)}"
    st.button(
        f"Add up p(x) of {name}, on both sides",
        on_click=_on_sum,
        args=(ref, digit),
        icon=":material/functions:",
        help="Over a lattice in z with the ten Gaussians, and over another, in u, with N(0, I). "
        "The first time it takes some seconds.",
    )
    if st.session_state.get(_SUMMED) != (ref, digit):
        return
    in_z, in_u = transport.log_px_both_ways(
        ref, observations.explained_pixels(ref, digit).tobytes()
    )
    st.markdown(
        f"log p(x) of {name}, in nats:\n\n"
        f"- over z, with ten Gaussians: {number(in_z, 2)}\n"
        f"- over u, with N(0, I): {number(in_u, 2)}\n\n"
        f"They differ by {number(abs(in_z - in_u), 4)} nats, the error of the two sums."
    )


def _on_sum(ref: CheckpointRef, digit: int) -> None:
    st.session_state[_SUMMED] = (ref, digit)
