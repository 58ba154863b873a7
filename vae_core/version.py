"""The version of the packages `vae_core` and `latent_explorer`, which are one distribution."""

__version__ = "0.2.0"
