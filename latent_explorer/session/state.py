"""What all pages share of the session's state, and the places in latent space it holds."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from latent_explorer.components.latent_map import Ellipse, MapView, Pick
from latent_explorer.data import loaders
from latent_explorer.data.selection import Ids, Search, covering_split, find
from latent_explorer.folders import weights_folders
from latent_explorer.links.link import BadLinkError, Link, Target, read_link
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split
from vae_core.errors import VaeCoreError

DEFAULT_CHECKPOINT = "atlas"

CHECKPOINT = "app_checkpoint"  # widget: name of the checkpoint
SPLIT = "app_split"  # widget
_CURRENT = "app_current"  # CheckpointRef and split of this run, set by app.py
_LINK = "app_link"  # OpenedLink: what the session was opened with
_SCENE = "app_scene"  # page, checkpoint and split of the session's first run
_FOLDER = "app_folder"  # stamp of the folder of checkpoints at the last look
_WRITES = "app_writes"  # widget -> how often Python has written to it


class Place(NamedTuple):
    """A latent, where it lies on the map, and the digit it is the code of, if any."""

    z: tuple[float, ...]  # D numbers
    coords: tuple[float, float]
    id: int | None


class OpenedLink(NamedTuple):
    """The link a session was opened with, the page it was for, and what was wrong with it."""

    link: Link
    page: str
    problem: str | None


class BadLatentError(ValueError):
    """What a user typed is no latent; the message says why."""


def set_current(ref: CheckpointRef, split: Split) -> None:
    """Remember the run's checkpoint and data split for the page."""
    st.session_state[_CURRENT] = (ref, split)


def current() -> tuple[CheckpointRef, Split]:
    """Checkpoint and data split that all pages show."""
    return st.session_state[_CURRENT]


