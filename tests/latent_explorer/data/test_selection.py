"""Searches: what is understood, what is found, and how what is not is refused."""

from __future__ import annotations

import re
import zlib
from base64 import urlsafe_b64encode
from typing import NamedTuple

import numpy as np
import pytest

from latent_explorer.data.digits import covering_split
from latent_explorer.data.selection import (
    ORDERS,
    Rank,
    Search,
    SearchError,
    Span,
    arrange,
    find,
    parse_search,
    read_ids,
    write_ids,
)
from vae_core.data import N_TEST, N_TRAIN

LABELS = np.random.default_rng(0).integers(0, 10, 70_000, dtype=np.uint8)


class Terms(NamedTuple):
    elbo: np.ndarray | None
    reconstruction: np.ndarray
    knn_wrong: np.ndarray
    knn_vote: np.ndarray


def terms(ids: np.ndarray) -> Terms:
    """Made up, and different for each digit: reconstruction falls, the ELBO rises with the id."""
    wrong = ids % 7 == 0
    votes = np.where(wrong, (LABELS[ids] + 1) % 10, LABELS[ids])
    return Terms(ids / 7e4 - 200.0, -100.0 - ids / 7e4, wrong, votes)


def no_terms(ids: np.ndarray) -> Terms:
    raise AssertionError("they are costly, and not needed here")


