"""A number measured of a model, with how it was measured and what it may be set against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from vae_core.config import ModelConfig

# The sum over a lattice is the same at any spacing fine enough, so these agree however it was set.
_EXACT = ("log_px", "log_px_train")
# What two models must share, besides the data, for their values of a metric to be comparable.
_SHARED = {
    "log_px": ("likelihood",),
    "log_px_train": ("likelihood",),
    "iwae": ("likelihood",),
    "elbo": ("likelihood",),
    "reconstruction": ("likelihood",),
    "aggregate_kl": ("prior",),
}


class Metric(NamedTuple):
    """A measured number, or that there is none and why."""

    value: float | None  # None: it does not exist, and `method` says why
    stderr: float | None  # over images; None: it is no mean over images
    unit: str
    method: str  # how it was computed
    basis: tuple[str, ...] = ()  # of one metric and data set, equal ones may be compared

    def to_json(self) -> dict[str, Any]:
        """Give what a header keeps.

        There `method` is "how", as in all files so far, so that old and new programs read each
        other's. The basis is not kept: `based` finds it from what stands in the same header.
        """
        return {"value": self.value, "stderr": self.stderr, "unit": self.unit, "how": self.method}


Metrics = dict[str, Metric]


def based(metrics: Metrics, model: ModelConfig) -> Metrics:
    """Say of each metric, by its name, method and model, what it may be set against."""
    found: Metrics = {}
    for name, metric in metrics.items():
        shared = (str(getattr(model, field)) for field in _SHARED.get(name, ()))
        way = "exact" if name in _EXACT else metric.method
        found[name] = metric._replace(basis=(way, *shared))
    return found


def metrics_from_json(kept: Mapping[str, Any], model: ModelConfig) -> Metrics:
    """Read what `Metric.to_json` gave; ValueError names those that are no metrics."""
    if bad := [name for name, values in kept.items() if not _is_metric(values)]:
        raise ValueError(", ".join(bad))
    found = {
        name: Metric(each["value"], each["stderr"], each["unit"], each["how"])
        for name, each in kept.items()
    }
    return based(found, model)


def names_in(read: Any) -> set[str]:
    """Keys of what was read from JSON; none, if it is no object."""
    return set(cast("dict[str, Any]", read)) if isinstance(read, dict) else set()


def _is_metric(values: Any) -> bool:
    return (
        names_in(values) == {"value", "stderr", "unit", "how"}
        and all(_is_finite(values[name]) for name in ("value", "stderr"))
        and all(isinstance(values[name], str) for name in ("unit", "how"))
    )


def _is_finite(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and abs(value) < float("inf"))
