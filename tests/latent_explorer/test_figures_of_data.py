"""The app never states a figure as one of other data than it was measured on."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from latent_explorer.data import catalogue
from latent_explorer.pages.compare.definitions import (
    DEFINITIONS,
    Shown,
    is_comparable,
    is_of_a_part,
)
from latent_explorer.pages.compare.metrics import as_csv, as_html
from latent_explorer.pages.likelihood import dimensions
from vae_core.checkpoints import CheckpointRef, checkpoint_ref, save_checkpoint
from vae_core.config import ModelConfig
from vae_core.identity import MNIST, MNIST_TEST, DataIdentity, DataSource
from vae_core.metrics import Metric, based

FASHION_TEST = DataIdentity("fashion-mnist", "test", 10_000, "f" * 64)
FASHION = DataSource(
    "fashion-mnist", DataIdentity("fashion-mnist", "train", 60_000, "e" * 64), FASHION_TEST
)
MODEL = ModelConfig()
PART = replace(MNIST_TEST, count=1_000)

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, make_model: Callable[..., Any], make_header: Callable[..., Any]) -> Write:
    """Write a checkpoint made from some data, with an ELBO of −267.44 nats of some."""
    model = make_model()

    def write(source: DataSource, of: DataIdentity | None) -> Path:
        path = tmp_path / "own.safetensors"
        elbo = {"elbo": Metric(-267.44, 0.1, "nats", "by hand", data=of)}
        header = make_header(model, data=source, metrics=based(elbo, model.config))
        save_checkpoint(path, model, header)
        return path

    return write


def beside_the_pages(path: Path) -> str:
    """What is said of a checkpoint beside the pages."""

    def script(path: str) -> None:
        from latent_explorer import app
        from vae_core.checkpoints import checkpoint_ref

        app._describe(checkpoint_ref(path))

    at = AppTest.from_function(script, args=(str(path),)).run()
    assert not at.exception
    return "\n".join(
        [*(each.value for each in at.caption), *(each.proto.body for each in at.get("html"))]
    )


def test_figures_are_stated_of_the_data_that_they_are_of(write: Write) -> None:
    said = beside_the_pages(write(FASHION, FASHION_TEST))
    assert "−267.4" in said
    assert "Nats per test image of fashion-mnist, binarised" in said
    assert "Trained on fashion-mnist; the map shows MNIST" in said

    said = beside_the_pages(write(MNIST, MNIST_TEST))
    assert "Nats per test image of MNIST, binarised" in said
    assert "Trained on" not in said

    said = beside_the_pages(write(MNIST, PART))
    assert "Nats per test image of MNIST, 1,000 of 10,000, binarised" in said


def test_figures_of_unknown_data_are_not_stated(write: Write) -> None:
    said = beside_the_pages(write(DataSource("fashion-mnist"), None))
    assert "267" not in said
    assert "do not say of which images they are, so they are not shown" in said
    assert "evaluate own.safetensors --data FOLDER --write" in said


def test_what_stands_beside_mnist_s_digits_is_of_mnist(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = based({"elbo": Metric(-230.68, 0.1, "nats", "measured", data=MNIST_TEST)}, MODEL)
    monkeypatch.setattr(catalogue, "_measured", lambda ref: measured)
    of_fashion = checkpoint_ref(write(FASHION, FASHION_TEST))
    assert catalogue.stored_metrics(of_fashion) == {}
    assert catalogue.metrics(of_fashion) == measured
    of_mnist = checkpoint_ref(write(MNIST, MNIST_TEST))
    assert catalogue.metrics(of_mnist)["elbo"].value == -267.44


def test_a_part_is_named_among_the_models_by_dimension() -> None:
    for data, said in ((MNIST_TEST, ":small[exact]"), (PART, ":small[exact, 1,000 digits]")):
        metrics = {"log_px": Metric(-126.5, 0.1, "nats", "exact: lattice", data=data)}
        assert dimensions._likelihood(metrics) == f"−126.50 {said}"


def test_a_part_is_not_set_against_the_whole() -> None:
    whole, part = (
        based({"log_px": Metric(-1.0, 0.1, "nats", "exact", data=data)}, MODEL)["log_px"]
        for data in (MNIST_TEST, PART)
    )
    assert is_of_a_part(part)
    assert not is_of_a_part(whole)
    assert not is_comparable([Shown(whole), Shown(part)])
    assert is_comparable([Shown(whole), Shown(whole)])

    ref = CheckpointRef("a", Path("a"), "0" * 64)
    absent = {each.key: Shown(Metric(None, None, "", "none")) for each in DEFINITIONS}
    of_whole, of_part = (absent | {"log_px": Shown(each)} for each in (whole, part))
    assert "on 1,000 digits" not in as_html([ref, ref], [of_whole, of_whole])
    html = as_html([ref, ref], [of_whole, of_part])
    assert html.count("<small>on 1,000 digits</small>") == 1
    assert "<strong>" not in html
    lines = list(csv.DictReader(io.StringIO(as_csv([ref, ref], [of_whole, of_part]))))
    said = [(each["data"], each["images"]) for each in lines if each["value"]]
    assert said == [("MNIST test", "10000"), ("MNIST test", "1000")]
