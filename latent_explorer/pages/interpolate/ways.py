"""The ways between stops: what each is, and how it is drawn."""

from __future__ import annotations

from typing import Literal, NamedTuple

Way = Literal["straight", "spherical", "image", "fisher-rao", "density"]
Spacing = Literal["z", "image"]
Short = Literal["image", "fisher-rao", "density"]  # what a shortest way is shortest by

MOST_STEPS = 64  # of a walk
# Of a walk's way-points, in order: on a map of digits a number would pass for one.
VIA_NAMES = ("i", "ii", "iii", "iv", "v", "vi")
MOST_VIA = len(VIA_NAMES)


class Kind(NamedTuple):
    """A way in words, and its line on the map."""

    title: str
    name: str  # within a sentence
    about: str
    dashes: tuple[int, ...]  # css px on and off
    short: Short | None = None  # None: a formula, shortest by no measure of its own
    unit: str = ""  # of that measure


WAYS: dict[Way, Kind] = {
    "straight": Kind("Straight", "straight line", "the straight line in z", ()),
    "spherical": Kind(
        "Spherical",
        "spherical arc",
        "an arc about the origin, angle and radius changing evenly",
        (2, 6),
    ),
    "image": Kind(
        "Geodesic",
        "geodesic",
        "shortest for the eye: metric JᵀJ of the decoder's mean",
        (14, 5),
        "image",
        "image units",
    ),
    "fisher-rao": Kind(
        "Fisher–Rao",
        "Fisher–Rao geodesic",
        "shortest in the Fisher–Rao metric of p(x|z)",
        (14, 4, 2, 4),
        "fisher-rao",
        "nats^½",
    ),
    "density": Kind(
        "Density",
        "density-following way",
        "follows the digits: each step counts (q₀/q(z))^(1/D) times, q the aggregate "
        "posterior, q₀ its geometric mean over digits",
        (6, 4),
        "density",
        "weighted z units",
    ),
}
WAY_TITLES = {way: kind.title for way, kind in WAYS.items()}
SPACINGS: dict[Spacing, str] = {"z": "in z", "image": "in the image"}
