"""What the chapters of the Likelihood page share: their list, the map, the chosen z and digit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from latent_explorer.checkpoint_map import checkpoint_map
from latent_explorer.components.latent_map import read_pick
from latent_explorer.data import catalogue, digits, encoding, observations
from latent_explorer.data.digit_terms import find_digits
from latent_explorer.data.digits import SPLITS, Floats, digit_name
from latent_explorer.data.encoding import Encoded
from latent_explorer.data.neighbours import nearest_on_map
from latent_explorer.data.selection import SearchError, parse_search
from latent_explorer.links.codec import pin_params
from latent_explorer.pages.explore.draw_panel import draw_panel
from latent_explorer.pages.likelihood.link import LikelihoodLink
from latent_explorer.session.current import CHECKPOINT, DEFAULT_CHECKPOINT, current, shown_theme
from latent_explorer.session.errors import shown_errors
from latent_explorer.session.opened import link_start, opened_link, opened_part
from latent_explorer.session.places import (
    BadLatentError,
    Place,
    parse_latent,
    place_of_digit,
    place_of_latent,
    place_of_pick,
    place_of_target,
    posterior_ellipse,
    written_latent,
)
from latent_explorer.session.widgets import read_widget, unless_stale, widget_key, write_widget
from latent_explorer.vocabulary import SYMBOLS
from vae_core.checkpoints import CheckpointRef
from vae_core.data import Split

if TYPE_CHECKING:
    import plotly.graph_objects as go

KEY_MAP = "likelihood_map"
CHAPTER = "likelihood_chapter"  # widget
OPENING_Z = (0.1, 0.5)  # the example that started this project
FIRST_DIGIT = SPLITS["test"].start  # a 7

_PLACE, _DIGIT, _REF = "likelihood_place", "likelihood_digit", "likelihood_ref"
_TYPED_Z, _Z_PROBLEM = "likelihood_typed_z", "likelihood_z_problem"
_TYPED_DIGIT, _DIGIT_PROBLEM = "likelihood_typed_digit", "likelihood_digit_problem"
_SOURCE = "likelihood_source"
_MNIST, _DRAWN = "From MNIST", "Drawn by you"
_CODE = Path(__file__).parent / "code"


class Chapter(NamedTuple):
    """A chapter; its module in this folder has `draw(ref, split)`, which draws all of it."""

    number: int
    name: str
    question: str  # in the words of somebody who wonders
    module: str

    def draw(self, ref: CheckpointRef, split: Split) -> None:
        """Draw the chapter; its module is imported when it is first opened."""
        import_module(self.module).draw(ref, split)


CHAPTERS = tuple(
    Chapter(number, name, question, f"{__package__}.{module}")
    for number, (name, question, module) in enumerate(
        (
            (
                "One z, one image",
                "If I sample one z and decode it, what do I get? And what is p(x|z)?",
                "one_z",
            ),
            (
                "One z, all digits",
                "How can one z create all the digits of the data set?",
                "data_set",
            ),
            (
                "Which z?",
                "Most z do not even give a 7. Which z do explain this digit?",
                "posterior",
            ),
            (
                "Computing p(x)",
                "p(x) is an integral over all z. How does anybody compute it?",
                "estimates",
            ),
            (
                "Ten clusters",
                "How can one unit Gaussian hold ten clusters of digits?",
                "clusters",
            ),
            (
                "Two dimensions",
                "Are two numbers enough to describe a digit?",
                "dimensions",
            ),
        ),
        start=1,
    )
)


class Chosen(NamedTuple):
    """The digit that a chapter is about: one of MNIST's, or one drawn by hand."""

    id: int | None  # None: drawn
    name: str
    grey: Floats  # (784,), ink from 0 to 1
    x: Floats  # (784,): what the likelihood explains, binary or grey
    encoded: Encoded  # q(z|x) of this x


# ---- the page's state


