from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier

class StratifiedKFold:
    def __init__(
        self, n_splits: int = 5, *, shuffle: bool = False, random_state: int | None = None
    ) -> None: ...

def cross_val_predict(
    estimator: KNeighborsClassifier, X: NDArray[Any], y: NDArray[Any], *, cv: StratifiedKFold
) -> NDArray[Any]: ...
def cross_val_score(
    estimator: KNeighborsClassifier, X: NDArray[Any], y: NDArray[Any], *, cv: StratifiedKFold
) -> NDArray[np.float64]: ...
