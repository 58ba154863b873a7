from typing import Any

import numpy as np
from numpy.typing import NDArray

class PCA:
    def __init__(
        self, n_components: int | None = None, *, random_state: int | None = None
    ) -> None: ...
    def fit_transform(self, X: NDArray[Any]) -> NDArray[np.floating]: ...
