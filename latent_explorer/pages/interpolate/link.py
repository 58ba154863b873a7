"""What a link says of a walk."""

from __future__ import annotations

from typing import NamedTuple

from latent_explorer.links.codec import Reader, Target, pin_params, write_targets
from latent_explorer.pages.interpolate.ways import (
    MOST_STEPS,
    MOST_VIA,
    SPACINGS,
    WAYS,
    Spacing,
    Way,
)


class WalkLink(NamedTuple):
    """A walk's ends, way-points, ways and steps; None, or empty, where it says nothing."""

    ends: tuple[Target | None, Target | None] = (None, None)  # A and B
    ways: tuple[Way, ...] = ()  # on the map
    way: Way | None = None  # of the strip
    steps: int | None = None
    spacing: Spacing | None = None
    loop: bool = False
    via: tuple[Target, ...] = ()  # way-points, in order

    @classmethod
    def read(cls, params: Reader) -> WalkLink:
        """Read it."""
        ways = params.some_of("ways", WAYS, f"some of {', '.join(WAYS)}")
        return cls(
            ends=(params.target("a_"), params.target("b_")),
            ways=tuple(known for known in WAYS if known in ways),
            way=params.one_of("way", WAYS),
            steps=params.whole("steps", 2, MOST_STEPS),
            spacing=params.one_of("spacing", SPACINGS),
            loop=params.one_of("loop", ("0", "1")) == "1",
            via=params.targets("via", MOST_VIA),
        )

    def params(self) -> dict[str, str]:
        """Write it."""
        written = {
            "ways": ",".join(self.ways),
            "way": self.way,
            "steps": None if self.steps is None else str(self.steps),
            "spacing": self.spacing,
            "via": write_targets(self.via),
            "loop": "1" if self.loop else None,
        }
        for prefix, end in zip(("a_", "b_"), self.ends, strict=True):
            if end is not None:
                written |= pin_params(end.id, end.z or (), prefix)
        return {name: text for name, text in written.items() if text}
