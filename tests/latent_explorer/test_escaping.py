"""Text from links, files and visitors is shown as the text that it is, on every page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from latent_explorer.escaping import MOST, as_text, plain
from tests.latent_explorer.markdown import MARK, as_read, raw_markup

HOSTILE = [
    "![x](http://h/x.png)",
    "[log in](http://h)",
    "http://h/x",
    "www.h.example",
    "me@h.example",
    "<img src=http://h/x.png>",
    "**b** _i_ ~~s~~ `c` $x^2$ :red[r] :smile: :material/home: # h",
    "1. one",
    "- one",
    "> one",
    "a | b\\",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_comes_out_as_it_went_in(text: str) -> None:
    shown = as_text(text)
    unescaped = ""
    i = 0
    while i < len(shown):  # as CommonMark reads: a backslash makes punctuation a character
        i += shown[i] == "\\"
        unescaped += shown[i]
        assert not (shown[i] in "!<[*_~`$:#>|@" and shown[i - 1] != "\\")
        i += 1
    assert unescaped.replace("\u2060", "") == text
    assert not any(start in unescaped for start in ("://", "www.", "e@"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\nb\tc", "a b c"),
        ("\u202eabc\u2066", "\ufffdabc\ufffd"),
        ("\ud800x\x00", "\ufffdx\ufffd"),
        ("ü – 数 é", "ü – 数 é"),
        ("x" * 1000, "x" * (MOST - 1) + "…"),
        (3.5, "3.5"),
    ],
)
def test_a_line_is_bounded_and_can_be_seen(text: object, said: str) -> None:
    assert plain(text) == said


def test_what_files_are_called_and_say_is_text(
    weights: Path, app: AppTest, write_checkpoint: Callable[..., Any]
) -> None:
    """On the first page; `test_collapsed` goes through all of them."""
    write_checkpoint(weights / f"{MARK}.safetensors")
    (weights / f"{MARK} 2.safetensors").write_bytes(b"none")
    app.query_params["z"] = MARK
    app.run()
    assert not app.exception
    assert len(app.warning) == 2, "the file that is none, and the link"
    assert all(MARK in as_read(box) for box in app.warning)
    assert raw_markup(app) == []
