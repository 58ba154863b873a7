"""The address that a session opened last: its first one, or one that back or forward led to."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from typing import NamedTuple, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from latent_explorer.components.address import Opening
from latent_explorer.components.latent_map.values import MapView
from latent_explorer.data import catalogue
from latent_explorer.links.codec import BadLinkError
from latent_explorer.links.link import Link, Part, read_link
from latent_explorer.session.current import CHECKPOINT, SPLIT, current, default_name
from vae_core.checkpoints import CheckpointRef
from vae_core.errors import VaeCoreError

_LINK = "app_link"  # OpenedLink: what the address asked for
_SCENE = "app_scene"  # page, checkpoint and split when it was opened
_OPENING = "app_opening"  # Opening
_IS_LEFT = "app_is_left"  # whether back or forward was taken, and waits to be opened
_PAGE = "app_page"  # address of the page that is shown
_FIRST = "app_first_values"  # page -> keys of the state whose first values its address may hold

_Part = TypeVar("_Part", bound=Part)


class OpenedLink(NamedTuple):
    """The link that was opened, the page it was for, and what was wrong with it."""

    link: Link
    page: str
    problem: str | None


def note_history() -> None:
    """Remember whether back or forward made this run; before anything that may interrupt it."""
    context = get_script_run_ctx()
    if context is not None and context.is_history_navigation:
        st.session_state[_IS_LEFT] = True


def open_link(
    refs: Sequence[CheckpointRef], page: str, parts: Collection[type[Part]]
) -> OpenedLink:
    """Read the address of a session's first run, and of each that back or forward leads to.

    In between the session goes its own way, and the address follows it.

    Parameters
    ----------
    refs : sequence of CheckpointRef
    page : str
        Address of the page that the link is for.
    parts : collection of Part
    """
    st.session_state[_PAGE] = page
    if not st.session_state.pop(_IS_LEFT, False) and _LINK in st.session_state:
        return st.session_state[_LINK]
    last: Opening = st.session_state.get(_OPENING) or Opening(secrets.token_hex(4), 0)
    st.session_state[_OPENING] = last._replace(number=last.number + 1)
    st.session_state.pop(_SCENE, None)
    for key in _first_keys().pop(page, set()):
        st.session_state.pop(key, None)
    opened = _read(refs, page, parts)
    st.session_state[_LINK] = opened
    if opened.link.checkpoint is not None:
        st.session_state[CHECKPOINT] = opened.link.checkpoint
    if opened.link.split is not None:
        st.session_state[SPLIT] = opened.link.split
    return opened


def _read(refs: Sequence[CheckpointRef], page: str, parts: Collection[type[Part]]) -> OpenedLink:
    by_name = {ref.name: ref for ref in refs}
    default = by_name[default_name(refs)]

    def latent_dim(name: str | None) -> int:
        return catalogue.stored(by_name.get(name or "", default)).header.model.latent_dim

    try:
        link = read_link(
            st.query_params.to_dict(), checkpoints=list(by_name), latent_dim=latent_dim, parts=parts
        )
    except (BadLinkError, VaeCoreError) as err:
        return OpenedLink(Link(), page, str(err))
    return OpenedLink(link, page, None)


def is_first_scene(page: str) -> bool:
    """Whether page, checkpoint and split are still those that the address was opened with."""
    scene = (page, *current())
    return st.session_state.setdefault(_SCENE, scene) == scene


def page_shown() -> str:
    """Tell the address of the page that is shown; empty for the first one."""
    return st.session_state[_PAGE]


def opening() -> Opening:
    """Tell which address was opened last."""
    return st.session_state[_OPENING]


def _first_keys() -> dict[str, set[str]]:
    return st.session_state.setdefault(_FIRST, {})


def is_new(key: str) -> bool:
    """Whether a key of the session's state waits for its first value, which a link may ask for.

    Back and forward take the values of such keys away from the page that they lead to: its address
    says them anew.
    """
    _first_keys().setdefault(page_shown(), set()).add(key)
    return key not in st.session_state


def begin(key: str, value: object) -> None:
    """Give a key of the session's state its first value, as of `is_new`, unless it has one."""
    if is_new(key):
        st.session_state[key] = value


def opened_link() -> Link:
    """Tell what the address that was opened last asks of the pages."""
    return st.session_state[_LINK].link


def opened_part(kind: type[_Part]) -> _Part:
    """Tell what it asks of one page."""
    return opened_link().part(kind)


def link_start(page: str, asked: MapView | None = None) -> MapView | None:
    """View, layers and colour that the address opened last gives a page's map.

    Parameters
    ----------
    page : str
        Address of the page that asks: it may have been another's.
    asked : MapView, optional
        What it says of one of several maps side by side.
    """
    opened: OpenedLink = st.session_state[_LINK]
    asked = asked or opened.link.map
    number = opening().number
    # a later one that says nothing asks for the usual view; the first finds no other
    is_asked = opened.page == page and (asked != MapView() or number > 1)
    return asked._replace(opening=number) if is_asked else None
