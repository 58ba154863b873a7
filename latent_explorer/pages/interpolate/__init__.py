"""Walks through latent space: stops, ways between them, what lies along them, files of them."""
