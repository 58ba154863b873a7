"""Figures: what they hold and what their axes say."""

from __future__ import annotations

import numpy as np

from explorer.plots.digit_map import digit_map


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
