"""Encoders of the same digits, compared: maps, neighbourhoods, clusters, and what moved.

Codes are arrays of shape (N, D), row i of each for the same digit, in z units. Shapes that do not
match, values that are not finite and counts out of range raise ValueError throughout.
"""
