"""What the pages read, against brute force."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from latent_explorer.components.latent_map.payload import payload_id
from latent_explorer.data import catalogue, digits, encoding, layers, payloads
from latent_explorer.data.digit_terms import digit_terms, said_of_terms
from latent_explorer.data.digits import SPLITS
from latent_explorer.data.neighbours import N_VOTERS, nearest_in_pixels, nearest_on_map
from vae_core.analysis.evaluation import model_input
from vae_core.analysis.projection import encode_images
from vae_core.checkpoints import (
    CheckpointRef,
    checkpoint_ref,
    digit_map,
    load_checkpoint,
    read_checkpoint,
    save_checkpoint,
)
from vae_core.data import load_mnist
from vae_core.estimators import elbo_samples


@pytest.fixture
def ref(tmp_path: Path, write_checkpoint: Callable[..., Any]) -> CheckpointRef:
    write_checkpoint(tmp_path / "one.safetensors")
    return checkpoint_ref(tmp_path / "one.safetensors")


def test_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LATENT_EXPLORER_WEIGHTS", raising=False)
    assert catalogue.weights_folder() == Path(__file__).parents[2] / "weights"
    monkeypatch.setenv("LATENT_EXPLORER_WEIGHTS", str(tmp_path))
    assert catalogue.weights_folder() == tmp_path
    assert catalogue.checkpoints() == ([], [])


def test_files_are_looked_at_afresh(weights: Path, write_checkpoint: Callable[..., Any]) -> None:
    write_checkpoint(weights / "a.safetensors", seed=1)
    before = catalogue.checkpoints()[0]
    assert [one.name for one in before] == ["a"]
    write_checkpoint(weights / "b.safetensors", seed=2)
    write_checkpoint(weights / "a.safetensors", seed=3)
    after = catalogue.checkpoints()[0]
    assert [one.name for one in after] == ["a", "b"]
    assert after[0].sha256 != before[0].sha256
    assert payload_id(payloads.map_payloads(after[0], "test").decoder) != payload_id(
        payloads.map_payloads(after[1], "test").decoder
    )


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


def test_decode_and_encode_are_torch_s(ref: CheckpointRef) -> None:
    model = catalogue.checkpoint(ref).model
    z = np.random.default_rng(0).normal(size=(3, 2))
    expected = model.decode(torch.tensor(z, dtype=torch.float32)).numpy()
    assert (encoding.decode(ref, z) == expected).all()
    posterior = model.encode(torch.from_numpy(digits.pixels(60_001)[None]))
    encoded = encoding.encode(ref, 60_001)
    np.testing.assert_allclose(encoded.mu, posterior.mu[0].numpy(), atol=1e-6)
    np.testing.assert_allclose(encoded.std, (0.5 * posterior.logvar[0]).exp().numpy(), rtol=1e-5)


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


def test_payloads_are_packed_once(ref: CheckpointRef) -> None:
    first = payloads.map_payloads(ref, "test")
    assert payloads.map_payloads(ref, "test") is first
    train = payloads.map_payloads(ref, "train")
    assert train.decoder == first.decoder  # named alike: the browser gets it once
    assert payload_id(train.points) != payload_id(first.points)


def test_a_copy_under_another_name_is_the_same_content(ref: CheckpointRef, tmp_path: Path) -> None:
    (tmp_path / "two.safetensors").write_bytes(ref.path.read_bytes())
    other = checkpoint_ref(tmp_path / "two.safetensors")
    assert other != ref
    assert payloads.map_payloads(other, "test") == payloads.map_payloads(ref, "test")


def test_a_learned_sigma_is_no_pixel(tmp_path: Path, write_checkpoint: Callable[..., Any]) -> None:
    write_checkpoint(tmp_path / "sigma.safetensors", likelihood="gaussian-learned-sigma")
    ref = checkpoint_ref(tmp_path / "sigma.safetensors")
    assert catalogue.stored(ref).tensors["decoder.net.layers.1.bias"].shape == (785,)
    assert b'"layers":[[8,2],[785,8]]' in payloads.map_payloads(ref, "test").decoder
    assert encoding.decode(ref, np.zeros((1, 2))).shape == (1, 784)


def test_a_file_without_a_map_is_encoded(
    tmp_path: Path, write_checkpoint: Callable[..., Any]
) -> None:
    write_checkpoint(tmp_path / "bare.safetensors", with_map=False)
    ref = checkpoint_ref(tmp_path / "bare.safetensors")
    coords, center, axes = encoding.positions(ref)
    assert coords.shape == (70_000, 2)
    assert not center.any()
    assert (axes == np.eye(2)).all()
    assert coords[60_003] == pytest.approx(encoding.encode(ref, 60_003).mu, abs=1e-5)


# ---- the map's layers, pictures and numbers


def header_of(payload: bytes) -> dict[str, Any]:
    (length,) = struct.unpack_from("<I", payload, 4)
    return json.loads(payload[8 : 8 + length])


def section(payload: bytes, name: str) -> np.ndarray:
    (length,) = struct.unpack_from("<I", payload, 4)
    start = 8 + length + -(8 + length) % 8
    one = next(s for s in header_of(payload)["sections"] if s["name"] == name)
    dtype = {"u1": "u1", "f4": "<f4"}[one["dtype"]]
    return np.frombuffer(payload, dtype, one["length"], start + one["offset"])


def test_sheets_hold_the_pictures_of_their_ids() -> None:
    sheet = payloads.image_sheet(6)
    assert payloads.image_sheet(6) is sheet
    head = header_of(sheet)
    assert (head["kind"], head["first_id"], head["n"]) == ("images", 60_000, 10_000)
    picture = np.asarray(Image.open(io.BytesIO(section(sheet, "png").tobytes())))
    for i in (0, 99, 100, 9_999):
        row, column = divmod(i, 100)
        cell = picture[row * 28 : (row + 1) * 28, column * 28 : (column + 1) * 28]
        assert (cell == digits.data_set().images[60_000 + i]).all()
    for i in (-1, 7):
        with pytest.raises(ValueError, match="from 0 to 6"):
            payloads.image_sheet(i)


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
    terms = np.random.default_rng(0).normal(-100, 20, (70_000, 2)).astype(np.float32)
    model = load_checkpoint(checkpoint_ref(path)).model
    save_checkpoint(path, model, before.header, digit_map(before), terms=terms)
    test = digit_terms(checkpoint_ref(path), "test")
    assert (test.reconstruction == terms[60_000:, 0]).all()
    assert test.kl is not None
    assert (test.kl == terms[60_000:, 1]).all()


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


def test_any_picture_is_encoded_like_a_digit(ref: CheckpointRef) -> None:
    image = digits.data_set().images[60_007]
    got, expected = encoding.encode_image(ref, image.copy()), encoding.encode(ref, 60_007)
    assert (got.mu == expected.mu).all()
    assert (got.std == expected.std).all()
    assert got.kl == expected.kl


@pytest.mark.parametrize(
    ("config", "noise"),
    [
        ({}, ("bernoulli", None, None)),
        ({"likelihood": "gaussian", "sigma": 0.25}, ("gaussian", 0.25, None)),
        ({"likelihood": "gaussian-learned-sigma"}, ("gaussian", None, -4.0)),
    ],
)
def test_the_browser_knows_the_pixels_noise(
    tmp_path: Path, write_checkpoint: Callable[..., Any], config: Any, noise: tuple[Any, ...]
) -> None:
    write_checkpoint(tmp_path / "noise.safetensors", **config)
    ref = checkpoint_ref(tmp_path / "noise.safetensors")
    head = header_of(payloads.map_payloads(ref, "test").decoder)
    assert (head["likelihood"], head["sigma"], head["min_log_sigma"]) == noise
