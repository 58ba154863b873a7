from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

class KMeans:
    def __init__(
        self,
        n_clusters: int = 8,
        *,
        n_init: Literal["auto"] | int = "auto",
        random_state: int | None = None,
    ) -> None: ...
    def fit_predict(self, X: NDArray[Any]) -> NDArray[np.int32]: ...
