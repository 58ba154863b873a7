"""Controls that sections of the Compare page share, and what they say of alignment."""

from __future__ import annotations

import streamlit as st

from latent_explorer.data import catalogue
from latent_explorer.escaping import as_text
from latent_explorer.pages.compare.choices import (
    FEWEST_NEIGHBOURS,
    MOST_NEIGHBOURS,
    USUAL_NEIGHBOURS,
)
from latent_explorer.pages.compare.comparison import Comparison
from latent_explorer.pages.compare.link import CompareLink
from latent_explorer.panels.controls import choice
from latent_explorer.session.opened import begin, is_new, opened_part
from vae_core.checkpoints import CheckpointRef

AGAINST = "compare_against"  # widget


def choose_other(comparison: Comparison) -> CheckpointRef:
    """Let one of the others be chosen to be set against the first."""
    others = {ref.name: ref for ref in comparison.refs[1:]}
    if len(others) == 1:
        return comparison.refs[1]
    asked = opened_part(CompareLink).against if is_new(AGAINST) else None
    name = choose_name(f"{as_text(comparison.refs[0].name)} against", others, AGAINST, asked)
    return others[name]


def choose_name(label: str, refs: dict[str, CheckpointRef], key: str, asked: str | None) -> str:
    """Let one of some checkpoints be chosen by name; at first the one asked for, if any."""
    if st.session_state.get(key) not in refs:
        st.session_state[key] = asked if asked in refs else next(iter(refs))
    return choice(label, {name: name for name in refs}, key=key)


def choose_neighbours(key: str) -> int:
    """Let it be chosen how many nearest neighbours count."""
    begin(key, opened_part(CompareLink).k or USUAL_NEIGHBOURS)
    return st.slider(
        "Nearest neighbours, k",
        FEWEST_NEIGHBOURS,
        MOST_NEIGHBOURS,
        key=key,
        width=260,
        persist_state="session",
    )


def said_of_alignment(refs: tuple[CheckpointRef, ...]) -> str:
    """Say what alignment does to these checkpoints' maps, and what it cannot know."""
    configs = [(ref.name, catalogue.stored(ref).header.model) for ref in refs]
    said = (
        "Aligned by rotation and reflection about the origin only: the prior fixes origin and "
        "scale. An encoder is free in more: a twist z → R(|z|) z, say, keeps N(0, I) and every "
        "p(x) too, and is not undone."
    )
    if points := [name for name, config in configs if config.posterior == "point"]:
        said += (
            f" A plain autoencoder ({as_text(', '.join(points))}) has no prior: nothing fixes its "
            "scale, and it is turned all the same, not scaled."
        )
    if others := [name for name, config in configs if config.prior == "digit-mixture"]:
        said += (
            f" The prior of {as_text(', '.join(others))} is a mixture of Gaussians, which is not "
            "the same in all directions."
        )
    if wide := [name for name, config in configs if config.latent_dim > 2]:
        said += f" Of {as_text(', '.join(wide))} the projection on the map is turned, not z."
    return said
