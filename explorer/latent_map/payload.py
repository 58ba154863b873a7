"""The two binary payloads of the map: a decoder, and a cloud of labelled digits.

Layout: ``b"LMAP"``, the header's length (u32, little endian), the header (JSON), zeros up to a
multiple of eight, then the sections, each starting at a multiple of eight.  Payloads are
immutable and named by their content, so that a browser can keep them and be told only the name.
"""

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"LMAP"
ACTIVATIONS = ("silu", "relu", "tanh")
N_PIXELS = 784  # a picture is 28 x 28
N_CLASSES = 10
_TAIL = 0.001  # share of the digits beyond each side of the first view
MAX_MEDOID_DIGITS = 1_000  # exact pairwise distances on this many: 10 classes in about 50 ms
MAX_HALF = float(np.finfo(np.float16).max)


def pack_decoder(
    *,
    weights: Sequence[np.ndarray],
    biases: Sequence[np.ndarray],
    activation: str,
    residual: bool,
    fourier: np.ndarray | None,
    center: np.ndarray,
    axes: np.ndarray,
) -> bytes:
    """Pack a dense decoder for evaluation in the browser.

    The function packed is: plane point u -> z = center + axes @ u; h = z, followed by
    sin(z @ fourier) and cos(z @ fourier) if there are Fourier features; every hidden layer is
    act(W h + b), plus h if `residual` and the widths agree; the last layer gives 784 logits.

    Parameters
    ----------
    weights : sequence of ndarray, each of shape (n_out, n_in)
        One matrix per layer; stored as float16.
    biases : sequence of ndarray, each of shape (n_out,)
        One vector per layer; stored as float32.
    activation : {"silu", "relu", "tanh"}
        Nonlinearity of every hidden layer.
    residual : bool
        Whether a hidden layer adds its input when the widths agree.
    fourier : ndarray, shape (D, F), or None
        Frequencies of the Fourier features, None for none.
    center : ndarray, shape (D,)
        Where the plane's origin lies in the latent space.
    axes : ndarray, shape (D, 2)
        The plane's two axes in the latent space.

    Returns
    -------
    bytes
        The payload; its name is ``payload_id(payload)``.

    Raises
    ------
    ValueError
        If a shape does not follow from its neighbours, a number is not finite or a weight does
        not fit into float16.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation is {activation!r}; allowed are {', '.join(ACTIVATIONS)}.")
    center = _finite("center", center)
    latent_dim = center.size
    if center.ndim != 1 or latent_dim < 1:
        raise ValueError(f"center has shape {center.shape}; it must be (D,).")
    axes = _finite("axes", axes)
    if axes.shape != (latent_dim, 2):
        raise ValueError(f"axes has shape {axes.shape}; it must be ({latent_dim}, 2).")

    sections: dict[str, np.ndarray] = {}
    n_fourier = 0
    if fourier is not None:
        frequencies = _finite("fourier", fourier)
        if frequencies.ndim != 2 or frequencies.shape[0] != latent_dim:
            raise ValueError(
                f"fourier has shape {frequencies.shape}; it must be ({latent_dim}, F)."
            )
        n_fourier = frequencies.shape[1]
        if n_fourier:
            sections["fourier"] = frequencies.astype("<f4")

    layers = _check_layers(weights, biases, n_in=latent_dim + 2 * n_fourier)
    for i, (weight, bias) in enumerate(layers):
        sections[f"w{i}"] = weight.astype("<f2")
        sections[f"b{i}"] = bias.astype("<f4")
    header = {
        "kind": "decoder",
        "latent_dim": latent_dim,
        "plane": {"center": center.tolist(), "axes": axes.tolist()},
        "activation": activation,
        "residual": bool(residual),
        "fourier": n_fourier,
        "layers": [list(weight.shape) for weight, _ in layers],
    }
    return _pack(header, sections)


def pack_points(*, coords: np.ndarray, labels: np.ndarray, first_id: int) -> bytes:
    """Pack labelled digits of the plane.

    Parameters
    ----------
    coords : ndarray, shape (N, 2)
        Floating-point positions; stored as float32.
    labels : ndarray, shape (N,)
        Integer classes, 0 to 9.
    first_id : int
        Identity of row 0; row i is digit ``first_id + i``.

    Returns
    -------
    bytes
        The payload; its name is ``payload_id(payload)``.

    Raises
    ------
    ValueError
        If a shape or a type is wrong, a coordinate is not finite, a label is not a digit, or
        `first_id` is negative.
    """
    coords, labels = np.asarray(coords), np.asarray(labels)
    if coords.ndim != 2 or coords.shape[1] != 2 or len(coords) == 0:
        raise ValueError(f"coords has shape {coords.shape}; it must be (N, 2) with N at least 1.")
    if coords.dtype.kind != "f":
        raise ValueError(f"coords has dtype {coords.dtype}; it must be floating point.")
    coords = coords.astype("<f4")
    if not np.isfinite(coords).all():
        n_bad = int((~np.isfinite(coords)).any(axis=1).sum())
        raise ValueError(f"coords has {n_bad} rows that float32 cannot hold; all must be finite.")
    if labels.shape != (len(coords),):
        raise ValueError(f"labels has shape {labels.shape}; it must be ({len(coords)},).")
    if labels.dtype.kind not in "iu":
        raise ValueError(f"labels has dtype {labels.dtype}; it must be integer.")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= N_CLASSES:
        raise ValueError(f"labels run from {low} to {high}; allowed are 0 to {N_CLASSES - 1}.")
    if first_id < 0:
        raise ValueError(f"first_id is {first_id}; it must not be negative.")

    # The first view: a few codes far out would shrink all others to a blot; zooming out finds them.
    (x0, y0), (x1, y1) = np.quantile(coords, (_TAIL, 1 - _TAIL), axis=0).tolist()
    header = {
        "kind": "points",
        "n": len(coords),
        "first_id": int(first_id),
        "extent": [x0, x1, y0, y1],
        "medoids": _medoids(coords, labels),
    }
    return _pack(header, {"coords": coords, "labels": labels.astype("u1")})


def payload_id(payload: bytes) -> str:
    """Name of a payload: 16 hex digits that follow from its content.

    Parameters
    ----------
    payload : bytes
        What `pack_decoder` or `pack_points` returned.

    Returns
    -------
    str
        The name under which the browser keeps it.

    Raises
    ------
    ValueError
        If `payload` was not made by this module.
    """
    if payload[: len(MAGIC)] != MAGIC:
        start = bytes(payload[: len(MAGIC)])
        raise ValueError(f"The payload starts with {start!r}; a map payload starts with {MAGIC!r}.")
    try:
        (length,) = struct.unpack_from("<I", payload, len(MAGIC))
        return str(json.loads(payload[8 : 8 + length])["id"])
    except (struct.error, ValueError, KeyError) as err:
        raise ValueError("The payload's header is damaged; pack it again.") from err


def _check_layers(
    weights: Sequence[np.ndarray], biases: Sequence[np.ndarray], *, n_in: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Layers as float64 pairs, after checking that each follows from the one before."""
    if not weights or len(weights) != len(biases):
        raise ValueError(
            f"There are {len(weights)} weights and {len(biases)} biases; "
            "there must be as many of one as of the other, and at least one."
        )
    layers = []
    for i, (raw_weight, raw_bias) in enumerate(zip(weights, biases, strict=True)):
        weight, bias = _finite(f"weights[{i}]", raw_weight), _finite(f"biases[{i}]", raw_bias)
        if weight.ndim != 2 or weight.shape[1] != n_in:
            raise ValueError(f"weights[{i}] has shape {weight.shape}; it must be (n_out, {n_in}).")
        n_out = weight.shape[0]
        if bias.shape != (n_out,):
            raise ValueError(f"biases[{i}] has shape {bias.shape}; it must be ({n_out},).")
        largest = float(np.abs(weight).max(initial=0.0))
        if largest > MAX_HALF:
            raise ValueError(f"weights[{i}] reaches {largest:g}; float16 holds up to {MAX_HALF:g}.")
        layers.append((weight, bias))
        n_in = n_out
    if n_in != N_PIXELS:
        raise ValueError(f"The last layer has {n_in} outputs; it must have {N_PIXELS}.")
    return layers


