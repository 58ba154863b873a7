"""Figures: what they hold and what their axes say."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from explorer.plots.digit_map import digit_map
from explorer.plots.purity import class_purity


def shares(seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).uniform(size=(10, 10))
    return rows / rows.sum(1, keepdims=True)


def test_purity_draws_the_diagonal() -> None:
    one, two = shares(1), shares(2)
    figure = class_purity(confusions={"one": one, "two": two}, k=7)
    assert isinstance(figure, go.Figure)
    assert [trace.type for trace in figure.data] == ["bar", "bar"]
    assert [trace.name for trace in figure.data] == ["one", "two"]
    for trace, expected in zip(figure.data, (one, two), strict=True):
        assert list(trace.x) == [str(digit) for digit in range(10)]
        assert list(trace.y) == pytest.approx(np.diag(expected).tolist())
        for digit, (other, share) in enumerate(trace.customdata):
            rest = expected[digit].copy()
            rest[digit] = -1
            assert other == rest.argmax()
            assert share == pytest.approx(rest.max())
    assert figure.data[0].marker.color != figure.data[1].marker.color
    assert figure.layout.xaxis.title.text == "digit"
    assert figure.layout.yaxis.title.text == "own share of 7 neighbours"
    assert tuple(figure.layout.yaxis.range) == (0, 1)


def test_purity_of_one_encoder() -> None:
    figure = class_purity(confusions={"one": shares(1)}, k=10)
    assert len(figure.data) == 1


def test_purity_changes_nothing_it_is_given() -> None:
    one = shares(1)
    one.flags.writeable = False
    class_purity(confusions={"one": one}, k=10)


def test_the_map_holds_every_digit_once() -> None:
    rng = np.random.default_rng(0)
    coords, labels = rng.normal(size=(200, 2)), rng.integers(0, 9, 200).astype(np.uint8)  # no 9
    names = np.array([f"test #{i}" for i in range(200)])
    figure = digit_map(
        coords=coords,
        labels=labels,
        names=names,
        colors=[f"#00000{i}" for i in range(10)],
        axes=("z₁", "z₂"),
        title="A map",
    )
    assert [trace.type for trace in figure.data] == ["scattergl"] * 10
    for label, trace in enumerate(figure.data):
        rows = labels == label
        assert trace.name == str(label)
        assert trace.marker.color == f"#00000{label}"
        np.testing.assert_allclose(np.stack([trace.x, trace.y], -1), coords[rows], rtol=1e-6)
        assert list(trace.customdata) == names[rows].tolist()
        assert f"a {label}, " in trace.hovertemplate
    assert [note.text for note in figure.layout.annotations] == [f"<b>{i}</b>" for i in range(9)]
    assert figure.layout.xaxis.title.text == "z₁"
    assert figure.layout.yaxis.scaleanchor == "x"
