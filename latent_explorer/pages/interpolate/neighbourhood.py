"""The neighbourhood of a walk's steps: the digits nearby, and the region with data."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from latent_explorer.data.neighbours import N_VOTERS
from latent_explorer.pages.interpolate import geometry
from latent_explorer.theme import number
from vae_core.checkpoints import CheckpointRef


class Neighbourhood(NamedTuple):
    """Of each step, shape (T, …)."""

    nearest: NDArray[np.float64]  # distance to the nearest training digit's code, z units
    shares: NDArray[np.float64]  # (T, 10): of the classes among the nearest training digits
    reach: float  # z units: a step that is farther from all digits has left the region with data

    @property
    def classes(self) -> NDArray[np.intp]:
        """The class most voted for."""
        return self.shares.argmax(1)

    @property
    def turns(self) -> list[int]:
        """Steps at which the class changes."""
        return (np.flatnonzero(np.diff(self.classes)) + 1).tolist()

    @property
    def outside(self) -> NDArray[np.bool_]:
        """Whether a step is outside the region with data."""
        return self.nearest > self.reach


def neighbourhood_of(ref: CheckpointRef, z: NDArray[Any]) -> Neighbourhood:
    """Look for the digits near to steps of shape (T, D)."""
    codes = geometry.codes(ref)
    return Neighbourhood(codes.nearest(z), codes.shares(z, N_VOTERS), codes.reach)


def said_of_region(near: Neighbourhood) -> str:
    """Say in plain words whether the walk leaves the region with data, and where."""
    reach = f"{number(near.reach)} z units"
    what = (
        "The region with data: no farther from a training digit's code than 99 % of the test "
        f"digits' codes are, {reach}."
    )
    steps = np.flatnonzero(near.outside)
    if not len(steps):
        return f"Every step lies in the region with data. {what}"
    last = len(near.nearest) - 1
    spans = np.split(steps, np.flatnonzero(np.diff(steps) > 1) + 1)
    names = [
        _name(s[0], last) if len(s) == 1 else f"{_name(s[0], last)} to {_name(s[-1], last)}"
        for s in spans
    ]
    return (
        f"**The walk leaves the region with data at {len(steps)} of its {last + 1} steps: "
        f"{', '.join(names)}.** {what}"
    )


def _name(step: int, last: int) -> str:
    return {0: "A", last: "the end"}.get(int(step), f"step {step}")
