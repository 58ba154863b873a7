"""Whatever the arguments, a command ends well or says in one sentence why not."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.vae_core.cli.conftest import TINY, error_of
from vae_core.checkpoints import read_header, save_checkpoint
from vae_core.cli import listing, main, train
from vae_core.cli.at_hand import DataAtHand
from vae_core.cli.writing import Places
from vae_core.config import ModelConfig, TrainConfig
from vae_core.data import DataSet
from vae_core.header import Header
from vae_core.models import VAE
from vae_core.recipes import RECIPES, Recipe
from vae_core.train_state import train_state_path

ROOT = Path(__file__).parents[3]
WriteFolder = Callable[[Path, DataSet, DataSet], Path]
WHOLE = ["-3", "0", "1", "2", "3", "7", "1.5", "nan", "", "many", " 4 ", "٣", "0x10"]
HUGE = [str(2**31), str(2**63 - 1), str(2**63), str(2**64), "9" * 40]
REAL = ["-1", "0", "1", "nan", "inf", "-inf", "1e400", "1e-400", "1e308", "", "x", "0.5"]
PATHS = ["", ".", "nowhere", "nowhere/x.safetensors", "~", "~nobody/x", "file.txt", "/dev/null"]
PATHS += ["x" * 300, "own.safetensors", "folder", "data"]
TRAIN: dict[str, list[str]] = {
    "--epochs": [*WHOLE, *HUGE],
    "--batch-size": [*WHOLE, *HUGE],
    "--latent-dim": [*WHOLE, *HUGE],
    "--seed": [*WHOLE, *HUGE],
    "--snapshots": [*WHOLE, *HUGE],
    "--learning-rate": REAL,
    "--beta": REAL,
    "--device": ["", "cuda", "tpu"],
    "--data": PATHS,
    "--out": [*PATHS, "folder.safetensors"],
    "--from": PATHS,
    "--resume": [],
    "--force": [],
    "--no-measure": [],
}
EVALUATE: dict[str, list[str]] = {
    "--iwae": [*WHOLE, *HUGE],
    "--certify": [*WHOLE, *HUGE],
    "--spacing": [*REAL, "0.001", "0.0009", "1.001"],
    "--data": PATHS,
    "--other-data": PATHS,
    "--json": [],
    "--write": [],
}
LIST: dict[str, list[str]] = {"--markdown": []}
COMMANDS = {
    "train tiny": TRAIN,
    "train tiny-mixture": TRAIN,
    "train child": TRAIN,
    "evaluate own.safetensors": EVALUATE,
    "list folder": LIST,
}


@pytest.fixture
def place(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    few_digits: DataSet,
    write_idx_folder: WriteFolder,
    make_model: Callable[..., VAE],
    make_header: Callable[..., Header],
) -> Path:
    """A folder to work in: data of 20 and 12 images, a checkpoint of them, and things in the way.

    MNIST's 70,000 digits are placed by no map, which would take seconds each time.
    """
    monkeypatch.chdir(tmp_path)
    parts = [DataSet(*(each[rows] for each in few_digits)) for rows in (slice(20), slice(20, 32))]
    write_idx_folder(tmp_path / "data", *parts)
    (tmp_path / "file.txt").write_text("text")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.safetensors").mkdir()
    model = make_model(latent_dim=1, encoder_hidden=(12,))
    source = DataAtHand(tmp_path / "data").source(0)
    save_checkpoint("own.safetensors", model, make_header(model, data=source, metrics={}))
    monkeypatch.setattr(train, "places_of", lambda model, with_elbo: Places())
    monkeypatch.setitem(RECIPES, "tiny", TINY)
    mixture = ModelConfig(encoder_hidden=(12,), decoder_hidden=(8,), prior="digit-mixture")
    for name, model_config, config in (
        ("tiny-mixture", mixture, TINY.train),
        ("child", TINY.model, replace(TINY.train, start="checkpoint", objective="beta-elbo")),
    ):
        monkeypatch.setitem(RECIPES, name, Recipe(name, "For tests.", model_config, config, "tiny"))
    return tmp_path


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit status, and what was said on standard error."""
    try:
        status = main(arguments)
    except SystemExit as err:  # argparse: usage and a sentence
        status = int(str(err.code))
    return status, capsys.readouterr().err


