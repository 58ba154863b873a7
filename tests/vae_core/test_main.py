from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import vae_core.__main__ as command_line
from vae_core import runs
from vae_core.__main__ import main
from vae_core.analysis.evaluation import evaluate_model
from vae_core.analysis.projection import encode_images
from vae_core.checkpoints import (
    Header,
    checkpoint_ref,
    digit_map,
    load_checkpoint,
    posterior_std,
    read_checkpoint,
    read_header,
    save_checkpoint,
)
from vae_core.config import ModelConfig, TrainConfig
from vae_core.data import DataSet, data_identity, load_idx, load_mnist
from vae_core.models import VAE
from vae_core.recipes import RECIPES, Recipe
from vae_core.runs import run_path
from vae_core.training import StepRecord, moments, start, train

ROOT = Path(__file__).parents[2]
TINY = Recipe(
    "tiny",
    "A model for tests.",
    ModelConfig(latent_dim=1, encoder_hidden=(12,), decoder_hidden=(8,)),  # D = 1: a short lattice
    TrainConfig(epochs=2, batch_size=16, warmup_steps=3),
)
# The command line with the tiny recipe, for another process.
PROGRAM = f"""
import sys
from vae_core.__main__ import main
from vae_core.config import ModelConfig, TrainConfig
from vae_core.recipes import RECIPES, Recipe
RECIPES["tiny"] = {TINY!r}
sys.exit(main(sys.argv[1:]))
"""

Run = Callable[..., int]


@pytest.fixture(autouse=True)
def _tiny_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "tiny", TINY)


