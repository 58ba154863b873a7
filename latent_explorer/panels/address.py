"""What the address says of a page."""

from __future__ import annotations

from collections.abc import Mapping

from latent_explorer.components.address import address
from latent_explorer.session.opened import opening, page_shown

_STEPS = ("checkpoint", "section", "chapter")  # what back and forward step through, besides pages
# Letters, the browser's own parameters not counted: addresses up to some 2,000 pass everywhere.
_MOST_LETTERS = 1500


def show_address(params: Mapping[str, str], *, has_button: bool = False) -> None:
    """Let the address follow what the page shows.

    Parameters
    ----------
    params : mapping
        Parameters of a link to the page as it is; a map's own are not among them.
    has_button : bool
        Whether to show "Copy link", on a page that has no map to do it.
    """
    page = page_shown()
    short, more = dict(params), dict[str, str]()
    while sum(map(len, short.values())) > _MOST_LETTERS:
        longest = max(short, key=lambda name: len(short[name]))
        more[longest] = short.pop(longest)
    address(
        short,
        more,
        entry="/".join([page, *(params.get(name, "") for name in _STEPS)]),
        opening=opening(),
        key=f"address_{page or 'explore'}",
        has_button=has_button,
    )
