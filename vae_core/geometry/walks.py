"""What lies along a walk through latent space: priors, digits nearby, how the picture changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import KDTree

from vae_core.models import VAE

Floats = NDArray[np.floating[Any]]

N_CLASSES = 10

_WITHIN = 0.99  # share of held-out digits that the region with data holds


class Codes:
    """Labelled codes to be near to, and how near digits are that were held out.

    Parameters
    ----------
    codes, labels : array, shapes (N, D) and (N,)
    held_out : array, shape (M, D)
        Codes of other digits.

    Attributes
    ----------
    reach : float
        Distance, z units, within which 99 % of the held-out digits have a code: what is farther
        from all of them is outside the region with data.
    """

    def __init__(self, codes: Floats, labels: NDArray[np.integer], held_out: Floats) -> None:
        self.codes = codes
        self.labels = labels
        self._tree: Any = KDTree(codes)
        self.reach = float(np.quantile(self._tree.query(held_out)[0], _WITHIN))

    def nearest(self, z: Floats) -> NDArray[np.float64]:
        """Distances to the nearest code, (T, D) to (T,), z units."""
        return self._tree.query(z)[0]

    def shares(self, z: Floats, k: int) -> NDArray[np.float64]:
        """Shares of the classes among the k nearest codes, (T, D) to (T, 10)."""
        _, near = self._tree.query(z, list(range(1, k + 1)))
        return np.stack([np.bincount(row, minlength=N_CLASSES) / k for row in self.labels[near]])


def log_prior(model: VAE, z: Floats) -> Floats:
    """log p(z) at places of latent space, (T, D) to (T,); nats per z unit^D."""
    with torch.no_grad():
        return model.prior.log_pz(torch.as_tensor(z, dtype=torch.float32)).numpy()


def changes(images: Floats) -> NDArray[np.float64]:
    """How far each picture is from the last, (T, F) to (T,), image units; 0 for the first."""
    found = np.zeros(len(images))
    found[1:] = np.linalg.norm(np.diff(images.astype(np.float64), axis=0), axis=1)
    return found
