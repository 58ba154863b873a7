"""Chapter 1: one z gives one mean image, and many images x ~ p(x|z)."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from latent_explorer.components.digit_strip import DigitImage, digit_strip
from latent_explorer.data import catalogue
from latent_explorer.data.digits import Floats
from latent_explorer.pages.likelihood import frame, maps, subject
from latent_explorer.pages.likelihood.votes import vote
from latent_explorer.theme import number
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

_DRAW = "likelihood_draw"  # how often x was drawn: the seed of the pictures
_MEAN, _DRAWS = "likelihood_mean", "likelihood_draws"
_N_DRAWS = 8


def draw(ref: CheckpointRef, split: Split) -> None:
    """Draw the chapter."""
    st.session_state.setdefault(_DRAW, 0)
    left, right = frame.columns()
    here = subject.chosen_place()
    with left:
        maps.map_with_place(ref, split)
    with right:
        subject.place_controls(ref)
        draws = _draws_at(ref, here.z, st.session_state[_DRAW])
        lives = vote(ref, here.z)
        mean, words = st.columns([2, 3], vertical_alignment="center")
        with mean:
            digit_strip([DigitImage(draws.mean, "f(z)", "the mean")], key=_MEAN, size=150)
        with words:
            st.markdown(f"**{lives.said_who()}.**")
            st.caption(lives.said_how())
        with st.container(horizontal=True, vertical_alignment="center"):
            x = frame.symbol("likelihood", r"p(x \mid z)")
            st.markdown(f"**Eight draws** $x \\sim {x}$ from this one z", width="content")
            st.button("Draw again", on_click=_on_draw, icon=":material/replay:")
        digit_strip(
            [DigitImage(x.clip(0, 1), f"x {i}") for i, x in enumerate(draws.images, start=1)],
            key=_DRAWS,
            size=96,
            per_row=4,
        )
        st.caption(_said_of_noise(ref, draws))
    likelihood = frame.symbol("likelihood", r"p(x \mid z)")
    frame.show_answer(
        "One z gives one picture f(z), and around it a whole distribution of images, "
        f"${likelihood}$: the same z can give different x. It stays near f(z), so this one z "
        "will never give all the digits: another digit needs another z.",
        rf"z \sim {frame.symbol('prior', 'p(z)')}, \quad x \sim {likelihood} = " + _formula(ref),
    )
    frame.show_code("1_one_z.py")


def _on_draw() -> None:
    st.session_state[_DRAW] += 1


def _said_of_noise(ref: CheckpointRef, draws: _Draws) -> str:
    if draws.sigma is None:
        n = float((2 * draws.mean * (1 - draws.mean)).sum())
        return (
            "Each pixel is a coin of its own that shows ink with the probability f(z) gives it. "
            f"Two draws differ in {number(n, 1)} of the 784 pixels on average."
        )
    is_learned = catalogue.stored(ref).header.model.likelihood == "gaussian-learned-sigma"
    which = "σ(z), learned, at this z" if is_learned else "σ, the same for every z"
    return (
        f"Each pixel is f(z) plus noise of its own with standard deviation {which}: "
        f"{number(draws.sigma)} of full ink. Below 0 is shown as paper, above 1 as ink."
    )


def _formula(ref: CheckpointRef) -> str:
    name = catalogue.stored(ref).header.model.likelihood
    if name == "bernoulli":
        return r"\prod_{j=1}^{784} f_j(z)^{x_j}\,(1 - f_j(z))^{1 - x_j}"
    sigma = r"\sigma(z)" if name == "gaussian-learned-sigma" else r"\sigma"
    return rf"\mathcal{{N}}\!\left(x;\, f(z),\, {sigma}^2 I\right)"


class _Draws(NamedTuple):
    """Images drawn from p(x|z) at one z, and what they are drawn round."""

    mean: Floats  # (784,)
    images: Floats  # (_N_DRAWS, 784)
    sigma: float | None  # of each pixel; None for binary ones


def _draws_at(ref: CheckpointRef, z: tuple[float, ...], seed: int) -> _Draws:
    """Decode a z, and draw images from p(x|z)."""
    import torch

    from vae_core.likelihoods import Gaussian

    model = catalogue.checkpoint(ref).model
    likelihood = model.likelihood
    with torch.no_grad():
        outputs = model.decoder(torch.tensor([z], dtype=torch.float32))
        generator = torch.Generator().manual_seed(seed)
        draws = likelihood.sample(outputs.expand(_N_DRAWS, -1), generator)
    is_gaussian = isinstance(likelihood, Gaussian)
    sigma = float(likelihood.log_sigma(outputs).exp()) if is_gaussian else None
    return _Draws(likelihood.mean(outputs)[0].numpy(), draws.numpy(), sigma)
