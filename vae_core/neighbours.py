"""Where a recipe may start its map: a neighbour embedding of the training images, whitened.

A random start lets the prior pack the classes as they come; a start from codes that already keep
neighbours together, on the prior's own scale, lets the ELBO keep them so. No labels are used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_core.data import ByteArray
from vae_core.errors import VaeCoreError

_PCA_DIMS = 30  # of the pixels, before neighbours are sought


def neighbour_codes(images: ByteArray, *, seed: int) -> NDArray[np.float32]:
    """Codes of mean 0 and covariance I in which neighbours among the images stay neighbours.

    UMAP (McInnes, Healy & Melville 2018) of the images' leading principal components, whitened.
    Moved on to N(0, I) itself, the codes would lose the gaps between the classes, and the trained
    map a part of its silhouette: the ELBO fills the prior's disc anyway.

    Parameters
    ----------
    images : ByteArray, shape (N, 28, 28)
        Training images, uint8.
    seed : int
        Same seed, same machine: same codes. It makes UMAP run on one core.

    Returns
    -------
    array, shape (N, 2)
        float32.

    Raises
    ------
    VaeCoreError
        umap-learn is not installed; only training needs it, never the app. Or the images are too
        few to have that many principal components.
    """
    if len(images) <= _PCA_DIMS:
        raise VaeCoreError(
            f"this recipe starts from a neighbour embedding, which takes {_PCA_DIMS + 1} training "
            f"images or more, got {len(images)}"
        )
    try:
        import umap  # pyright: ignore[reportMissingModuleSource]
    except ModuleNotFoundError as err:
        raise VaeCoreError(
            "this recipe starts from a neighbour embedding: pip install umap-learn==0.5.12 first"
        ) from err
    from sklearn.decomposition import PCA

    pixels = images.reshape(len(images), -1).astype(np.float32) / 255.0
    components = PCA(_PCA_DIMS, random_state=seed).fit_transform(pixels)
    embedding = umap.UMAP(n_neighbors=15, min_dist=0.3, n_epochs=200, random_state=seed)
    return whitened(embedding.fit_transform(components))


def whitened(points: NDArray[Any]) -> NDArray[np.float32]:
    """Points, shape (N, 2), moved to mean 0 and covariance I by an affine map."""
    centred = points.astype(np.float64) - points.mean(0)
    variances, axes = np.linalg.eigh(np.cov(centred.T))
    return (centred @ axes / np.sqrt(variances)).astype(np.float32)
