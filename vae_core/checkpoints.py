"""Checkpoints: one safetensors file each, tensors plus a JSON header; never a pickle.

Weights are stored as float16 and everything reported about a checkpoint is measured after that
rounding. Reading a file needs NumPy alone, so that the app can draw a map before torch has been
imported; only `load_checkpoint` builds the torch model.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors.numpy import save_file

from vae_core.config import N_PIXELS, ModelConfig, TrainConfig
from vae_core.data import N_TEST, N_TRAIN
from vae_core.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from vae_core.models import VAE

Array = NDArray[Any]
FORMAT = 1
_HEADER_KEY = "vae_core"
_MAP_TENSORS = ("map.coords", "map.center", "map.axes")
_STD_TENSOR, _TERMS_TENSOR = "map.std", "map.terms"
_N_DIGITS = N_TRAIN + N_TEST
_MIXTURE_SHAPES: dict[str, tuple[int, ...]] = {
    "prior.means": (10, 2),
    "prior.log_diagonal": (10, 2),
    "prior.slope": (10,),
    "prior.logits": (10,),
}
_DTYPES = ("F16", "F32")  # as safetensors calls them
_KINDS = {
    "about": str,
    "recipe": str,
    "model": dict,
    "train": dict,
    "data": dict,
    "metrics": dict,
    "history": list,
}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CheckpointRef:
    """A checkpoint file and its identity: the SHA-256 of its bytes, by which caches are keyed."""

    name: str
    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Header:
    """What a checkpoint says of itself."""

    about: str  # one line: what it shows
    recipe: str  # the name that `python -m vae_core train` knows, or ""
    model: ModelConfig
    train: TrainConfig
    data: dict[str, str]  # name and SHA-256 of the training images
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    history: list[list[float | None]] = field(default_factory=list[list[float | None]])

    def to_json(self) -> str:
        """One line of JSON; `read_header` is its inverse."""
        return json.dumps({"format": FORMAT, **asdict(self)}, allow_nan=False)


class StoredCheckpoint(NamedTuple):
    """A file's header and tensors, checked; NumPy arrays in their stored precision."""

    header: Header
    tensors: dict[str, Array]


class DigitMap(NamedTuple):
    """MNIST on the plane u, with z = center + axes @ u; for D = 2 the plane is z-space itself."""

    coords: NDArray[np.float32]  # (70000, 2), row = digit id
    center: NDArray[np.float32]  # (D,)
    axes: NDArray[np.float32]  # (D, 2), orthonormal columns


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model ready to use: eval mode, no gradients, never to be changed."""

    model: VAE
    config: ModelConfig
    metrics: dict[str, dict[str, Any]]
    ref: CheckpointRef


def list_checkpoints(folder: Path | str) -> list[CheckpointRef]:
    """Find the readable checkpoints of a folder, by name; others are logged as warnings.

    Raises
    ------
    CheckpointError
        There is no such folder.
    """
    refs, problems = scan_checkpoints(folder)
    for problem in problems:
        logger.warning("%s", problem)
    return refs


def scan_checkpoints(folder: Path | str) -> tuple[list[CheckpointRef], list[CheckpointError]]:
    """Find the checkpoints of a folder, and what is wrong with the files that are none.

    Reads headers only, and each file's bytes once to hash them.

    Raises
    ------
    CheckpointError
        There is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is not a folder; checkpoints are looked for in a folder")
    refs: list[CheckpointRef] = []
    problems: list[CheckpointError] = []
    for path in sorted(folder.glob("*.safetensors")):
        try:
            refs.append(checkpoint_ref(path))
        except CheckpointError as err:
            problems.append(err)
    return refs, problems


def checkpoint_ref(path: Path | str) -> CheckpointRef:
    """Identify one file, checking its header.

    Raises
    ------
    CheckpointError
        The file is missing, damaged or no checkpoint.
    """
    path = Path(path)
    try:
        stat = path.stat()
    except OSError as err:
        raise CheckpointError(f"{path} cannot be read: {err.strerror}") from err
    return _checked_ref(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=256)
