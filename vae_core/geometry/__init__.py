"""Lengths, shortest paths and walks in latent space."""
