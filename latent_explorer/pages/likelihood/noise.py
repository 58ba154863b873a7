"""What a denoising and a plain model make of a noisy digit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from latent_explorer.components.digit_strip import DigitImage, digit_strip
from latent_explorer.data import catalogue, observations
from latent_explorer.escaping import as_text
from latent_explorer.folders import COMMAND
from latent_explorer.pages.likelihood import frame, subject
from latent_explorer.panels.chart import chart
from latent_explorer.panels.controls import field_row
from latent_explorer.plots.dimensions import noise_curves
from latent_explorer.theme import number, percent
from vae_core.checkpoints import CheckpointRef

NOISE, SEED = "dimensions_noise", "dimensions_seed"
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)  # of the pixels: where the curve is computed
N_SPOILT = 500  # test digits behind it
_PLAIN = ("elbo", "atlas")  # what a denoising model is shown beside: the first that is there


def noise_panel(
    ref: CheckpointRef, refs: Sequence[CheckpointRef]
) -> tuple[subject.ChosenDigit | None, go.Figure | None]:
    """Spoil the chosen digit and let a denoising and a plain model mend it."""
    left, right = st.columns(2, gap="medium")
    with left:
        chosen = subject.digit_controls(ref)
        models = _mending(refs)
        if len(models) < 2:
            missing = "denoising" if not models or _noise_of(models[0]) == 0 else "plain"
            st.info(
                f"The folder of checkpoints holds no {missing} model of binary pixels to compare: "
                f"`{COMMAND} train denoising` and `train elbo` make them.",
                icon=":material/info:",
            )
            return chosen, None
        if chosen is None:
            return None, None
        share = _choose_share(_noise_of(models[0]))
        _mended(models, chosen, share)
    with right:
        return chosen, _curve(models, share)


def _choose_share(first: float) -> float:
    """Let the share of the pixels that are spoilt be chosen."""
    st.session_state.setdefault(NOISE, round(100 * first))
    st.session_state.setdefault(SEED, 0)
    with field_row("noise"):
        percent = st.slider(
            "Noise: pixels replaced by coin flips",
            0,
            60,
            step=5,
            format="%d %%",
            key=NOISE,
            persist_state="session",
        )
        st.button("Other noise", on_click=_on_other_noise, icon=":material/replay:")
    return percent / 100


def _curve(models: Sequence[CheckpointRef], share: float) -> go.Figure:
    """Draw how well clean digits are explained, by the share of noise."""
    colors = frame.colors()
    names = [one.name for one in models]
    curves = {one.name: observations.noise_curve(one, SHARES, N_SPOILT) for one in models}
    mending, plain = curves.values()
    figure = noise_curves(
        shares=SHARES,
        curves=curves,
        chosen=share,
        colors=dict(zip(names, (colors["encoder"], colors["prior"]), strict=True)),
    )
    chart(figure, key="dimensions_noise_curve", alt="Clean digits' log p(x|z)")
    one, other = map(as_text, names)
    st.caption(
        f"Mean over the first {N_SPOILT} test digits of log p(x|z), x the clean binary digit "
        "and z the mean of q(z|noisy x). The encoder of "
        f"{one} saw {percent(_noise_of(models[0]))} noise in training; than {other}'s it "
        f"explains clean digits {_difference(mending[0] - plain[0])}, and with "
        f"{percent(SHARES[-1])} noise {_difference(mending[-1] - plain[-1])}."
    )
    return figure


def _difference(nats: float) -> str:
    return f"{number(abs(nats), 1)} nats {'better' if nats > 0 else 'worse'}"


def _mending(refs: Sequence[CheckpointRef]) -> list[CheckpointRef]:
    """Find a denoising model and a plain one, of binary pixels, in this order."""
    binary = {
        one.name: one
        for one in refs
        if catalogue.stored(one).header.model.likelihood == "bernoulli"
    }
    denoising = [one for one in binary.values() if _noise_of(one) > 0][:1]
    plain = [binary[name] for name in _PLAIN if name in binary and _noise_of(binary[name]) == 0]
    return denoising + plain[:1]


def _noise_of(ref: CheckpointRef) -> float:
    return catalogue.stored(ref).header.train.input_noise


def _on_other_noise() -> None:
    st.session_state[SEED] += 1


def _mended(models: Sequence[CheckpointRef], chosen: subject.ChosenDigit, share: float) -> None:
    clean = (
        observations.explained_image(
            models[0], np.rint(255 * chosen.grey).astype(np.uint8).reshape(28, 28)
        )
        if chosen.id is None
        else observations.explained_pixels(models[0], chosen.id)
    )
    found = [observations.denoised(one, clean, share, st.session_state[SEED]) for one in models]
    pictures = [
        DigitImage(clean, "Clean", "binarised"),
        DigitImage(found[0].noisy[0].numpy(), "Noisy", percent(share)),
    ]
    for one, what in zip(models, found, strict=True):
        nats = f"{number(float(what.log_px_z), 2)} nats"
        pictures.append(DigitImage(what.recon[0].numpy(), one.name, nats))
    digit_strip(pictures, key="dimensions_mended", size=112)
    st.caption(
        "Both encode the same noisy picture and decode the mean of q(z|noisy x). Nats: log p(x|z) "
        "of the clean picture there; higher is better."
    )
