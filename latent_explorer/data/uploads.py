"""Checkpoints that a user uploads: for their session alone, with all the checks of the folder's."""

from __future__ import annotations

import hashlib
import re
import shutil
import weakref
from pathlib import Path
from tempfile import mkdtemp

import streamlit as st

from latent_explorer.data import catalogue
from latent_explorer.escaping import as_text, show_error
from latent_explorer.folders import COMMAND
from vae_core.checkpoints import CheckpointRef, checkpoint_ref, read_listed
from vae_core.errors import CheckpointError

MOST_MB = 100
MOST_FILES = 4  # of a session: they take room on the server's disk
UPLOAD = "uploads_file"  # widget
_REFS, _FOLDER, _PROBLEM = "uploads_refs", "uploads_folder", "uploads_problem"
_CHANGED, _TURN = "uploads_changed", "uploads_turn"


class _Folder:
    """A folder that only the server's user can read; it goes with the session's state."""

    def __init__(self) -> None:
        self.path = Path(mkdtemp(prefix="latent-explorer-"))
        # also when the server ends; TemporaryDirectory would warn of it each time
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def uploaded() -> list[CheckpointRef]:
    """List this session's own checkpoints, in the order they came.

    Nobody else's page can name them: a reference lives in the session's state alone, and caches
    that all sessions share answer to nothing but a reference, which holds the file's hash and
    its path in a folder with a random name. They are bounded, and so forget it in time.
    """
    return st.session_state.get(_REFS, [])


def checkpoints() -> tuple[list[CheckpointRef], list[CheckpointError]]:
    """List the folder's checkpoints and, after them, the session's own."""
    refs, problems = catalogue.checkpoints()
    return refs + uploaded(), problems


def upload_panel() -> None:
    """Take a checkpoint from the user, and let them drop those they gave."""
    turn = st.session_state.setdefault(_TURN, 0)
    with st.popover("Upload", icon=":material/upload_file:"):
        st.file_uploader(
            f"A checkpoint of yours: safetensors, up to {MOST_MB} MB",
            type="safetensors",
            key=f"{UPLOAD}_{turn}",  # a new one after each file, so that it is empty again
            on_change=_on_file,
            max_upload_size=MOST_MB,
        )
        st.caption(
            f"As `{COMMAND} train` writes it. It stays in this session, nobody else sees "
            "it, and it goes when you close the page; links cannot bring it back."
        )
        if problem := st.session_state.get(_PROBLEM):
            show_error(problem)
        for ref in uploaded():
            st.button(
                f"Remove {as_text(ref.name)}",
                key=f"uploads_remove_{ref.sha256}",
                on_click=_on_remove,
                args=(ref,),
                icon=":material/delete:",
            )
    if st.session_state.pop(_CHANGED, False):
        st.rerun(scope="app")  # the sidebar lists them too


def _on_file() -> None:
    file = st.session_state[f"{UPLOAD}_{st.session_state[_TURN]}"]
    if file is None:
        return
    st.session_state[_TURN] += 1
    st.session_state[_PROBLEM] = None
    try:
        ref = _keep(_plain(file.name), file.getbuffer())
    except CheckpointError as err:
        st.session_state[_PROBLEM] = str(err)
        return
    st.session_state[_REFS] = [*uploaded(), ref]
    st.session_state[_CHANGED] = True


def _keep(file: str, content: memoryview) -> CheckpointRef:
    """Write a file to the session's folder and check all of it, its numbers too."""
    if len(uploaded()) >= MOST_FILES:
        raise CheckpointError(f"{MOST_FILES} uploads are kept at once; remove one first")
    if len(content) > MOST_MB * 1024**2:
        raise CheckpointError(
            f"{file} has {len(content) / 1024**2:.1f} MB; up to {MOST_MB} MB are allowed"
        )
    digest = hashlib.sha256(content).hexdigest()
    known = next((ref for ref in checkpoints()[0] if ref.sha256 == digest), None)
    if known is not None:
        raise CheckpointError(f"{file} is {known.name}, which is listed already")
    if _FOLDER not in st.session_state:
        st.session_state[_FOLDER] = _Folder()
    path: Path = st.session_state[_FOLDER].path / f"{digest}.safetensors"
    try:
        path.write_bytes(content)
        ref = CheckpointRef(_name(file), path, checkpoint_ref(path).sha256)
        read_listed(ref)
    except (CheckpointError, OSError) as err:
        path.unlink(missing_ok=True)
        said = str(err).replace(str(path), file).replace(path.name, file)
        raise CheckpointError(said) from err
    return ref


def _plain(file: str) -> str:
    """Write a file's name so that it can stand in formatted text, and in a link's list."""
    return re.sub(r"[^\w .+-]+", " ", Path(file).name).strip()


def _name(file: str) -> str:
    """Name a checkpoint after its file, as no other is named."""
    stem = Path(file).stem[:40].strip()
    names = {ref.name for ref in checkpoints()[0]}
    name, n = f"{stem} (uploaded)", 2
    while name in names:
        name, n = f"{stem} (uploaded {n})", n + 1
    return name


def _on_remove(ref: CheckpointRef) -> None:
    st.session_state[_REFS] = [one for one in uploaded() if one != ref]
    ref.path.unlink(missing_ok=True)
    st.session_state[_CHANGED] = True
