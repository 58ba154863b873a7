"""Bars with the time left, on a terminal; nothing where the output goes to a file."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from vae_core.progress import Report


@contextmanager
def share_bar(what: str) -> Generator[Report]:
    """Show how far a computation is, by the share of it that is done.

    Parameters
    ----------
    what : str
        Stands before the bar.
    """
    from tqdm import tqdm

    shape = "{desc}: {percentage:3.0f}% {bar} {elapsed}, {remaining} left"
    with tqdm(total=1.0, desc=what, disable=None, bar_format=shape) as bar:

        def report(share: float) -> None:
            bar.update(share - bar.n)

        yield report
