from typing import Any

import numpy as np
from numpy.typing import NDArray

def orthogonal_procrustes(
    A: NDArray[Any], B: NDArray[Any]
) -> tuple[NDArray[np.float64], float]: ...
