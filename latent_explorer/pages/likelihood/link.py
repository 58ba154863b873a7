"""What a link says of the Likelihood page."""

from __future__ import annotations

from typing import NamedTuple

from latent_explorer.links.codec import Reader
from latent_explorer.pages.likelihood.chapters import CHAPTERS


class LikelihoodLink(NamedTuple):
    """Which chapter is open."""

    chapter: int | None = None

    @classmethod
    def read(cls, params: Reader) -> LikelihoodLink:
        """Read it."""
        chapter = params.one_of("chapter", [str(number) for number in CHAPTERS])
        return cls(None if chapter is None else int(chapter))

    def params(self) -> dict[str, str]:
        """Write it."""
        return {} if self.chapter is None else {"chapter": str(self.chapter)}
