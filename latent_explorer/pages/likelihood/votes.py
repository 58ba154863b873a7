"""Digits by the vote of their neighbours: which lives at a z, and which collide."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latent_explorer.data import digits, encoding
from latent_explorer.data.digit_terms import test_votes
from latent_explorer.data.neighbours import N_VOTERS
from latent_explorer.theme import number, percent, point
from vae_core.checkpoints import CheckpointRef

_FAR = 0.5  # z units per root of a dimension beyond which the nearest code is no neighbour


class Vote(NamedTuple):
    """Which digit lives at a z, by the test digits whose codes are nearest."""

    z: tuple[float, ...]
    label: int
    shares: NDArray[np.floating]  # (10,), of the voters
    distance: float  # of the nearest code, z units

    def said_who(self) -> str:
        """Say who lives there."""
        if self.distance > _FAR * len(self.z) ** 0.5:
            return f"No digit lives at z = {written(self.z)}"
        return f"A {self.label} lives at z = {written(self.z)}"

    def said_how(self) -> str:
        """Say how the vote went."""
        order = self.shares.argsort()[::-1]
        parts = [
            f"{percent(float(self.shares[i]))} are {i}s" for i in order[:3] if self.shares[i] > 0
        ]
        return (
            f"Of the {N_VOTERS} encoded test digits nearest in z, {', '.join(parts)}. "
            f"The nearest is {number(self.distance)} z units away."
        )


def vote(ref: CheckpointRef, z: tuple[float, ...]) -> Vote:
    """Let the test digits whose codes are nearest in z say which digit lives there."""
    rows = digits.SPLITS["test"]
    offsets = encoding.test_codes(ref) - np.array(z, np.float32)
    squares = np.einsum("ij,ij->i", offsets, offsets)
    nearest = np.argpartition(squares, N_VOTERS)[:N_VOTERS]
    counts = np.bincount(digits.labels()[rows][nearest], minlength=10)
    distance = float(np.sqrt(squares[nearest].min()))
    return Vote(z, int(counts.argmax()), counts / N_VOTERS, distance)


def written(z: tuple[float, ...]) -> str:
    """Write a latent; many numbers shortly."""
    return point(z, 3 if len(z) <= 2 else 1)


def confusion(ref: CheckpointRef) -> NDArray[np.intp]:
    """Count the test digits by label (row) and by their neighbours' vote (column)."""
    from vae_core.analysis.fields import vote_confusion

    return vote_confusion(digits.labels()[digits.SPLITS["test"]], test_votes(ref))


def collisions(ref: CheckpointRef, pair: tuple[int, int]) -> list[NDArray[np.intp]]:
    """Find the test digits of a pair that are taken for the other: ids of each of the two."""
    rows = digits.SPLITS["test"]
    names, votes = digits.labels()[rows], test_votes(ref)
    return [
        np.flatnonzero((names == label) & (votes == other)) + rows.start
        for label, other in (pair, pair[::-1])
    ]
