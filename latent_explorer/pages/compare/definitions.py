"""The metrics that the Compare page sets side by side: what each is, and what may be compared.

Two values are only set against each other if they were computed in the same way from the same
data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from latent_explorer.vocabulary import MEASURES, Measure
from vae_core.identity import MNIST_TEST
from vae_core.metrics import Metric

TRUST_NEIGHBOURS = 10
KNN = (1, 10, 50)

Interval = Literal["bootstrap", "standard error"]


class Definition(NamedTuple):
    """What a row of the table is."""

    key: str  # of `MEASURES`
    meaning: str
    span: str  # range, and the best value where there is one
    source: str

    @property
    def measure(self) -> Measure:
        """Title, unit, decimals and which value is best."""
        return MEASURES[self.key]


class Shown(NamedTuple):
    """A metric of one checkpoint, and its 95 % interval if it has one."""

    metric: Metric
    low: float | None = None
    high: float | None = None
    interval: Interval | None = None


DEFINITIONS = (
    Definition(
        "log_px",
        "What the model gives a test image, mean over the test digits; the sum over a lattice in "
        "z, so of one or two latent dimensions only.",
        "any; best: highest", "Kingma & Welling 2014, with the integral computed",
    ),
    Definition(
        "iwae",
        "A lower bound on log p(x) from K samples of q(z|x), by importance weights; it rises to "
        "log p(x) with K.",
        "any; best: highest", "Burda, Grosse & Salakhutdinov 2016",
    ),
    Definition(
        "elbo",
        "The lower bound on log p(x) that a VAE is trained by: reconstruction less KL(q‖p).",
        "any; best: highest", "Kingma & Welling 2014",
    ),
    Definition(
        "reconstruction",
        "E_q log p(x|z), the ELBO's first part; log p(x|z) at the code of a plain autoencoder.",
        "any; best: highest", "Kingma & Welling 2014",
    ),
    Definition(
        "kl",
        "KL(q(z|x) ‖ p(z)), the ELBO's second part: what the code costs.",
        "from 0; no best: a high one buys reconstruction", "Kingma & Welling 2014",
    ),
    Definition(
        "mutual_information",
        "What z tells of which image it came from: KL(q‖p) less the aggregate's KL.",
        "from 0 to log 10,000 = 9.21 on the test digits; no best",
        "Hoffman & Johnson 2016",
    ),
    Definition(
        "aggregate_kl",
        "KL(q(z) ‖ p(z)), q(z) the mean of q(z|x) over the test digits: how far codes are from "
        "being samples of the prior.",
        "from 0; best: 0", "Hoffman & Johnson 2016",
    ),
    Definition(
        "active_units",
        "Dimensions of z in which the mean of q(z|x) varies over the test digits by a variance "
        "of more than 0.01.",
        "from 0 to D; no best", "Burda, Grosse & Salakhutdinov 2016",
    ),
    *(
        Definition(
            f"knn{k}",
            f"Share of the test digits whose label the {k} nearest codes of the other folds vote "
            "for; 5-fold cross-validated, in z.",
            "from 0 to 1; best: 1", "Fix & Hodges 1951; scikit-learn",
        )
        for k in KNN
    ),
    Definition(
        "silhouette",
        "How much nearer digits are to their own class than to the nearest other, in z.",
        "from −1 to 1; best: 1", "Rousseeuw 1987; scikit-learn",
    ),
    Definition(
        "nmi",
        "Normalised mutual information of ten k-means clusters of the codes with the classes. "
        "Gaps between clusters cost KL under a prior N(0, I), which keeps it low.",
        "from 0 to 1; best: 1", "Strehl & Ghosh 2002; scikit-learn",
    ),
    Definition(
        "ari",
        "Adjusted Rand index of the same clusters: pairs of digits treated alike, corrected for "
        "chance.",
        "from −0.5 to 1, 0 by chance; best: 1", "Hubert & Arabie 1985; scikit-learn",
    ),
    Definition(
        "trustworthiness",
        f"Whether the {TRUST_NEIGHBOURS} nearest in z are near in pixels too; less by the ranks "
        "of those that are not. Of the 10,000 test digits, all pairs.",
        "from 0 to 1; best: 1", "Venna & Kaski 2001",
    ),
    Definition(
        "cka",
        "Centred kernel alignment of the codes with the first checkpoint's: blind to rotation, "
        "reflection and scale.",
        "from 0 to 1, the same; no best", "Kornblith, Norouzi, Lee & Hinton 2019",
    ),
    Definition(
        "overlap",
        f"Jaccard overlap of the {TRUST_NEIGHBOURS} nearest test digits in z with those under the "
        "first checkpoint, mean over digits.",
        "from 0 to 1, the same; no best", "Jaccard 1901; as in Latent Scope 1.0",
    ),
    Definition(
        "posterior_std",
        "How finely the map is used: median over test digits and dimensions.",
        "from 0; no best", "Kingma & Welling 2014",
    ),
)  # fmt: skip


def best_of(definition: Definition, values: Sequence[Shown]) -> float | None:
    """Find the best value of a row; None where there is none, or they cannot be compared."""
    best = definition.measure.best
    numbers = [each.metric.value for each in values if each.metric.value is not None]
    if best is None or len(numbers) < 2 or not is_comparable(values):
        return None
    return max(numbers) if best == "highest" else min(numbers)


def is_comparable(values: Sequence[Shown]) -> bool:
    """Whether a row's values have one basis, which says of which data they are."""
    found = {each.metric.basis for each in values if each.metric.value is not None}
    return len(found) <= 1


def is_of_a_part(metric: Metric) -> bool:
    """Whether it was measured on fewer than all of MNIST's test digits."""
    return metric.data is not None and metric.data.count < MNIST_TEST.count
