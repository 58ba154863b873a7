"""The metrics' values per checkpoint, as `definitions` says what each is; cached.

A metric that the checkpoint's header holds is taken from there, with how it was computed; the
others are measured on the test digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import streamlit as st

from latent_explorer.data import catalogue, digits, encoding, lattice
from latent_explorer.data.digit_terms import digit_terms, said_of_terms
from latent_explorer.pages.compare import measures
from latent_explorer.pages.compare.definitions import (
    DEFINITIONS,
    KNN,
    TRUST_NEIGHBOURS,
    Shown,
    is_of_a_part,
)
from vae_core.checkpoints import CheckpointRef
from vae_core.config import N_PIXELS
from vae_core.identity import MNIST_TEST
from vae_core.metrics import Metric, Metrics, based

N_RESAMPLES = 999
CONFIDENCE = 0.95
_SEED = 0
_NORMAL = 1.959964  # standard errors to either side of 95 %


def measure_all(refs: Sequence[CheckpointRef]) -> Iterator[tuple[str, float]]:
    """Measure all that the table needs; tell what is next, and the share of the steps done."""
    steps: list[tuple[str, Callable[[], object]]] = []
    for ref in refs:
        steps += [
            (f"{ref.name}: figures of its header", lambda ref=ref: catalogue.metrics(ref)),
            (f"{ref.name}: likelihood of each digit", lambda ref=ref: digit_terms(ref, "test")),
            (f"{ref.name}: silhouettes", lambda ref=ref: measures.silhouettes(ref)),
            (f"{ref.name}: neighbours", lambda ref=ref: measures.nearest(ref, "test")),
            (f"{ref.name}: trustworthiness", lambda ref=ref: _trust(ref)),
            (f"{ref.name}: intervals", lambda ref=ref: metric_values(ref, refs[0])),
        ]
    for i, (name, work) in enumerate(steps):
        yield name, i / len(steps)
        work()


@st.cache_data(max_entries=64, show_spinner=False)
def metric_values(ref: CheckpointRef, first: CheckpointRef) -> dict[str, Shown]:
    """All metrics of a checkpoint, by the keys of `DEFINITIONS`; some are against the first."""
    from vae_core.comparison import spread

    codes, per_digit, said = encoding.test_codes(ref), _per_digit(ref, first), _said_per_digit(ref)
    means = {name: float(values.mean()) for name, values in per_digit.items()}
    found = {name: Metric(mean, None, "", said[name]) for name, mean in means.items()}
    found |= _not_stored(ref)
    for name, metric in catalogue.metrics(ref).items():
        if name not in found or not is_of_a_part(metric):
            found[name] = metric
    found["active_units"] = Metric(
        float(spread.active_units(codes)),
        None,
        "",
        f"variance of the encoder mean above {spread.ACTIVE_VARIANCE:g}, 10,000 test digits",
    )
    found["cka"] = _cka(codes, encoding.test_codes(first))
    model = catalogue.stored(ref).header.model
    found = {
        name: metric._replace(data=metric.data or MNIST_TEST) for name, metric in found.items()
    }
    shown = {name: _with_error(metric) for name, metric in based(found, model).items()}
    shown |= _with_intervals(per_digit, shown)
    absent = Shown(Metric(None, None, "", "none: not in this checkpoint's figures"))
    return {each.key: shown.get(each.key, absent) for each in DEFINITIONS}


def _cka(codes: measures.Floats, others: measures.Floats) -> Metric:
    from vae_core.comparison import alignment

    if not all(each.var(0).any() for each in (codes, others)):
        return Metric(None, None, "", "none: all codes of one of the two are the same")
    cka = alignment.linear_cka(codes, others)
    return Metric(cka, None, "", "encoder means, 10,000 test digits")


def _with_intervals(
    per_digit: Mapping[str, measures.Floats], shown: Mapping[str, Shown]
) -> dict[str, Shown]:
    """Give the means over the test digits their bootstrap intervals; each keeps its mean."""
    from vae_core.comparison import intervals

    moved: dict[str, Shown] = {}
    ends = intervals.bootstrap_means(
        np.stack(list(per_digit.values())),
        n_resamples=N_RESAMPLES,
        confidence=CONFIDENCE,
        seed=_SEED,
    )
    for (name, values), (low, high) in zip(per_digit.items(), ends.tolist(), strict=True):
        if (value := shown[name].metric.value) is not None:
            # A header's ELBO is of eight samples of q(z|x), ours of none: it is their spread over
            # digits that is the same, so the interval is moved to the header's mean.
            shift = value - float(values.mean())
            moved[name] = Shown(shown[name].metric, low + shift, high + shift, "bootstrap")
    return moved


def _not_stored(ref: CheckpointRef) -> Metrics:
    """Measure what headers lack, or have of a part of the digits alone, and only that."""
    config = catalogue.stored(ref).header.model
    stored = {name: each for name, each in catalogue.metrics(ref).items() if not is_of_a_part(each)}
    found: Metrics = {}
    if not {"nmi", "ari"} <= stored.keys():
        from vae_core.comparison.clusters import k_means_agreement

        nmi, ari = k_means_agreement(encoding.test_codes(ref), measures.test_labels())
        method = "10-means clusters of the encoder means against the classes"
        found |= {"nmi": Metric(nmi, None, "", method), "ari": Metric(ari, None, "", method)}
    has_plane = config.posterior == "gaussian" and config.latent_dim == 2
    kl = digit_terms(ref, "test").kl
    if not {"aggregate_kl", "mutual_information"} <= stored.keys() and has_plane and kl is not None:
        apart = lattice.aggregate(ref).kl
        information = float(kl.mean()) - apart
        method = "q(z) = mean q(z|x) of the 10,000 images, grey pixels"
        found |= {
            "aggregate_kl": Metric(apart, None, "nats", f"KL(q(z) ‖ p(z)), {method}"),
            "mutual_information": Metric(information, None, "nats", f"KL − aggregate KL, {method}"),
        }
    return found


def _said_per_digit(ref: CheckpointRef) -> dict[str, str]:
    """How the metrics that are means over the digits are measured where no header has them."""
    near = f"{TRUST_NEIGHBOURS} neighbours, encoder means, 10,000 test digits"
    terms = said_of_terms(ref)
    return {
        **{f"knn{k}": f"{k} nearest encoder means, 5-fold cross-validated" for k in KNN},
        "silhouette": "of the true classes, encoder means",
        "trustworthiness": near,
        "overlap": near,
        "reconstruction": terms["reconstruction"],
        "elbo": terms.get("elbo", ""),
        "kl": terms.get("elbo", ""),
    }


def _with_error(metric: Metric) -> Shown:
    """Give a mean over images the interval of its standard error, until there is a better one."""
    if metric.value is None or metric.stderr is None:
        return Shown(metric)
    half = _NORMAL * metric.stderr
    return Shown(metric, metric.value - half, metric.value + half, "standard error")


def _per_digit(ref: CheckpointRef, first: CheckpointRef) -> dict[str, measures.Floats]:
    """Of the metrics that are means over the test digits, the value of each digit."""
    from vae_core.comparison import drift

    terms = digit_terms(ref, "test")
    near, k = measures.nearest(ref, "test"), TRUST_NEIGHBOURS
    change = drift.neighbour_change(near[:, :k], measures.nearest(first, "test")[:, :k])
    found = {
        "reconstruction": terms.reconstruction,
        **_knn_right(ref),
        "silhouette": measures.silhouettes(ref),
        "trustworthiness": _trust(ref),
        "overlap": 1.0 - change,
    }
    if terms.elbo is not None and terms.kl is not None:
        found |= {"elbo": terms.elbo, "kl": terms.kl}
    return {name: np.asarray(values, float) for name, values in found.items()}


@st.cache_resource(max_entries=16, show_spinner=False)
def _knn_right(ref: CheckpointRef) -> dict[str, measures.Floats]:
    """Whether each test digit's neighbours vote for its label, by the key of the metric."""
    from vae_core.comparison.neighbourhoods import knn_right

    codes, labels = encoding.test_codes(ref), measures.test_labels()
    return {f"knn{n}": knn_right(codes, labels, k=n) for n in KNN}


@st.cache_resource(max_entries=16, show_spinner=False)
def _trust(ref: CheckpointRef) -> measures.Floats:
    from vae_core.comparison.neighbourhoods import trustworthiness

    rows = digits.SPLITS["test"]
    images = digits.data_set().images[rows].reshape(-1, N_PIXELS)
    return trustworthiness(images, measures.nearest(ref, "test")[:, :TRUST_NEIGHBOURS])
