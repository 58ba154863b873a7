"""What a link says of the Likelihood page."""

from __future__ import annotations

from typing import NamedTuple

from latent_explorer.links.codec import Reader

N_CHAPTERS = 6


class LikelihoodLink(NamedTuple):
    """Which chapter is open."""

    chapter: int | None = None

    @classmethod
    def read(cls, params: Reader) -> LikelihoodLink:
        """Read it."""
        chapter = params.one_of("chapter", [str(i) for i in range(1, N_CHAPTERS + 1)])
        return cls(None if chapter is None else int(chapter))

    def params(self) -> dict[str, str]:
        """Write it."""
        return {} if self.chapter is None else {"chapter": str(self.chapter)}
