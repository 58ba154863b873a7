"""Router: page settings, the one place to pick a checkpoint, navigation."""

import sys
from pathlib import Path

import streamlit as st

from latent_explorer import folders
from latent_explorer.components.latent_map.mounting import preload
from latent_explorer.data import catalogue, kinds, uploads
from latent_explorer.escaping import as_text, show_warning
from latent_explorer.links.link import Part
from latent_explorer.pages.compare.link import CompareLink
from latent_explorer.pages.interpolate.link import WalkLink
from latent_explorer.pages.likelihood.link import LikelihoodLink
from latent_explorer.panels.collapse import say_collapsed
from latent_explorer.serving import answer_promptly
from latent_explorer.session.current import (
    CHECKPOINT,
    SPLIT,
    current,
    default_name,
    remember_folder,
    set_current,
    shown_instead,
)
from latent_explorer.session.errors import shown_errors
from latent_explorer.session.opened import is_first_scene, note_history, open_link
from latent_explorer.theme import number
from latent_explorer.vocabulary import MEASURES, SPLIT_WORDS
from vae_core.checkpoints import CheckpointRef
from vae_core.header import Header
from vae_core.identity import DataIdentity

_HERE = Path(__file__).parent
# folder of a page -> its icon, and its part of a link if it has one; in the order of the navigation
PAGES: dict[str, tuple[str, type[Part] | None]] = {
    "explore": ("explore", None),
    "interpolate": ("route", WalkLink),
    "compare": ("compare", CompareLink),
    "likelihood": ("functions", LikelihoodLink),
}
SHOWN = ("log_px", "elbo", "kl", "knn10")  # measures beside the pages


def main() -> None:
    """Draw the shell and run the chosen page."""
    note_history()
    answer_promptly()
    st.set_page_config(
        page_title="Latent Explorer", page_icon=str(_HERE / "icon.png"), layout="wide"
    )
    pages = [
        st.Page(
            _HERE / "pages" / path / "view.py",
            title=path.title(),
            icon=f":material/{icon}:",
            url_path=path,
            default=path == "explore",
        )
        for path, (icon, _) in PAGES.items()
    ]
    page = st.navigation(pages, position="top")
    preload()  # while the server reads what the map shows
    st.html(_HERE / "theme.css")
    with st.container(key="app_pages", horizontal=True, wrap=False, gap="small"):
        for each in pages:
            st.page_link(each, width="stretch")
    with shown_errors():
        remember_folder()
        refs, problems = uploads.checkpoints()
        with st.sidebar:
            for problem in problems:
                show_warning(problem, icon=":material/broken_image:")
        if not refs:
            _no_checkpoints()
            return
        parts = [part for _, part in PAGES.values() if part is not None]
        opened = open_link(refs, page.url_path, parts)
        _pick_checkpoint(refs, page.url_path)
        if opened.problem is not None and is_first_scene(page.url_path):
            show_warning(opened.problem, icon=":material/link_off:")
        say_collapsed([current()[0]])
        page.run()


def _pick_checkpoint(refs: list[CheckpointRef], page: str) -> None:
    by_name = {ref.name: ref for ref in refs}
    if st.session_state.get(CHECKPOINT) not in by_name:
        st.session_state[CHECKPOINT] = default_name(refs)
    st.session_state.setdefault(SPLIT, "test")
    with st.sidebar:
        st.markdown("### Latent Explorer")
        name = st.selectbox(
            "Checkpoint",
            list(by_name),
            format_func=lambda name: kinds.title(by_name[name]),
            key=CHECKPOINT,
            help="A .safetensors file dropped into the weights folder appears here at your next "
            "step.",
        )
        split = st.radio(
            "Digits on the map",
            tuple(SPLIT_WORDS),
            format_func=lambda split: SPLIT_WORDS[split].title,
            key=SPLIT,
        )
        ref = by_name[name]
        if (shown := shown_instead(page)) is not None:
            st.caption(
                f"Shown here is the training of **{as_text(shown.name)}**, not "
                f"{as_text(name)}. At its end:"
            )
        _describe(shown or ref)
    set_current(ref, split)


def _describe(ref: CheckpointRef) -> None:
    """Say what the checkpoint is, with the figures its file holds."""
    header = catalogue.stored(ref).header
    st.caption(as_text(header.about))
    found = {
        each: (metric.value, metric.data)
        for each in map(MEASURES.__getitem__, SHOWN)
        if (metric := header.metrics.get(each.name)) and metric.value is not None
    }
    rows = [
        f"<span>{each.title}</span><span>{number(value, each.decimals)} {each.unit}</span>"
        for each, (value, data) in found.items()
        if data is not None
    ]
    if rows:
        st.html(f'<div class="figures">{"".join(rows)}</div>')
        st.caption(_figures_of(header, [data for _, data in found.values() if data is not None]))
    elif found:
        st.caption(
            "Its file has figures that do not say of which images they are, so they are not shown "
            f"here: `{folders.COMMAND} evaluate FILE --data FOLDER --write` measures "
            "them again."
        )
    if not header.data.is_mnist:
        st.caption(f"Trained on {as_text(header.data.name)}; the map shows MNIST, encoded by it.")
    if header.model.latent_dim > 2:
        st.caption(
            f"z has {header.model.latent_dim} dimensions: the map is a projection on their two "
            "leading principal axes."
        )


def _figures_of(header: Header, of: list[DataIdentity]) -> str:
    """Say what the figures are of: never of other data than was measured."""
    pixels = "binarised" if header.model.likelihood == "bernoulli" else "grey"
    whole = header.data.test
    few = min(data.count for data in of)
    part = "" if whole is None or few == whole.count else f", {few:,} of {whole.count:,}"
    what = "digit" if header.data.is_mnist else "class"
    name = as_text(of[0].name)
    return (
        f"Nats per test image of {name}{part}, {pixels}. 10-NN: how often the ten nearest "
        f"codes vote for the right {what}."
    )


def _no_checkpoints() -> None:
    folder = folders.weights_folders()[-1]
    st.title("No checkpoint yet")
    st.info(
        f"The folder {as_text(folder)} holds no readable checkpoint. Train one, which "
        "takes a few minutes, then reload this page:",
        icon=":material/model_training:",
    )
    command = folders.COMMAND.replace("python", sys.executable)
    st.code(f"{command} train quick --out {folder / 'quick.safetensors'}", language="bash")
