"""The binary payloads of the map: a decoder, a cloud of labelled digits, and what lies under it.

Layout: ``b"LMAP"``, the header's length (u32, little endian), the header (JSON), zeros up to a
multiple of eight, then the sections, each starting at a multiple of eight.  Payloads are
immutable and named by their content (`payload_id`), so that a browser can keep them and be told
only the name.  What a packer cannot pack is a ValueError that says what is wrong with it.
"""

import hashlib
import io
import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MAGIC = b"LMAP"
ACTIVATIONS = ("silu", "relu", "tanh")
SIDE = 28
N_PIXELS = SIDE * SIDE
SHEET_COLUMNS = 100  # digits in a row of a sheet of pictures
_PNG_LEVEL = 6

PixelLikelihood = Literal["bernoulli", "gaussian"]
N_CLASSES = 10
_TAIL = 0.001  # share of the digits beyond each side of the first view
# Pixels of the first view's longer side at the deepest zoom: 400 times (camera.js), some 600 px.
_DEEPEST = 400 * 600
MAX_MEDOID_DIGITS = 400  # exact pairwise distances on this many: 10 classes in about 10 ms
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
    likelihood: PixelLikelihood = "bernoulli",
    sigma: float | None = None,
    min_log_sigma: float | None = None,
) -> bytes:
    """Pack a dense decoder for evaluation in the browser.

    The function packed is: plane point u -> z = center + axes @ u; h = z, followed by
    sin(z @ fourier) and cos(z @ fourier) if there are Fourier features; every hidden layer is
    act(W h + b), plus h if `residual` and the widths agree; the last layer gives 784 logits,
    and log sigma(z) after them if `min_log_sigma` is given.

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
    likelihood : {"bernoulli", "gaussian"}
        What p(x|z) is, for samples drawn from it.
    sigma : float or None
        Standard deviation of a Gaussian's pixels, in ink; None for Bernoulli pixels and for a
        sigma(z) that the decoder gives.
    min_log_sigma : float or None
        Below this the decoder's log sigma(z) is clamped; None if it gives none.
    """
    if likelihood not in get_args(PixelLikelihood):
        allowed = ", ".join(get_args(PixelLikelihood))
        raise ValueError(f"likelihood is {likelihood!r}; allowed are {allowed}.")
    n_sigmas = (sigma is not None) + (min_log_sigma is not None)
    if n_sigmas != (likelihood == "gaussian"):
        raise ValueError(
            f"sigma is {sigma!r} and min_log_sigma {min_log_sigma!r}; "
            f"a {likelihood} likelihood does not go with it."
        )
    if min_log_sigma is not None and not np.isfinite(min_log_sigma):
        raise ValueError(f"min_log_sigma is {min_log_sigma!r}; it must be finite.")
    if sigma is not None and not (np.isfinite(sigma) and sigma > 0):
        raise ValueError(f"sigma is {sigma!r}; it must be a finite positive number.")
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

    n_outputs = N_PIXELS + (min_log_sigma is not None)
    layers = _check_layers(weights, biases, n_in=latent_dim + 2 * n_fourier, n_outputs=n_outputs)
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
        "likelihood": likelihood,
        "sigma": None if sigma is None else float(sigma),
        "min_log_sigma": None if min_log_sigma is None else float(min_log_sigma),
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

    x0, x1, y0, y1 = extent = first_view(coords)
    header = _of_digits(
        "points",
        len(coords),
        first_id,
        extent=[x0, x1, y0, y1],
        apart=apart(extent),
        medoids=_medoids(coords, labels),
    )
    return _pack(header, {"coords": coords, "labels": labels.astype("u1")})


def first_view(coords: NDArray[np.floating[Any]]) -> tuple[float, float, float, float]:
    """Frame codes, shape (N, 2): x0, x1, y0, y1 of the map's first view.

    A few codes far out would shrink all others to a blot: they are left to zooming out.
    """
    (x0, y0), (x1, y1) = np.quantile(coords, (_TAIL, 1 - _TAIL), axis=0).tolist()
    return x0, x1, y0, y1


