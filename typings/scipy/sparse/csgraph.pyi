from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

def dijkstra(
    csgraph: Any, *, directed: bool = True, indices: int, return_predecessors: Literal[True]
) -> tuple[NDArray[np.float64], NDArray[np.int32]]: ...
