"""A training as a film: what the browser gets of the snapshots."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from latent_explorer.components.timeline import Curve, Followed, Seen, pack_film, timeline
from latent_explorer.vocabulary import PALETTE
from tests.latent_explorer.conftest import ROOT
from tests.latent_explorer.markdown import as_read
from tests.latent_explorer.test_pages import address, component, trigger, widget
from vae_core.analysis.projection import encode_images
from vae_core.checkpoints import save_checkpoint
from vae_core.comparison.alignment import align
from vae_core.data import load_mnist
from vae_core.identity import MNIST_TEST
from vae_core.metrics import Metric
from vae_core.tensors import round_to_stored

COMPARE = "latent_explorer/pages/compare/view.py"
EPOCHS = (0.0, 0.5, 4.0)
N, GRID = 10_000, 16


@pytest.fixture
def models(
    weights: Path,
    write_checkpoint: Callable[..., Any],
    make_model: Callable[..., Any],
    make_header: Callable[..., Any],
) -> list[Any]:
    """Three snapshots in a folder, the last by name first; figures of the ELBO alone."""
    write_checkpoint(weights / "atlas.safetensors")
    (weights / "run").mkdir()
    made = []
    for i, epoch in enumerate(EPOCHS):
        model = make_model(gain=3.0, seed=i)
        round_to_stored(model)
        figures = {
            "epoch": Metric(epoch, None, "epochs", "by hand"),
            "elbo": Metric(-200.0 + i, 0.1, "nats", "by hand", data=MNIST_TEST),
        }
        path = weights / "run" / f"{9 - i}.safetensors"
        save_checkpoint(path, model, make_header(model, metrics=figures))
        made.append(model)
    return made


def open_section(**params: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params.update({"section": "training", **params})
    return app.run().switch_page(COMPARE).run()


def read_film(app: AppTest) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    (found,) = (x for x in app.get("bidi_component") if x.key == "compare_timeline_film")
    raw = found.proto.bytes
    (n_head,) = struct.unpack_from("<I", raw)
    head, body = json.loads(raw[4 : 4 + n_head]), raw[4 + n_head :]
    n_coords = len(EPOCHS) * N * 2
    coords = np.frombuffer(body, "<f4", n_coords).reshape(len(EPOCHS), N, 2)
    side = GRID * 28
    mosaics = np.frombuffer(body, np.uint8, offset=4 * n_coords + N)
    return head, coords, mosaics.reshape(len(EPOCHS), side, side)


def decode(model: Any, z: list[float]) -> np.ndarray:
    import torch

    return 255 * model.decode(torch.tensor([z], dtype=torch.float32))[0].numpy()


def test_the_film_holds_codes_and_decoded_pictures(models: list[Any]) -> None:
    app = open_section(id="60012")
    assert not app.exception
    assert not app.error
    head, coords, mosaics = read_film(app)
    images = load_mnist("test").images
    expected = [encode_images(model, images).mu.numpy() for model in models]
    assert np.abs(coords - expected).max() < 1e-5
    cell = 2 * head["half"] / GRID
    for i, model in enumerate(models):  # second row from the top, third column
        z = [-head["half"] + 2.5 * cell, head["half"] - 1.5 * cell]
        tile = mosaics[i, 28:56, 56:84].reshape(-1)
        assert np.abs(tile - decode(model, z)).max() <= 0.51
    data = component(app, "compare_timeline")
    assert data["epochs"] == list(EPOCHS)
    assert data["film"] == head["id"]
    assert [(c["title"], c["values"]) for c in data["curves"]] == [("ELBO", [-200, -199, -198])]
    assert data["followed"]["row"] == 12

    # aligned: turned onto the last, its pictures with it
    (switch,) = (t for t in app.toggle if t.label == "Align to the last")
    switch.set_value(True).run()
    head, turned, mosaics = read_film(app)
    found = align(expected[0], expected[-1])
    assert np.abs(turned[0] - found.aligned).max() < 1e-5
    assert np.abs(turned[-1] - expected[-1]).max() < 1e-5
    cell = 2 * head["half"] / GRID
    u = np.array([-head["half"] + 2.5 * cell, head["half"] - 1.5 * cell])
    tile = mosaics[0, 28:56, 56:84].reshape(-1)
    assert np.abs(tile - decode(models[0], (found.rotation @ u).tolist())).max() <= 0.51
    (said,) = (c.value for c in app.caption if "residual" in c.value)
    assert f"{found.residual:.3f} z units" in said
    assert {"folder": "run", "aligned": "all", "id": "60012"}.items() <= address(app).items()


def test_a_link_restores_the_moment(models: list[Any]) -> None:
    app = open_section(folder="run", at="1.5", look="mosaic")
    data = component(app, "compare_timeline")
    assert data["start"] == {"at": 1.5, "look": "mosaic", "opening": 1}
    assert {"section": "training", "folder": "run"}.items() <= address(app).items()


def test_the_sidebar_has_the_training_s_own_figures(models: list[Any]) -> None:
    def told(at: AppTest) -> str:
        return "".join(one.proto.body for one in at.sidebar.get("html")) + "".join(
            one.value for one in at.sidebar.caption
        )

    app = open_section()
    assert not app.exception
    assert "the training of **run**, not atlas" in told(app)
    assert "−198.00 nats" in told(app)  # of the last by its epoch
    app.session_state["compare_section"] = "maps"
    app.run()
    assert "the training of" not in told(app)
    assert "−1.50 nats" in told(app)
    app.session_state["compare_section"] = "training"
    app.run()
    assert "−198.00 nats" in told(app)
    app.switch_page("latent_explorer/pages/explore/view.py").run()
    assert "−1.50 nats" in told(app)


def test_a_digit_is_followed_by_click_and_by_number(models: list[Any]) -> None:
    import base64

    app = open_section()
    assert component(app, "compare_timeline")["followed"] is None
    trigger(app, "compare_timeline", "choose", 5)
    assert not app.exception
    assert component(app, "compare_timeline")["followed"]["row"] == 5
    assert widget(app.number_input, "compare_snapshots_digit").value == 5
    widget(app.number_input, "compare_snapshots_digit").set_value(77).run()
    followed = component(app, "compare_timeline")["followed"]
    assert followed["row"] == 77
    shown = np.frombuffer(base64.b64decode(followed["reconstructions"]), np.uint8)
    codes = [encode_images(m, load_mnist("test").images[77:78]).mu[0].tolist() for m in models]
    for picture, model, z in zip(shown.reshape(-1, 784), models, codes, strict=True):
        assert np.abs(picture - decode(model, z)).max() <= 0.51


def test_missing_figures_are_measured_when_asked(
    models: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from vae_core.analysis import evaluation

    def measure(model: Any, data: Any) -> dict[str, Any]:
        assert len(data.labels) == N
        figure = Metric(0.5, None, "", "measured")
        return dict.fromkeys(("log_px", "elbo", "kl", "knn10", "silhouette"), figure)

    monkeypatch.setattr(evaluation, "evaluate_model", measure)
    app = open_section()
    next(b for b in app.button if b.label == "Measure the 3 snapshots").click().run()
    assert not app.exception
    curves = {c["title"]: c["values"] for c in component(app, "compare_timeline")["curves"]}
    assert curves["ELBO"] == [-200, -199, -198], "a header's figure stays"
    assert curves["Silhouette"] == [0.5] * 3
    assert not [b for b in app.button if b.label.startswith("Measure")]


def test_a_folder_that_shows_no_training_is_named(weights: Path, models: list[Any]) -> None:
    for path in (weights / "run").glob("[78].safetensors"):
        path.unlink()
    app = open_section(folder="gone")
    assert not app.exception
    (warning,) = map(as_read, app.warning)
    assert warning.startswith("run holds 1 readable snapshot")
    assert any("no snapshots yet" in box.value for box in app.info)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"coords": np.full((2, 3, 2), np.nan)}, "coords need"),
        ({"labels": np.zeros(3)}, "labels must"),
        ({"mosaics": np.zeros((1, 2, 2, 784))}, "mosaics need"),
        ({"half": 0.0}, "half must"),
    ],
)
def test_a_film_of_bad_shapes_is_refused(changes: dict[str, Any], said: str) -> None:
    settings: dict[str, Any] = {
        "coords": np.zeros((2, 3, 2)),
        "labels": np.zeros(3, np.uint8),
        "mosaics": np.zeros((2, 2, 2, 784)),
        "half": 1.0,
    }
    with pytest.raises(ValueError, match=said):
        pack_film(**settings | changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"epochs": [1.0, 1.0]}, "epochs must rise"),
        ({"curves": [Curve("ELBO", "nats", 2, "by hand", [1.0])]}, "ELBO needs 2 values"),
        ({"followed": Followed(0, np.zeros(784), np.zeros((3, 784)))}, "reconstructions need"),
    ],
)
def test_a_timeline_of_bad_lengths_is_refused(changes: dict[str, Any], said: str) -> None:
    settings: dict[str, Any] = {
        "key": "timeline",
        "film_id": "f",
        "name": "run",
        "seen": Seen({}, 0.0, "both"),
        "epochs": [0.0, 1.0],
        "curves": [],
        "followed": None,
        "label": "A film",
        "palette": PALETTE,
        "on_choose": lambda: None,
    }
    with pytest.raises(ValueError, match=said):
        timeline(**settings | changes)
