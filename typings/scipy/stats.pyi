from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

class ConfidenceInterval(NamedTuple):
    low: NDArray[np.float64]
    high: NDArray[np.float64]

class BootstrapResult:
    confidence_interval: ConfidenceInterval

def bootstrap(
    data: Sequence[NDArray[Any]],
    statistic: Callable[..., Any],
    *,
    n_resamples: int = 9999,
    batch: int | None = None,
    axis: int = 0,
    confidence_level: float = 0.95,
    method: str = "BCa",
    rng: np.random.Generator | None = None,
) -> BootstrapResult: ...
