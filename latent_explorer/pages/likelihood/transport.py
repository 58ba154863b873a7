"""Ten Gaussians carried over to one: the transport g of a model with a mixture as its prior."""

from __future__ import annotations

import numpy as np
import streamlit as st

from latent_explorer.components.morph import Line, Picture, morph
from latent_explorer.data import catalogue, digits, observations, transport
from latent_explorer.escaping import as_text
from latent_explorer.pages.likelihood import subject
from latent_explorer.pages.likelihood.numerals import next_power_of_ten
from latent_explorer.theme import number, percent
from latent_explorer.vocabulary import PALETTE
from vae_core.checkpoints import CheckpointRef

_MORPH = "likelihood_morph"
_SUMMED = "likelihood_summed"  # checkpoint and digit whose p(x) was asked for on both sides
_IN_SIGHT = 0.999  # share of the codes' coordinates within the square in sight


def transport_panel(ref: CheckpointRef) -> None:
    """Carry a model's ten Gaussians over to one and back."""
    other = _with_mixture(ref)
    if other is None:
        st.info(
            "This needs a checkpoint with one Gaussian per digit as its prior, and none is there.",
            icon=":material/info:",
        )
        return
    if other != ref:
        st.info(f"Shown for the checkpoint {as_text(other.name)}, whose prior is ten Gaussians.")
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
            f"No digit's two differ by more than {next_power_of_ten(carried.largest_gap)} nats."
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


def _draw_morph(carried: transport.Unfolded) -> None:
    start, end = carried.codes
    half = float(max(np.quantile(np.abs(codes), _IN_SIGHT) for codes in (start, end)))
    morph(
        key=_MORPH,
        start=start,
        end=end,
        ends=("ten Gaussians", "N(0, I)"),
        labels=digits.labels()[digits.SPLITS["test"]],
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


def _weights(carried: transport.Unfolded) -> None:
    shares = ", ".join(f"{k}: {percent(weight)}" for k, weight in enumerate(carried.weights))
    st.markdown(f"Weights of the ten Gaussians: {shares}.")


def _sums(ref: CheckpointRef) -> None:
    """Offer log p(x) of the chosen digit, added up in z and in u."""
    digit = subject.chapter_digit()
    name = f"a {digits.labels()[digit]}, {digits.digit_name(digit)}"
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