def open_page(ref: CheckpointRef) -> None:
    """Start with what the session's link asks for; carry the place over to another checkpoint."""
    for key in (_Z_PROBLEM, _DIGIT_PROBLEM):
        st.session_state.setdefault(key, None)
    if st.session_state.get(_REF) == ref:
        return
    link = opened_link()
    if _REF not in st.session_state:
        st.session_state[CHAPTER] = opened_part(LikelihoodLink).chapter or 1
        digit = link.pin.id if link.pin is not None else None
        _set_digit(FIRST_DIGIT if digit is None else digit)
    st.session_state[_REF] = ref
    before = place() or place_of_target(ref, link.pin)
    latent_dim = catalogue.stored(ref).header.model.latent_dim
    if before is not None and before.id is not None:
        set_place(place_of_digit(ref, before.id))
    elif before is not None and len(before.z) == latent_dim:
        set_place(place_of_latent(ref, before.z))
    else:
        z = (*OPENING_Z, *[0.0] * latent_dim)[:latent_dim]
        set_place(place_of_latent(ref, z))


def place() -> Place | None:
    """Tell which z the chapters about one z show."""
    return st.session_state.get(_PLACE)


def set_place(new: Place, *, by_typing: bool = False) -> None:
    """Change it."""
    st.session_state[_PLACE] = new
    st.session_state[_Z_PROBLEM] = None
    write_widget(_TYPED_Z, written_latent(new), by_user=by_typing)


def chapter_digit() -> int:
    """Id of the MNIST digit that is chosen, or was before one was drawn."""
    return st.session_state[_DIGIT]


def chosen_pixels(ref: CheckpointRef) -> Floats:
    """Read off that digit what the likelihood explains, shape (784,)."""
    return observations.explained_pixels(ref, chapter_digit())


def _set_digit(digit: int, *, by_typing: bool = False) -> None:
    st.session_state[_DIGIT] = digit
    st.session_state[_DIGIT_PROBLEM] = None
    split, rows = _split_of(digit)
    if not by_typing:
        write_widget(_TYPED_DIGIT, f"{split} {digit - rows.start}")
    write_widget(_SOURCE, _MNIST)


def _split_of(digit: int) -> tuple[Split, slice]:
    split: Split = "test" if digit >= SPLITS["test"].start else "train"
    return split, SPLITS[split]


# ---- the map


def columns() -> tuple[Any, Any]:
    """Place for the map, the same in all chapters, and for what a chapter shows beside it."""
    left, right = st.columns([1, 1], gap="medium")
    return left, right


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
        start=link_start("likelihood"),
        link=_link(ref, split, link or {}),
        on_pick=on_pick,
        **layers,
    )


def place_map(ref: CheckpointRef, split: Split) -> None:
    """Draw the map with the chosen z; a click chooses another."""
    here = place()
    chapter_map(
        ref,
        split,
        place=here,
        link={} if here is None else pin_params(here.id, here.z),
        on_pick=_on_pick_place,
    )


def digit_map(ref: CheckpointRef, split: Split, chosen: Chosen | None, **layers: Any) -> None:
    """Draw the map with the chosen digit at q(z|x), an ellipse to scale; a click chooses another.

    Parameters
    ----------
    ref, split
        What to show.
    chosen : Chosen or None
        From `digit_controls`.
    **layers
        More of what `checkpoint_map` takes.
    """
    if chosen is not None:
        here = place_of_latent(ref, tuple(chosen.encoded.mu.tolist()))
        layers["place"] = here._replace(id=chosen.id)
        layers["ellipse"] = posterior_ellipse(ref, chosen.encoded)
    link = None if chosen is None else digit_link(chosen)
    chapter_map(ref, split, link=link, on_pick=_on_pick_digit, **layers)


def digit_link(chosen: Chosen) -> dict[str, str]:
    """Write the chosen digit for a link; a drawing has none."""
    return {} if chosen.id is None else pin_params(chosen.id, ())


def _link(ref: CheckpointRef, split: Split, more: Mapping[str, str]) -> dict[str, str]:
    part = LikelihoodLink(st.session_state[CHAPTER])
    return {"checkpoint": ref.name, "split": split, **part.params(), **more}


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
            _set_digit(digit)


