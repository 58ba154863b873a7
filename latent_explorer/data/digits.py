"""The 70,000 digits: pixels, labels, splits, names."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vae_core.config import N_PIXELS
from vae_core.data import N_TEST, N_TRAIN, DataSet, Split, load_mnist, load_mnist_labels

Floats = NDArray[np.float32]
SPLITS: dict[Split, slice] = {
    "test": slice(N_TRAIN, N_TRAIN + N_TEST),
    "train": slice(0, N_TRAIN),
    "all": slice(0, N_TRAIN + N_TEST),
}


@st.cache_resource(max_entries=1, show_spinner=False)
def data_set() -> DataSet:
    """All 70,000 digits; row = digit id."""
    return load_mnist("all")


@st.cache_resource(max_entries=1, show_spinner=False)
def labels() -> NDArray[np.uint8]:
    """Labels of all 70,000 digits; row = digit id."""
    return load_mnist_labels("all")


def pixels(digit: int) -> Floats:
    """One digit's grey pixels, shape (784,), ink from 0 to 1."""
    return data_set().images[digit].reshape(N_PIXELS) / np.float32(255)


def digit_name(digit: int) -> str:
    """Name a digit by split and index: test #1,234."""
    rows = SPLITS["test"]
    split, index = ("test", digit - rows.start) if digit >= rows.start else ("train", digit)
    return f"{split} #{index:,}"


def covering_split(ids: NDArray[np.integer[Any]]) -> Split:
    """Name the smallest split that holds all these digits."""
    if ids.size == 0 or ids.min() >= N_TRAIN:
        return "test"
    return "train" if ids.max() < N_TRAIN else "all"
