"""The stops of a walk: its two ends, the places on the way, and what sets them."""

from __future__ import annotations

import numpy as np
import streamlit as st

from latent_explorer.components.latent_map.messages import read_drag, read_pick
from latent_explorer.components.latent_map.values import Mark
from latent_explorer.data import catalogue, digits, encoding
from latent_explorer.data.digit_terms import find_digits
from latent_explorer.data.latents import BadLatentError, parse_latent
from latent_explorer.data.selection import SearchError, parse_search
from latent_explorer.pages.interpolate.curves import Latents
from latent_explorer.pages.interpolate.link import WalkLink
from latent_explorer.pages.interpolate.ways import MOST_VIA, VIA_NAMES
from latent_explorer.session.current import current
from latent_explorer.session.errors import shown_errors
from latent_explorer.session.opened import is_new, opened_part
from latent_explorer.session.places import (
    Place,
    carried,
    place_of_digit,
    place_of_latent,
    place_of_pick,
    place_of_target,
    written_latent,
)
from latent_explorer.session.widgets import read_widget, widget_key, write_widget
from vae_core.checkpoints import CheckpointRef

MAP, NEXT = "walk_map", "walk_next"
ENDS, VIA, REF, PROBLEM = "walk_ends", "walk_via", "walk_ref", "walk_problem"
NOTE = "walk_note"  # on ends that the page chose itself
LOOP, FROM, TO = "walk_loop", "walk_from", "walk_to"
NAMES = ("A", "B")
WAY_POINT = "way-point"
TYPED = {name: f"walk_typed_{name}" for name in NAMES}
FIRST_DIGITS = (60_000 + 0, 60_000 + 4)  # a 7 and a 4 of the test set: the page opens with a walk
SAME = "A and B would be the same place: a walk needs two. The ends stay as they were."
ALONE = "All digits have one code here, so B is no digit but a place 1 z unit from it."


def ends() -> dict[str, Place]:
    """Places of A and B."""
    return st.session_state[ENDS]


def via() -> list[Place]:
    """Way-points, in order."""
    return st.session_state.setdefault(VIA, [])


def latents() -> Latents:
    """All stops in order, shape (S, D); of a loop the first comes again at the end."""
    places = [ends()["A"], *via(), ends()["B"]]
    if st.session_state.get(LOOP):
        places.append(places[0])
    return np.array([place.z for place in places])


def marks() -> list[Mark]:
    """Letters of the ends and Roman numerals of the way-points, for the map."""
    found = [Mark(ends()[name].coords, name, ends()[name].id) for name in NAMES]
    found += [
        Mark(place.coords, name, place.id, is_on_way=True)
        for name, place in zip(VIA_NAMES, via(), strict=False)
    ]
    return found


def set_end(name: str, place: Place, *, by_typing: bool = False) -> None:
    """Move an end, unless the other is there."""
    set_ends(ends() | {name: place}, typed=name if by_typing else None)


def set_ends(new: dict[str, Place], *, typed: str | None = None) -> None:
    """Move both ends, unless they would be one."""
    if len(new) == 2 and new["A"].z == new["B"].z:
        st.session_state[PROBLEM] = SAME
        return
    st.session_state[ENDS] = new
    st.session_state[PROBLEM] = st.session_state[NOTE] = None
    for name, place in new.items():
        written = written_latent(place)
        write_widget(TYPED[name], written, by_user=name == typed)


def on_pick() -> None:
    """Set an end, or add a way-point, where the map was clicked."""
    with shown_errors():
        if (pick := read_pick(MAP)) is None:
            return
        name: str = read_widget(NEXT)
        place = place_of_pick(current()[0], pick)
        if name == WAY_POINT:
            add_via(place)
            return
        set_end(name, place)
        write_widget(NEXT, "B" if name == "A" else "A")


def on_drag() -> None:
    """Move the end or the way-point that was dragged."""
    with shown_errors():
        if (mark := read_drag(MAP)) is None:
            return
        place = place_of_pick(current()[0], mark.pick)
        if mark.text in NAMES:
            set_end(mark.text, place)
        elif mark.text in VIA_NAMES[: len(via())]:
            st.session_state[VIA] = [
                place if name == mark.text else old
                for name, old in zip(VIA_NAMES, via(), strict=False)
            ]


def add_via(place: Place) -> None:
    """Add a way-point before B."""
    if len(via()) >= MOST_VIA:
        st.session_state[PROBLEM] = f"A walk has at most {MOST_VIA} way-points: clear them first."
        return
    st.session_state[VIA] = [*via(), place]
    st.session_state[PROBLEM] = None


