"""The address in the browser: what it says of the page, and a button that copies it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from latent_explorer.components.bridge import declare

_address = declare("address")


class Opening(NamedTuple):
    """Which address a session opened last: its own first one, or one by back or forward."""

    session: str  # its name: a server that was started again has others
    number: int  # from 1 on


def address(
    params: Mapping[str, str],
    more: Mapping[str, str],
    *,
    entry: str,
    opening: Opening,
    key: str,
    has_button: bool,
) -> None:
    """Let the address say what is shown; the browser writes it, and nothing runs again.

    Parameters
    ----------
    params : mapping
        What restores the page; maps and players add what the browser alone knows.
    more : mapping
        What is too long for an address, and stands in copied links alone.
    entry : str
        Where back leads to: an address with another entry is a new one for the browser's history.
    opening : Opening
    key : str
    has_button : bool
        Whether to show "Copy link"; else it takes no room on the page.
    """
    data: dict[str, Any] = {
        "params": dict(params),
        "more": dict(more),
        "entry": entry,
        "opening": f"{opening.session}-{opening.number}",
        "session": opening.session,
        "hasButton": has_button,
    }
    _address(key=key, data=data, **({} if has_button else {"height": 1}))
