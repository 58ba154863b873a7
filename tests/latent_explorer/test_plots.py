"""Figures: what they hold and what their axes say."""

from __future__ import annotations

from typing import Any

import numpy as np

from latent_explorer.plots.scatter import digit_scatter
from latent_explorer.plots.walk_profile import walk_profile


def test_the_map_holds_every_digit_once() -> None:
    rng = np.random.default_rng(0)
    coords, labels = rng.normal(size=(200, 2)), rng.integers(0, 9, 200).astype(np.uint8)  # no 9
    names = np.array([f"test #{i}" for i in range(200)])
    figure = digit_scatter(
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


def test_a_walks_rows_share_their_steps_and_do_not_overlap() -> None:
    shares = np.zeros((5, 10))
    shares[:3, 4] = shares[3:, 9] = 1.0
    values = np.arange(5.0)
    made: Any = walk_profile(
        rows={"one": values, "two": 2 * values},
        shares=shares,
        shares_title="classes",
        colors=["#123456"] * 10,
        turns=[3],
        reach=("two", 1.5),
    )
    figure = made.to_plotly_json()
    drawn = [(trace["yaxis"], trace.get("name")) for trace in figure["data"]]
    assert drawn == [("y", "one"), ("y2", "two"), ("y2", None), ("y3", "4"), ("y3", "9")]
    np.testing.assert_array_equal(made.data[1].y, 2 * values)
    np.testing.assert_array_equal(made.data[2].y, [1.5, 1.5])
    layout = figure["layout"]
    domains = [layout[name]["domain"] for name in ("yaxis3", "yaxis2", "yaxis")]
    assert domains[0][0] == 0.0
    assert (np.diff(np.ravel(domains)) > 0).all()
    np.testing.assert_allclose(domains[-1][1], 1.0)
    assert [layout[name].get("matches") for name in ("xaxis", "xaxis2", "xaxis3")] == [
        "x3",
        "x3",
        None,
    ]
    assert [note["text"] for note in layout["annotations"]] == ["one", "two", "classes"]
    assert [(line["x0"], line["yref"]) for line in layout["shapes"]] == [
        (2.5, "y domain"),
        (2.5, "y2 domain"),
        (2.5, "y3 domain"),
    ]