# ---- controls


def place_controls(ref: CheckpointRef) -> None:
    """Let z be typed, or sampled from the prior if there is one."""
    has_prior = catalogue.has_posterior(ref)
    with st.container(horizontal=True, vertical_alignment="bottom", wrap=False):
        st.text_input(
            "z",
            key=widget_key(_TYPED_Z),
            on_change=unless_stale(_TYPED_Z, _on_typed_z),
            persist_state="session",
        )
        if has_prior:
            st.button(
                f"Sample z ~ {prior_name(ref)}", on_click=_on_sample, icon=":material/casino:"
            )
    if st.session_state[_Z_PROBLEM]:
        st.error(st.session_state[_Z_PROBLEM], icon=":material/error:")
    if not has_prior:
        offer_checkpoint("A plain autoencoder has no prior p(z), so there is no z to sample.", ref)


def prior_name(ref: CheckpointRef) -> str:
    """Name p(z)."""
    is_normal = catalogue.stored(ref).header.model.prior == "normal"
    return "N(0, I)" if is_normal else "p(z)"


def _on_typed_z() -> None:
    ref, _ = current()
    text: str = read_widget(_TYPED_Z)
    try:
        z = parse_latent(text, catalogue.stored(ref).header.model.latent_dim)
    except BadLatentError as err:
        st.session_state[_Z_PROBLEM] = str(err)
    else:
        set_place(place_of_latent(ref, z), by_typing=True)


def _on_sample() -> None:
    import torch

    ref, _ = current()
    generator = torch.Generator()
    generator.seed()
    z = catalogue.checkpoint(ref).model.prior.sample(1, generator)[0]
    set_place(place_of_latent(ref, tuple(z.tolist())))


def digit_controls(ref: CheckpointRef) -> Chosen | None:
    """Let a digit be typed, taken at random or drawn; None until something is drawn."""
    source = st.segmented_control(
        "Digit",
        [_MNIST, _DRAWN],
        key=widget_key(_SOURCE),
        label_visibility="collapsed",
        required=True,
        persist_state="session",
    )
    if source == _DRAWN:
        drawn = draw_panel(ref, key="likelihood_draw")
        if drawn is None:
            return None
        grey = drawn.image.reshape(-1).astype(np.float32) / np.float32(255)
        x = observations.explained_image(ref, drawn.image)
        return Chosen(None, "your drawing", grey, x, encoding.encode_explained(ref, x))
    with st.container(horizontal=True, vertical_alignment="bottom", wrap=False):
        st.text_input(
            "Which digit",
            key=widget_key(_TYPED_DIGIT),
            on_change=unless_stale(_TYPED_DIGIT, _on_typed_digit),
            help="For example test 0, train 4711, or label 7: one of them at random.",
            persist_state="session",
        )
        st.button("Random digit", on_click=_on_random_digit, icon=":material/casino:")
    if st.session_state[_DIGIT_PROBLEM]:
        st.error(st.session_state[_DIGIT_PROBLEM], icon=":material/error:")
    digit = chapter_digit()
    x = chosen_pixels(ref)
    name = f"a {digits.labels()[digit]}, {digit_name(digit)}"
    return Chosen(digit, name, digits.pixels(digit), x, encoding.encode_explained(ref, x))


def _on_typed_digit() -> None:
    ref, split = current()
    text: str = read_widget(_TYPED_DIGIT)
    try:
        ids = find_digits(ref, split, parse_search(text))
    except SearchError as err:
        st.session_state[_DIGIT_PROBLEM] = str(err)
        return
    if not len(ids):
        st.session_state[_DIGIT_PROBLEM] = f"“{text}” finds no digit of the {split} set."
        return
    _set_digit(int(np.random.default_rng().choice(ids)), by_typing=True)


def _on_random_digit() -> None:
    _, split = current()
    rows = SPLITS[split]
    _set_digit(int(np.random.default_rng().integers(rows.start, rows.stop)))


