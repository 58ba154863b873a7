"""The nearest digits, against brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from latent_explorer.components.latent_map.payload import first_view
from latent_explorer.data import digits, encoding, neighbours
from latent_explorer.data.digits import SPLITS
from latent_explorer.data.neighbours import nearest_in_pixels, nearest_on_map, pile_at
from vae_core.checkpoints import (
    CheckpointRef,
)


@pytest.mark.parametrize("split", ["test", "train", "all"])
def test_nearest_on_the_map(ref: CheckpointRef, split: Any) -> None:
    coords = encoding.positions(ref).coords.astype(float)
    rows = SPLITS[split]
    place = tuple(coords[60_042] + 0.01)
    near = nearest_on_map(ref, split, place, n=6)
    distances = np.linalg.norm(coords[rows] - place, axis=1)
    assert near.distances == pytest.approx(np.sort(distances)[:6], rel=1e-4, abs=1e-6)
    assert distances[near.ids - rows.start] == pytest.approx(near.distances, rel=1e-4, abs=1e-6)
    assert (np.diff(near.distances) >= 0).all()
    assert len(set(near.ids.tolist())) == 6


def test_a_pile_is_what_no_zoom_tells_apart(
    ref: CheckpointRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = encoding.positions(ref)
    coords = found.coords.copy()
    x0, x1, y0, y1 = first_view(coords[SPLITS["test"]])
    reach = max(x1 - x0, y1 - y0) / 400 / 600
    coords[[60_003, 69_000, 5]] = (7, -7)
    coords[60_100] = (7 + 0.4 * reach, -7)
    coords[60_200] = (7, -7 + 40 * reach)
    monkeypatch.setattr(neighbours, "positions", lambda _: found._replace(coords=coords))
    assert pile_at(ref, "test", (7, -7)).tolist() == [60_003, 60_100, 69_000]
    assert pile_at(ref, "train", (7, -7)).tolist() == [5]
    assert pile_at(ref, "test", (70, -7)).tolist() == []
    coords[:] = (1, 2)  # all of them one
    assert len(pile_at(ref, "all", (1, 2))) == 70_000


@pytest.mark.parametrize("split", ["test", "train", "all"])
def test_nearest_in_pixels(split: Any) -> None:
    rng = np.random.default_rng(1)
    image = (digits.pixels(60_010) * 0.9 + rng.uniform(0, 0.1, 784)).astype(np.float32)
    rows = SPLITS[split]
    near = nearest_in_pixels(image, split, n=1000)
    flat = digits.data_set().images[rows].reshape(-1, 784)
    # exactly, for a part; then no digit of the rest may be nearer
    distances = np.concatenate(
        [
            np.sqrt(((part / 255.0 - image) ** 2).mean(1))
            for part in np.array_split(flat, max(1, len(flat) // 5000))
        ]
    )
    assert near.distances == pytest.approx(np.sort(distances)[:1000], rel=1e-4)
    assert distances[near.ids - rows.start] == pytest.approx(near.distances, rel=1e-4)
    assert (np.diff(near.distances) >= 0).all()