def clear_via() -> None:
    """Take all way-points out."""
    st.session_state[VIA] = []


def on_typed(name: str) -> None:
    """Set an end to a latent, or to a digit that a search finds."""
    ref, _ = current()
    text: str = read_widget(TYPED[name])
    try:
        place = place_of_text(ref, text)
    except BadLatentError as err:
        st.session_state[PROBLEM] = f"End {name}: {err}"
    else:
        set_end(name, place, by_typing=place.id is None)


def place_of_text(ref: CheckpointRef, text: str) -> Place:
    """Place a latent, or one of a search's digits; `BadLatentError` if the text is neither.

    A number alone is a class, but where z has one dimension.
    """
    latent_dim = catalogue.stored(ref).header.model.latent_dim
    has_words = any(letter.isalpha() or letter == "#" for letter in text.lower().replace("e", ""))
    if has_words or (text.strip().isdecimal() and latent_dim > 1):
        digit = _found_digit(ref, text)
        if digit is not None:
            return place_of_digit(ref, digit)
    return place_of_latent(ref, parse_latent(text, latent_dim))


def _found_digit(ref: CheckpointRef, text: str) -> int | None:
    """Draw one of the digits that a search finds; None if the text is no search."""
    _, split = current()
    try:
        search = parse_search(text)
    except SearchError:
        return None
    try:
        found = find_digits(ref, split, search)
    except SearchError as err:
        raise BadLatentError(str(err)) from err
    if not len(found):
        raise BadLatentError(f"“{text}” finds no digit on this map.")
    return int(np.random.default_rng().choice(found))


def draw_pair() -> None:
    """Draw a pair of digits of the map's split, of the classes asked for."""
    ref, split = current()
    rows = digits.SPLITS[split]
    labels = digits.labels()[rows]
    drawn: list[int] = []
    for key in (FROM, TO):
        wanted = st.session_state.get(key)
        allowed = np.ones(len(labels), bool) if wanted is None else labels == wanted
        allowed[[digit - rows.start for digit in drawn]] = False
        drawn.append(int(np.random.default_rng().choice(np.flatnonzero(allowed))) + rows.start)
    set_ends({n: place_of_digit(ref, d) for n, d in zip(NAMES, drawn, strict=True)})


def swap() -> None:
    """Exchange the ends; way-points stay in their order."""
    set_ends({"A": ends()["B"], "B": ends()["A"]})


def reverse() -> None:
    """Walk the other way round: ends and way-points."""
    st.session_state[VIA] = via()[::-1]
    swap()


def follow_checkpoint(ref: CheckpointRef) -> None:
    """Open with two digits; carry digits, or bare latents, over to another checkpoint."""
    st.session_state.setdefault(PROBLEM, None)
    st.session_state.setdefault(widget_key(NEXT), "A")
    if not is_new(REF) and st.session_state[REF] == ref:
        return
    before: dict[str, Place] = {} if is_new(ENDS) else st.session_state[ENDS]
    if is_new(VIA):
        link = opened_part(WalkLink)
        asked = zip(NAMES, link.ends, strict=True)
        places = {name: place_of_target(ref, target) for name, target in asked}
        before = {name: place for name, place in places.items() if place is not None}
        on_way = [place_of_target(ref, target) for target in link.via]
        st.session_state[VIA] = [place for place in on_way if place is not None]
    st.session_state[REF] = ref
    first = dict(zip(NAMES, FIRST_DIGITS, strict=True))
    here = {n: carried(ref, before.get(n)) or place_of_digit(ref, d) for n, d in first.items()}
    note = None
    if here["A"].z == here["B"].z:
        here = {name: place_of_digit(ref, digit) for name, digit in first.items()}
        note = "The two ends have one code here; this is another walk." if before else None
    if here["A"].z == here["B"].z:
        here, note = _apart(ref, here["A"])
    set_ends(here)
    st.session_state[NOTE] = note
    on_way = [carried(ref, place) for place in via()]
    st.session_state[VIA] = [place for place in on_way if place is not None]


def _apart(ref: CheckpointRef, start: Place) -> tuple[dict[str, Place], str | None]:
    """Walk from a digit to the first of another code, or, if there is none, a unit away."""
    rows = digits.SPLITS["test"]
    differ = (encoding.test_codes(ref) != np.array(start.z, np.float32)).any(1)
    if differ.any():
        return {"A": start, "B": place_of_digit(ref, rows.start + int(differ.argmax()))}, None
    away = (start.z[0] + 1.0, *start.z[1:])
    return {"A": start, "B": place_of_latent(ref, away)}, ALONE
