"""Fixtures for the core: a few digits, tiny models, and folders that hold them."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vae_core.config import ModelConfig, TrainConfig
from vae_core.data import DataSet, load_mnist

if TYPE_CHECKING:
    from torch import Tensor

    from vae_core.header import Header
    from vae_core.models import VAE


@pytest.fixture(scope="session")
def test_digits() -> DataSet:
    """MNIST's 10,000 test digits."""
    return load_mnist("test")


@pytest.fixture(scope="session")
def few_digits(test_digits: DataSet) -> DataSet:
    """200 digits, at least five of each class."""
    return DataSet(test_digits.images[:200], test_digits.labels[:200])


@pytest.fixture(scope="session")
def binary_x(few_digits: DataSet) -> Tensor:
    """24 digits as the Bernoulli likelihood wants them: shape (24, 784), 0 or 1."""
    import torch

    return torch.from_numpy((few_digits.images[:24].reshape(24, -1) > 127).astype(np.float32))


@pytest.fixture(scope="session")
def grey_x(few_digits: DataSet) -> Tensor:
    """24 digits as the Gaussian likelihoods want them: shape (24, 784), in [0, 1]."""
    import torch

    return torch.from_numpy(few_digits.images[:24].reshape(24, -1) / np.float32(255.0))


@pytest.fixture(scope="session")
def make_model() -> Callable[..., VAE]:
    """Build a small random model, ready to use; `gain` above 1 makes its decoder livelier."""
    import torch

    from vae_core.models import VAE

    def make(*, seed: int = 0, gain: float = 1.0, **config: Any) -> VAE:
        widths: dict[str, Any] = {"encoder_hidden": (16,), "decoder_hidden": (8,)}
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = VAE(ModelConfig(**(widths | config)))
        for layer in model.decoder.net.layers:
            layer.weight.data *= gain
        return model.eval().requires_grad_(False)

    return make


@pytest.fixture(scope="session")
def tiny_vae(few_digits: DataSet) -> VAE:
    """Bernoulli VAE with D = 2, trained for a second; never change it."""
    from vae_core.training import start, train

    state = start(
        ModelConfig(encoder_hidden=(16,), decoder_hidden=(8,)),
        TrainConfig(epochs=40, batch_size=50, learning_rate=1e-2, warmup_steps=10),
        few_digits.images,
    )
    for _ in train(state, few_digits.images):
        pass
    return state.model.requires_grad_(False)


@pytest.fixture(scope="session")
def make_header() -> Callable[..., Header]:
    """Build a header for a model."""
    from vae_core.header import Header
    from vae_core.identity import MNIST, MNIST_TEST
    from vae_core.metrics import Metric, based

    def make(model: VAE, **changes: Any) -> Header:
        objective = "autoencoder" if model.config.posterior == "point" else "elbo"
        values: dict[str, Any] = {
            "about": "A model for tests.",
            "recipe": "quick",
            "model": model.config,
            "train": TrainConfig(objective=objective),
            "data": MNIST,
            "metrics": based(
                {"elbo": Metric(-1.5, 0.1, "nats", "by hand", data=MNIST_TEST)}, model.config
            ),
            "history": [[1, -200.0, -200.0, 3.0, -197.0]],
        }
        return Header(**(values | changes))

    return make


@pytest.fixture(scope="session")
def idx_bytes() -> Callable[[NDArray[np.uint8]], bytes]:
    """Encode an array as the IDX format's own description says."""

    def encode(array: NDArray[np.uint8]) -> bytes:
        magic = bytes([0, 0, 0x08, array.ndim])  # 0x08 = unsigned byte
        return magic + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()

    return encode


@pytest.fixture(scope="session")
def write_idx_folder(
    idx_bytes: Callable[[NDArray[np.uint8]], bytes],
) -> Callable[[Path, DataSet, DataSet], Path]:
    """Write a data set as four gzipped IDX files."""

    def write(folder: Path, train: DataSet, test: DataSet) -> Path:
        folder.mkdir(exist_ok=True)
        for prefix, part in (("train", train), ("t10k", test)):
            for name, array in (
                ("images-idx3", part.images),
                ("labels-idx1", part.labels),
            ):
                raw = gzip.compress(idx_bytes(array), compresslevel=1, mtime=0)
                (folder / f"{prefix}-{name}-ubyte.gz").write_bytes(raw)
        return folder

    return write


@pytest.fixture(scope="session")
def tiny_idx_folder(
    tmp_path_factory: pytest.TempPathFactory,
    write_idx_folder: Callable[[Path, DataSet, DataSet], Path],
    test_digits: DataSet,
) -> Path:
    """A data set of 90 training and 110 test digits, at least five of each class; only read it."""
    return write_idx_folder(
        tmp_path_factory.mktemp("data") / "tiny",
        DataSet(test_digits.images[:90], test_digits.labels[:90]),
        DataSet(test_digits.images[90:200], test_digits.labels[90:200]),
    )
