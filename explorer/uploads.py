"""Checkpoints that a user uploads: for their session alone, with all the checks of the folder's."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from explorer import loaders
from vae_core.checkpoints import CheckpointRef, checkpoint_ref, read_listed
from vae_core.errors import CheckpointError

MOST_MB = 100
UPLOAD = "uploads_file"  # widget
_REFS, _FOLDER, _PROBLEM = "uploads_refs", "uploads_folder", "uploads_problem"
_CHANGED, _TURN = "uploads_changed", "uploads_turn"


def uploaded() -> list[CheckpointRef]:
    """List this session's own checkpoints, in the order they came.

    Nobody else's page can name them: a reference lives in the session's state alone, and caches
    that all sessions share answer to nothing but a reference, which holds the file's hash.
    """
    return st.session_state.get(_REFS, [])


def checkpoints() -> tuple[list[CheckpointRef], list[CheckpointError]]:
    """List the folder's checkpoints and, after them, the session's own."""
    refs, problems = loaders.checkpoints()
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
            "As `python -m vae_core train` writes it. It stays in this session, nobody else sees "
            "it, and it goes when you close the page."
        )
        if problem := st.session_state.get(_PROBLEM):
            st.error(problem, icon=":material/error:")
        for ref in uploaded():
            st.button(
                f"Remove {ref.name}",
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
    # The folder goes with the session's state: its finalizer removes it.
    folder = st.session_state.setdefault(_FOLDER, TemporaryDirectory(prefix="latent-explorer-"))
    path = Path(folder.name) / f"{len(list(Path(folder.name).iterdir()))}.safetensors"
    path.write_bytes(file.getbuffer())
    try:
        ref = checkpoint_ref(path)
        read_listed(ref)
        known = next((one for one in checkpoints()[0] if one.sha256 == ref.sha256), None)
        if known is not None:
            raise CheckpointError(f"{path} is {known.name}, which is listed already")
    except CheckpointError as err:
        path.unlink()
        st.session_state[_PROBLEM] = (
            str(err).replace(str(path), file.name).replace(path.name, file.name)
        )
        return
    st.session_state[_REFS] = [*uploaded(), CheckpointRef(_name(file.name), path, ref.sha256)]
    st.session_state[_CHANGED] = True


def _name(file: str) -> str:
    """Name a checkpoint after its file, as no other is named."""
    stem = Path(file).stem.replace(",", " ")[:40]  # a comma parts names in links
    names = {ref.name for ref in checkpoints()[0]}
    name, n = f"{stem} (uploaded)", 2
    while name in names:
        name, n = f"{stem} (uploaded {n})", n + 1
    return name


def _on_remove(ref: CheckpointRef) -> None:
    st.session_state[_REFS] = [one for one in uploaded() if one != ref]
    ref.path.unlink(missing_ok=True)
    st.session_state[_CHANGED] = True
