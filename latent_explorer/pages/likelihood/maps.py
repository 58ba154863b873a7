"""The page's one map: its view lasts from chapter to chapter."""

from __future__ import annotations

from collections.abc import Callable

from latent_explorer.components.latent_map.messages import read_pick
from latent_explorer.components.latent_map.values import Callbacks, Marked, Shown
from latent_explorer.data.neighbours import nearest_on_map
from latent_explorer.data.selection import Ids
from latent_explorer.pages.likelihood.subject import ChosenDigit, chosen_place, set_digit, set_place
from latent_explorer.panels.checkpoint_map import checkpoint_map
from latent_explorer.session.current import current
from latent_explorer.session.errors import shown_errors
from latent_explorer.session.opened import link_start
from latent_explorer.session.places import Place, place_of_latent, place_of_pick, posterior_ellipse
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

KEY_MAP = "likelihood_map"


def chapter_map(
    ref: CheckpointRef,
    split: Split,
    *,
    on_pick: Callable[[], None],
    place: Place | None = None,
    marked: Marked = Marked(),
) -> None:
    """Draw the page's one map: its view lasts from chapter to chapter.

    `read_pick(KEY_MAP)` tells `on_pick` where; the rest is as `checkpoint_map` takes it.
    """
    checkpoint_map(
        ref,
        split,
        key=KEY_MAP,
        place=place,
        marked=marked._replace(is_pin_beside=True),
        shown=Shown(link_start("likelihood")),
        on=Callbacks(pick=on_pick),
    )


def map_with_place(ref: CheckpointRef, split: Split) -> None:
    """Draw the map with the chosen z; a click chooses another."""
    here = chosen_place()
    chapter_map(ref, split, on_pick=_on_pick_place, place=here)


def map_with_digit(
    ref: CheckpointRef, split: Split, chosen: ChosenDigit | None, *, selected: Ids | None = None
) -> None:
    """Draw the map with the chosen digit at q(z|x), an ellipse to scale; a click chooses another.

    `chosen` comes from `digit_controls`; the digits `selected` stand out.
    """
    here = ellipse = None
    if chosen is not None:
        here = place_of_latent(ref, tuple(chosen.encoded.mu.tolist()))._replace(id=chosen.id)
        ellipse = posterior_ellipse(ref, chosen.encoded)
    marked = Marked(ellipse=ellipse, selected=selected)
    chapter_map(ref, split, on_pick=_on_pick_digit, place=here, marked=marked)


def _on_pick_place() -> None:
    with shown_errors():
        if (pick := read_pick(KEY_MAP)) is not None:
            set_place(place_of_pick(current()[0], pick))


def _on_pick_digit() -> None:
    with shown_errors():
        if (pick := read_pick(KEY_MAP)) is not None:
            digit = pick.id
            if digit is None:
                ref, split = current()
                digit = int(nearest_on_map(ref, split, pick.coords, n=1).ids[0])
            set_digit(digit)
