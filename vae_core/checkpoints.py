"""Checkpoints: one safetensors file each, tensors plus a JSON header; never a pickle.

Weights are stored as float16 and everything reported about a checkpoint is measured after that
rounding. Reading a file needs NumPy alone, so that the app can draw a map before torch has been
imported; only `load_checkpoint` builds the torch model.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors.numpy import save_file

from vae_core import foreign
from vae_core.config import ModelConfig
from vae_core.errors import CheckpointError
from vae_core.header import HEADER_FIELDS, HEADER_KEY, Header, parse_header
from vae_core.metrics import Metrics
from vae_core.tensors import (
    Array,
    ProjectedCodes,
    StoredCheckpoint,
    fill,
    packed_codes,
    shape_problems,
    stored_state,
    value_problems,
)

if TYPE_CHECKING:
    from vae_core.models import VAE

_DTYPES = ("F16", "F32")  # as safetensors calls them

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CheckpointRef:
    """A checkpoint file and its identity: the SHA-256 of its bytes, by which caches are keyed."""

    name: str
    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model ready to use: eval mode, no gradients, never to be changed."""

    model: VAE
    config: ModelConfig
    metrics: Metrics
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

    Pickles are among these: whoever put one there expects to see it.
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
    try:
        paths = sorted(folder.iterdir())
    except OSError as err:
        raise CheckpointError(f"{folder} cannot be read: {err.strerror or err}") from err
    for path in paths:
        if path.suffix in foreign.PICKLES:
            problems.append(CheckpointError(foreign.pickle_said(path.name)))
        elif path.suffix == ".safetensors":
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
    found = _stat(path)
    return _checked_ref(path, found.st_mtime_ns, found.st_size)


def _stat(path: Path) -> os.stat_result:
    """Look at a file, refusing what is none: a folder, or a pipe that would never end."""
    try:
        found = path.stat()
    except OSError as err:
        raise CheckpointError(f"{path} cannot be read: {err.strerror}") from err
    if stat.S_ISDIR(found.st_mode):
        raise CheckpointError(f"{path} cannot be read: it is a folder; name a file in it")
    if not stat.S_ISREG(found.st_mode):
        raise CheckpointError(f"{path} cannot be read: it is no regular file")
    return found


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


def load_checkpoint(ref: CheckpointRef | Path | str) -> Checkpoint:
    """Build the torch model of a checkpoint, on the CPU, in float32.

    Parameters
    ----------
    ref : CheckpointRef, Path or str
        From `list_checkpoints`, or the file: ``load_checkpoint("weights/elbo.safetensors")``.

    Raises
    ------
    CheckpointError
        The file is missing, damaged or no checkpoint, or no longer the one that was listed.
    """
    if not isinstance(ref, CheckpointRef):
        ref = checkpoint_ref(ref)
    from vae_core.models import VAE  # here, because listing and drawing must not wait for torch

    header, tensors = read_listed(ref)
    return Checkpoint(fill(VAE(header.model), tensors), header.model, header.metrics, ref)


def save_checkpoint(
    path: Path | str,
    model: VAE,
    header: Header,
    codes: ProjectedCodes | None = None,
    std: NDArray[np.floating[Any]] | None = None,
    elbo_parts: NDArray[np.floating[Any]] | None = None,
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
    codes : ProjectedCodes, optional
        Lets the app draw the map without encoding first.
    std : array, shape (70000, D), optional
        Lets it draw q(z|x) too; kept for D ≤ 2, in float16.
    elbo_parts : array, shape (70000, 2), optional
        Reconstruction and KL of each digit, nats, of `vae_core.analysis.digit_elbos`: worth
        keeping where a refined q(z|x) takes long.

    Raises
    ------
    CheckpointError
        The folder does not exist.
    """
    tensors = {name: stored.numpy() for name, stored in stored_state(model).items()}
    tensors |= packed_codes(model, codes, std, elbo_parts)
    write_atomically(Path(path), tensors, {HEADER_KEY: header.to_json()})
    return checkpoint_ref(path)


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


def _kind_of(path: Path) -> str | None:
    try:
        return foreign.kind_of(path)
    except OSError as err:
        raise CheckpointError(f"{path} cannot be read: {err.strerror or err}") from err


def _read(path: Path, *, with_tensors: bool) -> StoredCheckpoint:
    _stat(path)
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata: dict[str, str] = file.metadata() or {}
            slices = {name: file.get_slice(name) for name in file.keys()}
            shapes = {name: tuple(part.get_shape()) for name, part in slices.items()}
            if HEADER_KEY not in metadata:
                raise CheckpointError(foreign.tensors_said(path.name, shapes, HEADER_FIELDS))
            header = parse_header(path.name, metadata)
            problems = shape_problems(header.model, shapes)
            problems += [
                f"{name} is {part.get_dtype()}, allowed are {' and '.join(_DTYPES)}"
                for name, part in slices.items()
                if part.get_dtype() not in _DTYPES
            ]
            tensors: dict[str, Array] = {}
            if with_tensors and not problems:
                tensors = {name: file.get_tensor(name) for name in shapes}
                problems = value_problems(tensors)
    except safetensors.SafetensorError as err:
        if (said := _kind_of(path)) is not None:
            raise CheckpointError(said) from err
        raise CheckpointError(
            f"{path.name} is damaged, cut short or no safetensors file ({err}); "
            "copy or train it again"
        ) from err
    except OSError as err:
        raise CheckpointError(f"{path} cannot be read: {err}") from err
    if problems:
        raise CheckpointError(f"{path.name} does not hold its model: {'; '.join(problems)}")
    return StoredCheckpoint(header, tensors)
