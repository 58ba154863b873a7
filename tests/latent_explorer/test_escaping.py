"""Text from links, files and visitors is shown as the text that it is, on every page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from latent_explorer.escaping import MOST, as_text, plain
from latent_explorer.pages.compare.choices import SECTIONS
from latent_explorer.pages.likelihood.chapters import CHAPTERS

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
MARK = "![m](m)<i>*m*"  # in a name: what would be markup in Markdown or in HTML
RAW = ("![m]", "<i>")


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


def elements(block: Any) -> Iterator[Any]:
    for child in getattr(block, "children", {}).values():
        yield from elements(child)
    if hasattr(block, "proto") and not hasattr(block, "children"):
        yield block


# These show a text as it is, or are given data.
_NO_MARKUP = {"bidi_component", "arrow_data_frame", "code"}
_NAMES_OF_FIELDS = {"alt", "id", "form_id", "key", "url"}


def texts_of(message: Any) -> Iterator[tuple[str, str]]:
    """All texts in what the browser is sent for an element, each with its field's name."""
    for field, value in message.ListFields():
        for each in [value] if isinstance(value, str) or not is_many(value) else value:
            if isinstance(each, str):
                yield field.name, each
            elif hasattr(each, "ListFields"):
                yield from texts_of(each)


def is_many(value: Any) -> bool:
    return hasattr(value, "__iter__") and not isinstance(value, bytes)


def raw_markup(app: AppTest) -> list[str]:
    """Texts taken for Markdown or HTML that hold the mark unescaped."""
    found: list[str] = []
    for element in elements(app._tree):
        if element.type in _NO_MARKUP:
            continue
        marks = ("<i>",) if element.type in ("html", "plotly_chart") else RAW
        for name, text in texts_of(element.proto):
            is_text = element.type in ("selectbox", "multiselect") and name != "label"
            if name in _NAMES_OF_FIELDS or is_text:
                continue
            decoded = text.replace("\\u003c", "<").replace("\\u003e", ">")  # Plotly's JSON
            if any(mark in decoded for mark in marks):
                found.append(f"{element.type}.{name}: {text[:300]}")
    return found


@pytest.fixture
def hostile_weights(weights: Path, write_checkpoint: Callable[..., Any]) -> Path:
    for name in (MARK, f"{MARK} 2"):
        write_checkpoint(weights / f"{name}.safetensors")
    (weights / f"{MARK} 3.safetensors").write_bytes(b"none")
    return weights


SCENES = [
    *((page, {}) for page in ("explore", "interpolate")),
    *(("compare", {"section": name}) for name in SECTIONS),
    *(("likelihood", {"chapter": str(number)}) for number in CHAPTERS),
]


@pytest.mark.usefixtures("hostile_weights")
@pytest.mark.parametrize(("page", "query"), SCENES)
def test_names_are_text_on_every_page(app: AppTest, page: str, query: dict[str, str]) -> None:
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    app.switch_page(f"latent_explorer/pages/{page}/view.py").run()
    assert not app.exception
    assert len(app.warning) == 1, "the file that is none"
    assert raw_markup(app) == []