def found(text: str, split: str = "test", of=terms) -> list[int]:
    return find(parse_search(text), split=split, labels=LABELS, terms=of).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("index 4711", Search(spans=(Span("index", 4711, 4711),))),
        ("Index #4,711", Search(spans=(Span("index", 4711, 4711),))),
        ("test 123", Search(spans=(Span("test", 123, 123),))),
        ("train 5", Search(spans=(Span("train", 5, 5),))),
        ("test 3, 9-7", Search(spans=(Span("test", 3, 3), Span("test", 7, 9)))),
        ("label 7", Search(labels=frozenset({7}))),
        ("7", Search(labels=frozenset({7}))),
        ("a 7", Search(labels=frozenset({7}))),
        ("7s wrong", Search(labels=frozenset({7}), is_wrong=True)),
        ("4, 9", Search(labels=frozenset({4, 9}))),
        ("3–5 right", Search(labels=frozenset({3, 4, 5}), is_wrong=False)),
        ("4 taken for 9", Search(labels=frozenset({4}), votes=frozenset({9}))),
        ("7 worst", Search(rank=Rank(7, True, "reconstruction"))),
        ("wrong 7 best", Search(is_wrong=True, rank=Rank(7, False, "reconstruction"))),
        ("labels 4, 9 and wrong", Search(labels=frozenset({4, 9}), is_wrong=True)),
        ("label 3–5", Search(labels=frozenset({3, 4, 5}))),
        ("label 4 taken for 9", Search(labels=frozenset({4}), votes=frozenset({9}))),
        ("the 50 worst reconstructions", Search(rank=Rank(50, True, "reconstruction"))),
        ("50 worst", Search(rank=Rank(50, True, "reconstruction"))),
        ("worst 1,000", Search(rank=Rank(1000, True, "reconstruction"))),
        ("20 worst ELBO", Search(rank=Rank(20, True, "elbo"))),
        ("the 3 best digits", Search(rank=Rank(3, False, "reconstruction"))),
        ("best elbo 3", Search(rank=Rank(3, False, "elbo"))),
        ("wrong", Search(is_wrong=True)),
        ("right", Search(is_wrong=False)),
        (
            "label 7 50 worst wrong",
            Search(labels=frozenset({7}), is_wrong=True, rank=Rank(50, True, "reconstruction")),
        ),
    ],
)  # fmt: skip
def test_searches_are_read(text: str, expected: Search) -> None:
    assert parse_search(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "asks for nothing"),
        ("the digits", "asks for nothing"),
        ("sevens", "“sevens” is not understood"),
        ("4711", "a number alone is a class, from 0 to 9; write index 4711"),
        ("7 12", "write index 12"),
        ("label", "after “label” a number is missing"),
        ("label seven", "after “label” a number is missing"),
        ("label 10", "labels go from 0 to 9"),
        ("taken for", "a number is missing"),
        ("index", "after “index” a number is missing"),
        ("test 10000", "test goes from 0 to 9,999"),
        ("train 60,000", "train goes from 0 to 59,999"),
        ("index 70000", "index goes from 0 to 59,999"),
        ("test -5", "a number is missing"),
        ("worst", "how many?"),
        ("0 worst", "0 digits"),
        ("3-5 worst", "is no number"),
        ("5 worst 5 best", "ranks twice"),
        ("wrong right", "either wrong or right"),
        ("label 7; drop table", "“drop” is not understood"),
        ("<b>", "“<” is not understood"),
        ("label 99999999999999999999999", "labels go from 0 to 9"),
        ("x" * 300, "too long"),
    ],
)
def test_what_is_no_search_gets_one_sentence(text: str, said: str) -> None:
    with pytest.raises(SearchError) as caught:
        parse_search(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_searches_find() -> None:
    assert found("index 4711", of=no_terms) == [64_711]
    assert found("index 4711", "train", of=no_terms) == [4711]
    assert found("index 4711", "all", of=no_terms) == [4711, 64_711]
    assert found("index 59999", "all", of=no_terms) == [59_999]  # the test set has no such
    assert found("train 5 test 5", of=no_terms) == [5, 60_005]
    assert found("test 5 3-4 4", of=no_terms) == [60_003, 60_004, 60_005]
    expected = np.flatnonzero(LABELS[60_000:] == 7) + 60_000
    assert found("label 7", of=no_terms) == expected.tolist()
    assert found("label 7 wrong") == expected[expected % 7 == 0].tolist()
    assert found("label 7 right") == expected[expected % 7 != 0].tolist()
    assert found("label 7 taken for 8") == expected[expected % 7 == 0].tolist()
    assert found("label 7 taken for 9") == []
    assert found("3 worst reconstructions") == [69_999, 69_998, 69_997]
    assert found("3 best") == [60_000, 60_001, 60_002]
    assert found("3 worst elbo", "all") == [0, 1, 2]
    assert found("label 7 2 worst") == expected[::-1][:2].tolist()
    assert len(found("20000 worst")) == 10_000
    assert len(found("right", "all")) == 60_000


def test_an_index_that_the_map_has_not() -> None:
    with pytest.raises(SearchError, match=r"no index 12,000 on the map: test goes from 0 to 9,999"):
        found("index 12000")


def test_an_autoencoder_has_no_elbo() -> None:
    with pytest.raises(SearchError, match="no ELBO"):
        found("5 worst elbo", of=lambda ids: terms(ids)._replace(elbo=None))


@pytest.mark.parametrize("order", ORDERS)
def test_orders(order: str) -> None:
    ids = np.random.default_rng(1).permutation(70_000)[:500]
    arranged = arrange(
        ids, order, labels=LABELS, terms=terms, distances=lambda some: -some.astype(float)
    )
    assert sorted(arranged) == sorted(ids)
    key = {
        "index": arranged,
        "label": LABELS[arranged] * 70_000.0 + arranged,
        "near": -arranged,
        "elbo-worst": terms(arranged).elbo,
        "elbo-best": -terms(arranged).elbo,
        "reconstruction-worst": terms(arranged).reconstruction,
        "reconstruction-best": -terms(arranged).reconstruction,
    }[order]
    assert (np.diff(key) > 0).all()


def test_nearness_needs_a_place() -> None:
    with pytest.raises(SearchError, match="No place is pinned"):
        arrange(np.arange(3), "near", labels=LABELS, terms=terms)


@pytest.mark.parametrize(
    ("ids", "split"),
    [([], "test"), ([60_000, 69_999], "test"), ([0, 59_999], "train"), ([59_999, 60_000], "all")],
)
def test_the_split_that_covers(ids: list[int], split: str) -> None:
    assert covering_split(np.array(ids, np.intp)) == split


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.5, 1.0])
def test_digits_are_read_from_a_link_as_written(share: float) -> None:
    ids = np.flatnonzero(np.random.default_rng(0).random(N_TRAIN + N_TEST) < share)
    text = write_ids(ids)
    np.testing.assert_array_equal(read_ids(text), ids)
    assert len(text) < 12_000
    assert re.fullmatch(r"[\w-]*", text)  # an address takes it as it is


@pytest.mark.parametrize("n_bytes", [8_749, 8_751, 50_000_000])
def test_digits_of_another_length_are_refused(n_bytes: int) -> None:
    packed = urlsafe_b64encode(zlib.compress(bytes(n_bytes))).decode()
    with pytest.raises(ValueError, match="8750 bytes"):
        read_ids(packed)
