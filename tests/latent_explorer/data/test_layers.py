"""The map's layers, against brute force."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from latent_explorer.data import catalogue, digits, encoding, layers
from latent_explorer.data.neighbours import N_VOTERS
from tests.latent_explorer.data.conftest import header_of, section
from vae_core.analysis.projection import encode_images
from vae_core.checkpoints import (
    CheckpointRef,
    checkpoint_ref,
)


@pytest.fixture
def small_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "_SIDE", 24)


@pytest.mark.usefixtures("small_fields")
def test_layers_of_a_plane(ref: CheckpointRef) -> None:
    payload = layers.fields(ref)
    assert layers.fields(ref) is payload
    head = header_of(payload)
    assert head["kind"] == "fields"
    assert head["outlines"] == {"prior": [[0, 0, 1, 0, 0, 1]]}
    assert set(head["said"]) == {"classes", "prior", "density", "sensitivity"}
    x0, x1, y0, y1 = head["extent"]
    assert x1 - x0 == pytest.approx(y1 - y0)
    coords = encoding.positions(ref).coords
    inside = (coords > [x0, y0]).all(1) & (coords < [x1, y1]).all(1)
    assert inside.mean() > 0.998
    assert max(x0, y0) <= -3.5
    assert min(x1, y1) >= 3.5
    # one place of each layer, by hand
    row, column = 9, 15
    side = (x1 - x0) / 24
    place = np.array([x0 + (column + 0.5) * side, y0 + (row + 0.5) * side])
    near = np.linalg.norm(coords[:60_000] - place, axis=1).argsort()[:N_VOTERS]
    votes = np.bincount(digits.labels()[near], minlength=10) / N_VOTERS
    classes = section(payload, "classes").reshape(10, 24, 24)
    assert classes[:, row, column] == pytest.approx(votes * 255, abs=0.51)
    model = catalogue.checkpoint(ref).model
    posterior = encode_images(model, digits.data_set().images)
    normal = torch.distributions.Normal(posterior.mu, (0.5 * posterior.logvar).exp())
    log_density = normal.log_prob(torch.from_numpy(place).float()).sum(1).double()
    expected = float(log_density.logsumexp(0)) - np.log(70_000)
    got = section(payload, "density").reshape(24, 24)[row, column]
    assert got == pytest.approx(expected, abs=1e-3)
    assert np.isfinite(section(payload, "sensitivity")).all()
    assert len(section(payload, "sensitivity")) == 24 * 24


@pytest.mark.usefixtures("small_fields")
def test_outlines_of_a_prior_of_many_gaussians(
    tmp_path: Path, write_checkpoint: Callable[..., Any]
) -> None:
    model = write_checkpoint(tmp_path / "mixture.safetensors", prior="digit-mixture")
    head = header_of(layers.fields(checkpoint_ref(tmp_path / "mixture.safetensors")))
    mixture = model.prior.mixture()
    expected = torch.cat([mixture.means, mixture.scale_tril.flatten(1)], 1)
    np.testing.assert_allclose(head["outlines"]["prior"], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("small_fields")
@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"posterior": "point"}, {"classes", "sensitivity"}),
        ({"latent_dim": 3}, {"classes"}),
        ({"latent_dim": 1}, {"classes"}),
    ],
)
def test_layers_that_there_are_not(
    tmp_path: Path, write_checkpoint: Callable[..., Any], config: dict[str, Any], expected: set[str]
) -> None:
    write_checkpoint(tmp_path / "other.safetensors", **config)
    head = header_of(layers.fields(checkpoint_ref(tmp_path / "other.safetensors")))
    assert set(head["said"]) == expected
    assert {one["name"] for one in head["sections"]} == expected
    assert head["outlines"] == {}
    assert ("projection" in head["said"]["classes"]) == (config.get("latent_dim") in (1, 3))
