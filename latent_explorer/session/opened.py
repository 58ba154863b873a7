"""The link that a session was opened with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, TypeVar

import streamlit as st

from latent_explorer.components.latent_map.values import MapView
from latent_explorer.data import catalogue
from latent_explorer.links.codec import BadLinkError
from latent_explorer.links.link import Link, Part, read_link
from latent_explorer.session.current import CHECKPOINT, SPLIT, current, default_name
from vae_core.checkpoints import CheckpointRef
from vae_core.errors import VaeCoreError

_LINK = "app_link"  # OpenedLink: what the session was opened with
_SCENE = "app_scene"  # page, checkpoint and split of the session's first run

_Part = TypeVar("_Part", bound=Part)


class OpenedLink(NamedTuple):
    """The link a session was opened with, the page it was for, and what was wrong with it."""

    link: Link
    page: str
    problem: str | None


def open_link(
    refs: Sequence[CheckpointRef], page: str, parts: Collection[type[Part]]
) -> OpenedLink:
    """Read the session's link, once: later the session goes its own way.

    Parameters
    ----------
    refs : sequence of CheckpointRef
    page : str
        Address of the page that the link is for.
    parts : collection of Part
    """
    if _LINK in st.session_state:
        return st.session_state[_LINK]
    by_name = {ref.name: ref for ref in refs}
    default = by_name[default_name(refs)]

    def latent_dim(name: str | None) -> int:
        return catalogue.stored(by_name.get(name or "", default)).header.model.latent_dim

    try:
        link = read_link(
            st.query_params.to_dict(), checkpoints=list(by_name), latent_dim=latent_dim, parts=parts
        )
        opened = OpenedLink(link, page, None)
    except (BadLinkError, VaeCoreError) as err:
        opened = OpenedLink(Link(), page, str(err))
    st.session_state[_LINK] = opened
    if opened.link.checkpoint is not None:
        st.session_state[CHECKPOINT] = opened.link.checkpoint
    if opened.link.split is not None:
        st.session_state[SPLIT] = opened.link.split
    return opened


def is_first_scene(page: str) -> bool:
    """Whether page, checkpoint and split are still those that the session opened with."""
    scene = (page, *current())
    return st.session_state.setdefault(_SCENE, scene) == scene


def opened_link() -> Link:
    """Tell what the session's link asks of the pages."""
    return st.session_state[_LINK].link


def opened_part(kind: type[_Part]) -> _Part:
    """Tell what the session's link asks of one page."""
    return opened_link().part(kind)


def link_start(page: str, asked: MapView | None = None) -> MapView | None:
    """View, layers and colour that the session's link gives a page's map.

    Parameters
    ----------
    page : str
        Address of the page that asks: the link may have opened another.
    asked : MapView, optional
        What the link says of one of several maps side by side.
    """
    opened: OpenedLink = st.session_state[_LINK]
    asked = asked or opened.link.map
    return asked if opened.page == page and asked != MapView() else None
