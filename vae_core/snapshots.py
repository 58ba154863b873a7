"""Folders of snapshots: one network, saved at several moments of its training."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from vae_core.checkpoints import CheckpointRef, checkpoint_ref, read_header
from vae_core.errors import CheckpointError
from vae_core.header import Header

FEWEST = 2
FEWEST_MOMENTS = 3  # that `train` can be asked for: untrained, one between, and the last


class Snapshots(NamedTuple):
    """A folder's snapshots, in the order of training."""

    name: str  # of the folder
    refs: tuple[CheckpointRef, ...]
    epochs: tuple[float, ...]  # passes over the training images; 0 is the untrained network


def scan_snapshots(folder: Path | str) -> tuple[list[Snapshots], list[CheckpointError]]:
    """Find the folders of snapshots within a folder, and what is wrong with the others.

    A subfolder whose files say of no epoch holds other things, and is neither.

    Parameters
    ----------
    folder : Path or str
        Where checkpoints are looked for.

    Returns
    -------
    list of Snapshots, list of CheckpointError
        By name; one error per file that is no snapshot, or per folder that cannot be shown.
    """
    found: list[Snapshots] = []
    problems: list[CheckpointError] = []
    for each in sorted(path for path in Path(folder).iterdir() if path.is_dir()):
        refs: list[CheckpointRef] = []
        headers: list[Header] = []
        damaged: list[CheckpointError] = []
        for path in sorted(each.glob("*.safetensors")):
            try:
                ref, header = checkpoint_ref(path), read_header(path)
            except CheckpointError as err:
                damaged.append(CheckpointError(f"{each.name}: {err}"))
            else:
                refs.append(ref)
                headers.append(header)
        if any(_epoch(header) is not None for header in headers):  # else a folder of other things
            problems += damaged
            try:
                found.append(_in_order(each.name, refs, headers))
            except CheckpointError as err:
                problems.append(err)
    return found, problems


def _epoch(header: Header) -> float | None:
    epoch = header.metrics.get("epoch")
    return None if epoch is None else epoch.value


def _in_order(name: str, refs: list[CheckpointRef], headers: list[Header]) -> Snapshots:
    if len(refs) < FEWEST:
        raise CheckpointError(
            f"{name} holds {len(refs)} readable snapshot{'' if len(refs) == 1 else 's'}; "
            f"it takes {FEWEST} or more to show a training"
        )
    if len({header.model for header in headers}) > 1:
        raise CheckpointError(
            f"{name} holds models of different shapes; snapshots are of one network"
        )
    epochs = [_epoch(header) for header in headers]
    known = [epoch for epoch in epochs if epoch is not None]
    if len(known) < len(refs):
        ref = refs[epochs.index(None)]
        raise CheckpointError(f"{name}/{ref.path.name} does not say after which epoch it was saved")
    if min(known) < 0:
        raise CheckpointError(
            f"{name} holds a snapshot of epoch {min(known):g}; epochs start at 0, the untrained one"
        )
    if len(set(known)) < len(refs):
        raise CheckpointError(f"{name} holds two snapshots of the same epoch; remove one")
    order = sorted(range(len(refs)), key=known.__getitem__)
    return Snapshots(name, tuple(refs[i] for i in order), tuple(float(known[i]) for i in order))
