"""The figures that the Compare page sets side by side: what each is, and its value per checkpoint.

A figure that the checkpoint's header holds is taken from there, with how it was computed; the
others are measured on the test digits. Two values are only set against each other if they were
computed in the same way from the same data.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import streamlit as st

from latent_explorer.data import catalogue, digits, encoding, lattice
from latent_explorer.data.digit_terms import digit_terms, said_of_terms
from latent_explorer.data.digits import SPLITS
from latent_explorer.pages.compare import measures
from vae_core.checkpoints import CheckpointRef
from vae_core.config import N_PIXELS

TRUST_NEIGHBOURS = 10
N_RESAMPLES = 999
CONFIDENCE = 0.95

_SEED = 0
_KNN = (1, 10, 50)
_NORMAL = 1.959964  # standard errors to either side of 95 %

Best = Literal["highest", "lowest"]
Interval = Literal["bootstrap", "standard error"]


class Definition(NamedTuple):
    """What a row of the table is."""

    key: str
    title: str
    unit: str
    digits: int
    best: Best | None  # None: neither more nor less is better
    meaning: str
    span: str  # range, and the best value where there is one
    source: str
    needs: tuple[str, ...] = ()  # what must agree besides the data: "likelihood", "prior"


class Figure(NamedTuple):
    """A value of one checkpoint, how it was computed, and its 95 % interval if it has one."""

    value: float | None  # None: it does not exist, and `how` says why
    how: str
    low: float | None = None
    high: float | None = None
    interval: Interval | None = None


DEFINITIONS = (
    Definition(
        "log_px", "log p(x), exact", "nats", 2, "highest",
        "What the model gives a test image, mean over the test digits; the sum over a lattice in "
        "z, so of one or two latent dimensions only.",
        "any; best: highest", "Kingma & Welling 2014, with the integral computed",
        ("likelihood",),
    ),
    Definition(
        "iwae", "log p(x), IWAE", "nats", 2, "highest",
        "A lower bound on log p(x) from K samples of q(z|x), by importance weights; it rises to "
        "log p(x) with K.",
        "any; best: highest", "Burda, Grosse & Salakhutdinov 2016", ("likelihood",),
    ),
    Definition(
        "elbo", "ELBO", "nats", 2, "highest",
        "The lower bound on log p(x) that a VAE is trained by: reconstruction less KL(q‖p).",
        "any; best: highest", "Kingma & Welling 2014", ("likelihood",),
    ),
    Definition(
        "reconstruction", "Reconstruction", "nats", 2, "highest",
        "E_q log p(x|z), the ELBO's first part; log p(x|z) at the code of a plain autoencoder.",
        "any; best: highest", "Kingma & Welling 2014", ("likelihood",),
    ),
    Definition(
        "kl", "KL(q‖p)", "nats", 2, None,
        "KL(q(z|x) ‖ p(z)), the ELBO's second part: what the code costs.",
        "from 0; no best: a high one buys reconstruction", "Kingma & Welling 2014",
    ),
    Definition(
        "mutual_information", "Mutual information I(x; z)", "nats", 2, None,
        "What z tells of which image it came from: KL(q‖p) less the aggregate's KL.",
        "from 0 to log 10,000 = 9.21 on the test digits; no best",
        "Hoffman & Johnson 2016",
    ),
    Definition(
        "aggregate_kl", "KL of aggregate to prior", "nats", 3, "lowest",
        "KL(q(z) ‖ p(z)), q(z) the mean of q(z|x) over the test digits: how far codes are from "
        "being samples of the prior.",
        "from 0; best: 0", "Hoffman & Johnson 2016", ("prior",),
    ),
    Definition(
        "active_units", "Active units", "", 0, None,
        "Dimensions of z in which the mean of q(z|x) varies over the test digits by a variance "
        "of more than 0.01.",
        "from 0 to D; no best", "Burda, Grosse & Salakhutdinov 2016",
    ),
    *(
        Definition(
            f"knn{k}", f"{k}-NN accuracy", "", 3, "highest",
            f"Share of the test digits whose label the {k} nearest codes of the other folds vote "
            "for; 5-fold cross-validated, in z.",
            "from 0 to 1; best: 1", "Fix & Hodges 1951; scikit-learn",
        )
        for k in _KNN
    ),
    Definition(
        "silhouette", "Silhouette", "", 3, "highest",
        "How much nearer digits are to their own class than to the nearest other, in z.",
        "from −1 to 1; best: 1", "Rousseeuw 1987; scikit-learn",
    ),
    Definition(
        "nmi", "NMI of k-means", "", 3, "highest",
        "Normalised mutual information of ten k-means clusters of the codes with the classes. A "
        "prior N(0, I) forbids gaps, and so keeps it low.",
        "from 0 to 1; best: 1", "Strehl & Ghosh 2002; scikit-learn",
    ),
    Definition(
        "ari", "ARI of k-means", "", 3, "highest",
        "Adjusted Rand index of the same clusters: pairs of digits treated alike, corrected for "
        "chance.",
        "from −0.5 to 1, 0 by chance; best: 1", "Hubert & Arabie 1985; scikit-learn",
    ),
    Definition(
        "trustworthiness", "Trustworthiness", "", 3, "highest",
        f"Whether the {TRUST_NEIGHBOURS} nearest in z are near in pixels too; less by the ranks "
        "of those that are not. Of the 10,000 test digits, all pairs.",
        "from 0 to 1; best: 1", "Venna & Kaski 2001",
    ),
    Definition(
        "cka", "Linear CKA with the first", "", 3, None,
        "Centred kernel alignment of the codes with the first checkpoint's: blind to rotation, "
        "reflection and scale.",
        "from 0 to 1, the same; no best", "Kornblith, Norouzi, Lee & Hinton 2019",
    ),
    Definition(
        "overlap", "Neighbours shared with the first", "", 3, None,
        f"Jaccard overlap of the {TRUST_NEIGHBOURS} nearest test digits in z with those under the "
        "first checkpoint, mean over digits.",
        "from 0 to 1, the same; no best", "Jaccard 1901; as in Latent Scope 1.0",
    ),
    Definition(
        "posterior_std", "Median σ of q(z|x)", "z units", 3, None,
        "How finely the map is used: median over test digits and dimensions.",
        "from 0; no best", "Kingma & Welling 2014",
    ),
)  # fmt: skip


def measured(
    refs: Sequence[CheckpointRef],
) -> Iterator[tuple[str, float]]:
    """Measure all that the table needs, step by step.

    Yields
    ------
    tuple of str and float
        What is measured next, and the share of the steps done.
    """
    steps: list[tuple[str, Callable[[], object]]] = []
    for ref in refs:
        steps += [
            (f"{ref.name}: figures of its header", lambda ref=ref: catalogue.metrics(ref)),
            (
                f"{ref.name}: likelihood of each digit",
                lambda ref=ref: digit_terms(ref, "test"),
            ),
            (f"{ref.name}: silhouettes", lambda ref=ref: measures.silhouettes(ref)),
            (f"{ref.name}: neighbours", lambda ref=ref: measures.nearest(ref, "test")),
            (f"{ref.name}: trustworthiness", lambda ref=ref: _trust(ref)),
            (f"{ref.name}: intervals", lambda ref=ref: figures(ref, refs[0])),
        ]
    for i, (name, work) in enumerate(steps):
        yield name, i / len(steps)
        work()


@st.cache_data(max_entries=64, show_spinner=False)
def figures(ref: CheckpointRef, first: CheckpointRef) -> dict[str, Figure]:
    """All figures of a checkpoint, by the keys of `DEFINITIONS`; some are against the first."""
    from vae_core.comparison import alignment, intervals, spread

    found = {name: _stored(figure) for name, figure in catalogue.metrics(ref).items()}
    codes = encoding.test_codes(ref)
    found["active_units"] = Figure(
        float(spread.active_units(codes)),
        f"variance of the encoder mean above {spread.ACTIVE_VARIANCE:g}, 10,000 test digits",
    )
    found["cka"] = Figure(
        alignment.linear_cka(codes, encoding.test_codes(first)), "encoder means, 10,000 test digits"
    )
    found |= {name: figure for name, figure in _not_stored(ref).items() if name not in found}
    per_digit = _per_digit(ref, first)
    said = _said_per_digit(ref)
    ends = intervals.bootstrap_means(
        np.stack(list(per_digit.values())),
        n_resamples=N_RESAMPLES,
        confidence=CONFIDENCE,
        seed=_SEED,
    )
    for (name, values), (low, high) in zip(per_digit.items(), ends.tolist(), strict=True):
        mean = float(values.mean())
        figure = found.get(name, Figure(mean, said[name]))
        if figure.value is not None:
            # A header's ELBO is of eight samples of q(z|x), ours of none: it is their spread over
            # digits that is the same, so the interval is moved to the header's mean.
            shift = figure.value - mean
            found[name] = figure._replace(low=low + shift, high=high + shift, interval="bootstrap")
    absent = Figure(None, "none: not in this checkpoint's figures")
    return {each.key: found.get(each.key, absent) for each in DEFINITIONS}


def _not_stored(ref: CheckpointRef) -> dict[str, Figure]:
    """Measure what headers of older or other tools lack, and only that."""
    stored, config = catalogue.metrics(ref), catalogue.stored(ref).header.model
    found: dict[str, Figure] = {}
    if not {"nmi", "ari"} <= stored.keys():
        from vae_core.comparison.clusters import k_means_agreement

        nmi, ari = k_means_agreement(encoding.test_codes(ref), measures.test_labels())
        how = "10-means clusters of the encoder means against the classes"
        found |= {"nmi": Figure(nmi, how), "ari": Figure(ari, how)}
    has_plane = config.posterior == "gaussian" and config.latent_dim == 2
    kl = digit_terms(ref, "test").kl
    if not {"aggregate_kl", "mutual_information"} <= stored.keys() and has_plane and kl is not None:
        apart = lattice.aggregate(ref).kl
        how = "q(z) = mean q(z|x) of the 10,000 images, grey pixels"
        found["aggregate_kl"] = Figure(apart, f"KL(q(z) ‖ p(z)), {how}")
        found["mutual_information"] = Figure(float(kl.mean()) - apart, f"KL − aggregate KL, {how}")
    return found


def _said_per_digit(ref: CheckpointRef) -> dict[str, str]:
    """How the figures that are means over the digits are measured where no header has them."""
    near = f"{TRUST_NEIGHBOURS} neighbours, encoder means, 10,000 test digits"
    terms = said_of_terms(ref)
    return {
        **{f"knn{k}": f"{k} nearest encoder means, 5-fold cross-validated" for k in _KNN},
        "silhouette": "of the true classes, encoder means",
        "trustworthiness": near,
        "overlap": near,
        "reconstruction": terms["reconstruction"],
        "elbo": terms.get("elbo", ""),
        "kl": terms.get("elbo", ""),
    }


def _stored(figure: Mapping[str, Any]) -> Figure:
    """Take over a figure of a header; an interval from its standard error, until a better one."""
    value, error, how = figure["value"], figure["stderr"], figure["how"]
    if value is None or error is None:
        return Figure(value, how)
    half = _NORMAL * error
    return Figure(value, how, value - half, value + half, "standard error")


def _per_digit(ref: CheckpointRef, first: CheckpointRef) -> dict[str, measures.Floats]:
    """Of the figures that are means over the test digits, the value of each digit."""
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
    """Whether each test digit's neighbours vote for its label, by the key of the figure."""
    from vae_core.comparison.neighbourhoods import knn_right

    codes, labels = encoding.test_codes(ref), measures.test_labels()
    return {f"knn{n}": knn_right(codes, labels, k=n) for n in _KNN}


