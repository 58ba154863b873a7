"""Files that are no checkpoint of ours, told apart by their first bytes or their tensors.

Nothing here reads more than a few bytes, or unpickles anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

GUIDE = "docs/checkpoints.md"  # how weights from elsewhere become a checkpoint
PICKLES = (".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_OTHER_ZIPS = (".npz", ".zip")  # torch.save writes a ZIP archive with a pickle in it
_FIRST_BYTES = 8
_MOST_NAMED = 4  # tensors in a sentence


def kind_of(path: Path) -> str | None:
    """Say what a file is that is no safetensors file, and what to do; None if nobody knows.

    Raises
    ------
    OSError
        It cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(_FIRST_BYTES)
    is_pickle = start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05"
    if is_pickle or (start.startswith(b"PK") and path.suffix not in _OTHER_ZIPS):
        return pickle_said(path.name)
    if start.startswith(b"\x89HDF"):
        return (
            f"{path.name} is an HDF5 file, as Keras writes it: {GUIDE} tells how its weights "
            "become a checkpoint"
        )
    if start.startswith(b"version "):
        return f"{path.name} is a pointer of Git LFS: fetch the file itself by git lfs pull"
    return pickle_said(path.name) if path.suffix in PICKLES else None


def pickle_said(name: str) -> str:
    """Say why a pickle is not read, and what to do instead."""
    return (
        f"{name} is a pickle, which can run any code when it is opened, so it is never read: if "
        f"you trust it, write its weights as a checkpoint, as {GUIDE} shows"
    )


def tensors_said(name: str, shapes: Mapping[str, tuple[int, ...]], fields: tuple[str, ...]) -> str:
    """Say what a safetensors file without our header lacks, and how it becomes a checkpoint.

    Parameters
    ----------
    name : str
        Of the file.
    shapes : mapping
        Names and shapes of its tensors.
    fields : tuple of str
        Of the header that it would need.
    """
    listed = [f"{key} {'×'.join(map(str, shape)) or 'scalar'}" for key, shape in shapes.items()]
    more = f" and {len(listed) - _MOST_NAMED} more" if len(listed) > _MOST_NAMED else ""
    holds = ", ".join(listed[:_MOST_NAMED]) + more if listed else "no tensors"
    parts = ("encoder.net.layers.", "decoder.net.layers.", "decoder.frequencies")
    lacking = [part for part in parts if not any(key.startswith(part) for key in shapes)]
    needs = f" and tensors named {', '.join(f'{part}…' for part in lacking)}" if lacking else ""
    return (
        f"{name} is a safetensors file but no checkpoint of this project: it holds {holds}, and "
        f"lacks the metadata entry 'vae_core', JSON with {', '.join(fields)}{needs}; {GUIDE} tells "
        "how to pack it"
    )
