"""Router: page settings, the one place to pick a checkpoint, navigation."""

import sys
from pathlib import Path

import streamlit as st

from explorer import loaders, state, uploads
from explorer.latent_map import preload
from explorer.serving import answer_promptly
from explorer.theme import number
from vae_core.data import Split

ICON = Path(__file__).parent / "explorer" / "icon.png"
SPLIT_NAMES: dict[Split, str] = {
    "test": "10,000 test",
    "train": "60,000 training",
    "all": "all 70,000",
}
FIGURES = (  # title, name in the header, unit
    ("log p(x), exact", "log_px", "nats"),
    ("ELBO", "elbo", "nats"),
    ("KL(q‖p)", "kl", "nats"),
    ("10-NN accuracy", "knn10", ""),
)
# Streamlit's own margins leave the map, which is the page, half of a laptop's screen.
STYLE = """<style>
.stMainBlockContainer { padding: 4.25rem 2rem 2rem; }
.stSidebar [data-testid="stSidebarUserContent"] { padding-top: 0; }
.figures { display: grid; grid-template-columns: 1fr auto; gap: 0.2rem 0.75rem;
  font-size: 0.875rem; font-variant-numeric: tabular-nums; }
.figures :nth-child(even) { text-align: right; }
/* Streamlit dims what it is about to redraw; a map that fades at each click is no map. */
[data-stale="true"]:has(.stBidiComponent) { opacity: 1 !important; transition: none !important; }
/* On a narrow screen Streamlit folds its page links into the sidebar: these take their place. */
@media (min-width: 768px) {
  :is(.stElementContainer, [data-testid="stLayoutWrapper"]):has(> .st-key-app_pages) {
    display: none;
  }
}
.st-key-selection_pills [role="group"] { flex-wrap: nowrap; gap: 0.2rem; }
.st-key-selection_pills button { flex: 1 1 0; min-width: 0; padding: 0.25rem 0; }
/* Streamlit's grey is too pale to read by WCAG's measure. */
[data-testid="stCaptionContainer"] { color: inherit !important; opacity: 0.78; }
[data-testid="stWidgetLabel"] * { color: inherit !important; }
.st-key-compare_first { min-height: 4.25rem; } /* as high as a select box with its label */
/* The chosen chapter's name is too pale on the tint that it has under the pointer. */
:is(.st-key-likelihood_chapter, .st-key-compare_section) button {
  background-color: transparent !important; }
/* The names of chosen checkpoints are too pale on the dark theme's blue. */
.stMultiSelect [data-tag] { background-color: rgb(128 128 128 / 0.22) !important; }
.stMultiSelect :is([data-tag], [data-tag] *) { color: inherit !important; }
/* A formula too wide for its column goes on in the next line; one that scrolls needs a mouse. */
.stMarkdown .katex-display { overflow: visible !important; }
.stMarkdown .katex-display > .katex { white-space: normal !important; }
@media (max-width: 640px) {
  .stMainBlockContainer { padding: 4rem 1rem 2rem; }
  /* a table's last column, which explains, goes under the figures */
  .stMarkdown :is(table, thead, tbody) { display: block; }
  .stMarkdown tr {
    display: grid; grid-template-columns: minmax(0, 1fr) 5.5rem 8.75rem;
    font-size: 0.9rem;
    border-bottom: 1px solid rgb(128 128 128 / 0.3);
  }
  .stMarkdown :is(th, td) { padding: 0.2rem 0.25rem; border: 0; }
  .stMarkdown :is(th, td):nth-child(4) { grid-column: 1 / -1; }
  .stMarkdown :is(th, td):empty { display: none; }
  .stMarkdown th:first-child { display: block; }
  /* four names need the icons' room */
  .st-key-app_pages [data-testid="stIconMaterial"],
  .st-key-app_pages :has(> [data-testid="stIconMaterial"]:only-child) {
    display: none;
  }
  .st-key-app_pages a { padding: 0.25rem 0 !important; gap: 0; justify-content: center; }
  .st-key-app_pages a * { margin: 0; min-width: 0; font-size: 0.8rem; }
  .stMarkdown .katex-display { font-size: 0.8em; }
}
</style>"""