def open_link(refs: Sequence[CheckpointRef], page: str) -> OpenedLink:
    """Read the session's link, once: later the session goes its own way."""
    if _LINK in st.session_state:
        return st.session_state[_LINK]
    by_name = {ref.name: ref for ref in refs}
    default = by_name[default_name(refs)]

    def latent_dim(name: str | None) -> int:
        return loaders.stored(by_name.get(name or "", default)).header.model.latent_dim

    try:
        link = read_link(
            st.query_params.to_dict(), checkpoints=list(by_name), latent_dim=latent_dim
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


def link_start(page: str, side: int | None = None) -> MapView | None:
    """View, layers and colour that the session's link gives a page's map, or one side by side."""
    opened: OpenedLink = st.session_state[_LINK]
    link = opened.link
    asked = link.map if side is None else link.compare.maps[side]
    return asked if opened.page == page and asked != MapView() else None


def default_name(refs: Sequence[CheckpointRef]) -> str:
    """Name the checkpoint that the app opens with."""
    names = [ref.name for ref in refs]
    return DEFAULT_CHECKPOINT if DEFAULT_CHECKPOINT in names else names[0]


def remember_folder() -> None:
    """Note how the folder of checkpoints looks now, before it is read."""
    st.session_state[_FOLDER] = _folder_stamp()


def follow_folder() -> None:
    """Run the whole app again if a checkpoint came, went or changed since it was read.

    A fragment does not pass through app.py; this look costs well under a millisecond.
    """
    if st.session_state.get(_FOLDER) != _folder_stamp():
        st.rerun(scope="app")


def _folder_stamp() -> tuple[tuple[str, int, int], ...]:
    found: list[tuple[str, os.stat_result]] = []
    for folder in weights_folders():
        with suppress(OSError), os.scandir(folder) as entries:  # said where the folder is read
            found += [(e.path, e.stat()) for e in entries if e.name.endswith(".safetensors")]
    return tuple(sorted((path, stat.st_size, stat.st_mtime_ns) for path, stat in found))


def widget_key(name: str) -> str:
    """Key of a widget that Python writes to as well as its user.

    Each of the browser's messages carries the values of all widgets.  One that was sent before
    the browser knew what Python wrote would put the old value back, and call its callback: so
    what is written goes into a widget with a new key, and the old one is listened to no more.
    """
    n = st.session_state.get(_WRITES, {}).get(name, 0)
    return f"{name}_{n}" if n else name


def read_widget(name: str) -> Any:
    """Get the value of such a widget, None if it has none yet."""
    return st.session_state.get(widget_key(name))


def write_widget(name: str, value: object, *, by_user: bool = False) -> None:
    """Give such a widget a value.

    Parameters
    ----------
    name : str
        Of the widget.
    value : object
        What it shows from now on.
    by_user : bool
        It is the user's own, written otherwise: the widget stays, and with it the focus.
    """
    old = widget_key(name)
    if old in st.session_state:
        if st.session_state[old] == value:
            return
        if not by_user:
            del st.session_state[old]
            writes = st.session_state.setdefault(_WRITES, {})
            writes[name] = writes.get(name, 0) + 1
    st.session_state[widget_key(name)] = value


def unless_stale(name: str, then: Callable[[], None]) -> Callable[[], None]:
    """Make the callback of such a widget, which passes over what was sent before a write."""
    key = widget_key(name)
    return lambda: then() if key == widget_key(name) else None


@contextmanager
def shown_errors() -> Generator[None]:
    """Show what a user can cause as one sentence; let anything else crash visibly."""
    try:
        yield
    except VaeCoreError as err:
        st.error(str(err), icon=":material/error:")


def place_of_pick(ref: CheckpointRef, pick: Pick) -> Place:
    """Place what was picked on the map; a digit's place is its exact code."""
    if pick.id is not None:
        return place_of_digit(ref, pick.id)
    _, center, axes = loaders.positions(ref)
    z = center.astype(np.float64) + axes.astype(np.float64) @ np.array(pick.coords)
    return _placed(ref, z, None)


def place_of_digit(ref: CheckpointRef, digit: int) -> Place:
    """Place a digit where the encoder puts it: at the mean of q(z|x)."""
    coords, center, axes = loaders.positions(ref)
    if len(center) > 2:
        return _placed(ref, loaders.encode(ref, digit).mu, digit)
    # The map holds the whole code: no need to wait for torch.
    x, y = coords[digit].tolist()
    return Place(tuple((center + axes @ coords[digit]).tolist()), (x, y), digit)


def place_of_latent(ref: CheckpointRef, z: tuple[float, ...]) -> Place:
    """Place a latent given by its numbers."""
    return _placed(ref, np.array(z, np.float64), None)


def place_of_target(ref: CheckpointRef, target: Target | None) -> Place | None:
    """Place what a link pins."""
    if target is None or target.z is None:
        return None if target is None or target.id is None else place_of_digit(ref, target.id)
    return place_of_latent(ref, target.z)


def _placed(ref: CheckpointRef, z: np.ndarray, digit: int | None) -> Place:
    _, center, axes = loaders.positions(ref)
    x, y = ((z - center) @ axes).tolist()
    return Place(tuple(z.tolist()), (x, y), digit)


def parse_latent(text: str, latent_dim: int) -> tuple[float, ...]:
    """Read D numbers, separated by commas or spaces, with or without brackets.

    Raises
    ------
    BadLatentError
        There are more or fewer numbers, or one is no finite number.
    """
    parts = text.replace("−", "-").strip().strip("[]()").replace(",", " ").split()
    example = ", ".join(["0.1", "0.5", "0"][:latent_dim] + ["0"] * (latent_dim - 3))
    try:
        values = tuple(float(part) for part in parts)
    except ValueError as err:
        raise BadLatentError(f"“{text}” is not a latent: write {example}, for example.") from err
    if len(values) != latent_dim:
        raise BadLatentError(
            f"“{text}” has {len(values)} numbers, z has {latent_dim}: write {example}, for example."
        )
    if any(math.isnan(value) for value in values):
        raise BadLatentError(f"“{text}” is not a latent: NaN is no number.")
    if not all(abs(value) < 1e6 for value in values):
        raise BadLatentError(f"“{text}” is too far out: each number must lie between ±1,000,000.")
    return values


def written_latent(place: Place) -> str:
    """Write a latent as `parse_latent` reads it."""
    return ", ".join(f"{value:.4f}" for value in place.z)


def posterior_ellipse(ref: CheckpointRef, encoded: loaders.Encoded) -> Ellipse | None:
    """q(z|x) on the plane; None for a plain autoencoder, whose codes are points."""
    if not encoded.std.any():
        return None
    _, center, axes = loaders.positions(ref)
    x, y = ((encoded.mu - center) @ axes).tolist()
    return Ellipse((x, y), axes.T @ np.diag(encoded.std.astype(np.float64) ** 2) @ axes)


def digit_name(digit: int) -> str:
    """Name a digit by split and index: test #1,234."""
    rows = loaders.SPLITS["test"]
    split, index = ("test", digit - rows.start) if digit >= rows.start else ("train", digit)
    return f"{split} #{index:,}"


def terms_of(ref: CheckpointRef, ids: Ids) -> loaders.DigitTerms:
    """Look up what a checkpoint makes of digits, in their order; costly once per split."""
    split = covering_split(ids)
    rows = ids - loaders.SPLITS[split].start
    terms = loaders.digit_terms(ref, split)
    return loaders.DigitTerms(
        ids=terms.ids[rows],
        elbo=None if terms.elbo is None else terms.elbo[rows],
        kl=None if terms.kl is None else terms.kl[rows],
        reconstruction=terms.reconstruction[rows],
        knn_wrong=terms.knn_wrong[rows],
        knn_vote=terms.knn_vote[rows],
    )


def find_digits(ref: CheckpointRef, split: Split, search: Search) -> Ids:
    """Find digits by what a checkpoint makes of them; errors as `selection.find`."""
    return find(search, split=split, labels=loaders.labels(), terms=partial(terms_of, ref))


def theme() -> str:
    """Theme that the browser shows, "light" or "dark"; light until it has said."""
    return st.context.theme.type or "light"
