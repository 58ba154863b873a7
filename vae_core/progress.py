"""How far a long computation has come, for a bar with the time left."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Report = Callable[[float], None]  # of the share that is done, from 0 to 1, never less than before


def unreported(share: float) -> None:
    """Let nobody know."""


class Stages:
    """Parts of a computation, one after the other, by what each is expected to take.

    Parameters
    ----------
    report : Report
        Told of the share of the whole that is done.
    costs : mapping
        Name of each stage to its expected duration, in any unit, in the order they come.
    """

    def __init__(self, report: Report, costs: Mapping[str, float]) -> None:
        self._report = report
        self._costs = dict(costs)
        self._whole = sum(costs.values())
        self._share = 0.0

    def of(self, name: str) -> Report:
        """Report one stage, by the share of it that is done."""
        before = 0.0
        for other, cost in self._costs.items():
            if other == name:
                break
            before += cost

        def report(share: float) -> None:
            now = (before + self._costs[name] * share) / self._whole
            self._share = min(1.0, max(self._share, now))
            self._report(self._share)

        return report