@pytest.fixture
def cli(tiny_idx_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`python -m vae_core train tiny` in an empty folder, on the tiny data set."""
    monkeypatch.chdir(tmp_path)

    def train_tiny(*options: str, recipe: str = "tiny") -> int:
        return main(["train", recipe, "--data", str(tiny_idx_folder), *options])

    return train_tiny


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "mine.safetensors"


@pytest.fixture(scope="module")
def trained(tiny_idx_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with D = 2, as `train` writes it; never change it."""
    out = tmp_path_factory.mktemp("trained") / "first.safetensors"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "tiny", TINY)
        options = ["--data", str(tiny_idx_folder), "--latent-dim", "2", "--seed", "4"]
        assert main(["train", "tiny", *options, "--out", str(out)]) == 0
    return out


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error, without a traceback."""
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert "Traceback" not in said
    return said


# --- train ------------------------------------------------------------------------------------


def test_train_writes_what_was_trained(trained: Path, tiny_idx_folder: Path) -> None:
    header = read_header(trained)
    assert header.recipe == "tiny"
    assert header.about == TINY.about
    assert header.model == ModelConfig(encoder_hidden=(12,), decoder_hidden=(8,))
    assert header.train == TrainConfig(epochs=2, batch_size=16, warmup_steps=3, seed=4)
    assert header.data == data_identity(tiny_idx_folder)
    assert [row[0] for row in header.history] == [1, 2]
    assert [p.name for p in trained.parent.iterdir()] == ["first.safetensors"]  # the run is gone

    images = load_idx(tiny_idx_folder, "train").images
    state = start(header.model, header.train, images)
    list(train(state, images))
    loaded = load_checkpoint(checkpoint_ref(trained)).model
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, state.model.state_dict()[name].half().float())


def test_train_measures_the_stored_weights(trained: Path, tiny_idx_folder: Path) -> None:
    stored = read_checkpoint(trained)
    model = load_checkpoint(checkpoint_ref(trained)).model
    test, train = (load_idx(tiny_idx_folder, split) for split in ("test", "train"))
    assert evaluate_model(model, test, train=train) == stored.header.metrics
    digits = digit_map(stored)
    assert digits is not None
    mu, logvar = encode_images(model, load_mnist("all").images[::700])
    np.testing.assert_allclose(digits.coords[::700], mu, atol=1e-5)
    std = posterior_std(stored)
    assert std is not None
    np.testing.assert_allclose(std[::700], (0.5 * logvar).exp(), rtol=1e-3)


def test_snapshots_are_the_network_as_it_was(cli: Run, out: Path, tiny_idx_folder: Path) -> None:
    assert cli("--out", str(out), "--snapshots", "4") == 0
    folder = out.with_suffix("")
    files = sorted(folder.iterdir())
    images = load_idx(tiny_idx_folder, "train").images
    steps = [0, *moments(TINY.train, len(images), 4)]
    assert [file.name for file in files] == [f"step-{step:06d}.safetensors" for step in steps]
    state = start(TINY.model, TINY.train, images)
    now = iter(train(state, images))
    for file, step in zip(files, steps, strict=True):
        while step and next(now).step < step:
            pass
        loaded = load_checkpoint(checkpoint_ref(file)).model.state_dict()
        for name, value in state.model.state_dict().items():
            assert torch.equal(loaded[name], value.half().float())
        header = read_header(file)
        assert header.metrics["epoch"]["value"] == pytest.approx(2 * step / steps[-1])
        assert digit_map(read_checkpoint(file)) is None  # small files: the app encodes
    last = load_checkpoint(checkpoint_ref(out)).model.state_dict()
    assert all(torch.equal(loaded[name], last[name]) for name in last)


def test_from_goes_on_from_another_s_weights(
    cli: Run, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = tmp_path / "parent.safetensors"
    assert cli("--out", str(parent)) == 0
    config = TrainConfig(start="checkpoint", epochs=1, learning_rate=1e-9, batch_size=16)
    monkeypatch.setitem(RECIPES, "child", Recipe("child", "A child.", TINY.model, config, "tiny"))
    assert cli("--out", str(out), "--from", str(parent), recipe="child") == 0
    before, after = (load_checkpoint(checkpoint_ref(p)).model.state_dict() for p in (parent, out))
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, rtol=0.0, atol=1e-3)


def test_from_refuses_other_layers(
    cli: Run, out: Path, trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    config = TrainConfig(start="checkpoint", epochs=1)
    monkeypatch.setitem(RECIPES, "child", Recipe("child", "A child.", TINY.model, config, "tiny"))
    assert cli("--out", str(out), "--from", str(trained), recipe="child") == 1
    assert "is no start for child: other layers" in error_of(capsys)


def test_held_out_images_are_not_trained_on(
    cli: Run, out: Path, tiny_idx_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(TINY, train=replace(TINY.train, held_out=10))
    monkeypatch.setitem(RECIPES, "tiny", recipe)
    assert cli("--out", str(out)) == 0
    images = load_idx(tiny_idx_folder, "train").images[:-10]
    state = start(recipe.model, recipe.train, images)
    list(train(state, images))
    loaded = load_checkpoint(checkpoint_ref(out)).model
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, state.model.state_dict()[name].half().float())


def test_train_reports_each_epoch_and_the_result(
    cli: Run, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("--out", str(out), "--epochs", "3") == 0
    said = capsys.readouterr().out
    lines = [line for line in said.splitlines() if line.startswith("epoch ")]
    history = read_header(out).history
    assert len(lines) == 3
    for i, (line, (_, objective, elbo, kl, reconstruction)) in enumerate(
        zip(lines, history, strict=True), start=1
    ):
        assert objective == elbo
        wanted = f"ELBO {elbo:.2f}  KL {kl:.2f}  reconstruction {reconstruction:.2f}"
        assert line == f"epoch {i}/3  {wanted}"
    assert said.splitlines()[-1] == f"wrote {out}"


def test_options_change_the_recipe(cli: Run, out: Path) -> None:
    options = ("--epochs", "1", "--batch-size", "30", "--learning-rate", "0.01", "--seed", "9")
    assert cli("--out", str(out), *options) == 0
    wanted = TrainConfig(epochs=1, batch_size=30, learning_rate=0.01, seed=9, warmup_steps=3)
    assert read_header(out).train == wanted


def test_the_same_seed_gives_the_same_file(cli: Run, tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.safetensors" for name in "abc"]
    for file, seed in zip(files, "112", strict=True):
        assert cli("--out", str(file), "--seed", seed) == 0
    first, again, other = (file.read_bytes() for file in files)
    assert first == again
    assert first != other


def test_without_out_it_goes_to_weights(cli: Run, tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    assert cli("--epochs", "1") == 0
    assert read_header(tmp_path / "weights" / "tiny.safetensors").recipe == "tiny"


def test_an_autoencoder_is_trained_and_shown_without_bounds(
    cli: Run, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ModelConfig(encoder_hidden=(12,), decoder_hidden=(8,), posterior="point")
    config = TrainConfig(objective="autoencoder", epochs=1, batch_size=16)
    monkeypatch.setitem(RECIPES, "tiny-ae", Recipe("tiny-ae", "No prior.", model, config))
    assert cli("--out", str(out), recipe="tiny-ae") == 0
    (epoch,) = (line for line in capsys.readouterr().out.splitlines() if "epoch 1/1" in line)
    assert "ELBO" not in epoch
    assert "reconstruction -" in epoch
    header = read_header(out)
    assert header.history[0][2:4] == [None, None]
    assert header.metrics["elbo"]["value"] is None


def test_a_start_from_codes_asks_for_them_once(
    cli: Run, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[int] = []

    def codes(images: Any, *, seed: int) -> Any:
        asked.append(seed)
        return np.random.default_rng(seed).normal(size=(len(images), 2)).astype(np.float32)

    monkeypatch.setattr("vae_core.neighbours.neighbour_codes", codes)
    model = ModelConfig(encoder_hidden=(12,), decoder_hidden=(8,))
    config = TrainConfig(start="neighbours", start_epochs=1, epochs=2, batch_size=16, seed=6)
    monkeypatch.setitem(RECIPES, "from-codes", Recipe("from-codes", "Codes.", model, config))
    assert cli("--latent-dim", "3", "--out", str(out), recipe="from-codes") == 1
    assert "needs a Gaussian posterior and latent_dim 2, got" in error_of(capsys)
    assert asked == []
    assert cli("--out", str(out), recipe="from-codes") == 0
    assert asked == [6]
    history = read_header(out).history
    assert [row[2] is None for row in history] == [True, False]


def test_a_checkpoint_is_not_overwritten(
    cli: Run, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("--out", str(out), "--epochs", "1") == 0
    before = out.read_bytes()
    capsys.readouterr()
    assert cli("--out", str(out), "--epochs", "1", "--seed", "1") == 1
    assert "mine.safetensors exists" in error_of(capsys)
    assert out.read_bytes() == before
    assert cli("--out", str(out), "--epochs", "1", "--seed", "1", "--force") == 0
    assert read_header(out).train.seed == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--resume"], "there is no unfinished run"),
        (["--out", "nowhere/x.safetensors"], "the folder nowhere of --out does not exist"),
        (["--out", "x.pt"], "--out must end in .safetensors, got x.pt"),
        (["--epochs", "0"], "epochs must be a whole number from 1, got 0"),
        (["--batch-size", "-1"], "batch_size must be"),
        (["--learning-rate", "nan"], "learning_rate must be"),
        (["--beta", "2"], "beta must be 1 with the objective elbo, got 2.0"),
        (["--latent-dim", "0"], "latent_dim must be"),
        (["--seed", "-3"], "seed must be"),
    ],
)
def test_bad_options_get_one_sentence(
    cli: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    out = [] if "--out" in options else ["--out", "fine.safetensors"]
    assert cli(*options, *out) == 1
    assert said in error_of(capsys)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_recipe(cli: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(recipe="vae") == 1
    assert "there is no recipe 'vae'; allowed are " in error_of(capsys)


@pytest.mark.parametrize("command", ["train", "evaluate"])
@pytest.mark.parametrize("folder", ["", "gone"])
def test_data_from_an_empty_or_missing_folder(
    trained: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    folder: str,
) -> None:
    out = tmp_path / "x.safetensors"
    first = ["train", "tiny", "--out", str(out)] if command == "train" else [command, str(trained)]
    assert main([*first, "--data", str(tmp_path / folder)]) == 1
    said = error_of(capsys)
    assert ("is not a folder" if folder else "has no file") in said
    assert not out.exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_where_there_is_none(cli: Run, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli("--device", "cuda", "--out", str(out)) == 1
    assert "sees no CUDA device; use --device cpu" in error_of(capsys)


def test_a_number_that_is_none_and_a_missing_command(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in ([], ["train"], ["train", "tiny", "--epochs", "many"], ["fly"]):
        with pytest.raises(SystemExit) as got:
            main(argv)
        assert got.value.code == 2
    assert "usage: python -m vae_core" in capsys.readouterr().err


def test_help_names_every_recipe_and_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as got:
        main(["train", "--help"])
    assert got.value.code == 0
    said = capsys.readouterr().out
    assert all(recipe.about in said for recipe in RECIPES.values())
    assert "python -m vae_core train quick" in said
    assert "--resume" in said


# --- stopping and going on --------------------------------------------------------------------


def stop_after(monkeypatch: pytest.MonkeyPatch, epochs: int) -> None:
    """Press Ctrl-C right after that many epochs were saved."""
    save_run = runs.save_run

    def save_and_stop(path: Path, state: Any, data: dict[str, str]) -> None:
        save_run(path, state, data)
        if state.epochs_done == epochs:
            raise KeyboardInterrupt

    monkeypatch.setattr(runs, "save_run", save_and_stop)


def test_ctrl_c_then_resume_is_as_if_nothing_had_happened(
    cli: Run,
    out: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = tmp_path / "whole.safetensors"
    assert cli("--out", str(whole), "--epochs", "3") == 0
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, 1)
        capsys.readouterr()
        assert cli("--out", str(out), "--epochs", "3") == 130
    assert "stopped after 1 of 3 epochs; go on with --resume" in capsys.readouterr().err
    assert not out.exists()
    assert runs.run_path(out).exists()

    assert cli("--out", str(out), "--epochs", "3") == 1  # neither silently over, nor silently on
    assert "is an unfinished run; go on with --resume or start over with" in error_of(capsys)
    assert cli("--out", str(out), "--epochs", "3", "--seed", "8", "--resume") == 1
    assert "was started with other options" in error_of(capsys)

    assert cli("--out", str(out), "--epochs", "3", "--resume") == 0
    assert out.read_bytes() == whole.read_bytes()
    assert not runs.run_path(out).exists()


def test_force_starts_an_unfinished_run_over(
    cli: Run, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, 1)
        assert cli("--out", str(out)) == 130
    assert cli("--out", str(out), "--seed", "5", "--force") == 0
    assert read_header(out).train.seed == 5
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine.safetensors"]


def test_ctrl_c_in_the_first_epoch_loses_only_that(
    cli: Run, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: Any) -> Iterator[Any]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr("vae_core.training.train", interrupt)
    assert cli("--out", str(out)) == 130
    assert "stopped after 0 of 2 epochs; no epoch was complete" in capsys.readouterr().err
    assert list(out.parent.iterdir()) == []


def test_a_killed_process_resumes_to_the_same_bytes(
    cli: Run, out: Path, tmp_path: Path, tiny_idx_folder: Path
) -> None:
    options = ["--epochs", "40"]
    command = [sys.executable, "-c", PROGRAM, "train", "tiny", "--data", str(tiny_idx_folder)]
    process = subprocess.Popen(
        [*command, *options, "--out", str(out)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        unfinished, deadline = runs.run_path(out), time.monotonic() + 60
        while not unfinished.exists() and process.poll() is None:
            assert time.monotonic() < deadline, "no epoch was saved within a minute"
            time.sleep(0.002)
    finally:
        process.send_signal(signal.SIGKILL)
        status = process.wait()
    assert status == -signal.SIGKILL, "it was over before it could be killed"
    assert not out.exists()

    assert cli(*options, "--out", str(out), "--resume") == 0
    whole = tmp_path / "whole.safetensors"
    assert cli(*options, "--out", str(whole)) == 0
    assert out.read_bytes() == whole.read_bytes()


# --- evaluate and list ------------------------------------------------------------------------


def test_evaluate_json_has_the_promised_fields(
    trained: Path, tiny_idx_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(trained), "--data", str(tiny_idx_folder), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["name"] == "first"
    assert row["objective"] == "elbo"
    assert row["beta"] == 1.0
    assert row["likelihood"] == "bernoulli"
    assert row["latent_dim"] == 2
    assert row["binarisation"] == "one fixed draw, seed 0"
    assert row["sha256"] == checkpoint_ref(trained).sha256
    assert row["metrics"] == read_header(trained).metrics  # measured again, to the same figures
    for name in ("log_px", "elbo", "kl", "reconstruction", "knn10", "silhouette", "nmi", "ari"):
        figure = row["metrics"][name]
        assert set(figure) == {"value", "stderr", "unit", "how"}
        assert figure["how"]
    assert row["metrics"]["log_px"]["how"].startswith("exact: lattice, spacing 0.02")


def test_evaluate_write_stores_the_figures(
    trained: Path, tmp_path: Path, few_digits: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = tmp_path / "copied.safetensors"
    stored = read_checkpoint(trained)
    model = load_checkpoint(checkpoint_ref(trained)).model
    old = {"epoch": {"value": 0.5, "stderr": None, "unit": "epochs", "how": "counted"}}
    places = digit_map(stored), posterior_std(stored), None
    save_checkpoint(copied, model, replace(stored.header, metrics=old), *places)
    monkeypatch.setattr(command_line, "load_mnist", lambda split: few_digits)
    monkeypatch.setattr(command_line, "_places", lambda model: places)
    assert main(["evaluate", str(copied), "--write"]) == 0
    after = read_checkpoint(copied)
    assert after.header.metrics == (evaluate_model(model, few_digits, train=few_digits) | old)
    assert replace(after.header, metrics={}) == replace(stored.header, metrics={})
    assert after.tensors.keys() == stored.tensors.keys()
    assert all(np.array_equal(after.tensors[k], v) for k, v in stored.tensors.items())


def test_evaluate_write_is_for_mnist(
    trained: Path, tiny_idx_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(trained), "--write", "--data", str(tiny_idx_folder)]) == 1
    assert "--write stores figures on MNIST alone" in error_of(capsys)


@pytest.fixture
def three_files(
    tmp_path: Path, make_model: Callable[..., VAE], make_header: Callable[..., Header]
) -> list[Path]:
    """A VAE and an autoencoder with D = 1, and one VAE with D = 3 and grey pixels."""
    models = {
        "a": make_model(latent_dim=1),
        "b": make_model(latent_dim=1, posterior="point"),
        "c": make_model(latent_dim=3, likelihood="gaussian", sigma=0.5),
    }
    paths = [tmp_path / f"{name}.safetensors" for name in models]
    for path, model in zip(paths, models.values(), strict=True):
        save_checkpoint(path, model, make_header(model))
    return paths


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
        assert f"{option} must be a whole number from 0, got -1" in error_of(capsys)


def test_list_shows_good_and_bad(
    three_files: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = three_files[0].parent
    assert main(["list", str(folder)]) == 0
    said = capsys.readouterr()
    assert [line.split()[0] for line in said.out.splitlines()[1:4]] == ["a", "b", "c"]
    assert "elbo: by hand" in said.out
    assert said.err == ""

    (folder / "bad.safetensors").write_bytes(b"nothing")
    assert main(["list", str(folder)]) == 1
    said = capsys.readouterr()
    assert [line.split()[0] for line in said.out.splitlines()[1:4]] == ["a", "b", "c"]
    assert said.err.startswith("error: bad.safetensors is damaged")


def test_list_an_empty_and_a_missing_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"no checkpoints in {tmp_path}\n"
    assert main(["list", str(tmp_path / "gone")]) == 1
    assert "gone is not a folder" in error_of(capsys)


def test_list_looks_into_weights_by_default(
    three_files: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "weights").mkdir()
    three_files[0].rename(tmp_path / "weights" / "only.safetensors")
    monkeypatch.chdir(tmp_path)
    assert main(["list"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[0] == "only"


def test_a_small_data_set_is_measured_whole(few_digits: DataSet, tiny_idx_folder: Path) -> None:
    """The tiny folder holds what the tests above believe it holds."""
    test = load_idx(tiny_idx_folder, "test")
    np.testing.assert_array_equal(test.labels, few_digits.labels[90:])
    assert np.bincount(test.labels).min() >= 5


def test_a_diverged_run_says_so_and_keeps_its_last_good_epoch(
    cli: Run, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverging(*args: Any) -> Iterator[StepRecord]:
        for record in train(*args):
            if record.epoch == 2 and record.ended_epoch is not None:
                record = record._replace(
                    ended_epoch=record.ended_epoch._replace(objective=math.nan)
                )
            yield record

    monkeypatch.setattr("vae_core.training.train", diverging)
    assert cli("--out", str(out)) == 1
    assert "training diverged in epoch 2: its objective is nan; lower" in error_of(capsys)
    assert not out.exists()
    assert run_path(out).exists()


def test_force_forgets_the_run_it_starts_over(
    cli: Run, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, 1)
        assert cli("--out", str(out)) == 130
    assert run_path(out).exists()

    def interrupt(*_: Any) -> Iterator[Any]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr("vae_core.training.train", interrupt)
    assert cli("--out", str(out), "--force") == 130
    assert not run_path(out).exists()


def test_evaluate_goes_on_after_a_bad_file(
    trained: Path, tiny_idx_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"nothing")
    files = [str(bad), str(trained)]
    assert main(["evaluate", *files, "--data", str(tiny_idx_folder), "--json"]) == 1
    said = capsys.readouterr()
    assert [row["name"] for row in json.loads(said.out)] == ["first"]
    assert said.err.startswith("error: bad.safetensors is damaged")


def test_a_data_set_without_test_images_is_refused_before_training(
    tiny_idx_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in tiny_idx_folder.glob("train-*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    out = tmp_path / "mine.safetensors"
    assert main(["train", "tiny", "--data", str(tmp_path), "--out", str(out)]) == 1
    assert "t10k-images-idx3-ubyte" in error_of(capsys)
    assert not run_path(out).exists()
