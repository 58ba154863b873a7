"""A walk as files: a picture of its strip, an animation, its numbers."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latent_explorer.data.neighbours import N_VOTERS
from latent_explorer.pages.interpolate.neighbourhood import Neighbourhood
from latent_explorer.vocabulary import PALETTE
from vae_core.checkpoints import CheckpointRef

N_FRAMES = 64  # of an animation
SECONDS = 4.0  # that it lasts
SCALE = 8  # screen px per pixel of a digit
_STRIP_SCALE = 4
_GAP = 8  # px between the strip's pictures
_PER_ROW = 16
_SIDE = 28

Floats = NDArray[np.floating[Any]]


def strip_png(images: Floats, near: Neighbourhood) -> bytes:
    """Draw the strip, ink on paper, with a bar in the class's colour under each step."""
    from PIL import Image, ImageColor

    side = _SIDE * _STRIP_SCALE
    columns = min(len(images), _PER_ROW)
    n_rows = -(-len(images) // columns)
    pitch, height = side + _GAP, side + 2 * _GAP
    sheet = np.full((n_rows * height + _GAP, columns * pitch + _GAP, 3), 255, np.uint8)
    for i, image in enumerate(_paper(images)):
        top, left = i // columns * height + _GAP, i % columns * pitch + _GAP
        big = image.repeat(_STRIP_SCALE, 0).repeat(_STRIP_SCALE, 1)
        sheet[top : top + side, left : left + side] = big[..., None]
        color = ImageColor.getrgb(PALETTE["light"][near.classes[i]])
        sheet[top + side + 2 : top + side + 6, left : left + side] = color
    return _saved(Image.fromarray(sheet), "PNG")


def animation_gif(images: Floats, *, is_loop: bool) -> bytes:
    """Animate pictures of shape (T, 784), ink on paper; what does not loop comes back."""
    from PIL import Image

    pages = _paper(images)
    frames = [Image.fromarray(page.repeat(SCALE, 0).repeat(SCALE, 1)) for page in pages]
    order = frames if is_loop else [*frames, *frames[-2:0:-1]]
    return _saved(
        order[0],
        "GIF",
        save_all=True,
        append_images=order[1:],
        duration=round(1000 * SECONDS / N_FRAMES / 10) * 10,  # a GIF counts in 10 ms
        loop=0,
        optimize=False,
    )


def _paper(images: Floats) -> NDArray[np.uint8]:
    levels = np.rint(255 * (1 - images.clip(0, 1))).astype(np.uint8)
    return levels.reshape(-1, _SIDE, _SIDE)


def _saved(image: Any, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format=kind, **options)
    return file.getvalue()


def about(ref: CheckpointRef, way: str, spacing: str) -> list[str]:
    """Say what the numbers are."""
    return [
        f"A walk under the checkpoint {ref.name} (SHA-256 {ref.sha256}), way: {way}; steps even in "
        f"{spacing}.",
        "step: from 0 at A; z: the step's latent, z units; nearest: distance to the nearest "
        "training digit's code, z units;",
        f"class, share: most voted for by the {N_VOTERS} nearest training digits, and its "
        "share; outside: whether nearest is above "
        "what 99 % of the test digits keep to.",
        "pixel: ink from 0 (paper) to 1, row by row; the mean of p(x|z).",
    ]


def walk_npz(z: Floats, images: Floats, near: Neighbourhood, said: list[str]) -> bytes:
    """Write z, images and the digits nearby as NPZ; the entry README says what they are."""
    file = io.BytesIO()
    np.savez_compressed(
        file,
        README=np.array("\n".join(said)),
        z=z,
        images=images.astype(np.float32).reshape(-1, _SIDE, _SIDE),
        nearest=near.nearest,
        shares=near.shares,
        outside=near.outside,
    )
    return file.getvalue()


def walk_csv(z: Floats, images: Floats, near: Neighbourhood, said: list[str]) -> bytes:
    """Write the same as CSV, UTF-8; lines that start with # say what the columns are."""
    names = [
        "step",
        *(f"z{d + 1}" for d in range(z.shape[1])),
        *("nearest", "class", "share", "outside"),
        *(f"pixel{i}" for i in range(images.shape[1])),
    ]
    lines = [*(f"# {line}" for line in said), ",".join(names)]
    for i in range(len(z)):
        row = [
            str(i),
            *(repr(float(value)) for value in z[i]),
            f"{near.nearest[i]:.6g}",
            str(near.classes[i]),
            f"{near.shares[i].max():.2f}",
            str(int(near.outside[i])),
            *(f"{value:.4f}" for value in images[i]),
        ]
        lines.append(",".join(row))
    return ("\n".join(lines) + "\n").encode()
