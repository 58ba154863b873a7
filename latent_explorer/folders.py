"""Where the app's script stands, and the folders in which checkpoints are looked for."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from vae_core.checkpoints import CheckpointRef, scan_checkpoints
from vae_core.errors import CheckpointError
from vae_core.snapshots import Snapshots, scan_snapshots

_PACKAGE = Path(__file__).parent
# What stands at the top of a checkout, a wheel puts into this folder: see pyproject.toml.
_INSTALLED = _PACKAGE / "top"
IS_INSTALLED = _INSTALLED.is_dir()
_TOP = _INSTALLED if IS_INSTALLED else _PACKAGE.parent
APP = _TOP / "app.py"  # Streamlit reads .streamlit/config.toml beside the script that it runs
SHIPPED_WEIGHTS = _TOP / "weights"
COMMAND = "latent-explorer" if IS_INSTALLED else "python -m vae_core"  # as hints spell it

_OWN = " (own)"  # after a name that a shipped checkpoint has too


def weights_folders() -> tuple[Path, ...]:
    """Where checkpoints are looked for: the last is the one for those still to be trained.

    $LATENT_EXPLORER_WEIGHTS where it is set. Otherwise the shipped folder and, where the process
    was started elsewhere, that place's folder weights/ if there is one.
    """
    if named := os.environ.get("LATENT_EXPLORER_WEIGHTS"):
        return (Path(named),)
    own = Path("weights")
    is_other = own.is_dir() and not own.samefile(SHIPPED_WEIGHTS)
    return (SHIPPED_WEIGHTS, own.resolve()) if is_other else (SHIPPED_WEIGHTS,)


def checkpoints() -> tuple[list[CheckpointRef], list[CheckpointError]]:
    """List the checkpoints of all folders afresh, and what is wrong with files that are none.

    A name that an earlier folder has too is followed by "(own)", unless the files are the same.
    """
    refs: list[CheckpointRef] = []
    problems: list[CheckpointError] = []
    for folder in weights_folders():
        found, bad = scan_checkpoints(folder)
        known = {(ref.name, ref.sha256) for ref in refs}
        for ref in found:
            if (ref.name, ref.sha256) not in known:
                refs.append(replace(ref, name=_free(ref.name, {ref.name for ref in refs})))
        problems += bad
    return refs, problems


def snapshots() -> tuple[list[Snapshots], list[CheckpointError]]:
    """List the folders of snapshots of all folders; names are told apart as checkpoints' are."""
    films: list[Snapshots] = []
    problems: list[CheckpointError] = []
    for folder in weights_folders():
        found, bad = scan_snapshots(folder)
        known = {_content(film) for film in films}
        for film in found:
            if _content(film) not in known:
                films.append(film._replace(name=_free(film.name, {film.name for film in films})))
        problems += bad
    return films, problems


def _content(film: Snapshots) -> tuple[str, tuple[str, ...]]:
    return film.name, tuple(ref.sha256 for ref in film.refs)


def _free(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += _OWN
    return name
