"""A checkpoint is measured on its own data, and its file holds no figure of any other."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.vae_core.cli.conftest import error_of
from vae_core.checkpoints import read_header, save_checkpoint
from vae_core.cli import main
from vae_core.cli.at_hand import DataAtHand, why_other
from vae_core.config import TrainConfig
from vae_core.data import DataSet, train_file_sha256
from vae_core.errors import CheckpointError
from vae_core.header import Header
from vae_core.identity import MNIST, MNIST_TEST, DataSource
from vae_core.metrics import Metric, Metrics, based
from vae_core.models import VAE

WriteFolder = Callable[[Path, DataSet, DataSet], Path]


@pytest.fixture(scope="module")
def fashion(
    tmp_path_factory: pytest.TempPathFactory, write_idx_folder: WriteFolder, few_digits: DataSet
) -> Path:
    """Other data than the tiny set, of 12 and 8 images."""
    images = few_digits.images[:, ::-1]
    parts = (DataSet(images[rows], few_digits.labels[rows]) for rows in (slice(12), slice(12, 20)))
    return write_idx_folder(tmp_path_factory.mktemp("other") / "fashion", *parts)


@pytest.fixture
def write(
    tmp_path: Path, make_model: Callable[..., VAE], make_header: Callable[..., Header]
) -> Callable[..., Path]:
    """Write a small checkpoint as if made from some data, with an ELBO of them."""
    model = make_model(latent_dim=1)

    def write(data: DataSource, **changes: object) -> Path:
        elbo = Metric(-267.44, 0.1, "nats", "by hand", data=data.test)
        path = tmp_path / "own.safetensors"
        values = {"data": data, "metrics": based({"elbo": elbo}, model.config)} | changes
        save_checkpoint(path, model, make_header(model, **values))
        return path

    return write


def elbo_of(path: Path) -> Metric:
    return read_header(path).metrics["elbo"]


def test_other_data_than_those_at_hand_are_refused(
    write: Callable[..., Path],
    fashion: Path,
    tiny_idx_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write(DataAtHand(fashion).source(0))
    before = path.read_bytes()
    for options in ([], ["--write"]):
        assert main(["evaluate", str(path), *options]) == 1
        said = error_of(capsys)
        assert "own.safetensors was made from fashion, which is not at hand" in said
        assert "--data DIR" in said
    for options in ([], ["--write"]):
        assert main(["evaluate", str(path), "--data", str(tiny_idx_folder), *options]) == 1
        said = error_of(capsys)
        assert "was made from fashion (SHA-256 " in said
        assert f"{tiny_idx_folder} holds other data, tiny, 110 test images" in said
    assert path.read_bytes() == before


def test_its_own_data_are_measured_and_stored_wherever_they_lie(
    write: Callable[..., Path], fashion: Path, tmp_path: Path
) -> None:
    path = write(DataAtHand(fashion).source(0))
    moved = tmp_path / "moved" / "raw"
    shutil.copytree(fashion, moved)
    assert main(["evaluate", str(path), "--data", str(tmp_path / "moved"), "--write"]) == 0
    elbo = elbo_of(path)
    assert elbo.value != -267.44
    assert elbo.data is not None
    assert elbo.data.count == 8
    assert elbo.data.sha256 == DataAtHand(fashion).source(0).test.sha256  # type: ignore[union-attr]


def test_other_data_can_be_measured_and_are_never_stored(
    write: Callable[..., Path], fashion: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(MNIST)
    assert main(["evaluate", str(path), "--other-data", str(fashion), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert {metric["data"]["name"] for metric in row["metrics"].values()} == {"fashion"}
    assert "log_px_train" not in row["metrics"]  # it was not trained on these
    assert main(["evaluate", str(path), "--other-data", str(fashion), "--write"]) == 1
    assert "--write stores figures on a checkpoint's own data alone" in error_of(capsys)
    with pytest.raises(SystemExit):
        main(["evaluate", str(path), "--other-data", str(fashion), "--data", str(fashion)])
    assert elbo_of(path).value == -267.44


def test_figures_that_are_not_measured_again_are_kept(
    write: Callable[..., Path], fashion: Path, make_model: Callable[..., VAE]
) -> None:
    source = DataAtHand(fashion).source(0)
    iwae = Metric(-200.0, 0.1, "nats", "IWAE, K = 500", data=source.test)
    epoch = Metric(0.5, None, "epochs", "counted")
    kept = based({"iwae": iwae, "epoch": epoch}, make_model(latent_dim=1).config)
    path = write(source, metrics=kept)
    assert main(["evaluate", str(path), "--data", str(fashion), "--write"]) == 0
    after = read_header(path).metrics
    assert {name: after[name] for name in kept} == kept
    assert "log_px" in after


def test_no_header_holds_figures_of_other_data(
    write: Callable[..., Path], fashion: Path, make_header: Callable[..., Header]
) -> None:
    source = DataAtHand(fashion).source(0)
    with pytest.raises(CheckpointError, match="of other data than fashion are not stored: elbo is"):
        write(source, metrics={"elbo": Metric(-230.68, 0.1, "nats", "x", data=MNIST_TEST)})
    path = write(source)
    raw = path.read_bytes()
    assert source.test is not None
    digest = source.test.sha256.encode()
    path.write_bytes(raw.replace(digest, b"0" * 64, 1))  # of the header's data, not of the figure
    with pytest.raises(CheckpointError, match="has figures of other data than its own, fashion"):
        read_header(path)


def test_several_files_are_each_measured_on_their_own(
    three_files: list[Path],
    write: Callable[..., Path],
    tiny_idx_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = write(MNIST)
    files = [str(three_files[0]), str(other)]
    assert main(["evaluate", *files, "--data", str(tiny_idx_folder), "--json"]) == 1
    said = capsys.readouterr()
    assert [row["name"] for row in json.loads(said.out)] == ["a"]
    assert said.err.startswith("error: own.safetensors was made from MNIST")


def test_a_model_with_images_held_out_is_told_by_those_it_saw(
    write: Callable[..., Path], fashion: Path
) -> None:
    source = DataAtHand(fashion).source(4)
    assert source.train is not None
    assert source.train.count == 8
    path = write(source, train=TrainConfig(held_out=4))
    assert main(["evaluate", str(path), "--data", str(fashion)]) == 0


# --- files of format 1, whose figures say nothing of their data ---------------------------------


def as_format_1(path: Path, data: dict[str, str]) -> None:
    """Rewrite a header as versions up to 0.2 wrote it."""
    raw = path.read_bytes()
    n = struct.unpack("<Q", raw[:8])[0]
    head = json.loads(raw[8 : 8 + n])
    header = json.loads(head["__metadata__"]["vae_core"]) | {"format": 1, "data": data}
    for metric in header["metrics"].values():
        del metric["data"]
    head["__metadata__"]["vae_core"] = json.dumps(header)
    text = json.dumps(head).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + n :])


def test_an_old_file_made_from_mnist_is_of_mnist(write: Callable[..., Path]) -> None:
    path = write(MNIST)
    before = read_header(path)
    sha256 = "0b367032e93c5d0cea0925647cfdb18614af8ee15f83e6f2fc2ad904a6835971"
    as_format_1(path, {"name": "MNIST", "train_images_sha256": sha256})
    assert read_header(path) == before


def test_an_old_file_with_images_held_out_is_of_mnist_s_test_set(
    write: Callable[..., Path],
) -> None:
    path = write(MNIST, train=TrainConfig(held_out=5_000))
    sha256 = "0b367032e93c5d0cea0925647cfdb18614af8ee15f83e6f2fc2ad904a6835971"
    as_format_1(path, {"name": "MNIST", "train_images_sha256": sha256})
    header = read_header(path)
    assert header.data == DataSource("MNIST", None, MNIST_TEST)
    assert header.metrics["elbo"].data == MNIST_TEST
    assert why_other("own", header, DataAtHand(None)) is None


def test_an_old_file_of_other_data_is_known_by_their_file(
    write: Callable[..., Path],
    fashion: Path,
    tiny_idx_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write(DataAtHand(fashion).source(0))
    as_format_1(path, {"name": "old", "train_images_sha256": train_file_sha256(fashion)})
    assert elbo_of(path).data is None  # it may be of MNIST: evaluate --write was for MNIST alone
    assert main(["evaluate", str(path)]) == 1
    assert "was made from old, which is not at hand" in error_of(capsys)
    assert main(["evaluate", str(path), "--data", str(tiny_idx_folder), "--write"]) == 1
    assert "holds other data" in error_of(capsys)
    assert main(["evaluate", str(path), "--data", str(fashion), "--write"]) == 0
    assert read_header(path).data == DataAtHand(fashion).source(0)
    assert all(each.data is not None for each in read_header(path).metrics.values())


def test_a_packed_file_that_only_names_its_data_goes_by_the_name(
    write: Callable[..., Path],
    fashion: Path,
    tiny_idx_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    none: Metrics = {}
    path = write(DataSource("fashion"), metrics=none)
    assert main(["evaluate", str(path), "--data", str(tiny_idx_folder), "--write"]) == 1
    assert "was made from fashion, and" in error_of(capsys)
    assert main(["evaluate", str(path), "--data", str(fashion), "--write"]) == 0
    assert read_header(path).data.test is not None


def test_data_called_mnist_that_are_not_are_told_apart(
    tmp_path: Path, write_idx_folder: WriteFolder, few_digits: DataSet, test_digits: DataSet
) -> None:
    few = DataSet(few_digits.images[:9], few_digits.labels[:9])
    folder = write_idx_folder(tmp_path / "MNIST", few, few)
    source = DataAtHand(folder).source(0)
    assert source.train is not None
    assert source.train.name == "MNIST, altered"
    assert not source.is_mnist
    folder = write_idx_folder(tmp_path / "digits", few, test_digits)
    assert DataAtHand(folder).source(0).test == MNIST_TEST


def test_unlabelled_images_have_an_identity_of_their_own(fashion: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(fashion, bare)
    for path in bare.glob("*labels*"):
        path.unlink()
    theirs, ours = (DataAtHand(folder).source(0) for folder in (fashion, bare))
    assert theirs.train is not None
    assert ours.train is not None
    assert theirs.train.sha256 != ours.train.sha256
    assert replace(ours.train, sha256="", name="") == replace(theirs.train, sha256="", name="")
    assert np.array_equal(DataAtHand(bare).test.images, DataAtHand(fashion).test.images)
