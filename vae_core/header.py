"""What a checkpoint says of itself: a line of JSON in its file's metadata."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from vae_core.config import ModelConfig, TrainConfig
from vae_core.errors import CheckpointError, ConfigError
from vae_core.identity import MNIST, DataSource, source_from_json
from vae_core.metrics import (
    Metric,
    Metrics,
    foreign,
    metrics_from_json,
    metrics_of_format_1,
    names_in,
)

FORMAT = 2  # 1: figures did not say of which data they are
_READ_FORMATS = (1, FORMAT)
HEADER_KEY = "vae_core"
_KINDS = {
    "about": str,
    "recipe": str,
    "model": dict,
    "train": dict,
    "data": dict,
    "metrics": dict,
    "history": list,
}


HEADER_FIELDS = ("format", *_KINDS)


@dataclass(frozen=True, slots=True)
class Header:
    """What a checkpoint says of itself."""

    about: str  # one line: what it shows
    recipe: str  # the name that `python -m vae_core train` knows, or ""
    model: ModelConfig
    train: TrainConfig
    data: DataSource  # what it was made from
    metrics: Metrics = field(default_factory=dict[str, Metric])
    history: list[list[float | None]] = field(default_factory=list[list[float | None]])

    def to_json(self) -> str:
        """One line of JSON; `parse_header` is its inverse.

        Raises
        ------
        CheckpointError
            A figure is of other data than the checkpoint: it would be taken for one of its own.
        """
        if others := foreign(self.metrics, self.data):
            raise CheckpointError(
                f"figures of other data than {self.data.name} are not stored: {'; '.join(others)}"
            )
        metrics = {name: metric.to_json() for name, metric in self.metrics.items()}
        kept = {"format": FORMAT, **asdict(self), "data": self.data.to_json(), "metrics": metrics}
        return json.dumps(kept, allow_nan=False)


def parse_header(name: str, metadata: dict[str, str]) -> Header:
    """Read the header out of a file's metadata; `name` is the file's, for the error sentence."""
    try:
        read: Any = json.loads(metadata[HEADER_KEY])
    except (
        ValueError,
        RecursionError,
    ) as err:  # numbers of thousands of digits, too: no JSON error
        raise CheckpointError(f"{name} has an unreadable header: {err}") from err
    names = {f.name for f in fields(Header)} | {"format"}
    got = names_in(read)
    if got != names:
        parts = {"unknown": got - names, "missing": names - got}
        said = "; ".join(f"{k}: {', '.join(sorted(v))}" for k, v in parts.items() if v)
        raise CheckpointError(f"{name} has a header with other fields than allowed: {said}")
    values: dict[str, Any] = read
    # true is no format, though Python takes it for 1
    if (got_format := values.pop("format")) not in _READ_FORMATS or isinstance(got_format, bool):
        reads = " and ".join(map(str, _READ_FORMATS))
        raise CheckpointError(
            f"{name} has checkpoint format {got_format}; this version reads {reads}"
        )
    if wrong := [key for key, kind in _KINDS.items() if not isinstance(values[key], kind)]:
        raise CheckpointError(f"{name} has header fields of a wrong kind: {', '.join(wrong)}")
    try:
        source = source_from_json(values.pop("data"))
    except ValueError as err:
        raise CheckpointError(f"{name} has a bad field data in its header: {err}") from err
    try:
        model = ModelConfig.from_dict(values.pop("model"))
        train = TrainConfig.from_dict(values.pop("train"))
    except ConfigError as err:
        raise CheckpointError(f"{name} has a bad configuration: {err}") from err
    try:
        if got_format == FORMAT:
            metrics = metrics_from_json(values.pop("metrics"), model)
        else:
            if train.held_out and source == MNIST:  # it was trained on a part, of unknown hash
                source = source._replace(train=None)
            metrics = metrics_of_format_1(values.pop("metrics"), source, model)
    except ValueError as err:
        raise CheckpointError(
            f"{name} has figures that are none: {err}; each needs value and stderr "
            "(numbers or null), unit, how and data"
        ) from err
    if others := foreign(metrics, source):
        raise CheckpointError(
            f"{name} has figures of other data than its own, {source.name}: {'; '.join(others)}"
        )
    return Header(model=model, train=train, data=source, metrics=metrics, **values)
