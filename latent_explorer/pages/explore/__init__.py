"""Explore: the map, and what is at a place of it."""
