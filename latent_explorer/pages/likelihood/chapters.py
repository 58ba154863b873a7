"""The chapters of the Likelihood page, in their order."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from vae_core.checkpoints import CheckpointRef
    from vae_core.data import Split


class Chapter(NamedTuple):
    """A chapter; its module in this folder has `draw(ref, split)`, which draws all of it."""

    name: str
    question: str  # in the words of somebody who wonders
    module: str
    subject: Literal["z", "digit"]  # what its map chooses

    def draw(self, ref: CheckpointRef, split: Split) -> None:
        """Draw the chapter; its module is imported when it is first opened."""
        import_module(f"{__package__}.{self.module}").draw(ref, split)


# Links name them by number.
CHAPTERS = {
    1: Chapter(
        "One z, one image",
        "If I sample one z and decode it, what do I get? And what is p(x|z)?",
        "one_z",
        "z",
    ),
    2: Chapter(
        "One z, all digits",
        "How can one z create all the digits of the data set?",
        "data_set",
        "z",
    ),
    3: Chapter(
        "Which z?",
        "Most z do not even give a 7. Which z do explain this digit?",
        "posterior",
        "digit",
    ),
    4: Chapter(
        "Computing p(x)",
        "p(x) is an integral over all z. How does anybody compute it?",
        "estimates",
        "digit",
    ),
    5: Chapter(
        "Ten clusters",
        "How can one unit Gaussian hold ten clusters of digits?",
        "clusters",
        "z",
    ),
    6: Chapter(
        "Two dimensions",
        "Are two numbers enough to describe a digit?",
        "dimensions",
        "digit",
    ),
}
