"""Functions of torch that have no types there, each with its type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

# A function taken from Any may be declared; one of unknown type would stay unknown.
_linalg, _special = cast("Any", torch.linalg), cast("Any", torch.special)
_methods = cast("Any", Tensor)

cholesky: Callable[[Tensor], Tensor] = _linalg.cholesky
eigvalsh: Callable[[Tensor], Tensor] = _linalg.eigvalsh
norm: Callable[..., Tensor] = _linalg.vector_norm  # what Tensor.norm calls
log_ndtr: Callable[[Tensor], Tensor] = _special.log_ndtr
ndtri: Callable[[Tensor], Tensor] = _special.ndtri
to_list: Callable[[Tensor], list[Any]] = _methods.tolist
unique: Callable[..., Any] = _methods.unique
