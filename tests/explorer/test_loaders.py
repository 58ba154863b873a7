"""What the pages read, against brute force."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from explorer import loaders
from explorer.latent_map.payload import payload_id
from vae_core.checkpoints import CheckpointRef, checkpoint_ref
from vae_core.data import load_mnist


@pytest.fixture
def ref(tmp_path: Path, write_checkpoint: Callable[..., Any]) -> CheckpointRef:
    write_checkpoint(tmp_path / "one.safetensors")
    return checkpoint_ref(tmp_path / "one.safetensors")


def test_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LATENT_EXPLORER_WEIGHTS", raising=False)
    assert loaders.weights_folder() == Path(__file__).parents[2] / "weights"
    monkeypatch.setenv("LATENT_EXPLORER_WEIGHTS", str(tmp_path))
    assert loaders.weights_folder() == tmp_path
    assert loaders.checkpoints() == ([], [])


def test_files_are_looked_at_afresh(weights: Path, write_checkpoint: Callable[..., Any]) -> None:
    write_checkpoint(weights / "a.safetensors", seed=1)
    before = loaders.checkpoints()[0]
    assert [one.name for one in before] == ["a"]
    write_checkpoint(weights / "b.safetensors", seed=2)
    write_checkpoint(weights / "a.safetensors", seed=3)
    after = loaders.checkpoints()[0]
    assert [one.name for one in after] == ["a", "b"]
    assert after[0].sha256 != before[0].sha256
    assert payload_id(loaders.payloads(after[0], "test").decoder) != payload_id(
        loaders.payloads(after[1], "test").decoder
    )


def test_splits_are_mnist_s() -> None:
    every = loaders.digits()
    assert (loaders.labels() == every.labels).all()
    for split in ("train", "test"):
        part = load_mnist(split)
        assert (every.images[loaders.SPLITS[split]] == part.images).all()
        assert (every.labels[loaders.SPLITS[split]] == part.labels).all()
    assert len(every.images[loaders.SPLITS["all"]]) == 70_000


def test_pixels_are_ink() -> None:
    image = load_mnist("test").images[5]
    ink = loaders.pixels(60_005)
    assert ink.dtype == np.float32
    assert (np.rint(ink * 255) == image.reshape(-1)).all()
    assert ink.min() == 0
    assert ink.max() <= 1


def test_decode_and_encode_are_torch_s(ref: CheckpointRef) -> None:
    model = loaders.checkpoint(ref).model
    z = np.random.default_rng(0).normal(size=(3, 2))
    expected = model.decode(torch.tensor(z, dtype=torch.float32)).numpy()
    assert (loaders.decode(ref, z) == expected).all()
    posterior = model.encode(torch.from_numpy(loaders.pixels(60_001)[None]))
    encoded = loaders.encode(ref, 60_001)
    np.testing.assert_allclose(encoded.mu, posterior.mu[0].numpy(), atol=1e-6)
    np.testing.assert_allclose(encoded.std, (0.5 * posterior.logvar[0]).exp().numpy(), rtol=1e-5)


@pytest.mark.parametrize("split", ["test", "train", "all"])
def test_nearest_on_the_map(ref: CheckpointRef, split: Any) -> None:
    coords = loaders.positions(ref).coords.astype(float)
    rows = loaders.SPLITS[split]
    place = tuple(coords[60_042] + 0.01)
    near = loaders.nearest_on_map(ref, split, place, n=6)
    distances = np.linalg.norm(coords[rows] - place, axis=1)
    assert near.distances == pytest.approx(np.sort(distances)[:6], rel=1e-4, abs=1e-6)
    assert distances[near.ids - rows.start] == pytest.approx(near.distances, rel=1e-4, abs=1e-6)
    assert (np.diff(near.distances) >= 0).all()
    assert len(set(near.ids.tolist())) == 6


@pytest.mark.parametrize("split", ["test", "train", "all"])
def test_nearest_in_pixels(split: Any) -> None:
    rng = np.random.default_rng(1)
    image = (loaders.pixels(60_010) * 0.9 + rng.uniform(0, 0.1, 784)).astype(np.float32)
    rows = loaders.SPLITS[split]
    near = loaders.nearest_in_pixels(image, split, n=1000)
    flat = loaders.digits().images[rows].reshape(-1, 784)
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


def test_payloads_are_packed_once(ref: CheckpointRef) -> None:
    first = loaders.payloads(ref, "test")
    assert loaders.payloads(ref, "test") is first
    train = loaders.payloads(ref, "train")
    assert train.decoder == first.decoder  # named alike: the browser gets it once
    assert payload_id(train.points) != payload_id(first.points)


def test_a_copy_under_another_name_is_the_same_content(ref: CheckpointRef, tmp_path: Path) -> None:
    (tmp_path / "two.safetensors").write_bytes(ref.path.read_bytes())
    other = checkpoint_ref(tmp_path / "two.safetensors")
    assert other != ref
    assert loaders.payloads(other, "test") == loaders.payloads(ref, "test")


def test_a_learned_sigma_is_no_pixel(tmp_path: Path, write_checkpoint: Callable[..., Any]) -> None:
    write_checkpoint(tmp_path / "sigma.safetensors", likelihood="gaussian-learned-sigma")
    ref = checkpoint_ref(tmp_path / "sigma.safetensors")
    assert loaders.stored(ref).tensors["decoder.net.layers.1.bias"].shape == (785,)
    assert b'"layers":[[8,2],[784,8]]' in loaders.payloads(ref, "test").decoder
    assert loaders.decode(ref, np.zeros((1, 2))).shape == (1, 784)


def test_a_file_without_a_map_is_encoded(
    tmp_path: Path, write_checkpoint: Callable[..., Any]
) -> None:
    write_checkpoint(tmp_path / "bare.safetensors", with_map=False)
    ref = checkpoint_ref(tmp_path / "bare.safetensors")
    coords, center, axes = loaders.positions(ref)
    assert coords.shape == (70_000, 2)
    assert not center.any()
    assert (axes == np.eye(2)).all()
    assert coords[60_003] == pytest.approx(loaders.encode(ref, 60_003).mu, abs=1e-5)


def test_neighbour_classes_are_shares(ref: CheckpointRef) -> None:
    shares = loaders.neighbour_classes(ref, 10)
    assert shares.shape == (10, 10)
    assert shares.sum(1) == pytest.approx(1, abs=1e-5)
    # one class by brute force
    coords = loaders.positions(ref).coords[loaders.SPLITS["test"]].astype(float)
    labels = loaders.labels()[loaders.SPLITS["test"]]
    mine = np.flatnonzero(labels == 5)[:60]
    distances = np.linalg.norm(coords[mine, None] - coords, axis=-1)
    distances[np.arange(len(mine)), mine] = np.inf
    near = labels[np.argpartition(distances, 10)[:, :10]]
    rough = np.bincount(near.ravel(), minlength=10) / near.size
    assert np.abs(rough - shares[5]).max() < 0.12  # of 60 digits, not of all
