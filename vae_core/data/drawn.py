"""Drawings and pictures of digits, made alike to MNIST's.

MNIST's digits were "size normalized to fit in a 20x20 pixel box while preserving their aspect
ratio", grey "as a result of the anti-aliasing", and "centered in a 28x28 image by computing the
center of mass of the pixels" (LeCun, Cortes & Burges, the MNIST page). Ink is 1, paper is 0.
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vae_core.data import ByteArray
from vae_core.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

Ink = NDArray[np.floating[Any]]

SIDE = 28
BOX = 20
MAX_BYTES = 5 * 1024 * 1024
MAX_SIDE = 4096
ALLOWED = "allowed are PNG and JPEG pictures up to 5 MB and 4,096 pixels a side"

_CENTER = 14  # of MNIST's centres of mass, rounded, counting pixels from 0
_FAINT = 0.15  # ink below it, relative to the darkest, does not widen the box: blurred edges
_NO_INK = 1e-3  # a drawing whose darkest ink is below it is blank
_WORK_SIDE = 512  # a larger picture is averaged down to it first
_BORDER = 0.06  # of the shorter side: the ring by which paper is told from ink
_ROUNDS = 6  # of fitting the paper's brightness, each without what the last took for ink
_PAPER_SPREADS = 3.0  # residual, in robust standard deviations, above which a pixel is no paper
_LEAST_CONTRAST = 0.08  # between ink and paper: of the paper's brightness, or of white
_DARKEST_PAPER = 0.05  # brightness by which dark ink's is divided at least
_SPECK = 0.01  # share of all ink below which a separate piece is a speck of dirt
_CARD = 0.75  # opaque share of a cut-out's outer ring that makes it a sheet of paper
_OPAQUE = 0.5
_MAGIC = (  # what other files begin with
    (b"GIF8", "a GIF"),
    (b"%PDF", "a PDF"),
    (b"BM", "a BMP"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"<svg", "an SVG"),
    (b"<?xml", "an SVG or XML file"),
    (b"PK\x03\x04", "a ZIP archive"),
)
_BOX_KINDS = {b"heic": "a HEIC", b"heix": "a HEIC", b"mif1": "a HEIC", b"avif": "an AVIF"}


def normalise_drawing(ink: Ink) -> ByteArray:
    """Bring a drawing into MNIST's form: box of 20 × 20, centre of mass at the centre.

    Parameters
    ----------
    ink : array, shape (H, W)
        In [0, 1]: 0 is paper, 1 is ink.

    Returns
    -------
    ByteArray, shape (28, 28)
        uint8; the longer side of its ink is 20 pixels and its darkest ink 255.

    Raises
    ------
    DataError
        Nothing is drawn.
    ValueError
        `ink` has another shape, or values outside [0, 1].
    """
    if ink.ndim != 2 or ink.size == 0:
        raise ValueError(f"ink must have shape (H, W), got {ink.shape}")
    darkest = float(ink.max())
    if not (ink.min() >= 0 and darkest <= 1):  # also true of NaN
        raise ValueError(f"ink must lie in [0, 1], got values from {ink.min()} to {darkest}")
    if darkest < _NO_INK:
        raise DataError("Nothing is drawn yet: draw one digit, as large as you like.")
    is_ink = ink > _FAINT * darkest
    rows, columns = (np.flatnonzero(is_ink.any(axis)) for axis in (1, 0))
    crop = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float64)
    longer = max(crop.shape)
    height, width = (max(1, round(BOX * side / longer)) for side in crop.shape)
    small = _averages(crop.shape[0], height) @ crop @ _averages(crop.shape[1], width).T
    small /= small.max()
    picture = np.zeros((SIDE, SIDE))
    top, left = _corner(small)
    picture[top : top + height, left : left + width] = small
    return np.rint(picture * 255.0).astype(np.uint8)


def _averages(n_in: int, n_out: int) -> NDArray[np.float64]:
    """Matrix (n_out, n_in) that averages over equal stretches, cutting pixels where need be."""
    edges = np.arange(n_out + 1) * (n_in / n_out)
    start, end = edges[:-1, None], edges[1:, None]
    pixel = np.arange(n_in)
    overlap = np.minimum(end, pixel + 1) - np.maximum(start, pixel)
    return overlap.clip(0.0) * (n_out / n_in)


def _corner(small: NDArray[np.float64]) -> tuple[int, int]:
    """Where the box goes in the picture: its centre of mass in the middle, but all of it inside."""
    corner: list[int] = []
    for axis in (0, 1):
        mass = small.sum(1 - axis)
        middle = float(mass @ np.arange(len(mass)) / mass.sum())
        # MNIST's centres lie in [13.5, 14.5).
        first = math.ceil(_CENTER - 0.5 - middle)
        corner.append(min(max(first, 0), SIDE - len(mass)))
    return corner[0], corner[1]


def read_picture(data: bytes) -> NDArray[np.float32]:
    """Read a picture of one digit, dark on light or light on dark, drawn, printed or photographed.

    What is at the border is paper: its brightness, which may vary smoothly over the picture, is
    taken off, and what differs from it is ink.

    Parameters
    ----------
    data : bytes
        A PNG or JPEG file. A transparent place is paper; a photograph is turned as its EXIF says.

    Returns
    -------
    array, shape (H, W)
        Ink in [0, 1], float32; no side longer than 512.

    Raises
    ------
    DataError
        The file is too large, no PNG or JPEG, damaged, or shows nothing; one sentence.
    """
    if len(data) > MAX_BYTES:
        raise DataError(f"The file has {len(data) / 1024**2:.1f} MB; {ALLOWED}.")
    light = _brightness(_open(data))
    ink, spread = _off_paper(light)
    depth = _depth(ink)
    if depth < max(_LEAST_CONTRAST, 2.0 * _PAPER_SPREADS * spread):
        raise DataError("The picture shows only its background: use one with a digit on it.")
    noise = _PAPER_SPREADS * spread
    ink = ((ink - noise) / (depth - noise)).clip(0.0, 1.0)
    return _without_specks(ink).astype(np.float32)


def _open(data: bytes) -> Image:
    """Decode a PNG or JPEG of an allowed size, upright."""
    # Pillow's own `open` also warns of large pictures, which are refused here by their size.
    from PIL import ImageOps
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile

    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        name, reader = "PNG", PngImageFile
    elif data.startswith(b"\xff\xd8\xff"):
        name, reader = "JPEG", JpegImageFile
    else:
        raise DataError(f"The file is {_kind(data)}; {ALLOWED}.")
    try:
        image = reader(io.BytesIO(data))
        if max(image.size) > MAX_SIDE:
            raise DataError(
                f"The picture has {image.size[0]:,} × {image.size[1]:,} pixels; {ALLOWED}."
            )
        image.load()
        return ImageOps.exif_transpose(image)
    except _DAMAGE as err:
        raise DataError(f"The {name} file is damaged or cut short; save it again.") from err


# What Pillow raises for damaged files.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    OverflowError,
    struct.error,
    zlib.error,
)


def _kind(data: bytes) -> str:
    """Name what a file is that is neither PNG nor JPEG."""
    if not data:
        return "empty"
    head = data.lstrip()
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "a WebP"
    if data[4:8] == b"ftyp":
        return _BOX_KINDS.get(data[8:12], "a film")
    return "no picture that can be read here"


def _brightness(image: Image) -> NDArray[np.float64]:
    """From black 0 to white 1, shape (H, W), transparent places filled with paper."""
    shrink = max(1, -(-max(image.size) // _WORK_SIDE))
    if image.mode in ("I;16", "I;16B", "I;16L", "I"):
        light = np.asarray(image, np.float64) / 65535.0
        return _averaged(light, shrink)
    if "A" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        alpha = np.asarray(rgba.getchannel("A"), np.float64) / 255.0
        light = np.asarray(rgba.convert("L"), np.float64) / 255.0
        return _averaged(_on_paper(light, alpha), shrink)
    return _averaged(np.asarray(image.convert("L"), np.float64) / 255.0, shrink)


def _averaged(light: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """Average over squares of `factor` pixels a side, and over what is left at the far edges."""
    if factor == 1:
        return light
    height, width = (math.ceil(side / factor) for side in light.shape)
    padding = [(0, n * factor - side) for n, side in zip((height, width), light.shape, strict=True)]
    padded = np.pad(light, padding, mode="edge")
    return padded.reshape(height, factor, width, factor).mean((1, 3))


def _on_paper(light: NDArray[np.float64], alpha: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lay a cut-out on paper: a cut-out sheet on more of its own, strokes on the opposite."""
    is_opaque = alpha > _OPAQUE
    if not is_opaque.any():
        raise DataError("The picture is transparent all over: use one with a digit on it.")
    rows, columns = (np.flatnonzero(is_opaque.any(axis)) for axis in (1, 0))
    inside = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    ring = _ring(is_opaque[inside].shape)
    if is_opaque[inside][ring].mean() >= _CARD:
        sheet = light[inside]
        paper = float(np.median(sheet[ring & is_opaque[inside]]))
        return sheet * alpha[inside] + paper * (1.0 - alpha[inside])
    paper = 1.0 if np.average(light, weights=alpha) < 0.5 else 0.0
    return light * alpha + paper * (1.0 - alpha)


