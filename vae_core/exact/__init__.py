"""Exact log p(x) and p(z|x) by an adaptive lattice, for one or two latent dimensions."""