# ---- checkpoints that cannot show a chapter


def is_exact(ref: CheckpointRef) -> bool:
    """Whether p(x) is a sum over a lattice: a prior, and one or two dimensions."""
    return catalogue.has_posterior(ref) and catalogue.stored(ref).header.model.latent_dim <= 2


def offer_exact(ref: CheckpointRef) -> bool:
    """Say what a checkpoint lacks for exact sums and offer another; whether it has it all."""
    if is_exact(ref):
        return True
    config = catalogue.stored(ref).header.model
    offer_checkpoint(
        f"z has {config.latent_dim} dimensions here: a sum over all z is out of reach."
        if catalogue.has_posterior(ref)
        else "A plain autoencoder has no prior p(z), so there is no p(x) and no p(z|x).",
        ref,
    )
    return False


def offer_checkpoint(why: str, ref: CheckpointRef, name: str = DEFAULT_CHECKPOINT) -> None:
    """Say why a checkpoint cannot show something, and offer one that can, if it is there."""
    st.info(why, icon=":material/info:")
    names = [one.name for one in catalogue.checkpoints()[0]]
    if (
        name in names
        and name != ref.name
        and st.button(f"Switch to {name}", on_click=_on_switch, args=(name,))
    ):
        st.rerun(scope="app")  # the sidebar is not of this fragment


def _on_switch(name: str) -> None:
    st.session_state[CHECKPOINT] = name


# ---- words, code, files


def colors() -> dict[str, str]:
    """Colours of the formula's terms in the theme that the browser shows."""
    return SYMBOLS[shown_theme()]


def term(name: str, latex: str) -> str:
    r"""Colour a part of a formula as its picture: `term("likelihood", r"p(x \mid z)")`."""
    return rf"\textcolor{{{colors()[name]}}}{{{latex}}}"


def show_answer(text: str, formula: str) -> None:
    """Show a chapter's answer, two sentences, and its formula."""
    with st.container(border=True):
        st.markdown(f"**In short.** {text}")
        st.latex(formula)


def show_code(name: str) -> None:
    """Show the few lines of vae_core that compute what is on screen.

    Parameters
    ----------
    name : str
        Of a file in the folder code.
    """
    with st.expander("Show me the code", icon=":material/code:"):
        module = f"{__package__}.code.{Path(name).stem}"
        st.caption(f"`python -m {module}` in the folder of app.py runs it.")
        st.code((_CODE / name).read_text(encoding="utf-8"), language="python")


def show_figure(figure: go.Figure, *, key: str, alt: str) -> None:
    """Show a chart."""
    st.plotly_chart(figure, key=key, config={"displayModeBar": False}, alt=alt)


def show_link(ref: CheckpointRef, split: Split, link: Mapping[str, str] | None = None) -> None:
    """Show a link to the chapter as it is; `link` as for `chapter_map`."""
    st.markdown(
        f"[Link to this chapter as it is](likelihood?{urlencode(_link(ref, split, link or {}))})"
    )


def show_download(ref: CheckpointRef, figures: Sequence[go.Figure]) -> None:
    """Offer a chapter's charts as a page that needs no network."""
    number = st.session_state[CHAPTER]
    st.download_button(
        "Download the chart" if len(figures) == 1 else "Download the charts",
        partial(figures_page, figures),
        file_name=f"likelihood-{number}-{ref.name}.html",
        mime="text/html",
        key=f"likelihood_download_{number}",
        on_click="ignore",
        icon=":material/download:",
        help="One HTML file that needs no server and no network.",
    )


def figures_page(figures: Sequence[go.Figure]) -> bytes:
    """Write charts as one HTML page that needs no network."""
    parts = [
        figure.to_html(include_plotlyjs=i == 0, full_html=False, config={"displaylogo": False})
        for i, figure in enumerate(figures)
    ]
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Likelihood</title><body>'
    return (head + "".join(parts) + "</body></html>").encode()