def _finite(name: str, values: np.ndarray) -> NDArray[np.float64]:
    """`values` as float64, or a ValueError that names them."""
    array = np.asarray(values, dtype=np.float64)
    n_bad = int((~np.isfinite(array)).sum())
    if n_bad:
        raise ValueError(f"{name} has {n_bad} of {array.size} numbers not finite; all must be.")
    return array


def _medoids(coords: np.ndarray, labels: np.ndarray) -> list[list[float]]:
    """[label, x, y] of the digit nearest to all others of its class, for every class present."""
    medoids = []
    for label in np.unique(labels):
        members = coords[labels == label]
        members = members[:: -(-len(members) // MAX_MEDOID_DIGITS)]
        x, y = members.T
        distances = np.sqrt((x[:, None] - x) ** 2 + (y[:, None] - y) ** 2)
        medoid = members[distances.sum(axis=1).argmin()]
        medoids.append([int(label), *medoid.tolist()])
    return medoids


def _pack(header: Mapping[str, Any], sections: Mapping[str, np.ndarray]) -> bytes:
    """Lay out header and sections, and name the whole by its content."""
    listing, parts, offset = [], [], 0
    for name, array in sections.items():
        raw = array.tobytes()
        dtype = array.dtype.str.lstrip("<|")
        listing.append({"name": name, "dtype": dtype, "offset": offset, "length": array.size})
        parts.append(raw + bytes(-len(raw) % 8))
        offset += len(parts[-1])
    body = b"".join(parts)
    unnamed = {**header, "sections": listing}
    name = hashlib.sha256(_to_json(unnamed) + body).hexdigest()[:16]
    text = _to_json({**unnamed, "id": name})
    head = MAGIC + struct.pack("<I", len(text)) + text
    return head + bytes(-len(head) % 8) + body


def _to_json(header: Mapping[str, Any]) -> bytes:
    return json.dumps(header, separators=(",", ":"), sort_keys=True, allow_nan=False).encode()
