"""What an estimator's runs say at one K, and whether bounds are bounds there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from latent_explorer.plots.estimates import HIGH, LOW

if TYPE_CHECKING:
    from vae_core.analysis.convergence import Estimates, Trials

MOST_ERRORS = 3.0  # Monte Carlo errors by which a bound may look broken by chance


class AtK(NamedTuple):
    """What the runs of one estimator say at one K."""

    median: float  # nats
    low: float  # nats, and high: 90 % of the runs lie between
    high: float
    mean: float  # nats
    stderr: float  # nats, of the mean
    ess: float  # median effective sample size


def at_k(trials: Trials, k: int) -> AtK:
    """Summarise the runs of an estimator at one of its K."""
    column = trials.n_samples.tolist().index(k)
    values, ess = trials.value[:, column].numpy(), trials.ess[:, column].numpy()
    low, median, high = np.quantile(values, (LOW, 0.5, HIGH)).tolist()
    stderr = float(values.std(ddof=1)) / math.sqrt(len(values))
    return AtK(median, low, high, float(values.mean()), stderr, float(np.median(ess)))


class BoundCheck(NamedTuple):
    """Whether what should be below something else is, within the Monte Carlo error."""

    low: str  # what should lie below
    high: str
    difference: float  # nats, high less low
    error: float  # nats, standard error of the difference

    @property
    def holds(self) -> bool:
        """Whether the difference is no less than chance allows."""
        return self.difference >= -MOST_ERRORS * self.error


def bound_checks(found: Estimates, k: int) -> list[BoundCheck]:
    """Check the ELBO against the mean of IWAE's runs at K, and that against the exact value."""
    iwae, name = at_k(found.iwae, k), f"IWAE-{k:,}"
    error = math.hypot(found.elbo_stderr, iwae.stderr)
    return [
        BoundCheck("ELBO", name, iwae.mean - found.elbo, error),
        BoundCheck(name, "exact", found.log_px - iwae.mean, iwae.stderr),
    ]