def _checked_ref(path: Path, mtime_ns: int, size: int) -> CheckpointRef:
    """Hash and check a file once per version of it."""
    read_header(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return CheckpointRef(path.stem, path, digest)


def read_header(path: Path | str) -> Header:
    """Read a checkpoint's header and check that the file holds the tensors it announces.

    Raises
    ------
    CheckpointError
        The file is missing, damaged or no checkpoint, or its header has an unknown or missing
        field, or tensors are missing, surplus or of another shape: all of it in one sentence.
    """
    return _read(Path(path), with_tensors=False).header


def read_checkpoint(path: Path | str) -> StoredCheckpoint:
    """Read a whole checkpoint into NumPy arrays.

    Raises
    ------
    CheckpointError
        As `read_header`, or a tensor holds NaN or infinite numbers.
    """
    return _read(Path(path), with_tensors=True)


def read_listed(ref: CheckpointRef) -> StoredCheckpoint:
    """Read a checkpoint that was listed before, refusing another that has taken its place.

    Raises
    ------
    CheckpointError
        As `read_checkpoint`, or the file is no longer the one that was listed.
    """
    if checkpoint_ref(ref.path).sha256 != ref.sha256:
        raise CheckpointError(f"{ref.path.name} has changed since it was listed; reload the page")
    return read_checkpoint(ref.path)


def load_checkpoint(ref: CheckpointRef) -> Checkpoint:
    """Build the torch model of a checkpoint, on the CPU, in float32.

    Raises
    ------
    CheckpointError
        As `read_listed`.
    """
    from vae_core.models import VAE  # here, because listing and drawing must not wait for torch

    header, tensors = read_listed(ref)
    return Checkpoint(_filled(VAE(header.model), tensors), header.model, header.metrics, ref)


def digit_map(stored: StoredCheckpoint) -> DigitMap | None:
    """Positions of the 70,000 MNIST digits, if the file holds them."""
    if _MAP_TENSORS[0] not in stored.tensors:
        return None
    return DigitMap(*(stored.tensors[name] for name in _MAP_TENSORS))


def posterior_std(stored: StoredCheckpoint) -> NDArray[np.float16] | None:
    """Give the standard deviations of q(z|x) of the 70,000 MNIST digits, if the file has them.

    Shape (70000, D), z units, D ≤ 2; q's means are `center + coords @ axes.T`.
    """
    return stored.tensors.get(_STD_TENSOR)


def kept_terms(stored: StoredCheckpoint) -> NDArray[np.float32] | None:
    """Give reconstruction and KL of the 70,000 MNIST digits, if the file has them.

    Shape (70000, 2), nats, as `vae_core.analysis.digit_elbos` computes them for the
    training images and for the test images.
    """
    return stored.tensors.get(_TERMS_TENSOR)


def save_checkpoint(
    path: Path | str,
    model: VAE,
    header: Header,
    digits: DigitMap | None = None,
    std: NDArray[np.floating[Any]] | None = None,
    terms: NDArray[np.floating[Any]] | None = None,
) -> CheckpointRef:
    """Write a checkpoint atomically: readers see the old file or the whole new one.

    Parameters
    ----------
    path : Path or str
        Where to; the folder must exist.
    model : VAE
        Stored as float16 (its fixed Fourier frequencies as float32).
    header : Header
        Metrics in it should have been measured after `round_to_stored`.
    digits : DigitMap, optional
        Lets the app draw the map without encoding first.
    std : array, shape (70000, D), optional
        Lets it draw q(z|x) too; kept for D ≤ 2, in float16.
    terms : array, shape (70000, 2), optional
        Reconstruction and KL of each digit, nats, of `vae_core.analysis.digit_elbos`: worth keeping
        where a refined q(z|x) takes long.

    Raises
    ------
    CheckpointError
        The folder does not exist.
    """
    tensors = {name: stored.numpy() for name, stored in _stored_state(model).items()}
    if digits is not None:
        arrays = (np.ascontiguousarray(a, np.float32) for a in digits)
        tensors |= dict(zip(_MAP_TENSORS, arrays, strict=True))
    if std is not None and model.config.latent_dim <= 2:
        tensors[_STD_TENSOR] = np.ascontiguousarray(std, np.float16)
    if terms is not None:
        tensors[_TERMS_TENSOR] = np.ascontiguousarray(terms, np.float32)
    write_atomically(Path(path), tensors, {_HEADER_KEY: header.to_json()})
    return checkpoint_ref(path)


def round_to_stored(model: VAE) -> None:
    """Round a model's weights, in place, to the precision that a checkpoint keeps."""
    model.load_state_dict(_stored_state(model))


def write_atomically(path: Path, tensors: dict[str, Array], metadata: dict[str, str]) -> None:
    """Write a safetensors file beside `path`, then move it into place."""
    if not path.parent.is_dir():
        raise CheckpointError(f"the folder {path.parent} does not exist; make it first")
    partial = path.with_name(path.name + ".partial")
    save_file(tensors, partial, metadata)
    partial.chmod(0o644)  # safetensors writes files that only their owner can read
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.replace(path)


def expected_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights of a model, without building it."""
    n_outputs = N_PIXELS + (config.likelihood == "gaussian-learned-sigma")
    n_codes = config.latent_dim * (1 if config.posterior == "point" else 2)
    n_in = config.latent_dim + 2 * config.fourier_features
    shapes: dict[str, tuple[int, ...]] = {
        "decoder.frequencies": (config.latent_dim, config.fourier_features)
    }
    for part, widths in (
        ("encoder", (N_PIXELS, *config.encoder_hidden, n_codes)),
        ("decoder", (n_in, *config.decoder_hidden, n_outputs)),
    ):
        for i, (a, b) in enumerate(pairwise(widths)):
            shapes[f"{part}.net.layers.{i}.weight"] = (b, a)
            shapes[f"{part}.net.layers.{i}.bias"] = (b,)
    if config.prior == "digit-mixture":
        shapes |= _MIXTURE_SHAPES
    return shapes


def _stored_state(model: VAE) -> dict[str, Any]:
    """State dict with every weight in its stored precision, on the CPU."""
    exact = ("decoder.frequencies", *_MIXTURE_SHAPES)  # few, and positions in z
    return {
        name: value.detach().cpu() if name in exact else value.detach().cpu().half()
        for name, value in model.state_dict().items()
    }


def _filled(model: VAE, tensors: dict[str, Array]) -> VAE:
    import torch

    names = expected_shapes(model.config)
    model.load_state_dict({name: torch.from_numpy(tensors[name].copy()) for name in names})
    return model.eval().requires_grad_(False)


def _read(path: Path, *, with_tensors: bool) -> StoredCheckpoint:
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata: dict[str, str] = file.metadata() or {}
            slices = {name: file.get_slice(name) for name in file.keys()}
            shapes = {name: tuple(part.get_shape()) for name, part in slices.items()}
            header = _parse_header(path, metadata)
            problems = _tensor_problems(header.model, shapes)
            problems += [
                f"{name} is {part.get_dtype()}, allowed are {' and '.join(_DTYPES)}"
                for name, part in slices.items()
                if part.get_dtype() not in _DTYPES
            ]
            tensors: dict[str, Array] = {}
            if with_tensors and not problems:
                tensors = {name: file.get_tensor(name) for name in shapes}
                problems = _value_problems(tensors)
    except safetensors.SafetensorError as err:
        raise CheckpointError(
            f"{path.name} is damaged, cut short or no safetensors file ({err}); "
            "copy or train it again"
        ) from err
    except OSError as err:
        raise CheckpointError(f"{path} cannot be read: {err}") from err
    if problems:
        raise CheckpointError(f"{path.name} does not hold its model: {'; '.join(problems)}")
    return StoredCheckpoint(header, tensors)


def _parse_header(path: Path, metadata: dict[str, str]) -> Header:
    if _HEADER_KEY not in metadata:
        raise CheckpointError(
            f"{path.name} is a safetensors file but no checkpoint of this project: "
            f"its metadata has no {_HEADER_KEY!r} entry"
        )
    try:
        values = json.loads(metadata[_HEADER_KEY])
    except (
        ValueError,
        RecursionError,
    ) as err:  # numbers of thousands of digits, too: no JSON error
        raise CheckpointError(f"{path.name} has an unreadable header: {err}") from err
    names = {f.name for f in fields(Header)}
    if not isinstance(values, dict) or set(values) != names | {"format"}:
        got: set[str] = set(values) if isinstance(values, dict) else set()
        parts = {"unknown": got - names - {"format"}, "missing": (names | {"format"}) - got}
        said = "; ".join(f"{k}: {', '.join(sorted(v))}" for k, v in parts.items() if v)
        raise CheckpointError(f"{path.name} has a header with other fields than allowed: {said}")
    if (got_format := values.pop("format")) != FORMAT:
        raise CheckpointError(
            f"{path.name} has checkpoint format {got_format}; this version reads {FORMAT}"
        )
    if wrong := [name for name, kind in _KINDS.items() if not isinstance(values[name], kind)]:
        raise CheckpointError(f"{path.name} has header fields of a wrong kind: {', '.join(wrong)}")
    if not isinstance(values["data"].get("name"), str):
        raise CheckpointError(f"{path.name} has no name of its data in its header")
    if bad := [name for name, figure in values["metrics"].items() if not _is_figure(figure)]:
        raise CheckpointError(
            f"{path.name} has figures that are none: {', '.join(bad)}; each needs value and stderr "
            "(numbers or null), unit and how"
        )
    try:
        model = ModelConfig.from_dict(values.pop("model"))
        train = TrainConfig.from_dict(values.pop("train"))
    except ConfigError as err:
        raise CheckpointError(f"{path.name} has a bad configuration: {err}") from err
    return Header(model=model, train=train, **values)


def _is_finite(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and abs(value) < math.inf)


def _is_figure(figure: Any) -> bool:
    return (
        isinstance(figure, dict)
        and set(figure) == {"value", "stderr", "unit", "how"}
        and all(_is_finite(figure[name]) for name in ("value", "stderr"))
        and all(isinstance(figure[name], str) for name in ("unit", "how"))
    )


def _tensor_problems(config: ModelConfig, shapes: dict[str, tuple[int, ...]]) -> list[str]:
    """All that is wrong with a file's tensor names and shapes."""
    expected = expected_shapes(config)
    if any(name in shapes for name in _MAP_TENSORS):
        map_shapes = ((_N_DIGITS, 2), (config.latent_dim,), (config.latent_dim, 2))
        expected |= dict(zip(_MAP_TENSORS, map_shapes, strict=True))
        if _STD_TENSOR in shapes and config.latent_dim <= 2:
            expected[_STD_TENSOR] = (_N_DIGITS, config.latent_dim)
        if _TERMS_TENSOR in shapes and config.posterior == "gaussian":
            expected[_TERMS_TENSOR] = (_N_DIGITS, 2)
    problems: list[str] = []
    if missing := sorted(set(expected) - set(shapes)):
        problems.append(f"missing tensors {', '.join(missing)}")
    if surplus := sorted(set(shapes) - set(expected)):
        problems.append(f"surplus tensors {', '.join(surplus)}")
    problems += [
        f"{name} has shape {shapes[name]}, it should have {shape}"
        for name, shape in expected.items()
        if name in shapes and shapes[name] != shape
    ]
    return problems


def _value_problems(tensors: dict[str, Array]) -> list[str]:
    """Tensors that do not hold finite numbers only."""
    return [
        f"{name} holds NaN or infinite numbers"
        for name, array in tensors.items()
        if not np.isfinite(array).all()
    ]
