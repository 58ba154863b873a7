"""log p(x) of a VAE: exact by a lattice when D ≤ 2, and the usual estimators beside it."""

from vae_core.estimators import elbo, log_px_iwae, log_px_naive
from vae_core.exact.evidence import log_px_exact

__all__ = ["elbo", "log_px_exact", "log_px_iwae", "log_px_naive"]
