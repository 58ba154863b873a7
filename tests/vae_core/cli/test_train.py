from __future__ import annotations

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

from tests.vae_core.cli.conftest import TINY, error_of
from vae_core import train_state
from vae_core.analysis.evaluation import evaluate_model
from vae_core.analysis.projection import encode_images
from vae_core.checkpoints import checkpoint_ref, load_checkpoint, read_checkpoint, read_header
from vae_core.cli import main
from vae_core.cli.at_hand import DataAtHand
from vae_core.config import ModelConfig, TrainConfig
from vae_core.data import load_idx, load_mnist
from vae_core.recipes import RECIPES, Recipe
from vae_core.train_state import train_state_path
from vae_core.training import StepRecord, moments, start, train

ROOT = Path(__file__).parents[3]
# The command line with the tiny recipe, for another process.
PROGRAM = f"""
import sys
from vae_core.cli import main
from vae_core.config import ModelConfig, TrainConfig
from vae_core.recipes import RECIPES, Recipe
RECIPES["tiny"] = {TINY!r}
sys.exit(main(sys.argv[1:]))
"""

Run = Callable[..., int]


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


def test_train_writes_what_was_trained(trained: Path, tiny_idx_folder: Path) -> None:
    header = read_header(trained)
    assert header.recipe == "tiny"
    assert header.about == TINY.about
    assert header.model == ModelConfig(encoder_hidden=(12,), decoder_hidden=(8,))
    assert header.train == TrainConfig(epochs=2, batch_size=16, warmup_steps=3, seed=4)
    assert header.data == DataAtHand(tiny_idx_folder).source(0)
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
    found = evaluate_model(
        model, test, train=train, name=tiny_idx_folder.name, n_images=1000, spacing=0.04
    )
    assert found == stored.header.metrics
    digits = stored.codes
    assert digits is not None
    mu, logvar = encode_images(model, load_mnist("all").images[::700])
    np.testing.assert_allclose(digits.coords[::700], mu, atol=1e-5)
    std = stored.std
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
        assert header.metrics["epoch"].value == pytest.approx(2 * step / steps[-1])
        assert read_checkpoint(file).codes is None  # small files: the app encodes
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
    assert header.metrics["elbo"].value is None


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
        (["--epochs", "0"], "epochs must be a whole number from 1 to 100,000, got 0"),
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


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_where_there_is_none(cli: Run, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli("--device", "cuda", "--out", str(out)) == 1
    assert "sees no CUDA device; use --device cpu" in error_of(capsys)


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
    save_train_state = train_state.save_train_state

    def save_and_stop(path: Path, state: Any, data: dict[str, str]) -> None:
        save_train_state(path, state, data)
        if state.epochs_done == epochs:
            raise KeyboardInterrupt

    monkeypatch.setattr(train_state, "save_train_state", save_and_stop)


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
    assert train_state.train_state_path(out).exists()

    assert cli("--out", str(out), "--epochs", "3") == 1  # neither silently over, nor silently on
    assert "is an unfinished run; go on with --resume or start over with" in error_of(capsys)
    assert cli("--out", str(out), "--epochs", "3", "--seed", "8", "--resume") == 1
    assert "was started with other options" in error_of(capsys)

    assert cli("--out", str(out), "--epochs", "3", "--resume") == 0
    assert out.read_bytes() == whole.read_bytes()
    assert not train_state.train_state_path(out).exists()


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
        unfinished, deadline = train_state.train_state_path(out), time.monotonic() + 60
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
    assert train_state_path(out).exists()


def test_force_forgets_the_run_it_starts_over(
    cli: Run, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, 1)
        assert cli("--out", str(out)) == 130
    assert train_state_path(out).exists()

    def interrupt(*_: Any) -> Iterator[Any]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr("vae_core.training.train", interrupt)
    assert cli("--out", str(out), "--force") == 130
    assert not train_state_path(out).exists()


def test_a_data_set_without_test_images_is_refused_before_training(
    tiny_idx_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in tiny_idx_folder.glob("train-*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    out = tmp_path / "mine.safetensors"
    assert main(["train", "tiny", "--data", str(tmp_path), "--out", str(out)]) == 1
    assert "t10k-images-idx3-ubyte" in error_of(capsys)
    assert not train_state_path(out).exists()