def main() -> None:
    """Draw the shell and run the chosen page."""
    answer_promptly()
    st.set_page_config(page_title="Latent Explorer", page_icon=str(ICON), layout="wide")
    pages = [
        st.Page("explorer/pages/explore.py", title="Explore", icon=":material/explore:"),
        st.Page("explorer/pages/interpolate.py", title="Interpolate", icon=":material/route:"),
        st.Page("explorer/pages/compare.py", title="Compare", icon=":material/compare:"),
        st.Page("explorer/pages/likelihood.py", title="Likelihood", icon=":material/functions:"),
    ]
    page = st.navigation(pages, position="top")
    preload()  # while the server reads what the map shows
    st.html(STYLE)
    with st.container(key="app_pages", horizontal=True, wrap=False, gap="small"):
        for each in pages:
            st.page_link(each, width="stretch")
    with state.shown_errors():
        state.remember_folder()
        refs, problems = uploads.checkpoints()
        with st.sidebar:
            for problem in problems:
                st.warning(str(problem), icon=":material/broken_image:")
        if not refs:
            _no_checkpoints()
            return
        opened = state.open_link(refs, page.url_path)
        _pick_checkpoint(refs)
        if opened.problem is not None and state.is_first_scene(page.url_path):
            st.warning(opened.problem, icon=":material/link_off:")
        page.run()


def _pick_checkpoint(refs: list[loaders.CheckpointRef]) -> None:
    by_name = {ref.name: ref for ref in refs}
    if st.session_state.get(state.CHECKPOINT) not in by_name:
        st.session_state[state.CHECKPOINT] = state.default_name(refs)
    st.session_state.setdefault(state.SPLIT, "test")
    with st.sidebar:
        st.markdown("### Latent Explorer")
        name = st.selectbox(
            "Checkpoint",
            list(by_name),
            key=state.CHECKPOINT,
            help="A .safetensors file dropped into the weights folder appears here at your next "
            "step.",
        )
        split = st.radio(
            "Digits on the map",
            tuple(SPLIT_NAMES),
            format_func=SPLIT_NAMES.__getitem__,
            key=state.SPLIT,
        )
        ref = by_name[name]
        _describe(ref)
    state.set_current(ref, split)


def _describe(ref: loaders.CheckpointRef) -> None:
    """Say what the checkpoint is, with the figures its file holds."""
    header = loaders.stored(ref).header
    st.caption(header.about)
    rows = [
        f"<span>{title}</span><span>{number(figure['value'], 2 if unit else 3)} {unit}</span>"
        for title, name, unit in FIGURES
        if (figure := header.metrics.get(name)) and figure["value"] is not None
    ]
    if rows:
        pixels = "binarised" if header.model.likelihood == "bernoulli" else "grey"
        st.html(f'<div class="figures">{"".join(rows)}</div>')
        st.caption(
            f"Nats per test image of {header.data['name']}, {pixels}. 10-NN: how often the ten "
            "nearest codes vote for the right digit."
        )
    if header.data["name"] != "MNIST":
        st.caption(f"Trained on {header.data['name']}; the map shows MNIST, encoded by it.")
    if header.model.latent_dim > 2:
        st.caption(
            f"z has {header.model.latent_dim} dimensions: the map is a projection on their two "
            "leading principal axes."
        )


def _no_checkpoints() -> None:
    st.title("No checkpoint yet")
    st.info(
        f"The folder {loaders.weights_folder()} holds no readable checkpoint. Train one, which "
        "takes a few minutes, then reload this page:",
        icon=":material/model_training:",
    )
    out = loaders.weights_folder() / "quick.safetensors"
    st.code(f"{sys.executable} -m vae_core train quick --out {out}", language="bash")


main()
