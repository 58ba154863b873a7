"""Metrics of a training's snapshots: of their files, or measured when the user asks for it."""

from __future__ import annotations

import streamlit as st

from latent_explorer.components.timeline import Curve
from latent_explorer.data import catalogue
from latent_explorer.vocabulary import MEASURES
from vae_core.checkpoints import CheckpointRef, load_checkpoint
from vae_core.data import load_mnist
from vae_core.metrics import Metrics
from vae_core.snapshots import Snapshots

_MEASURE = "compare_snapshots_measure"  # folders that the user asked to measure
# Of those that `MEASURES` has, what the curves are of.
_METRICS = ("log_px", "elbo", "kl", "knn10", "silhouette")


def curves(shown: Snapshots) -> list[Curve]:
    """Collect the metrics that there are, each over the snapshots."""
    metrics = _metrics(shown)
    found: list[Curve] = []
    for name in _METRICS:
        known = [each.get(name) for each in metrics]
        values = [None if metric is None else metric.value for metric in known]
        if any(value is not None for value in values):
            method = next(metric.method for metric in reversed(known) if metric is not None)
            measure = MEASURES[name]
            found.append(Curve(measure.title, measure.unit, measure.decimals, method, values))
    return found


def offer_to_measure(shown: Snapshots) -> None:
    """Offer to measure what the snapshots' files do not hold."""
    headers = [catalogue.stored_metrics(ref) for ref in shown.refs]
    is_asked = shown.refs in st.session_state[_MEASURE]
    if is_asked or all(_is_measured(header) for header in headers):
        return
    st.button(
        f"Measure the {len(headers)} snapshots",
        on_click=_on_measure,
        args=(shown.refs,),
        help="Their files do not hold all figures. It takes some seconds for each, once.",
    )


def _on_measure(refs: tuple[CheckpointRef, ...]) -> None:
    st.session_state[_MEASURE].add(refs)


@st.cache_data(max_entries=64, show_spinner=False)
def _measured(ref: CheckpointRef) -> Metrics:
    from vae_core.analysis.evaluation import evaluate_model

    return evaluate_model(load_checkpoint(ref).model, load_mnist("test"))


def _metrics(shown: Snapshots) -> list[Metrics]:
    """Metrics of each snapshot: of the file's header, or measured if the user asked for it."""
    headers = [catalogue.stored_metrics(ref) for ref in shown.refs]
    if shown.refs not in st.session_state.setdefault(_MEASURE, set()):
        return headers
    bar = st.progress(0.0, f"Measuring {len(headers)} snapshots on the 10,000 test digits…")
    found: list[Metrics] = []
    for i, (ref, header) in enumerate(zip(shown.refs, headers, strict=True), 1):
        found.append(header if _is_measured(header) else _measured(ref) | header)
        bar.progress(i / len(headers), f"Measured {i} of {len(headers)} snapshots")
    bar.empty()
    return found


def _is_measured(metrics: Metrics) -> bool:
    return all(name in metrics for name in _METRICS)
