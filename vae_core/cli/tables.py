"""Checkpoints and their metrics as text: a table, and a line for each way of computing one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from vae_core.checkpoints import CheckpointRef
from vae_core.header import Header
from vae_core.identity import DataIdentity
from vae_core.metrics import OF_TRAINING, Metric, Metrics


class Row(NamedTuple):
    """A checkpoint, and the metrics to say of it: those of its header, or newly measured ones."""

    ref: CheckpointRef
    header: Header
    metrics: Metrics

    def to_json(self) -> dict[str, Any]:
        """Give what `evaluate --json` prints of it."""
        model, train = self.header.model, self.header.train
        is_binary = model.likelihood == "bernoulli"
        return {
            "name": self.ref.name,
            "objective": train.objective,
            "beta": train.beta,
            "likelihood": model.likelihood,
            "latent_dim": model.latent_dim,
            "binarisation": "one fixed draw, seed 0" if is_binary else "none: grey values",
            "sha256": self.ref.sha256,
            "data": self.header.data.to_json(),
            "metrics": {name: metric.to_json() for name, metric in self.metrics.items()},
        }


def table(rows: Sequence[Row]) -> str:
    """Lay rows out as text, with the way each metric was computed below."""
    names = list(dict.fromkeys(name for row in rows for name in row.metrics))
    head = ["name", "objective", "likelihood", "D", *names]
    body = [
        [
            row.ref.name,
            row.header.train.objective,
            row.header.model.likelihood,
            str(row.header.model.latent_dim),
            *(number(row.metrics.get(name)) for name in names),
        ]
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, *body]
    ]
    return "\n".join([*lines, "", *methods(rows), "", *data_of(rows)])


def data_of(rows: Sequence[Row]) -> list[str]:
    """One line for each part of a data set that any metric is of, with whose metrics are."""
    names: dict[DataIdentity, list[str]] = {}
    unknown: list[str] = []
    for row in rows:
        found = {name: metric.data for name, metric in row.metrics.items()}
        for data in dict.fromkeys(found.values()):
            if data is not None:
                names.setdefault(data, []).append(row.ref.name)
        if any(data is None for name, data in found.items() if name not in OF_TRAINING):
            unknown.append(row.ref.name)
    lines = [
        f"- measured on {data} (SHA-256 {data.sha256[:8]}…): {', '.join(who)}"
        for data, who in names.items()
    ]
    if unknown:
        lines.append(f"- measured on data that the files do not tell of: {', '.join(unknown)}")
    return lines


def methods(rows: Sequence[Row]) -> list[str]:
    """One line per way of computing a metric that any row has."""
    return sorted(
        {
            f"- {name}: {metric.method}"
            for row in rows
            for name, metric in row.metrics.items()
            if metric.value is not None
        }
    )


def number(metric: Metric | None) -> str:
    """Write a metric's value with its standard error, or a dash where there is none."""
    if metric is None or metric.value is None:
        return "–"
    digits = 3
    if metric.unit == "nats":  # a certified error is far below the others
        digits = 2 if abs(metric.value) >= 0.1 else 5
    spread = f" ± {metric.stderr:.2f}" if metric.stderr is not None else ""
    return f"{metric.value:.{digits}f}{spread}"