def _ring(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Mark the outer ring of a picture."""
    width = max(1, round(_BORDER * min(shape)))
    ring = np.ones(shape, bool)
    ring[width:-width, width:-width] = False
    return ring


def _off_paper(light: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Take off the paper: what differs from it, ink above 0, and the paper's own spread.

    The paper's brightness is a quadratic function of the place, fitted first to the border and
    then, round by round, to all that does not differ from the last fit.
    """
    height, width = light.shape
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1)
    is_paper = _ring(light.shape)
    # The digit may touch the border: most of it is paper all the same.
    paper = np.full_like(light, np.median(light[is_paper]))
    is_near = is_paper
    for n_terms in (1, 3, *[6] * _ROUNDS):
        off = light - paper
        is_near = is_paper & (np.abs(off) <= _PAPER_SPREADS * _spread(off[is_near]) + 1e-9)
        if is_near.sum() < 6 * n_terms:
            break
        fit, *_ = np.linalg.lstsq(terms[is_near][:, :n_terms], light[is_near], rcond=None)
        paper = terms[..., :n_terms] @ fit
        if n_terms == 6:
            is_paper = np.ones_like(is_paper)
    off = light - paper
    if not _is_light_on_dark(off, _spread(off[is_near])):
        off = -off / np.maximum(paper, _DARKEST_PAPER)  # the light on both may differ: a share
    return off, _spread(off[is_near])


def _spread(off: NDArray[np.float64]) -> float:
    """Robust standard deviation about 0."""
    return 1.4826 * float(np.median(np.abs(off)))


def _is_light_on_dark(off: NDArray[np.float64], spread: float) -> bool:
    """Whether more differs from the paper towards white than towards black."""
    beyond = off[np.abs(off) > _PAPER_SPREADS * spread]
    return float((beyond * np.abs(beyond)).sum()) > 0


def _depth(ink: NDArray[np.float64]) -> float:
    """How far ink differs from paper: the level that the darkest of the ink reach."""
    strong = ink[ink > 0.5 * ink.max()]
    return float(np.quantile(strong, 0.75)) if len(strong) else 0.0


def _without_specks(ink: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rub out pieces, not connected to others, that hold next to no ink."""
    from scipy.ndimage import label

    labelled: Any = label(ink > 0, np.ones((3, 3)))
    pieces, n_pieces = labelled
    mass = np.bincount(pieces.ravel(), ink.ravel(), n_pieces + 1)
    is_speck = mass < _SPECK * mass.sum()
    return np.where(is_speck[pieces], 0.0, ink)
