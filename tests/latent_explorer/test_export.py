"""Files to take away hold what the model says, in stated units."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latent_explorer.data import catalogue, digits
from latent_explorer.data.digit_terms import digit_terms
from latent_explorer.data.digits import SPLITS
from latent_explorer.pages.explore import export
from vae_core.checkpoints import CheckpointRef, checkpoint_ref

IDS = np.array([60_003, 5, 69_999, 59_999])


@pytest.fixture(params=[{}, {"latent_dim": 4}, {"posterior": "point"}], ids=str)
def sample(
    request: pytest.FixtureRequest, tmp_path: Path, write_checkpoint: Callable[..., Any]
) -> tuple[CheckpointRef, Any]:
    path = tmp_path / "one.safetensors"
    write_checkpoint(path, **request.param)
    ref = checkpoint_ref(path)
    return ref, catalogue.checkpoint(ref).model


def test_columns(sample: tuple[CheckpointRef, Any]) -> None:
    import torch

    ref, model = sample
    found = export.columns(ref, IDS)
    assert found["id"].tolist() == IDS.tolist()
    assert found["split"].tolist() == ["test", "train", "test", "train"]
    assert found["index"].tolist() == [3, 5, 9999, 59_999]
    assert (found["label"] == digits.labels()[IDS]).all()
    x = torch.from_numpy(np.stack([digits.pixels(digit) for digit in IDS.tolist()]))
    mu = model.encode(x).mu
    np.testing.assert_allclose(found["z"], mu.numpy(), atol=1e-5)
    is_point = model.config.posterior == "point"
    assert ("kl" in found) == ("elbo" in found) == (not is_point)
    for split, rows in SPLITS.items():
        if split == "all":
            continue
        terms = digit_terms(ref, split)
        mine = np.isin(IDS, np.arange(rows.start, rows.stop))
        for name in ("reconstruction", "kl", "elbo"):
            values = getattr(terms, name)
            if values is not None:
                assert (found[name][mine] == values[IDS[mine] - rows.start]).all()
    if not is_point:
        np.testing.assert_allclose(found["elbo"], found["reconstruction"] - found["kl"], rtol=1e-4)


def test_csv_and_npz_agree(sample: tuple[CheckpointRef, Any]) -> None:
    ref, _ = sample
    lines = export.as_csv(ref, IDS).decode().splitlines()
    said = [line for line in lines if line.startswith("# ")]
    rows = list(csv.DictReader(io.StringIO("\n".join(lines[len(said) :]))))
    with np.load(io.BytesIO(export.as_npz(ref, IDS))) as file:
        arrays = {name: file[name] for name in file.files}
    assert str(arrays.pop("README")).splitlines() == [line[2:] for line in said]
    assert any("in nats" in line for line in said)
    assert any(ref.sha256 in line for line in said)
    assert len(rows) == len(IDS)
    for name, values in arrays.items():
        if name == "split":
            assert [row[name] for row in rows] == values.tolist()
        elif name == "z":
            for d in range(values.shape[1]):
                written = np.float32([row[f"z{d + 1}"] for row in rows])
                assert (written == values[:, d].astype(np.float32)).all()
        else:
            assert (np.float64([row[name] for row in rows]) == values.astype(np.float64)).all() or (
                np.float32([row[name] for row in rows]) == values.astype(np.float32)
            ).all()


def test_the_map_as_a_page(sample: tuple[CheckpointRef, Any]) -> None:
    ref, _ = sample
    page = export.map_page(ref, "test").decode()
    assert page.startswith("<!doctype html>")
    assert "plotly.js v" in page  # inlined
    assert "<script src=" not in page
    assert f"10,000 digits of MNIST in the latent space of {ref.name}" in page
