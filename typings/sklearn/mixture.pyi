from typing import Any

import numpy as np
from numpy.typing import NDArray

class GaussianMixture:
    def __init__(self, n_components: int = 1, *, random_state: int | None = None) -> None: ...
    def fit_predict(self, X: NDArray[Any]) -> NDArray[np.int64]: ...
