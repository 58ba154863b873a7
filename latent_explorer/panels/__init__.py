"""Panels that several pages show: each stands on the session and the components."""