def ends_well(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, said = run(arguments, capsys)
    assert "Traceback" not in said, arguments
    if status == 1:
        assert said.startswith("error: "), arguments
        assert said.count("\n") == 1, arguments
    else:
        assert status in (0, 2), arguments
        assert ("error: " in said) == (status == 2), arguments


def defaults(command: str, options: list[str]) -> list[str]:
    """What a command needs to end soon, unless the options say it otherwise."""
    wanted = {"--data": "data"}
    if command.startswith("train"):
        wanted |= {"--out": "new.safetensors", "--epochs": "1", "--no-measure": ""}
    if command.startswith("list") or "--other-data" in options:
        wanted = {}
    return [part for k, v in wanted.items() if k not in options for part in (k, v) if part]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_with_odd_values(
    place: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for option, values in COMMANDS[command].items():
        for value in values or [None]:
            given = [option] if value is None else [f"{option}={value}"]
            whole = [*command.split(), *given, *defaults(command, [option])]
            ends_well(whole, capsys)
            for path in place.glob("new*"):
                path.unlink() if path.is_file() else None


def test_odd_values_of_several_options_at_once(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(23)
    for _ in range(60):
        command = chance.choice(list(COMMANDS))
        table = COMMANDS[command]
        options = chance.sample(sorted(table), min(len(table), chance.randint(2, 4)))
        given = [
            option if not table[option] else f"{option}={chance.choice(table[option])}"
            for option in options
        ]
        ends_well([*command.split(), *given, *defaults(command, options)], capsys)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("train tiny --snapshots 1", "--snapshots must be a whole number from 0, or from 3 to"),
        ("train tiny --snapshots 2", "got 2"),
        ("train tiny --snapshots -3", "got -3"),
        (f"train tiny --seed {2**64}", f"seed must be a whole number from 0 to {2**63 - 2}, got"),
        ("train tiny --from own.safetensors", "--from is of no use to it; it is for record, child"),
        ("train tiny --resume --force", "--resume goes on with a run and --force starts it over"),
        ("train tiny --out folder.safetensors", "folder.safetensors is a folder"),
        ("train child --from folder", "folder cannot be read: it is a folder; name a file in it"),
        ("train tiny --latent-dim 100000", "latent_dim must be a whole number from 1 to 784"),
        ("evaluate folder", "folder cannot be read: it is a folder; name a file in it"),
        ("evaluate /dev/null", "cannot be read: it is no regular file"),
        ("list own.safetensors", "own.safetensors is not a folder"),
    ],
)
def test_these_get_this_sentence(
    place: Path, arguments: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = arguments.split()
    assert main([*command, *defaults(arguments, command)]) == 1
    assert said in error_of(capsys)


def test_a_seed_of_63_bits_is_taken(place: Path) -> None:
    command = "train tiny --epochs 1 --no-measure --data data --out new.safetensors"
    assert main([*command.split(), "--seed", str(2**63 - 2)]) == 0


def test_labels_above_9_and_missing_ones_for_a_recipe_that_learns_from_them(
    place: Path,
    few_digits: DataSet,
    write_idx_folder: WriteFolder,
    capsys: pytest.CaptureFixture[str],
) -> None:
    letters = DataSet(few_digits.images[:30], np.arange(30, dtype=np.uint8))
    write_idx_folder(place / "letters", letters, letters)
    command = "train tiny-mixture --data letters --out new.safetensors"
    assert main(command.split()) == 1
    assert "labels 0 to 9, and letters has labels up to 29" in error_of(capsys)
    for path in (place / "letters").glob("*labels*"):
        path.unlink()
    assert main(command.split()) == 1
    assert "tiny-mixture learns with labels, and letters has none" in error_of(capsys)
    assert not train_state_path(place / "new.safetensors").exists()


def test_a_neighbour_embedding_of_few_images(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ModelConfig(encoder_hidden=(12,), decoder_hidden=(8,))
    config = TrainConfig(start="neighbours", start_epochs=1, epochs=2)
    monkeypatch.setitem(RECIPES, "near", Recipe("near", "For tests.", model, config))
    assert main(["train", "near", "--data", "data", "--out", "new.safetensors"]) == 1
    assert "takes 31 training images or more, got 20" in error_of(capsys)
    assert main(f"train near --data data --out n.safetensors --seed {2**32}".split()) == 1
    assert "seed must be a whole number from 0 to 4294967295" in error_of(capsys)


# --- nothing is lost -----------------------------------------------------------------------------


def test_a_test_set_of_one_image_loses_nothing(
    place: Path, few_digits: DataSet, write_idx_folder: WriteFolder
) -> None:
    one, few = (DataSet(few_digits.images[:n], few_digits.labels[:n]) for n in (1, 20))
    write_idx_folder(place / "data", few, one)
    assert main(["train", "tiny", "--data", "data", "--out", "new.safetensors"]) == 0
    elbo = read_header("new.safetensors").metrics["elbo"]
    assert elbo.value is not None
    assert elbo.stderr is None
    assert elbo.data is not None
    assert elbo.data.count == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("it broke")])
def test_what_fails_while_measuring_leaves_the_checkpoint(
    place: Path,
    error: BaseException,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise error

    command = ["train", "tiny", "--data", "data", "--out", "new.safetensors"]
    with monkeypatch.context() as patch:
        patch.setattr(train, "measured", fail)
        if isinstance(error, KeyboardInterrupt):
            assert main(command) == 130
            said = "stopped while measuring; new.safetensors is written, and --resume adds its"
            assert said in capsys.readouterr().err
        else:
            with pytest.raises(RuntimeError):
                main(command)
    assert read_header("new.safetensors").metrics == {}
    assert main([*command, "--resume"]) == 0
    assert "elbo" in read_header("new.safetensors").metrics
    assert not train_state_path(place / "new.safetensors").exists()


def test_no_measure_needs_no_test_images(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (place / "data").glob("t10k-*"):
        path.unlink()
    command = ["train", "tiny", "--data", "data", "--out", "new.safetensors"]
    assert main(command) == 1
    assert "or train with --no-measure" in error_of(capsys)
    assert main([*command, "--no-measure"]) == 0
    header = read_header("new.safetensors")
    assert header.metrics == {}
    assert header.data.test is None
    said = capsys.readouterr().out
    assert "measuring" not in said
    assert said.endswith("wrote new.safetensors without figures; evaluate --write adds them\n")


def test_training_needs_no_labels(place: Path) -> None:
    for path in (place / "data").glob("*labels*"):
        path.unlink()
    assert main(["train", "tiny", "--data", "data", "--out", "new.safetensors"]) == 0
    metrics = read_header("new.safetensors").metrics
    assert metrics["log_px"].value is not None
    assert metrics["knn10"].method.startswith("none: the images have no labels")


def test_a_short_training_is_measured_on_fewer_images(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "tiny", "--data", "data", "--force", "--out", "new.safetensors"]
    monkeypatch.setattr("vae_core.cli.writing._FEW_IMAGES", 5)
    assert main(command) == 0
    assert "measuring 5 of the 12 test images, as the training was a short one" in (
        capsys.readouterr().out
    )
    metric = read_header("new.safetensors").metrics["log_px"]
    assert metric.method.endswith("; 5 of the 12 test images")
    monkeypatch.setattr("vae_core.cli.writing._SHORT_TRAINING", 2 * 20)
    assert main(command) == 0
    assert "measuring 12 test images…" in capsys.readouterr().out
    metric = read_header("new.safetensors").metrics["log_px"]
    assert metric.method.startswith("exact: lattice, spacing 0.02")


@pytest.mark.parametrize("options", [[], ["--snapshots", "3"]])
def test_weights_beyond_float16_are_a_divergence(
    place: Path,
    options: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def grown(model: VAE) -> None:
        model.decoder.output_bias[0] = torch.inf  # as half() makes of 1e6

    monkeypatch.setattr("vae_core.cli.writing.round_to_stored", grown)
    command = ["train", "tiny", "--data", "data", "--out", "new.safetensors"]
    assert main([*command, *options]) == 1
    assert "training diverged: weights are no finite numbers in float16" in error_of(capsys)
    assert not Path("new.safetensors").exists()


def test_a_snapshots_folder_in_the_way_is_told_before_training(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "new").write_text("in the way")
    command = ["train", "tiny", "--data", "data", "--out", "new.safetensors", "--snapshots", "3"]
    assert main(command) == 1
    assert "new is in the way of the snapshots' folder" in error_of(capsys)


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (OSError(28, "No space left on device", "x.partial"), 1, "x.partial: No space left"),
        (MemoryError(), 1, "there is not enough memory"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_what_the_machine_cannot_do_is_a_sentence(
    place: Path,
    error: BaseException,
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(listing, "scan_checkpoints", fail)
    assert main(["list", "folder"]) == status
    assert said in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_is_no_error(place: Path) -> None:
    """`list FOLDER | head -1`, whose pipe is closed while more is to come."""
    program = (
        "import sys, vae_core.cli.listing as listing; from vae_core.cli import main\n"
        "listing.scan_checkpoints = lambda folder: print('x' * 200_000)\n"
        "sys.exit(main(['list', 'folder']))"
    )
    read, written = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=written, stderr=subprocess.PIPE, cwd=ROOT
    )
    os.close(written)
    assert done.stderr == b""
    assert done.returncode == 1


def test_a_bar_tells_how_far_measuring_is(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, float]] = []

    class Bar:
        """Stands for tqdm's."""

        def __init__(self, *, total: float, desc: str, **_: object) -> None:
            assert total == 1.0
            self.n, self.what = 0.0, desc

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            seen.append((self.what, self.n))

        def update(self, more: float) -> None:
            assert more >= 0
            self.n += more

    monkeypatch.setattr("tqdm.tqdm", Bar)
    assert main(["evaluate", "own.safetensors", "--data", "data"]) == 0
    assert seen == [("measuring own", pytest.approx(1.0))]
