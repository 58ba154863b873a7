"""Which digits are selected: the search's grammar, what it finds, and in which order to show it.

A search is a few words: "7", "index 4711", "train 5", "wrong", "the 50 worst reconstructions", or
several of them, which narrow one another ("7 wrong"). A bare number is a class, as "label 7" is.
"""

from __future__ import annotations

import re
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from vae_core.data import N_TEST, N_TRAIN, Split

Ids = NDArray[np.intp]
Measure = Literal["reconstruction", "elbo"]
Order = Literal[
    "index",
    "label",
    "reconstruction-worst",
    "reconstruction-best",
    "elbo-worst",
    "elbo-best",
    "near",
]

ORDERS: dict[Order, str] = {
    "index": "Index",
    "label": "Label",
    "reconstruction-worst": "Reconstruction, worst first",
    "reconstruction-best": "Reconstruction, best first",
    "elbo-worst": "ELBO, worst first",
    "elbo-best": "ELBO, best first",
    "near": "Nearest to the pinned place",
}
# What a search takes, in the words of somebody who types one: below the field, in Markdown.
SYNTAX = (
    "**7** finds the sevens, **7 wrong** those that their neighbours take for another digit, **4 "
    "taken for 9** which one, **50 worst** the worst reconstructed, **index 12** one by its number."
)
EXAMPLES = "7, wrong, index 4711, or the 50 worst reconstructions"
MAX_LENGTH = 200  # of a search, letters
_N_BYTES = (N_TRAIN + N_TEST) // 8  # a bit for each digit

_START = {"train": 0, "test": N_TRAIN}
_LENGTH = {"train": N_TRAIN, "test": N_TEST}
_SPLIT_WORDS = {"training": "train", "train": "train", "test": "test", "index": "index"}
_LABEL_WORDS = {"label", "labels"}
_RANK_WORDS = {"worst", "best"}
_MEASURE_WORDS: dict[str, Measure] = {
    "reconstruction": "reconstruction",
    "reconstructions": "reconstruction",
    "reconstructed": "reconstruction",
    "elbo": "elbo",
    "elbos": "elbo",
}
_FILLERS = {"the", "and", "by", "digit", "digits", "of", "a", "s"}  # "a 7", "7s wrong"


class SearchError(ValueError):
    """What a user typed is no search; the message says why, in one sentence."""


class Terms(Protocol):
    """What a checkpoint makes of some digits, each of shape (n,), in nats."""

    @property
    def elbo(self) -> NDArray[np.floating[Any]] | None: ...  # noqa: D102
    @property
    def reconstruction(self) -> NDArray[np.floating[Any]]: ...  # noqa: D102
    @property
    def knn_wrong(self) -> NDArray[np.bool_]: ...  # noqa: D102
    @property
    def knn_vote(self) -> NDArray[np.uint8]: ...  # noqa: D102


class Span(NamedTuple):
    """Indices first to last of a split; "index" stands for the split on the map."""

    split: str
    first: int
    last: int


class Rank(NamedTuple):
    """The n worst or best by a measure."""

    n: int
    is_worst: bool
    measure: Measure

    @property
    def order(self) -> Order:
        """The order in which it finds digits."""
        return cast("Order", f"{self.measure}-{'worst' if self.is_worst else 'best'}")


@dataclass(frozen=True, slots=True)
class Search:
    """A search that has been read; what is empty, or None, does not narrow it."""

    spans: tuple[Span, ...] = ()
    labels: frozenset[int] = frozenset()
    votes: frozenset[int] = frozenset()  # "taken for 9"
    is_wrong: bool | None = None
    rank: Rank | None = None


