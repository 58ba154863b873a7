"""Images as networks and likelihoods take them, made from what people have."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vae_core.config import N_PIXELS

Images = Tensor | NDArray[Any]

_SHAPES = ((N_PIXELS,), (28, 28), (1, 28, 28))  # of one image
_ROUNDING = 1e-6  # beyond [0, 1] that resizing and averaging leave


def as_pixels(x: Images, like: Tensor) -> Tensor:
    """Rows of pixels in [0, 1], of images in any usual form.

    Parameters
    ----------
    x : Tensor or array, shape (B, 784), (B, 28, 28) or (B, 1, 28, 28)
        uint8 from 0 to 255, bool, or floats from 0 to 1.
    like : Tensor
        Of the type and on the device that the pixels should have.

    Returns
    -------
    Tensor, shape (B, 784)
        `x` itself if it is such a tensor already.

    Raises
    ------
    ValueError
        Another shape, another type, or numbers out of range.
    """
    if isinstance(x, np.ndarray):
        x = torch.as_tensor(x if x.flags.writeable else x.copy())
    shape = tuple(x.shape)
    if shape[1:] not in _SHAPES:
        hint = "; a single image is a batch of one, x[None]" if shape in _SHAPES else ""
        raise ValueError(f"x must have shape (B, {N_PIXELS}) or (B, 28, 28), got {shape}{hint}")
    if x.dtype == torch.uint8:
        return x.reshape(len(x), N_PIXELS).to(like) / 255.0
    if x.dtype != torch.bool and not x.is_floating_point():
        kind = str(x.dtype).removeprefix("torch.")
        raise ValueError(f"x must be uint8 from 0 to 255 or floats from 0 to 1, got {kind}")
    x = x.reshape(len(x), N_PIXELS).to(like)
    if len(x):
        _check_range(x)
    return x


def _check_range(x: Tensor) -> None:
    low, high = (float(end) for end in x.detach().aminmax())
    if low >= -_ROUNDING and high <= 1 + _ROUNDING:  # neither is true of NaN
        return
    hint = ""
    if low >= 0 and 1 < high <= 255:
        hint = "; grey values from 0 to 255 are divided by 255, or given as uint8"
    elif low < 0 and high <= 1:
        hint = "; undo a normalisation to mean 0, or to [-1, 1]"
    raise ValueError(f"x must lie in [0, 1], got values from {low:.3g} to {high:.3g}{hint}")