def apart(extent: tuple[float, float, float, float]) -> float:
    """Tell how far two codes must be from one another, along an axis, to be two dots on the map.

    Codes that are nearer are one pile: no zoom tells them apart. In units of the plane; `extent` is
    that of the first view.
    """
    x0, x1, y0, y1 = extent
    return max(x1 - x0, y1 - y0) / _DEEPEST


def pack_images(images: NDArray[np.uint8], *, first_id: int) -> bytes:
    """Pack a sheet of digits' pictures: one greyscale PNG, 100 digits a row, ink bright.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, 28, 28)
        The pictures, ink from 0 to 255.
    first_id : int
        Digit of the first picture; picture i is digit ``first_id + i``.
    """
    images = np.asarray(images)
    if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE) or len(images) == 0:
        raise ValueError(
            f"images has shape {images.shape}; it must be (n, {SIDE}, {SIDE}) with n at least 1."
        )
    if images.dtype != np.uint8:
        raise ValueError(f"images has dtype {images.dtype}; it must be uint8.")
    n_rows = -(-len(images) // SHEET_COLUMNS)
    sheet = np.zeros((n_rows * SHEET_COLUMNS, SIDE, SIDE), np.uint8)
    sheet[: len(images)] = images
    sheet = sheet.reshape(n_rows, SHEET_COLUMNS, SIDE, SIDE).swapaxes(1, 2)
    file = io.BytesIO()
    Image.fromarray(sheet.reshape(n_rows * SIDE, -1)).save(file, "PNG", compress_level=_PNG_LEVEL)
    header = _of_digits("images", len(images), first_id, columns=SHEET_COLUMNS)
    return _pack(header, {"png": np.frombuffer(file.getvalue(), np.uint8)})


def pack_fields(
    *,
    extent: tuple[float, float, float, float],
    grids: Mapping[str, np.ndarray],
    outlines: Mapping[str, Sequence[tuple[np.ndarray, np.ndarray]]],
    said: Mapping[str, str],
) -> bytes:
    """Pack what layers of the map show, to be drawn under the points; all by the layers' names.

    Row 0 is the lowest y, column 0 the lowest x; values belong to the centres of the cells.

    Parameters
    ----------
    extent : tuple of four floats
        x0, x1, y0, y1: outer borders of the grid.
    grids : mapping to ndarray, shape (H, W) or (10, H, W)
        Numbers on the grid, at least one of them: one a cell, where minus infinity becomes the
        lowest finite one; or a probability of each class, stored as uint8, 255 for one.
    outlines : mapping to sequence of (mean, lower Cholesky factor)
        Gaussians whose outlines are drawn, shapes (2,) and (2, 2).
    said : mapping
        One line on how it was computed, or why there is none.
    """
    x0, x1, y0, y1 = (float(value) for value in extent)
    if not (np.isfinite([x0, x1, y0, y1]).all() and x0 < x1 and y0 < y1):
        raise ValueError(f"extent is {extent!r}; it must be x0 < x1, y0 < y1, all finite.")
    if not grids:
        raise ValueError("There are no grids; there must be at least one.")
    shape = np.shape(next(iter(grids.values())))[-2:]
    header = {
        "kind": "fields",
        "extent": [x0, x1, y0, y1],
        "shape": list(shape),
        "outlines": {
            name: [
                [*_finite(name, mean).tolist(), *_finite(name, factor).ravel().tolist()]
                for mean, factor in gaussians
            ]
            for name, gaussians in outlines.items()
        },
        "said": dict(said),
    }
    return _pack(header, {name: _grid(name, values, shape) for name, values in grids.items()})


def pack_values(
    *, first_id: int, numbers: Mapping[str, np.ndarray], said: Mapping[str, str]
) -> bytes:
    """Pack numbers of each digit, to colour the points by; all by the colours' names.

    Parameters
    ----------
    first_id : int
        Digit of row 0; row i is digit ``first_id + i``.
    numbers : mapping to ndarray, shape (n,)
        Of floats, or of bool: whether something is wrong with the digit.
    said : mapping
        One line on how it was computed.
    """
    shapes = {name: np.shape(values) for name, values in numbers.items()}
    n = next(iter(shapes.values()), ())
    if len(set(shapes.values())) != 1 or len(n) != 1 or not n[0]:
        raise ValueError(f"shapes are {shapes}; all must be (n,) with the same n, at least 1.")
    sections = {
        name: values.astype("u1")
        if values.dtype == np.bool_
        else _finite(name, values).astype("<f4")
        for name, values in numbers.items()
    }
    return _pack(_of_digits("values", n[0], first_id, said=dict(said)), sections)


def pack_drift(
    values: np.ndarray, *, first_id: int, name: str, unit: str, title: str, said: str
) -> bytes:
    """Pack how far each digit is elsewhere under another checkpoint, to colour the points by.

    Parameters
    ----------
    values : ndarray, shape (n,)
        One number per digit; row i is digit ``first_id + i``.
    first_id : int
        Digit of row 0.
    name, unit : str
        What is measured and in what, as the lens says it: "displacement", "z units".
    title, said : str
        Title of the legend, and one line on how it was computed.
    """
    drift = _finite("values", values)
    if drift.ndim != 1 or not drift.size:
        raise ValueError(f"values has shape {drift.shape}; it must be (n,) with n at least 1.")
    words = {"name": name, "unit": unit, "title": title, "said": {"drift": said}}
    header = _of_digits("drift", drift.size, first_id, **words)
    return _pack(header, {"drift": drift.astype("<f4")})


def payload_id(payload: bytes) -> str:
    """Name of a payload: 16 hex digits that follow from its content."""
    if payload[: len(MAGIC)] != MAGIC:
        start = bytes(payload[: len(MAGIC)])
        raise ValueError(f"The payload starts with {start!r}; a map payload starts with {MAGIC!r}.")
    try:
        (length,) = struct.unpack_from("<I", payload, len(MAGIC))
        return str(json.loads(payload[8 : 8 + length])["id"])
    except (struct.error, ValueError, KeyError) as err:
        raise ValueError("The payload's header is damaged; pack it again.") from err


def _check_layers(
    weights: Sequence[np.ndarray], biases: Sequence[np.ndarray], *, n_in: int, n_outputs: int
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
    if n_in != n_outputs:
        raise ValueError(f"The last layer has {n_in} outputs; it must have {n_outputs}.")
    return layers


def _of_digits(kind: str, n: int, first_id: int, **more: Any) -> dict[str, Any]:
    """Head a payload of n digits, the first of which is `first_id`."""
    if first_id < 0:
        raise ValueError(f"first_id is {first_id}; it must not be negative.")
    return {"kind": kind, "n": n, "first_id": int(first_id), **more}


def _grid(name: str, values: np.ndarray, shape: tuple[int, ...]) -> NDArray[Any]:
    """One number a cell as float32, or the classes' probabilities as uint8."""
    grid = np.asarray(values)
    allowed = (shape, (N_CLASSES, *shape))
    if len(shape) != 2 or grid.shape not in allowed or not grid.size:
        raise ValueError(
            f"{name} has shape {grid.shape}; it must be (H, W) or ({N_CLASSES}, H, W)."
        )
    return _shares(name, grid) if grid.ndim == 3 else _amounts(name, grid.astype(np.float64))


def _shares(name: str, grid: np.ndarray) -> NDArray[np.uint8]:
    grid = _finite(name, grid)
    if grid.min() < -1e-6 or grid.max() > 1 + 1e-6:
        raise ValueError(
            f"{name} runs from {grid.min():g} to {grid.max():g}; it must lie in 0 to 1."
        )
    return np.rint(grid.clip(0, 1) * 255).astype("u1")


def _amounts(name: str, grid: np.ndarray) -> NDArray[np.float32]:
    """Minus infinity, where a density underflows, becomes the lowest other."""
    is_empty = np.isneginf(grid)
    if is_empty.all():
        raise ValueError(f"{name} is minus infinity everywhere; there is nothing to draw.")
    if is_empty.any():
        grid = np.where(is_empty, grid[~is_empty].min(), grid)
    return _finite(name, grid).astype("<f4")


def _finite(name: str, values: np.ndarray) -> NDArray[np.floating[Any]]:
    """`values` as float64, or as they are if float32, or a ValueError that names them."""
    array = np.asarray(values)
    if array.dtype != np.float32:
        array = array.astype(np.float64)
    n_bad = array.size - int(np.isfinite(array).sum())
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
