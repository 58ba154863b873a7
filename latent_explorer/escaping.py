"""Text from elsewhere, shown as the text that it is.

Streamlit takes almost every text for Markdown. What a link, a file or a visitor brings must not
become a picture that is fetched from a stranger, a link in our own warning, or a page turned round
by a control character.
"""

from __future__ import annotations

import re
import unicodedata

import streamlit as st

MOST = 200  # characters of a foreign text that are shown
_MOST_SAID = 600  # of a sentence that quotes some
_JOINER = "\u2060"  # of no width: keeps Markdown from making a link of an address
# Control, format (with those that turn the direction), surrogate and private characters.
_UNSEEN = ("Cc", "Cf", "Cs", "Co")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_ADDRESS = re.compile(r"(?i)(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)")  # where one would begin


def plain(text: object, most: int = MOST) -> str:
    """Make one line of a text, bounded, without what cannot be seen; it may still be Markdown.

    For what shows text as it is: a terminal, a log, the options of a select box, an attribute.
    """
    line = "".join(" " if c in "\t\n\r" else _seen(c) for c in str(text))
    line = " ".join(line.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _seen(character: str) -> str:
    return "\ufffd" if unicodedata.category(character) in _UNSEEN else character


def as_text(text: object, most: int = MOST) -> str:
    """Make Markdown that shows a text as it is, as `plain` leaves it: nothing in it is markup."""
    return _PUNCTUATION.sub(r"\\\1", _ADDRESS.sub(_JOINER, plain(text, most)))


def show_error(said: object) -> None:
    """Show a sentence, which may quote text from elsewhere, as an error."""
    st.error(as_text(said, _MOST_SAID), icon=":material/error:")


def show_warning(said: object, icon: str | None = None) -> None:
    """Show a sentence, which may quote text from elsewhere, as a warning."""
    st.warning(as_text(said, _MOST_SAID), icon=icon)
