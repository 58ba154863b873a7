"""The page's one map: its view lasts from chapter to chapter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from latent_explorer.checkpoint_map import checkpoint_map
from latent_explorer.components.latent_map import read_pick
from latent_explorer.data import loaders
from latent_explorer.links.link import pin_params
from latent_explorer.pages.likelihood.frame import chapter_link
from latent_explorer.pages.likelihood.subject import (
    ChosenDigit,
    chosen_place,
    set_digit,
    set_place,
)
from latent_explorer.session import state
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

KEY_MAP = "likelihood_map"


def chapter_map(
    ref: CheckpointRef,
    split: Split,
    *,
    on_pick: Callable[[], None],
    link: Mapping[str, str] | None = None,
    **layers: Any,
) -> None:
    """Draw the page's one map: its view lasts from chapter to chapter.

    Parameters
    ----------
    ref, split
        What to show.
    on_pick : callable
        Called after a click; `latent_map.read_pick(KEY_MAP)` tells where.
    link : mapping, optional
        What a link restores beside checkpoint, split and chapter.
    **layers
        As `checkpoint_map` takes them: place, ellipse, highlight…
    """
    checkpoint_map(
        ref,
        split,
        key=KEY_MAP,
        start=state.link_start("likelihood"),
        link=chapter_link(ref, split, link or {}),
        on_pick=on_pick,
        **layers,
    )


def map_with_place(ref: CheckpointRef, split: Split) -> None:
    """Draw the map with the chosen z; a click chooses another."""
    here = chosen_place()
    link = pin_params(here.id, here.z)
    chapter_map(ref, split, place=here, link=link, on_pick=_on_pick_place)


def map_with_digit(
    ref: CheckpointRef, split: Split, chosen: ChosenDigit | None, **layers: Any
) -> None:
    """Draw the map with the chosen digit at q(z|x), an ellipse to scale; a click chooses another.

    Parameters
    ----------
    ref, split
        What to show.
    chosen : ChosenDigit or None
        From `digit_controls`.
    **layers
        More of what `checkpoint_map` takes.
    """
    if chosen is not None:
        here = state.place_of_latent(ref, tuple(chosen.encoded.mu.tolist()))
        layers["place"] = here._replace(id=chosen.id)
        layers["ellipse"] = state.posterior_ellipse(ref, chosen.encoded)
    link = None if chosen is None else digit_link(chosen)
    chapter_map(ref, split, link=link, on_pick=_on_pick_digit, **layers)


def digit_link(chosen: ChosenDigit) -> dict[str, str]:
    """Write the chosen digit for a link; a drawing has none."""
    return {} if chosen.id is None else pin_params(chosen.id, ())


def _on_pick_place() -> None:
    with state.shown_errors():
        if (pick := read_pick(KEY_MAP)) is not None:
            set_place(state.place_of_pick(state.current()[0], pick))


def _on_pick_digit() -> None:
    with state.shown_errors():
        if (pick := read_pick(KEY_MAP)) is not None:
            digit = pick.id
            if digit is None:
                ref, split = state.current()
                digit = int(loaders.nearest_on_map(ref, split, pick.coords, n=1).ids[0])
            set_digit(digit)
