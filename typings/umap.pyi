from typing import Any

import numpy as np
from numpy.typing import NDArray

class UMAP:
    def __init__(
        self, *, n_neighbors: int, min_dist: float, n_epochs: int, random_state: int
    ) -> None: ...
    def fit_transform(self, X: NDArray[Any]) -> NDArray[np.float32]: ...
