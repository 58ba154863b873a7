"""What a link says of the Compare page."""

from __future__ import annotations

from typing import NamedTuple

from latent_explorer.components.latent_map.values import MapView
from latent_explorer.links.codec import Reader
from latent_explorer.pages.compare.choices import (
    ALIGNMENTS,
    FEWEST_NEIGHBOURS,
    LOOKS,
    MEASURES,
    METHODS,
    MOST_NEIGHBOURS,
    MOST_OTHERS,
    SECTIONS,
    SIDES,
    TRAILS,
    VIEWS,
    Alignment,
    MeasureName,
    Method,
)


class CompareLink(NamedTuple):
    """What is compared, and how, besides the first checkpoint; None where it says nothing."""

    others: tuple[str, ...] = ()  # checkpoints compared with
    section: str | None = None
    aligned: Alignment | None = None  # on what the maps are aligned
    views: str | None = None
    maps: tuple[MapView, ...] = (MapView(),) * len(SIDES)
    measure: MeasureName | None = None  # of drift
    k: int | None = None  # neighbours
    against: str | None = None  # the one of the others that is set against the first
    threshold: float | None = None  # of drift
    shown: str | None = None  # the checkpoint on whose map drift is shown
    at: float | None = None  # where the slider of a morph or a training is
    trails: str | None = None  # which digits of a morph draw their way
    look: str | None = None  # of a training
    method: Method | None = None  # of clusters
    folder: str | None = None  # of snapshots; it may be gone

    @classmethod
    def read(cls, params: Reader) -> CompareLink:
        """Read it."""
        allowed = f"one to {MOST_OTHERS} of {', '.join(params.checkpoints)}"
        others = params.some_of("other", params.checkpoints, allowed, MOST_OTHERS)
        return cls(
            others=others,
            section=params.one_of("section", SECTIONS),
            aligned=params.one_of("aligned", ALIGNMENTS),
            views=params.one_of("views", VIEWS),
            maps=tuple(params.map_view(side) for side in SIDES),
            measure=params.one_of("measure", MEASURES),
            k=params.whole("k", FEWEST_NEIGHBOURS, MOST_NEIGHBOURS),
            against=params.one_of("against", others),
            threshold=params.number("threshold"),
            shown=params.one_of("shown", params.checkpoints),
            at=params.number("at"),
            trails=params.one_of("trails", TRAILS),
            look=params.one_of("look", LOOKS),
            method=params.one_of("method", METHODS),
            folder=params.text("folder"),
        )

    def params(self) -> dict[str, str]:
        """Write it, but for what the maps write themselves."""
        said = self._asdict() | {"other": ",".join(self.others) or None}
        return {
            name: f"{value:.6g}" if isinstance(value, float) else str(value)
            for name, value in said.items()
            if value is not None and name not in ("others", "maps")
        }
