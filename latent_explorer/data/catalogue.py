"""The checkpoints that there are: found, read, built, measured; cached by their content.

The map needs neither torch nor scikit-learn: both are imported where they are first used, and
torch meanwhile by a background thread (`warm_up`).
"""

from __future__ import annotations

import threading
from importlib import import_module

import streamlit as st

from latent_explorer.data import digits
from latent_explorer.folders import checkpoints as checkpoints
from vae_core.checkpoints import (
    Checkpoint,
    CheckpointRef,
    load_checkpoint,
    read_header,
    read_listed,
)
from vae_core.data import load_mnist
from vae_core.header import Header
from vae_core.identity import MNIST
from vae_core.metrics import OF_TRAINING, Metrics, of_source
from vae_core.tensors import StoredCheckpoint


@st.cache_resource(show_spinner=False)
def warm_up() -> threading.Thread:
    """Import torch and unpack the images while the user looks at the first map.

    Before it is drawn they would keep the files waiting that the browser asks for.
    """

    def work() -> None:
        import_module("vae_core.models")
        digits.data_set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@st.cache_resource(max_entries=16, show_spinner=False)
def stored(ref: CheckpointRef) -> StoredCheckpoint:
    """Header and tensors; shared by all users, never to be changed."""
    return read_listed(ref)


@st.cache_resource(max_entries=64, show_spinner=False)
def header(ref: CheckpointRef) -> Header:
    """Header alone, for lists of checkpoints: their tensors are not read."""
    return read_header(ref.path)


def has_posterior(ref: CheckpointRef) -> bool:
    """Whether there are a q(z|x) and a prior, so p(x) too: not with a plain autoencoder."""
    return stored(ref).header.model.posterior == "gaussian"


@st.cache_resource(max_entries=8, show_spinner="Loading the model…")
def checkpoint(ref: CheckpointRef) -> Checkpoint:
    """Build the torch model; shared by all users, never to be changed."""
    return load_checkpoint(ref)


def stored_metrics(ref: CheckpointRef) -> Metrics:
    """Figures of the file's header that are of MNIST, as the app shows MNIST's digits alone."""
    return of_source(stored(ref).header.metrics, MNIST)


def metrics(ref: CheckpointRef) -> Metrics:
    """Figures on MNIST's test digits, those of the file's header where it has them."""
    kept = stored_metrics(ref)
    return kept if kept.keys() - set(OF_TRAINING) else _measured(ref) | kept


@st.cache_data(max_entries=16, show_spinner="Measuring on the 10,000 test digits…")
def _measured(ref: CheckpointRef) -> Metrics:
    from vae_core.analysis.evaluation import evaluate_model

    return evaluate_model(checkpoint(ref).model, load_mnist("test"))
