from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

class OptimizeResult:
    x: NDArray[np.float64]
    fun: float
    nit: int
    success: bool
    message: str

def linear_sum_assignment(
    cost_matrix: NDArray[Any], maximize: bool = False
) -> tuple[NDArray[np.intp], NDArray[np.intp]]: ...
def minimize(
    fun: Callable[..., Any],
    x0: NDArray[Any],
    *,
    method: str | None = None,
    jac: bool | None = None,
    bounds: Any = None,
    options: Mapping[str, Any] | None = None,
) -> OptimizeResult: ...
