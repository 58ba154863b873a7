"""How far each digit drifted, as numbers: their order, who passes a threshold, a file."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latent_explorer.data import digits
from latent_explorer.data.selection import Ids
from latent_explorer.pages.compare.choices import MEASURES, Measure, MeasureName
from vae_core.checkpoints import CheckpointRef

_NO_MOVE = 1e-6  # z units, or change: less is rounding


class Drift(NamedTuple):
    """A measure of each digit of a split, from one checkpoint to another."""

    first: CheckpointRef
    other: CheckpointRef
    measure: MeasureName
    k: int  # neighbours
    ids: Ids  # (n,), in a row without gaps
    values: NDArray[np.floating[Any]]  # (n,)

    @property
    def words(self) -> Measure:
        """The measure in words."""
        return MEASURES[self.measure]

    @property
    def key(self) -> str:
        """Tells this drift from any other in the names of widgets."""
        hashes = f"{self.first.sha256[:8]}_{self.other.sha256[:8]}"
        return f"{hashes}_{self.measure}_{self.k}_{self.ids[0]}_{len(self.ids)}"

    @property
    def has_moved(self) -> bool:
        """Whether any digit lies elsewhere, beyond rounding."""
        return bool(self.values.max() > _NO_MOVE)

    @property
    def top(self) -> float:
        """Where an axis of the values ends."""
        is_share = self.measure == "neighbours"
        return float(self.values.max()) if self.has_moved and not is_share else 1.0

    @property
    def order(self) -> NDArray[np.intp]:
        """Rows of the digits, the farthest first."""
        return np.argsort(-self.values, kind="stable")

    def count(self, threshold: float) -> int:
        """Count the digits that lie at a threshold or above."""
        return int(np.count_nonzero(self.values >= threshold))

    def of(self, ids: Ids) -> list[float]:
        """Look up the values of some of the digits."""
        return self.values[ids - self.ids[0]].tolist()

    def holds(self, digit: int | None) -> bool:
        """Whether a digit is one of those measured."""
        return digit is not None and self.ids[0] <= digit <= self.ids[-1]

    def rank(self, value: float) -> int:
        """Rank of a value, 1 being the farthest."""
        return int(np.count_nonzero(self.values > value)) + 1


def as_csv(drift: Drift) -> str:
    """Write id, name, label and drift of every digit, the farthest first."""
    labels = digits.labels()
    lines = [f"id,digit,label,{drift.words.with_unit.replace(',', ' in')}"]
    ids = drift.ids[drift.order]
    lines += [
        f"{digit},{digits.digit_name(digit).replace(',', '')},{labels[digit]},{value!r}"
        for digit, value in zip(ids.tolist(), drift.of(ids), strict=True)
    ]
    return "\n".join(lines) + "\n"
