"""Markdown as a reader sees it, and what is in it that should not be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from streamlit.testing.v1 import AppTest

MARK = "![m](m)<i>*m*"  # in a name: what would be markup in Markdown or in HTML
RAW = ("![m]", "<i>")


def as_read(box: Any) -> str:
    """Text of a box that shows text from elsewhere, without the escapes."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", box.value).replace("\u2060", "")


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