class _Reader:
    """The words of a search, from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        plain = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text.lower())  # 4,711 is one number
        plain = re.sub(r"#|[,;]", " ", plain)
        self.words = re.findall(r"\d+\s*[-–]\s*\d+|\d+|[^\W\d]+|\S", plain)
        self.i = 0

    def peek(self, ahead: int = 0) -> str:
        """Look at a word to come, "" after the last."""
        i = self.i + ahead
        return self.words[i] if i < len(self.words) else ""

    def take(self) -> str:
        """Read a word."""
        self.i += 1
        return self.words[self.i - 1]

    def spans(self, after: str) -> list[tuple[int, int]]:
        """Read all numbers that come; at least one is needed `after` some word."""
        if not (found := self.numbers()):
            raise SearchError(f"“{self.text}”: after “{after}” a number is missing.")
        return found

    def numbers(self) -> list[tuple[int, int]]:
        """Read all numbers that come, 5 or 5-9; those before "worst" or "best" are not ours."""
        found: list[tuple[int, int]] = []
        while self.peek()[:1].isdecimal() and self.peek(1) not in _RANK_WORDS:
            ends = [_number(part) for part in re.split(r"\s*[-–]\s*", self.take())]
            found.append((min(ends), max(ends)))
        return found


def parse_search(text: str) -> Search:
    """Read a search; `SearchError` if a word is unknown, or a number missing or out of range."""
    if len(text) > MAX_LENGTH:
        raise SearchError(f"A search of {len(text)} letters is too long: {MAX_LENGTH} are allowed.")
    reader = _Reader(text.strip())
    spans: list[Span] = []
    labels: set[int] = set()
    votes: set[int] = set()
    is_wrong, rank = None, None
    while word := reader.peek():
        if word in _SPLIT_WORDS:
            spans += [_span(_SPLIT_WORDS[word], ends) for ends in reader.spans(reader.take())]
        elif word in _LABEL_WORDS:
            labels |= _classes(reader.spans(reader.take()))
        elif word == "taken" and reader.peek(1) == "for":
            reader.take()
            votes |= _classes(reader.spans(f"taken {reader.take()}"))
        elif word in ("wrong", "right"):
            if is_wrong is not None and is_wrong != (word == "wrong"):
                raise SearchError(f"“{reader.text}”: a digit is either wrong or right.")
            is_wrong = reader.take() == "wrong"
        elif word in _RANK_WORDS or reader.peek(1) in _RANK_WORDS:
            if rank is not None:
                raise SearchError(f"“{reader.text}” ranks twice: only one ranking is allowed.")
            rank = _rank(reader)
        elif word[0].isdecimal():
            labels |= _bare(reader)
        elif word in _FILLERS:
            reader.take()
        else:
            raise SearchError(f"“{reader.text}”: “{word}” is not understood: write {EXAMPLES}.")
    search = Search(tuple(spans), frozenset(labels), frozenset(votes), is_wrong, rank)
    if search == Search():
        raise SearchError(f"“{reader.text}” asks for nothing: write {EXAMPLES}.")
    return search


def _rank(reader: _Reader) -> Rank:
    """Read "50 worst reconstructions", "worst 50" or "best elbo 20"."""
    n: int | None = None
    if reader.peek() not in _RANK_WORDS:
        n = _whole(reader)
    is_worst = reader.take() == "worst"
    measure: Measure = "reconstruction"
    while reader.peek() in _MEASURE_WORDS or (n is None and reader.peek().isdecimal()):
        if reader.peek() in _MEASURE_WORDS:
            measure = _MEASURE_WORDS[reader.take()]
        else:
            n = _whole(reader)
    if n is None:
        raise SearchError(f"“{reader.text}”: how many? Write the 50 worst, for example.")
    if n == 0:
        raise SearchError(f"“{reader.text}” asks for 0 digits: write the 50 worst, for example.")
    return Rank(n, is_worst, measure)


def _whole(reader: _Reader) -> int:
    word = reader.take()
    if not word.isdecimal():
        raise SearchError(f"“{reader.text}”: “{word}” is no number: write the 50 worst, say.")
    return _number(word)


def _number(word: str) -> int:
    return int(word[:9])  # beyond every range anyhow; a million digits would take seconds to read


def _span(split: str, ends: tuple[int, int]) -> Span:
    length = _LENGTH.get(split, max(_LENGTH.values()))
    if ends[1] >= length:
        raise SearchError(
            f"There is no {split} {ends[1]:,}: {split} goes from 0 to {length - 1:,}."
        )
    return Span(split, *ends)


def _classes(spans: Iterable[tuple[int, int]]) -> set[int]:
    found: set[int] = set()
    for low, high in spans:
        if high > 9:
            raise SearchError(f"There is no label {high:,}: labels go from 0 to 9.")
        found |= set(range(low, high + 1))
    return found


def _bare(reader: _Reader) -> set[int]:
    """Read numbers that no word explains: classes."""
    spans = reader.numbers()
    if (most := max(high for _, high in spans)) > 9:
        raise SearchError(
            f"“{reader.text}”: a number alone is a class, from 0 to 9; write index {most} for the "
            "digit of that number."
        )
    return _classes(spans)


def find(
    search: Search, *, split: Split, labels: NDArray[np.uint8], terms: Callable[[Ids], Terms]
) -> Ids:
    """Digits that a search finds, by id; ascending, or those of a ranking in its order.

    Parameters
    ----------
    search : Search
    split : str
        What the map shows; searched where the search names no split itself.
    labels : array, shape (70000,)
    terms : callable
        Gives the terms of digits by id; called only if the search needs them.

    Raises
    ------
    SearchError
        It asks for the ELBO of a plain autoencoder, or for an index that the split has not.
    """
    ids = _spanned(search.spans, split)
    if search.labels:
        ids = ids[np.isin(labels[ids], list(search.labels))]
    if search.votes:
        ids = ids[np.isin(terms(ids).knn_vote, list(search.votes))]
    if search.is_wrong is not None:
        ids = ids[terms(ids).knn_wrong == search.is_wrong]
    if search.rank is not None:
        ids = arrange(ids, search.rank.order, labels=labels, terms=terms)[: search.rank.n]
    return ids


def _spanned(spans: Iterable[Span], split: Split) -> Ids:
    shown = ["train", "test"] if split == "all" else [split]
    spans = list(spans) or [Span(name, 0, _LENGTH[name] - 1) for name in shown]
    found: list[Ids] = []
    for named, first, last in spans:
        inside = [name for name in shown if last < _LENGTH[name]] if named == "index" else [named]
        if not inside:
            raise SearchError(
                f"There is no index {last:,} on the map: {split} goes from 0 to "
                f"{_LENGTH[split] - 1:,}."
            )
        found += [np.arange(first, last + 1, dtype=np.intp) + _START[name] for name in inside]
    return np.unique(np.concatenate(found))


def arrange(
    ids: Ids,
    order: Order,
    *,
    labels: NDArray[np.uint8],
    terms: Callable[[Ids], Terms],
    distances: Callable[[Ids], NDArray[np.floating[Any]]] | None = None,
) -> Ids:
    """Digits in the order asked; ties by id.

    Parameters
    ----------
    ids : array of int
    order : str
        One of `ORDERS`.
    labels : array, shape (70000,)
    terms, distances : callable
        Give the terms of digits, and their distances to the pinned place, by id; each is called
        only if the order needs it.

    Raises
    ------
    SearchError
        It needs the ELBO of a plain autoencoder, or a pinned place where there is none.
    """
    ids = np.sort(ids)
    if order == "index":
        return ids
    if order == "label":
        return ids[labels[ids].argsort(kind="stable")]
    if order == "near":
        if distances is None:
            raise SearchError("No place is pinned: click one on the map to sort by distance.")
        return ids[distances(ids).argsort(kind="stable")]
    measure, direction = order.split("-")
    values = terms(ids).reconstruction if measure == "reconstruction" else terms(ids).elbo
    if values is None:
        raise SearchError("A plain autoencoder has no ELBO: ask for the reconstruction.")
    return ids[(values if direction == "worst" else -values).argsort(kind="stable")]


def write_ids(ids: Ids) -> str:
    """Write which digits these are for a link: a bit each, deflated, in base64.

    Some hundred letters for a lasso's digits, 11,700 at the most.
    """
    is_in = np.zeros(8 * _N_BYTES, np.bool_)
    is_in[ids] = True
    return urlsafe_b64encode(zlib.compress(np.packbits(is_in).tobytes(), 9)).decode().rstrip("=")


def read_ids(text: str) -> Ids:
    """Read what `write_ids` wrote; `ValueError` for anything else."""
    try:
        packed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        reader = zlib.decompressobj()
        bits = reader.decompress(packed, _N_BYTES + 1)  # a bit of text can hold gigabytes
    except zlib.error as err:
        raise ValueError("the digits are damaged") from err
    if len(bits) != _N_BYTES or not reader.eof:
        raise ValueError(f"the digits must fill {_N_BYTES} bytes")
    return np.flatnonzero(np.unpackbits(np.frombuffer(bits, np.uint8)))
