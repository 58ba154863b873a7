"""What a checkpoint makes of each digit, against brute force."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latent_explorer.data import catalogue, digits, encoding, payloads
from latent_explorer.data.digit_terms import digit_terms, said_of_terms
from latent_explorer.data.neighbours import N_VOTERS
from tests.latent_explorer.data.conftest import header_of, section
from vae_core.analysis.evaluation import model_input
from vae_core.checkpoints import (
    CheckpointRef,
    checkpoint_ref,
    load_checkpoint,
    read_checkpoint,
    save_checkpoint,
)
from vae_core.data import load_mnist
from vae_core.estimators import elbo_samples


def test_terms_of_each_digit(ref: CheckpointRef) -> None:
    test = digit_terms(ref, "test")
    assert digit_terms(ref, "test") is test
    assert (test.ids == np.arange(60_000, 70_000)).all()
    labels = digits.labels()[60_000:]
    assert (test.knn_wrong == (test.knn_vote != labels)).all()
    coords = encoding.positions(ref).coords
    for row in (0, 17, 9_999):
        near = np.linalg.norm(coords[:60_000] - coords[60_000 + row], axis=1).argsort()
        votes = np.bincount(digits.labels()[near[:N_VOTERS]], minlength=10)
        assert test.knn_vote[row] == votes.argmax()
    # the same binarised pixels as behind the figures of a header
    model = catalogue.checkpoint(ref).model
    x = model_input(model, load_mnist("test"))[:500]
    kl, log_px_z = elbo_samples(model, x, n_samples=200, generator=torch.Generator().manual_seed(0))
    assert test.kl is not None
    assert test.elbo is not None
    np.testing.assert_allclose(test.kl[:500], kl.numpy(), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(test.elbo, test.reconstruction - test.kl, rtol=1e-5)
    apart = test.reconstruction[:500] - log_px_z.mean(0).numpy()
    assert np.abs(apart).mean() < 0.25 * float(log_px_z.std(0).mean())
    payload = payloads.values(ref, "test")
    assert header_of(payload)["first_id"] == 60_000
    assert set(header_of(payload)["said"]) == {"elbo", "reconstruction", "knn"}
    assert (section(payload, "elbo") == test.elbo).all()
    assert (section(payload, "knn") == test.knn_wrong).all()


def test_terms_that_the_file_holds_are_used(
    tmp_path: Path, write_checkpoint: Callable[..., Any]
) -> None:
    path = tmp_path / "kept.safetensors"
    write_checkpoint(path)
    before = read_checkpoint(path)
    parts = np.random.default_rng(0).normal(-100, 20, (70_000, 2)).astype(np.float32)
    model = load_checkpoint(checkpoint_ref(path)).model
    save_checkpoint(path, model, before.header, before.codes, elbo_parts=parts)
    test = digit_terms(checkpoint_ref(path), "test")
    assert (test.reconstruction == parts[60_000:, 0]).all()
    assert test.kl is not None
    assert (test.kl == parts[60_000:, 1]).all()


def test_terms_of_all_are_those_of_both_splits(
    tmp_path: Path, write_checkpoint: Callable[..., Any]
) -> None:
    write_checkpoint(tmp_path / "point.safetensors", posterior="point")
    ref = checkpoint_ref(tmp_path / "point.safetensors")
    every, test = digit_terms(ref, "all"), digit_terms(ref, "test")
    assert every.elbo is None
    assert every.kl is None
    assert (every.ids == np.arange(70_000)).all()
    assert (every.reconstruction[60_000:] == test.reconstruction).all()
    assert (every.knn_vote[60_000:] == test.knn_vote).all()
    assert set(said_of_terms(ref)) == {"reconstruction", "knn"}
    # a training digit does not vote for itself
    coords = encoding.positions(ref).coords[:60_000].astype(float)
    distances = np.linalg.norm(coords - coords[123], axis=1)
    distances[123] = np.inf
    near = distances.argsort()[:N_VOTERS]
    assert every.knn_vote[123] == np.bincount(digits.labels()[near], minlength=10).argmax()
