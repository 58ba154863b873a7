"""Chapter 1: one z gives one mean image, and many images x ~ p(x|z)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from latent_explorer.components.digit_strip import DigitImage, digit_strip
from latent_explorer.data import catalogue, digits, encoding
from latent_explorer.data.digits import SPLITS, Floats
from latent_explorer.data.neighbours import N_VOTERS
from latent_explorer.links.codec import pin_params
from latent_explorer.pages.likelihood import chapter
from latent_explorer.theme import number, point
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

_DRAW = "likelihood_draw"  # how often x was drawn: the seed of the pictures
_MEAN, _DRAWS = "likelihood_mean", "likelihood_draws"
N_DRAWS = 8
_FAR = 0.5  # z units per root of a dimension beyond which the nearest code is no neighbour


class _Drawn(NamedTuple):
    """What one z gives."""

    mean: Floats  # (784,)
    draws: Floats  # (N_DRAWS, 784)
    sigma: float | None  # of each pixel; None for binary ones


class Vote(NamedTuple):
    """Which digit lives at a z, by the test digits whose codes are nearest."""

    z: tuple[float, ...]
    label: int
    shares: NDArray[np.floating]  # (10,), of the voters
    distance: float  # of the nearest code, z units

    def said_who(self) -> str:
        """Say who lives there."""
        if self.distance > _FAR * len(self.z) ** 0.5:
            return f"No digit lives at z = {written(self.z)}"
        return f"A {self.label} lives at z = {written(self.z)}"

    def said_how(self) -> str:
        """Say how the vote went."""
        order = self.shares.argsort()[::-1]
        parts = [f"{100 * self.shares[i]:.0f} % are {i}s" for i in order[:3] if self.shares[i] > 0]
        return (
            f"Of the {N_VOTERS} encoded test digits nearest in z, {', '.join(parts)}. "
            f"The nearest is {number(self.distance)} z units away."
        )


def draw(ref: CheckpointRef, split: Split) -> None:
    """Draw the chapter."""
    st.session_state.setdefault(_DRAW, 0)
    left, right = chapter.columns()
    here = chapter.place()
    assert here is not None  # the page opens with one
    with left:
        chapter.place_map(ref, split)
    with right:
        chapter.place_controls(ref)
        drawn = _drawn(ref, here.z, st.session_state[_DRAW])
        lives = vote(ref, here.z)
        mean, words = st.columns([2, 3], vertical_alignment="center")
        with mean:
            digit_strip([DigitImage(drawn.mean, "f(z)", "the mean")], key=_MEAN, size=150)
        with words:
            st.markdown(f"**{lives.said_who()}.**")
            st.caption(lives.said_how())
        with st.container(horizontal=True, vertical_alignment="center"):
            x = chapter.term("likelihood", r"p(x \mid z)")
            st.markdown(f"**Eight draws** $x \\sim {x}$ from this one z", width="content")
            st.button("Draw again", on_click=_on_draw, icon=":material/replay:")
        digit_strip(
            [DigitImage(x.clip(0, 1), f"x {i}") for i, x in enumerate(drawn.draws, start=1)],
            key=_DRAWS,
            size=96,
            per_row=4,
        )
        st.caption(_said_of_noise(ref, drawn))
    likelihood = chapter.term("likelihood", r"p(x \mid z)")
    chapter.show_answer(
        "One z gives one picture f(z), and around it a whole distribution of images, "
        f"${likelihood}$: the same z can give different x. It stays near f(z), so this one z "
        "will never give all the digits: another digit needs another z.",
        rf"z \sim {chapter.term('prior', 'p(z)')}, \quad x \sim {likelihood} = " + _formula(ref),
    )
    chapter.show_code("1_one_z.py")
    chapter.show_link(ref, split, pin_params(here.id, here.z))


def written(z: tuple[float, ...]) -> str:
    """Write a latent; many numbers shortly."""
    return point(z, 3 if len(z) <= 2 else 1)


def _on_draw() -> None:
    st.session_state[_DRAW] += 1


def _drawn(ref: CheckpointRef, z: tuple[float, ...], seed: int) -> _Drawn:
    import torch

    model = catalogue.checkpoint(ref).model
    with torch.no_grad():
        outputs = model.decoder(torch.tensor([z], dtype=torch.float32))
        generator = torch.Generator().manual_seed(seed)
        draws = model.likelihood.sample(outputs.expand(N_DRAWS, -1), generator)
    return _Drawn(model.likelihood.mean(outputs)[0].numpy(), draws.numpy(), sigma_at(ref, z))


def sigma_at(ref: CheckpointRef, z: tuple[float, ...]) -> float | None:
    """Sigma of p(x|z)'s pixels at a z; None if they are binary."""
    import torch

    from vae_core.likelihoods import Gaussian

    model = catalogue.checkpoint(ref).model
    if not isinstance(model.likelihood, Gaussian):
        return None
    with torch.no_grad():
        outputs = model.decoder(torch.tensor([z], dtype=torch.float32))
    return float(model.likelihood.log_sigma(outputs).exp())


def vote(ref: CheckpointRef, z: tuple[float, ...]) -> Vote:
    """Let the test digits whose codes are nearest in z say which digit lives there."""
    rows = SPLITS["test"]
    offsets = encoding.test_codes(ref) - np.array(z, np.float32)
    squares = np.einsum("ij,ij->i", offsets, offsets)
    nearest = np.argpartition(squares, N_VOTERS)[:N_VOTERS]
    counts = np.bincount(digits.labels()[rows][nearest], minlength=10)
    distance = float(np.sqrt(squares[nearest].min()))
    return Vote(z, int(counts.argmax()), counts / N_VOTERS, distance)


def _said_of_noise(ref: CheckpointRef, drawn: _Drawn) -> str:
    if drawn.sigma is None:
        n = float((2 * drawn.mean * (1 - drawn.mean)).sum())
        return (
            "Each pixel is a coin of its own that shows ink with the probability f(z) gives it. "
            f"Two draws differ in {number(n, 1)} of the 784 pixels on average."
        )
    is_learned = catalogue.stored(ref).header.model.likelihood == "gaussian-learned-sigma"
    which = "σ(z), learned, at this z" if is_learned else "σ, the same for every z"
    return (
        f"Each pixel is f(z) plus noise of its own with standard deviation {which}: "
        f"{number(drawn.sigma)} of full ink. Below 0 is shown as paper, above 1 as ink."
    )


def _formula(ref: CheckpointRef) -> str:
    name = catalogue.stored(ref).header.model.likelihood
    if name == "bernoulli":
        return r"\prod_{j=1}^{784} f_j(z)^{x_j}\,(1 - f_j(z))^{1 - x_j}"
    sigma = r"\sigma(z)" if name == "gaussian-learned-sigma" else r"\sigma"
    return rf"\mathcal{{N}}\!\left(x;\, f(z),\, {sigma}^2 I\right)"
