"""Checkpoints whose encoder tells nothing, named in a sentence on every page that shows one."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from latent_explorer.data import catalogue, encoding
from latent_explorer.escaping import as_text
from vae_core.checkpoints import CheckpointRef


def say_collapsed(refs: Sequence[CheckpointRef]) -> None:
    """Say of each checkpoint that has collapsed what that means."""
    for ref in refs:
        if encoding.is_collapsed(ref):
            st.info(_said(ref), icon=":material/compress:")


def _said(ref: CheckpointRef) -> str:
    name = as_text(ref.name)
    if not catalogue.has_posterior(ref):
        return (
            f"**The codes of {name} have collapsed**: its encoder gives every digit the same "
            "code, so z tells nothing of the picture, all digits lie at one spot of the map, and "
            "the decoder draws the same picture for all of them."
        )
    return (
        f"**The posterior of {name} has collapsed**: its encoder gives every digit about the "
        "same q(z|x), whatever the picture, so z tells nothing of it, all digits lie at one spot "
        "of the map, and the decoder answers from the prior alone."
    )
