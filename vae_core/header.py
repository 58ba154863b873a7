"""What a checkpoint says of itself: a line of JSON in its file's metadata."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from vae_core.config import ModelConfig, TrainConfig
from vae_core.errors import CheckpointError, ConfigError
from vae_core.metrics import Metric, Metrics, metrics_from_json, names_in

FORMAT = 1
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


@dataclass(frozen=True, slots=True)
class Header:
    """What a checkpoint says of itself."""

    about: str  # one line: what it shows
    recipe: str  # the name that `python -m vae_core train` knows, or ""
    model: ModelConfig
    train: TrainConfig
    data: dict[str, str]  # name and SHA-256 of the training images
    metrics: Metrics = field(default_factory=dict[str, Metric])
    history: list[list[float | None]] = field(default_factory=list[list[float | None]])

    def to_json(self) -> str:
        """One line of JSON; `parse_header` is its inverse."""
        metrics = {name: metric.to_json() for name, metric in self.metrics.items()}
        return json.dumps({"format": FORMAT, **asdict(self), "metrics": metrics}, allow_nan=False)


def parse_header(name: str, metadata: dict[str, str]) -> Header:
    """Read the header out of a file's metadata; `name` is the file's, for the error sentence."""
    if HEADER_KEY not in metadata:
        raise CheckpointError(
            f"{name} is a safetensors file but no checkpoint of this project: "
            f"its metadata has no {HEADER_KEY!r} entry"
        )
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
    if (got_format := values.pop("format")) != FORMAT:
        raise CheckpointError(
            f"{name} has checkpoint format {got_format}; this version reads {FORMAT}"
        )
    if wrong := [key for key, kind in _KINDS.items() if not isinstance(values[key], kind)]:
        raise CheckpointError(f"{name} has header fields of a wrong kind: {', '.join(wrong)}")
    if not isinstance(values["data"].get("name"), str):
        raise CheckpointError(f"{name} has no name of its data in its header")
    try:
        model = ModelConfig.from_dict(values.pop("model"))
        train = TrainConfig.from_dict(values.pop("train"))
    except ConfigError as err:
        raise CheckpointError(f"{name} has a bad configuration: {err}") from err
    try:
        metrics = metrics_from_json(values.pop("metrics"), model)
    except ValueError as err:
        raise CheckpointError(
            f"{name} has figures that are none: {err}; each needs value and stderr "
            "(numbers or null), unit and how"
        ) from err
    return Header(model=model, train=train, metrics=metrics, **values)
