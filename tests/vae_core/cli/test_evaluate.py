from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.vae_core.cli.conftest import error_of
from vae_core.checkpoints import (
    checkpoint_ref,
    load_checkpoint,
    read_checkpoint,
    read_header,
    save_checkpoint,
)
from vae_core.cli import evaluate, main
from vae_core.cli.writing import Places
from vae_core.data import DataSet, load_idx
from vae_core.metrics import Metric, metrics_from_json


def test_evaluate_json_has_the_promised_fields(
    trained: Path, tiny_idx_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", str(tiny_idx_folder), "--spacing", "0.04", "--json"]
    assert main(["evaluate", str(trained), *options]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["name"] == "first"
    assert row["objective"] == "elbo"
    assert row["beta"] == 1.0
    assert row["likelihood"] == "bernoulli"
    assert row["latent_dim"] == 2
    assert row["binarisation"] == "one fixed draw, seed 0"
    assert row["sha256"] == checkpoint_ref(trained).sha256
    metrics = metrics_from_json(row["metrics"], read_header(trained).model)
    assert metrics == read_header(trained).metrics  # measured again, to the same figures
    for name in ("log_px", "elbo", "kl", "reconstruction", "knn10", "silhouette", "nmi", "ari"):
        figure = row["metrics"][name]
        assert set(figure) == {"value", "stderr", "unit", "how", "data"}
        assert figure["how"]
    assert row["metrics"]["log_px"]["how"].startswith("exact: lattice, spacing 0.04")


def test_evaluate_write_stores_the_figures(
    trained: Path, tmp_path: Path, tiny_idx_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = tmp_path / "copied.safetensors"
    stored = read_checkpoint(trained)
    model = load_checkpoint(checkpoint_ref(trained)).model
    old = {"epoch": Metric(0.5, None, "epochs", "counted", ("counted",))}
    places = Places(stored.codes, stored.std)
    save_checkpoint(copied, model, replace(stored.header, metrics=old), *places)
    monkeypatch.setattr(evaluate, "places_of", lambda model: places)
    options = ["--data", str(tiny_idx_folder), "--spacing", "0.04", "--write"]
    assert main(["evaluate", str(copied), *options]) == 0
    after = read_checkpoint(copied)
    assert after.header.metrics == stored.header.metrics | old
    assert replace(after.header, metrics={}) == replace(stored.header, metrics={})
    assert after.tensors.keys() == stored.tensors.keys()
    assert all(np.array_equal(after.tensors[k], v) for k, v in stored.tensors.items())


def test_evaluate_several_with_iwae(
    three_files: list[Path], tiny_idx_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = list(map(str, three_files))
    options = ["--data", str(tiny_idx_folder), "--iwae", "4"]
    assert main(["evaluate", *files, *options, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == ["a", "b", "c"]
    assert [row["binarisation"].startswith("none") for row in rows] == [False, False, True]
    a, b, c = (row["metrics"] for row in rows)
    assert a["iwae"]["how"] == c["iwae"]["how"] == "IWAE, K = 4"
    assert "iwae" not in b
    assert a["elbo"]["value"] < a["iwae"]["value"] < a["log_px"]["value"] + 0.5
    assert b["elbo"]["value"] is b["log_px"]["value"] is c["log_px"]["value"] is None

    assert main(["evaluate", *files, *options]) == 0
    table = capsys.readouterr().out
    head, *lines = table.splitlines()
    assert head.split()[:4] == ["name", "objective", "likelihood", "D"]
    assert [line.split()[0] for line in lines[:3]] == ["a", "b", "c"]
    assert f"{a['elbo']['value']:.2f} ± {a['elbo']['stderr']:.2f}" in lines[0]
    assert lines[1].count("–") == 7  # of the autoencoder: bounds, gap, training, posterior_std
    assert "iwae: IWAE, K = 4" in table
    assert "knn10: 10 nearest encoder means, 5-fold cross-validated" in table


def test_evaluate_bad_files(
    tmp_path: Path, tiny_idx_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"nothing")
    for path, said in ((bad, "bad.safetensors is damaged"), (tmp_path / "x", "cannot be read")):
        assert main(["evaluate", str(path), "--data", str(tiny_idx_folder)]) == 1
        assert said in error_of(capsys)


def test_evaluate_with_less_than_no_samples(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in ("--iwae", "--certify"):
        assert main(["evaluate", str(trained), option, "-1"]) == 1
        assert f"{option} must be a whole number from 0 to " in error_of(capsys)


def test_evaluate_goes_on_after_a_bad_file(
    trained: Path, tiny_idx_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"nothing")
    files = [str(bad), str(trained)]
    options = ["--data", str(tiny_idx_folder), "--spacing", "0.2", "--json"]
    assert main(["evaluate", *files, *options]) == 1
    said = capsys.readouterr()
    assert [row["name"] for row in json.loads(said.out)] == ["first"]
    assert said.err.startswith("error: bad.safetensors is damaged")


def test_a_small_data_set_is_measured_whole(few_digits: DataSet, tiny_idx_folder: Path) -> None:
    """The tiny folder holds what the tests above believe it holds."""
    test = load_idx(tiny_idx_folder, "test")
    np.testing.assert_array_equal(test.labels, few_digits.labels[90:])
    assert np.bincount(test.labels).min() >= 5
