from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

def label(
    input: NDArray[Any], structure: ArrayLike | None = None
) -> tuple[NDArray[np.int32], int]: ...
def zoom(
    input: NDArray[Any],
    zoom: float | tuple[float, ...],
    *,
    order: int = 3,
    mode: str = "constant",
    grid_mode: bool = False,
) -> NDArray[Any]: ...
