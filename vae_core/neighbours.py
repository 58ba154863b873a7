"""Where a recipe may start its map: a neighbour embedding of the training images, Gaussianised.

A random start lets the prior pack the classes as they come; a start from codes that already keep
neighbours together, and already follow N(0, I), lets the ELBO keep them so. No labels are used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vae_core.data import ByteArray
from vae_core.errors import VaeCoreError

_PCA_DIMS = 30  # of the pixels, before neighbours are sought
_ROUNDS = 40  # of rotation and marginal Gaussianisation; more change nothing visible


def neighbour_codes(images: ByteArray, *, seed: int) -> NDArray[np.float32]:
    """Codes near N(0, I) in which neighbours among the images stay neighbours.

    UMAP (McInnes, Healy & Melville 2018) of the images' leading principal components, then
    rotation-based iterative Gaussianisation (Laparra, Camps-Valls & Malo, IEEE TNN 2011), each
    round a homeomorphism of the plane.

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
        umap-learn is not installed; only training needs it, never the app.
    """
    try:
        import umap  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError as err:
        raise VaeCoreError(
            "this recipe starts from a neighbour embedding: pip install umap-learn==0.5.12 first"
        ) from err
    from sklearn.decomposition import PCA

    pixels = images.reshape(len(images), -1).astype(np.float32) / 255.0
    components = PCA(_PCA_DIMS, random_state=seed).fit_transform(pixels)
    embedding = umap.UMAP(n_neighbors=15, min_dist=0.3, n_epochs=200, random_state=seed)
    return gaussianise(np.asarray(embedding.fit_transform(components)), seed=seed)


def gaussianise(points: NDArray[Any], *, seed: int) -> NDArray[np.float32]:
    """Move points, shape (N, 2), to follow N(0, I): rotate, Gaussianise each axis by rank, repeat.

    Distinct points with distinct coordinates stay in order along each rotated axis, so the map
    tears nothing apart.
    """
    from scipy.stats import norm

    rng = np.random.default_rng(seed)
    codes = (points - points.mean(0)) / points.std(0)
    quantiles = norm.ppf((np.arange(len(codes)) + 0.5) / len(codes))
    for angle in rng.uniform(0.0, 2.0 * np.pi, _ROUNDS):
        c, s = np.cos(angle), np.sin(angle)
        rotated = codes @ np.array([[c, -s], [s, c]])
        codes = quantiles[rotated.argsort(0).argsort(0)]
    return codes.astype(np.float32)
