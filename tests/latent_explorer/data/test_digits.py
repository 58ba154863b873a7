"""Digits are those of MNIST, as ink."""

from __future__ import annotations

import numpy as np

from latent_explorer.data import digits
from latent_explorer.data.digits import SPLITS
from vae_core.data import load_mnist


def test_splits_are_mnist_s() -> None:
    every = digits.data_set()
    assert (digits.labels() == every.labels).all()
    for split in ("train", "test"):
        part = load_mnist(split)
        assert (every.images[SPLITS[split]] == part.images).all()
        assert (every.labels[SPLITS[split]] == part.labels).all()
    assert len(every.images[SPLITS["all"]]) == 70_000


def test_pixels_are_ink() -> None:
    image = load_mnist("test").images[5]
    ink = digits.pixels(60_005)
    assert ink.dtype == np.float32
    assert (np.rint(ink * 255) == image.reshape(-1)).all()
    assert ink.min() == 0
    assert ink.max() <= 1