@st.cache_resource(max_entries=16, show_spinner=False)
def _trust(ref: CheckpointRef) -> measures.Floats:
    from vae_core.comparison.neighbourhoods import trustworthiness

    rows = SPLITS["test"]
    images = digits.data_set().images[rows].reshape(-1, N_PIXELS)
    return trustworthiness(images, measures.nearest(ref, "test")[:, :TRUST_NEIGHBOURS])


def best_of(
    definition: Definition, refs: Sequence[CheckpointRef], values: Sequence[Figure]
) -> float | None:
    """Find the best value of a row; None where there is none, or they cannot be compared."""
    numbers = [figure.value for figure in values if figure.value is not None]
    is_contest = len(numbers) > 1 and is_comparable(definition, refs, values)
    if definition.best is None or not is_contest:
        return None
    return max(numbers) if definition.best == "highest" else min(numbers)


def is_comparable(
    definition: Definition, refs: Sequence[CheckpointRef], values: Sequence[Figure]
) -> bool:
    """Whether a row's values are of the same data, computed alike, under what must be the same."""
    found: set[tuple[object, ...]] = set()
    for ref, figure in zip(refs, values, strict=True):
        if figure.value is not None:
            header = catalogue.stored(ref).header
            needed = [getattr(header.model, name) for name in definition.needs]
            found.add((_way(figure.how), tuple(sorted(header.data.items())), *needed))
    return len(found) <= 1


def _way(how: str) -> str:
    """Tell ways of computing apart; a lattice's sum is the same at any spacing fine enough."""
    return "exact" if how.startswith("exact: lattice") else how


def as_csv(refs: Sequence[CheckpointRef], table: Sequence[Mapping[str, Figure]]) -> str:
    """Write the table, a line for each figure of each checkpoint."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        ("figure", "unit", "checkpoint", "sha256", "value", "low", "high", "interval",
         "computed", "definition", "range", "source")
    )  # fmt: skip
    for each in DEFINITIONS:
        for ref, found in zip(refs, table, strict=True):
            figure = found[each.key]
            writer.writerow(
                (
                    each.title, each.unit, ref.name, ref.sha256,
                    *(
                        "" if value is None else repr(value)
                        for value in (figure.value, figure.low, figure.high)
                    ),
                    f"95 %, {figure.interval}" if figure.interval else "",
                    figure.how, each.meaning, each.span, each.source,
                )
            )  # fmt: skip
    return file.getvalue()
