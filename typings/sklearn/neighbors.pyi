from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

class KNeighborsClassifier:
    def __init__(self, n_neighbors: int = 5) -> None: ...

class NearestNeighbors:
    def __init__(
        self, *, n_neighbors: int = 5, algorithm: str = "auto", n_jobs: int | None = None
    ) -> None: ...
    def fit(self, X: NDArray[Any]) -> Self: ...
    def kneighbors(self, *, return_distance: Literal[False]) -> NDArray[np.int64]: ...
