"""The payloads, read back by the format's own description."""

from __future__ import annotations

import io
import itertools
import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from latent_explorer.components.latent_map.payload import (
    pack_decoder,
    pack_drift,
    pack_fields,
    pack_images,
    pack_points,
    pack_values,
    payload_id,
)

DTYPES = {"f2": np.float16, "f4": np.float32, "u1": np.uint8}
RNG = np.random.default_rng(0)
WIDTHS = (2, 5, 784)


def parse(payload: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and sections."""
    assert payload[:4] == b"LMAP"
    (length,) = struct.unpack_from("<I", payload, 4)
    header = json.loads(payload[8 : 8 + length])
    start = -(-(8 + length) // 8) * 8
    assert not any(payload[8 + length : start])
    sections = {}
    for one in header["sections"]:
        at = start + one["offset"]
        assert at % 8 == 0
        sections[one["name"]] = np.frombuffer(payload, DTYPES[one["dtype"]], one["length"], at)
    return header, sections


def decoder_parts(**changes: Any) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "weights": [RNG.normal(size=(b, a)) for a, b in itertools.pairwise(WIDTHS)],
        "biases": [RNG.normal(size=b) for b in WIDTHS[1:]],
        "activation": "silu",
        "residual": False,
        "fourier": None,
        "center": np.zeros(2),
        "axes": np.eye(2),
    }
    return parts | changes


def points_parts(**changes: Any) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "coords": RNG.normal(size=(40, 2)),
        "labels": np.arange(40) % 10,
        "first_id": 60_000,
    }
    return parts | changes


def fields_parts(grids: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    classes = RNG.dirichlet(np.ones(10), size=(6, 4)).transpose(2, 0, 1)
    parts: dict[str, Any] = {
        "extent": (-1.0, 3.0, 0.0, 6.0),
        "grids": {
            "classes": classes,
            "density": RNG.normal(size=(6, 4)),
            "sensitivity": RNG.normal(size=(6, 4)),
        }
        | (grids or {}),
        "outlines": {
            "prior": [
                (np.zeros(2), np.eye(2)),
                (np.array([1.0, -2.0]), np.array([[3.0, 0], [1, 2]])),
            ]
        },
        "said": {"classes": "by a vote"},
    }
    return parts | changes


def values_parts(numbers: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "first_id": 60_000,
        "numbers": {
            "elbo": RNG.normal(size=7),
            "reconstruction": RNG.normal(size=7),
            "knn": np.arange(7) == 3,
        }
        | (numbers or {}),
        "said": {"elbo": "one draw"},
    }
    return parts | changes


@pytest.mark.parametrize("n", [1, 99, 100, 101, 250])
def test_images_round_trip(n: int) -> None:
    images = RNG.integers(0, 256, size=(n, 28, 28), dtype=np.uint8)
    header, sections = parse(pack_images(images, first_id=20_000))
    assert (header["kind"], header["n"], header["first_id"]) == ("images", n, 20_000)
    sheet = np.asarray(Image.open(io.BytesIO(sections["png"].tobytes())))
    assert sheet.dtype == np.uint8
    assert sheet.shape == (28 * -(-n // 100), 2800)
    for i in {0, n // 2, n - 1}:
        row, column = divmod(i, header["columns"])
        found = sheet[28 * row : 28 * row + 28, 28 * column : 28 * column + 28]
        assert (found == images[i]).all()


def test_fields_round_trip() -> None:
    parts = fields_parts()
    header, sections = parse(pack_fields(**parts))
    assert header["kind"] == "fields"
    assert header["extent"] == [-1, 3, 0, 6]
    assert header["shape"] == [6, 4]
    assert header["outlines"] == {"prior": [[0, 0, 1, 0, 0, 1], [1, -2, 3, 0, 1, 2]]}
    assert header["said"] == {"classes": "by a vote"}
    classes = sections["classes"].reshape(10, 6, 4) / 255
    assert np.abs(classes - parts["grids"]["classes"]).max() <= 0.5 / 255 + 1e-12
    for name in ("density", "sensitivity"):
        assert (sections[name].reshape(6, 4) == parts["grids"][name].astype(np.float32)).all()


def test_fields_that_a_checkpoint_has_not() -> None:
    parts = fields_parts(outlines={})
    parts["grids"] = {"classes": parts["grids"]["classes"]}
    header, sections = parse(pack_fields(**parts))
    assert list(sections) == ["classes"]
    assert header["outlines"] == {}


def test_a_density_that_underflows_is_drawn_as_the_lowest() -> None:
    density = RNG.normal(size=(6, 4))
    density[2, 1] = -np.inf
    _, sections = parse(pack_fields(**fields_parts({"density": density})))
    found = sections["density"].reshape(6, 4)
    assert np.isfinite(found).all()
    assert found[2, 1] == found.min()
    assert found.min() == np.float32(density[np.isfinite(density)].min())


def test_values_round_trip() -> None:
    parts = values_parts()
    header, sections = parse(pack_values(**parts))
    assert (header["kind"], header["n"], header["first_id"]) == ("values", 7, 60_000)
    assert header["said"] == {"elbo": "one draw"}
    assert (sections["elbo"] == parts["numbers"]["elbo"].astype(np.float32)).all()
    assert (
        sections["reconstruction"] == parts["numbers"]["reconstruction"].astype(np.float32)
    ).all()
    assert sections["knn"].tolist() == [0, 0, 0, 1, 0, 0, 0]
    del parts["numbers"]["elbo"]
    assert "elbo" not in parse(pack_values(**parts))[1]


def test_drift_round_trip() -> None:
    values = RNG.uniform(size=7)
    words = {"name": "displacement", "unit": "z units", "title": "Displacement, z units"}
    header, sections = parse(pack_drift(values, first_id=60_000, said="how", **words))
    assert (header["kind"], header["n"], header["first_id"]) == ("drift", 7, 60_000)
    assert header["said"] == {"drift": "how"}
    assert words.items() <= header.items()
    assert (sections["drift"] == values.astype(np.float32)).all()
    for bad in (values * np.nan, values[:, None], values[:0]):
        with pytest.raises(ValueError, match="values"):
            pack_drift(bad, first_id=0, said="", **words)


def test_the_likelihood_goes_with_the_decoder() -> None:
    header, _ = parse(pack_decoder(**decoder_parts()))
    assert (header["likelihood"], header["sigma"]) == ("bernoulli", None)
    header, _ = parse(pack_decoder(**decoder_parts(likelihood="gaussian", sigma=0.25)))
    assert (header["likelihood"], header["sigma"]) == ("gaussian", 0.25)


@pytest.mark.parametrize(
    ("pack", "changes", "said"),
    [
        ("images", {"images": np.zeros((2, 28, 27), np.uint8)}, r"images has shape \(2, 28, 27\)"),
        ("images", {"images": np.zeros((0, 28, 28), np.uint8)}, r"images has shape \(0, 28, 28\)"),
        ("images", {"images": np.zeros((2, 28, 28))}, "images has dtype float64"),
        ("images", {"first_id": -1}, "first_id is -1"),
        ("fields", {"extent": (0, 0, 1, 2)}, "x0 < x1"),
        ("fields", {"extent": (0, 1, 2, np.nan)}, "x0 < x1"),
        (
            "fields",
            fields_parts({"classes": np.zeros((9, 6, 4))}),
            r"classes has shape \(9, 6, 4\)",
        ),
        ("fields", fields_parts({"classes": np.full((10, 6, 4), 1.5)}), "classes runs from 1.5 to"),
        (
            "fields",
            fields_parts({"classes": np.full((10, 6, 4), np.nan)}),
            "classes has 240 of 240",
        ),
        ("fields", fields_parts({"density": np.zeros((4, 6))}), r"density has shape \(4, 6\)"),
        ("fields", fields_parts({"density": np.full((6, 4), -np.inf)}), "infinity everywhere"),
        ("fields", fields_parts({"sensitivity": np.full((6, 4), np.nan)}), "sensitivity has 24 of"),
        ("fields", {"grids": {}}, "There are no grids"),
        ("fields", {"grids": {"density": np.zeros(4)}}, r"density has shape \(4,\)"),
        ("fields", {"grids": {"classes": np.zeros((10, 0, 4))}}, r"classes has shape \(10, 0, 4\)"),
        ("values", {"first_id": -1}, "first_id is -1"),
        ("values", values_parts({"elbo": np.zeros(6)}), "shapes are"),
        ("values", values_parts({"knn": np.zeros((7, 1))}), "shapes are"),
        (
            "values",
            values_parts({"reconstruction": np.full(7, -np.inf)}),
            "reconstruction has 7 of",
        ),
        ("values", {"numbers": {}}, "shapes are"),
        ("values", {"numbers": {"elbo": np.zeros(0)}}, "shapes are"),
        ("decoder", {"likelihood": "laplace"}, "allowed are bernoulli, gaussian"),
        ("decoder", {"sigma": 0.1}, "does not go with it"),
        ("decoder", {"likelihood": "gaussian"}, "does not go with it"),
        ("decoder", {"likelihood": "gaussian", "sigma": 0.0}, "finite positive"),
        ("decoder", {"min_log_sigma": -4.0}, "does not go with it"),
        ("decoder", {"likelihood": "gaussian", "min_log_sigma": np.nan}, "must be finite"),
        ("decoder", {"likelihood": "gaussian", "min_log_sigma": -4.0}, "it must have 785"),
    ],
)
def test_what_cannot_be_drawn_is_refused(pack: str, changes: dict[str, Any], said: str) -> None:
    packers: dict[str, tuple[Callable[..., bytes], dict[str, Any]]] = {
        "images": (pack_images, {"images": np.zeros((2, 28, 28), np.uint8), "first_id": 0}),
        "fields": (pack_fields, fields_parts()),
        "values": (pack_values, values_parts()),
        "decoder": (pack_decoder, decoder_parts()),
    }
    packer, parts = packers[pack]
    with pytest.raises(ValueError, match=said):
        packer(**parts | changes)


def test_decoder_round_trip() -> None:
    parts = decoder_parts()
    header, sections = parse(pack_decoder(**parts))
    assert header["kind"] == "decoder"
    assert header["latent_dim"] == 2
    assert header["activation"] == "silu"
    assert header["residual"] is False
    assert header["fourier"] == 0
    assert header["layers"] == [[5, 2], [784, 5]]
    assert header["plane"] == {"center": [0.0, 0.0], "axes": [[1.0, 0.0], [0.0, 1.0]]}
    assert list(sections) == ["w0", "b0", "w1", "b1"]
    for i in range(2):
        weight = sections[f"w{i}"].reshape(header["layers"][i])
        assert (weight == parts["weights"][i].astype(np.float16)).all()
        assert (sections[f"b{i}"] == parts["biases"][i].astype(np.float32)).all()


def test_fourier_features_and_a_plane_through_three_dimensions() -> None:
    frequencies = RNG.normal(size=(3, 4))
    axes = np.linalg.qr(RNG.normal(size=(3, 2)))[0]
    center = RNG.normal(size=3)
    header, sections = parse(
        pack_decoder(
            **decoder_parts(
                weights=[RNG.normal(size=(784, 11))],
                biases=[np.zeros(784)],
                fourier=frequencies,
                center=center,
                axes=axes,
                residual=True,
            )
        )
    )
    assert header["fourier"] == 4
    assert header["residual"] is True
    assert header["plane"] == {"center": center.tolist(), "axes": axes.tolist()}
    assert (sections["fourier"].reshape(3, 4) == frequencies.astype(np.float32)).all()


def test_points_round_trip() -> None:
    parts = points_parts(coords=RNG.normal(size=(3000, 2)), labels=RNG.integers(0, 10, 3000))
    header, sections = parse(pack_points(**parts))
    assert header["kind"] == "points"
    assert (header["n"], header["first_id"]) == (3000, 60_000)
    coords = parts["coords"].astype(np.float32)
    assert (sections["coords"].reshape(-1, 2) == coords).all()
    assert (sections["labels"] == parts["labels"]).all()
    x0, x1, y0, y1 = header["extent"]
    inside = (coords > (x0, y0)) & (coords < (x1, y1))
    assert 0.99 < inside.all(1).mean() <= 1
    # one pixel of the deepest zoom, 400 times, on a map of 600 px
    assert header["apart"] == pytest.approx(max(x1 - x0, y1 - y0) / 400 / 600)


def test_one_far_digit_does_not_shrink_the_view() -> None:
    coords = RNG.uniform(-1, 1, size=(5000, 2))
    coords[7] = (1000, -1000)
    header, _ = parse(pack_points(**points_parts(coords=coords, labels=np.zeros(5000, int))))
    assert np.abs(header["extent"]).max() < 1.1


def test_medoids_are_digits_of_their_class_in_its_middle() -> None:
    coords = RNG.normal(size=(60, 2)).astype(np.float32)
    labels = np.repeat([1, 4, 9], 20)
    header, _ = parse(pack_points(coords=coords, labels=labels, first_id=0))
    assert [medoid[0] for medoid in header["medoids"]] == [1, 4, 9]
    for label, x, y in header["medoids"]:
        members = coords[labels == label]
        sums = np.linalg.norm(members[:, None] - members, axis=-1).sum(1)
        assert (np.float32([x, y]) == members[sums.argmin()]).all()


def test_one_digit_is_enough() -> None:
    header, _ = parse(pack_points(coords=np.float32([[1, 2]]), labels=np.uint8([3]), first_id=5))
    assert header["extent"] == [1, 1, 2, 2]
    assert header["apart"] == 0
    assert header["medoids"] == [[3, 1, 2]]


def test_names_follow_from_content() -> None:
    parts = decoder_parts()
    payload = pack_decoder(**parts)
    assert payload == pack_decoder(**parts)
    assert payload_id(payload) == parse(payload)[0]["id"]
    assert len(payload_id(payload)) == 16
    int(payload_id(payload), 16)
    biases = [bias.copy() for bias in parts["biases"]]
    biases[1][783] += 1
    others = [
        pack_decoder(**parts | {"biases": biases}),
        pack_decoder(**parts | {"activation": "relu"}),
        pack_decoder(**parts | {"residual": True}),
        pack_decoder(**parts | {"center": np.ones(2)}),
    ]
    cloud = points_parts()
    others += [
        pack_points(**cloud),
        pack_points(**cloud | {"first_id": 0}),
        pack_points(**cloud | {"labels": (cloud["labels"] + 1) % 10}),
    ]
    assert len({payload_id(one) for one in [payload, *others]}) == len(others) + 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"activation": "gelu"}, "activation is 'gelu'; allowed are silu, relu, tanh"),
        ({"center": np.zeros((2, 1))}, r"center has shape \(2, 1\)"),
        ({"center": np.zeros(0), "axes": np.zeros((0, 2))}, r"center has shape \(0,\)"),
        ({"center": np.array([0, np.nan])}, "center has 1 of 2 numbers not finite"),
        ({"axes": np.eye(3, 2)}, r"axes has shape \(3, 2\); it must be \(2, 2\)"),
        ({"axes": np.full((2, 2), np.inf)}, "axes has 4 of 4 numbers not finite"),
        ({"fourier": np.zeros((3, 4))}, r"fourier has shape \(3, 4\)"),
        ({"fourier": np.full((2, 1), np.nan)}, "fourier has 2 of 2"),
        ({"fourier": np.zeros((2, 4))}, r"weights\[0\] has shape \(5, 2\); it must be .*10\)"),
        ({"weights": []}, "0 weights and 2 biases"),
        ({"weights": [], "biases": []}, "0 weights and 0 biases"),
        ({"weights": [np.zeros((784, 2))]}, "1 weights and 2 biases"),
        ({"weights": [np.zeros((5, 2)), np.zeros((784, 6))]}, r"weights\[1\] has shape"),
        ({"weights": [np.zeros(10), np.zeros((784, 5))]}, r"weights\[0\] has shape \(10,\)"),
        ({"biases": [np.zeros(4), np.zeros(784)]}, r"biases\[0\] has shape \(4,\)"),
        ({"weights": [np.full((5, 2), 7e4), np.zeros((784, 5))]}, "float16 holds up to 65504"),
        ({"weights": [np.full((5, 2), np.nan), np.zeros((784, 5))]}, r"weights\[0\] has 10 of 10"),
        ({"biases": [np.full(5, np.inf), np.zeros(784)]}, r"biases\[0\] has 5 of 5"),
        (
            {"weights": [np.zeros((783, 2))], "biases": [np.zeros(783)]},
            "last layer has 783 outputs; it must have 784",
        ),
    ],
)
def test_bad_decoders_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        pack_decoder(**decoder_parts(**changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"coords": np.zeros((40, 3))}, r"coords has shape \(40, 3\)"),
        ({"coords": np.zeros(40)}, r"coords has shape \(40,\)"),
        ({"coords": np.zeros((0, 2)), "labels": np.zeros(0, int)}, r"coords has shape \(0, 2\)"),
        ({"coords": np.zeros((40, 2), int)}, "coords has dtype int64"),
        ({"coords": np.full((40, 2), np.nan)}, "coords has 40 rows"),
        ({"labels": np.zeros(39, int)}, r"labels has shape \(39,\)"),
        ({"labels": np.zeros(40)}, "labels has dtype float64"),
        ({"labels": np.full(40, 10)}, "labels run from 10 to 10"),
        ({"labels": np.full(40, -1)}, "labels run from -1 to -1"),
        ({"first_id": -1}, "first_id is -1"),
    ],
)
def test_bad_points_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        pack_points(**points_parts(**changes))


def test_coordinates_beyond_float32_are_refused() -> None:
    coords = np.zeros((40, 2))
    coords[3, 1] = 1e300
    with (
        np.errstate(over="ignore"),
        pytest.raises(ValueError, match="coords has 1 rows that float32 cannot hold"),
    ):
        pack_points(**points_parts(coords=coords))


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"", "starts with b''"),
        (b"PNG...", "starts with b'PNG.'"),
        (b"LMAP", "header is damaged"),
        (b"LMAP\x04\x00\x00\x00{]", "header is damaged"),
        (b"LMAP\x02\x00\x00\x00{}", "header is damaged"),
    ],
)
def test_what_is_no_payload_has_no_name(payload: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        payload_id(payload)
