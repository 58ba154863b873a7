"""A number measured of a model: how, on which data, and what it may be set against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple, cast

from vae_core.config import ModelConfig
from vae_core.identity import (
    MNIST_TEST,
    MNIST_TRAIN,
    DataIdentity,
    DataSource,
    identity_from_json,
)

# The sum over a lattice is the same at any spacing fine enough, so these agree however it was set.
_EXACT = ("log_px", "log_px_train")
# Metrics that are of no images at all.
OF_TRAINING = ("epoch",)
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
    basis: tuple[str, ...] = ()  # of one metric, equal ones may be compared
    data: DataIdentity | None = None  # None: of no images, or of data that nobody knows any more

    def to_json(self) -> dict[str, Any]:
        """Give what a header keeps.

        There `method` is "how", as in all files so far. The basis is not kept: `based` finds it
        from what stands in the same header.
        """
        data = None if self.data is None else self.data.to_json()
        kept = {"value": self.value, "stderr": self.stderr, "unit": self.unit, "how": self.method}
        return {**kept, "data": data}


Metrics = dict[str, Metric]


def based(metrics: Metrics, model: ModelConfig) -> Metrics:
    """Say of each metric, by its name, method, data and model, what it may be set against."""
    found: Metrics = {}
    for name, metric in metrics.items():
        shared = (str(getattr(model, field)) for field in _SHARED.get(name, ()))
        way = "exact" if name in _EXACT else metric.method
        data = () if metric.data is None else (metric.data.sha256, str(metric.data.count))
        found[name] = metric._replace(basis=(way, *shared, *data))
    return found


def of_source(metrics: Metrics, source: DataSource) -> Metrics:
    """Keep the metrics that are of this source, and those that are of no images."""
    return {
        name: metric
        for name, metric in metrics.items()
        if name in OF_TRAINING or (metric.data is not None and source.holds(metric.data))
    }


def foreign(metrics: Metrics, source: DataSource) -> list[str]:
    """Say which metrics are of other data than a checkpoint's own: no file may hold them."""
    return [
        f"{name} is of {metric.data}"
        for name, metric in metrics.items()
        if metric.data is not None and not source.holds(metric.data)
    ]


def metrics_from_json(kept: Mapping[str, Any], model: ModelConfig) -> Metrics:
    """Read what `Metric.to_json` gave; ValueError names those that are no metrics."""
    found: Metrics = {}
    bad: list[str] = []
    for name, each in kept.items():
        try:
            found[name] = _metric(each)
        except ValueError:
            bad.append(name)
    if bad:
        raise ValueError(", ".join(bad))
    return based(found, model)


def metrics_of_format_1(kept: Mapping[str, Any], source: DataSource, model: ModelConfig) -> Metrics:
    """Read metrics that do not say what they are of, as files of format 1 hold them.

    Those of a model made from MNIST are of MNIST, as nothing else was ever written into such a
    file. Those of others may be of either, and stay unknown.
    """
    said = {name: {**_mapping(each), "data": None} for name, each in kept.items()}
    found = metrics_from_json(said, model)
    if source.test != MNIST_TEST:
        return found
    of_train = None
    if source.train == MNIST_TRAIN:
        of_train = replace(MNIST_TRAIN, count=10_000)  # as the method of its one metric says
    for name in found.keys() - set(OF_TRAINING):
        data = of_train if name == "log_px_train" else MNIST_TEST
        found[name] = found[name]._replace(data=data)
    return based(found, model)


def names_in(read: Any) -> set[str]:
    """Keys of what was read from JSON; none, if it is no object."""
    return set(cast("dict[str, Any]", read)) if isinstance(read, dict) else set()


def _metric(values: Any) -> Metric:
    is_one = (
        names_in(values) == {"value", "stderr", "unit", "how", "data"}
        and all(_is_finite(values[name]) for name in ("value", "stderr"))
        and all(isinstance(values[name], str) for name in ("unit", "how"))
    )
    if not is_one:
        raise ValueError("a metric needs value, stderr, unit, how and data")
    data = None if values["data"] is None else identity_from_json(values["data"])
    return Metric(values["value"], values["stderr"], values["unit"], values["how"], data=data)


def _mapping(values: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", values) if isinstance(values, dict) else {}


def _is_finite(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and abs(value) < float("inf"))
