"""What a link's parameters can hold: names, numbers, views, places; read, refused, written."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from latent_explorer.components.latent_map.values import MapView
from latent_explorer.data.latents import BadLatentError, parse_latent
from latent_explorer.vocabulary import COLOURS, LAYERS
from vae_core.data import N_TEST, N_TRAIN

_Name = TypeVar("_Name", bound=str)


class BadLinkError(ValueError):
    """A link holds what the app cannot restore; the message says what and what is allowed."""


def bad(name: str, value: str, allowed: str) -> BadLinkError:
    """Make the error of a parameter: what it is, and what it must be."""
    short = value if len(value) <= 60 else f"{value[:60]}…"
    return BadLinkError(
        f"The link could not be restored, here is the default view: {name} is “{short}”, "
        f"it must be {allowed}."
    )


class Target(NamedTuple):
    """A place of latent space by its digit or its z; one of the two is None."""

    id: int | None
    z: tuple[float, ...] | None


class Reader:
    """The parameters of an address, each read as what it must be; None where there is none.

    Every method raises `BadLinkError` for a value that cannot be restored.

    Parameters
    ----------
    params : mapping
        Names to values.
    checkpoints : collection of str
        Names of those that there are.
    latent_dim : callable
        Gives the latent dimensions of the link's checkpoint.
    """

    def __init__(
        self, params: Mapping[str, str], checkpoints: Collection[str], latent_dim: Callable[[], int]
    ) -> None:
        self.params = params
        self.checkpoints = checkpoints
        self.latent_dim = latent_dim

    def text(self, name: str) -> str | None:
        """Read anything."""
        return self.params.get(name)

    def one_of(self, name: str, allowed: Collection[_Name]) -> _Name | None:
        """Read one of some names."""
        value = self.params.get(name)
        if value is not None and value not in allowed:
            raise bad(name, value, f"one of {', '.join(allowed)}")
        return next((known for known in allowed if known == value), None)

    def some_of(
        self, name: str, allowed: Collection[_Name], said: str, most: int | None = None
    ) -> tuple[_Name, ...]:
        """Read names with commas between them; `said` is what is allowed, in words."""
        found: list[_Name] = []
        for part in filter(None, self.params.get(name, "").split(",")):
            if part not in allowed:
                raise bad(name, part, said)
            found += [known for known in allowed if known == part]
        if most is not None and len(found) > most:
            raise bad(name, self.params[name], said)
        return tuple(found)

    def whole(self, name: str, first: int, last: int) -> int | None:
        """Read a whole number."""
        value = self.params.get(name)
        if value is not None and value not in map(str, range(first, last + 1)):
            raise bad(name, value, f"a whole number from {first} to {last}")
        return None if value is None else int(value)

    def number(self, name: str) -> float | None:
        """Read a number."""
        value = self.params.get(name)
        return None if value is None else _numbers(name, value, 1, "a number")[0]

    def map_view(self, side: str = "") -> MapView:
        """Read how a map looks; of maps side by side, the one with this name."""
        colour = self.one_of(f"colour{side}", COLOURS)
        return MapView(
            self._view(f"view{side}"), self._layers(f"layers{side}"), colour or MapView().colour
        )

    def _view(self, name: str) -> tuple[float, float, float, float] | None:
        text = self.params.get(name)
        if text is None:
            return None
        allowed = "x0,x1,y0,y1 with x0 below x1 and y0 below y1"
        x0, x1, y0, y1 = _numbers(name, text, 4, allowed)
        if not (x0 < x1 and y0 < y1):
            raise bad(name, text, allowed)
        return x0, x1, y0, y1

    def _layers(self, name: str) -> tuple[str, ...] | None:
        text = self.params.get(name)
        if text is None:
            return None
        layers = () if text == "none" else tuple(text.split(","))
        if unknown := [layer for layer in layers if layer not in LAYERS]:
            raise bad(name, unknown[0], f"none, or some of {', '.join(LAYERS)}")
        return layers

    def target(self, prefix: str = "") -> Target | None:
        """Read a place, as `pin_params` writes it."""
        if (text := self.params.get(f"{prefix}id")) is not None:
            return self._digit(f"{prefix}id", text)
        if (text := self.params.get(f"{prefix}z")) is not None:
            return self._latent(f"{prefix}z", text)
        return None

    def targets(self, name: str, most: int) -> tuple[Target, ...]:
        """Read places, as `write_targets` writes them."""
        found = tuple(
            self._digit(f"{name}_id", part[1:])
            if part.startswith("#")
            else self._latent(f"{name}_z", part)
            for part in self.params.get(name, "").split(";")
            if part
        )
        if len(found) > most:
            raise bad(name, self.params[name], f"at most {most} places")
        return found

    def _digit(self, name: str, text: str) -> Target:
        digit = int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else -1
        if not 0 <= digit < N_TRAIN + N_TEST:
            raise bad(name, text, f"a whole number from 0 to {N_TRAIN + N_TEST - 1:,}")
        return Target(digit, None)

    def _latent(self, name: str, text: str) -> Target:
        n = self.latent_dim()
        try:
            return Target(None, parse_latent(text, n))
        except BadLatentError as err:
            allowed = f"{n} number{'s' if n > 1 else ''} between −1,000,000 and 1,000,000"
            raise bad(name, text, allowed) from err


def _numbers(name: str, text: str, n: int, allowed: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError as err:
        raise bad(name, text, allowed) from err
    if len(values) != n or not all(math.isfinite(v) and abs(v) < 1e6 for v in values):
        raise bad(name, text, allowed)
    return values


def pin_params(digit: int | None, z: Sequence[float], prefix: str = "") -> dict[str, str]:
    """Write a place of latent space for a link."""
    if digit is not None:
        return {f"{prefix}id": str(digit)}
    # the shortest digits that are read back as the same float32
    return {f"{prefix}z": ",".join(str(np.float32(value)) for value in z)}


def write_targets(targets: Sequence[Target]) -> str:
    """Write places so that some of them fit into one value."""
    return ";".join(
        f"#{each.id}" if each.id is not None else _short(each.z or ()) for each in targets
    )


def _short(z: Sequence[float]) -> str:
    return ",".join(f"{value:.7g}" if len(z) <= 3 else f"{value:.4g}" for value in z)
