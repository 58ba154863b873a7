"""Through training: one run's codes, decoded plane and figures from moment to moment."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer import loaders, state
from explorer.compare import compared as page
from explorer.compare.compared import Compared
from explorer.morph import Curve, Trace, morph, pack_mosaic, read_row
from explorer.theme import PALETTE, number
from vae_core.checkpoints import CheckpointRef, list_snapshots, load_checkpoint, read_header

KEY = "compare_training"
FOLDER, IS_ALIGNED, FOLLOWED = (
    "compare_folder", "compare_training_aligned", "compare_followed"
)  # fmt: skip

_CELLS = 16  # of the mosaic along each side
_IN_SIGHT = 0.998  # of the codes along each axis
_CURVES = (  # name in the header, title, unit
    ("log_px", "log p(x), exact", "nats"),
    ("elbo", "ELBO", "nats"),
    ("kl", "KL(q‖p)", "nats"),
    ("knn10", "10-NN accuracy", ""),
    ("silhouette", "Silhouette", ""),
)

Floats = NDArray[np.floating]
Snapshots = tuple[tuple[CheckpointRef, float], ...]  # with their epochs


class Course(NamedTuple):
    """What the moments of a training make of the test digits and of latent space."""

    codes: Floats  # (K, 10000, D), means of q(z|x)
    center: Floats  # (D,)
    axes: Floats  # (D, 2): the plane of the last moment, z = center + axes @ u
    rotations: Floats  # (K, 2, 2): turns the plane onto the last moment's
    residuals: Floats  # (K,), z units

    def places(self, is_aligned: bool) -> Floats:
        """Places on the plane, (K, 10000, 2)."""
        flat = (self.codes - self.center) @ self.axes
        return flat @ self.rotations if is_aligned else flat


def draw(compared: Compared) -> None:
    """Draw the section."""
    folders = loaders.snapshot_folders()
    if not folders:
        st.info(
            "There is no folder of snapshots yet. This makes one in some minutes:",
            icon=":material/model_training:",
        )
        st.code("python -m vae_core train growing --snapshots 14", language="bash")
        return
    name = _choose(list(folders))
    snapshots: Snapshots = tuple(list_snapshots(folders[name]))
    found = course(snapshots)
    is_aligned: bool = st.session_state[IS_ALIGNED]
    places = found.places(is_aligned)
    half = float(np.quantile(np.abs(places), _IN_SIGHT))
    digit = _followed()
    morph(
        key=f"{KEY}_{name}",
        frames=list(places),
        stops=[_stop(epoch) for _, epoch in snapshots],
        labels=loaders.labels()[loaders.SPLITS["test"]],
        splits=[("test", 0)],
        half=half,
        label=f"The 10,000 test digits' codes at {len(snapshots)} moments of the training {name}",
        palette=PALETTE,
        mosaics=mosaics(snapshots, half, is_aligned),
        curves=_curves(snapshots),
        trace=None if digit is None else _trace(snapshots, found, digit),
        on_pick=lambda: _on_pick(f"{KEY}_{name}"),
    )
    _explain(snapshots, found, half, is_aligned)
    page.show_link(compared, folder=name, **({} if digit is None else {"id": str(digit)}))


def _choose(names: list[str]) -> str:
    asked = state.opened_link().compare.folder
    if st.session_state.get(FOLDER) not in names:
        st.session_state[FOLDER] = asked if asked in names else names[0]
    st.session_state.setdefault(IS_ALIGNED, False)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.selectbox(
            "Snapshots of a training",
            names,
            key=FOLDER,
            width=260,
            help="Folders inside the weights folder: `train --snapshots` writes them.",
            persist_state="session",
        )
        st.number_input(
            "Follow test digit number",
            min_value=0,
            max_value=loaders.SPLITS["test"].stop - loaders.SPLITS["test"].start - 1,
            value=None,
            step=1,
            key=state.widget_key(FOLLOWED),
            on_change=state.unless_stale(FOLLOWED, _on_typed),
            width=220,
            placeholder="or click one",
            persist_state="session",
        )
        st.toggle(
            "Turn each to lie on the last",
            key=IS_ALIGNED,
            help="Rotation and reflection about the origin only, fitted to all test digits.",
            persist_state="session",
        )
    return st.session_state[FOLDER]


def _followed() -> int | None:
    """Id of the digit that is followed: the picked one, if it is of the test set."""
    here = page.picked()
    start = loaders.SPLITS["test"].start
    return here.id if here is not None and here.id is not None and here.id >= start else None


def _on_typed() -> None:
    row: int | None = state.read_widget(FOLLOWED)
    ref, _ = state.current()
    start = loaders.SPLITS["test"].start
    with state.shown_errors():
        page.pick(None if row is None else state.place_of_digit(ref, start + row))


def _on_pick(key: str) -> None:
    row = read_row(key)
    if row is None:
        return
    state.write_widget(FOLLOWED, row)
    with state.shown_errors():
        page.pick(state.place_of_digit(state.current()[0], loaders.SPLITS["test"].start + row))


@st.cache_resource(max_entries=2, show_spinner="Encoding the test digits at each moment…")
def course(snapshots: Snapshots) -> Course:
    """Encode the test digits at each moment; shared by all users, not to be changed."""
    from vae_core.analysis.compare import align
    from vae_core.analysis.projection import encode_images, map_codes

    images = loaders.digits().images[loaders.SPLITS["test"]]
    posteriors = [encode_images(load_checkpoint(ref).model, images) for ref, _ in snapshots]
    plane = map_codes(posteriors[-1])
    codes = np.stack([posterior.mu.numpy() for posterior in posteriors])
    flat = ((codes - plane.center) @ plane.axes).astype(float)
    found = [align(each, flat[-1]) for each in flat]
    return Course(
        codes,
        plane.center,
        plane.axes,
        np.stack([one.rotation for one in found]),
        np.array([one.residual for one in found]),
    )


@st.cache_resource(max_entries=4, show_spinner="Decoding the plane at each moment…")
def mosaics(snapshots: Snapshots, half: float, is_aligned: bool) -> list[bytes]:
    """Decode a grid over the square in sight at each moment."""
    found = course(snapshots)
    across = (np.arange(_CELLS) + 0.5) / _CELLS * 2 * half - half
    x, y = np.meshgrid(across, across[::-1])  # the first row is the top
    grid = np.stack([x, y], -1)
    packed: list[bytes] = []
    for (ref, _), rotation in zip(snapshots, found.rotations, strict=True):
        u = grid @ rotation.T if is_aligned else grid
        packed.append(pack_mosaic(_decode(ref, found.center + u @ found.axes.T)))
    return packed


def _decode(ref: CheckpointRef, z: NDArray[np.floating]) -> Floats:
    """Mean of p(x|z) by a snapshot, of which there are too many to keep; any shape (…, D)."""
    import torch

    model = load_checkpoint(ref).model
    flat = torch.as_tensor(z.reshape(-1, z.shape[-1]), dtype=torch.float32)
    return model.decode(flat).numpy().reshape(*z.shape[:-1], -1)


@st.cache_data(max_entries=64, show_spinner=False)
def _decoded_course(snapshots: Snapshots, row: int) -> Floats:
    codes = course(snapshots).codes[:, row]
    return np.stack(
        [_decode(ref, z[None])[0] for (ref, _), z in zip(snapshots, codes, strict=True)]
    )


def _trace(snapshots: Snapshots, found: Course, digit: int) -> Trace:
    row = digit - loaders.SPLITS["test"].start
    name = f"A {loaders.labels()[digit]}, {state.digit_name(digit)}"
    return Trace(row, name, _decoded_course(snapshots, row))


def _curves(snapshots: Snapshots) -> list[Curve]:
    metrics = [read_header(ref.path).metrics for ref, _ in snapshots]
    return [
        Curve(title, unit, [each.get(name, {}).get("value") for each in metrics])
        for name, title, unit in _CURVES
        if any(each.get(name, {}).get("value") is not None for each in metrics)
    ]


def _stop(epoch: float) -> str:
    if epoch == 0:
        return "epoch 0, untrained"
    return f"epoch {number(epoch, 2 if epoch < 10 else 0)}"


def _explain(snapshots: Snapshots, found: Course, half: float, is_aligned: bool) -> None:
    header = read_header(snapshots[-1][0].path)
    said = (
        f"{header.about} The stops are {len(snapshots)} moments, evenly spaced on the slider and "
        f"denser early in training, from epoch 0 to {number(snapshots[-1][1], 0)}; between two of "
        "them dots go straight, and the pictures and figures are those of the nearer stop. Figures "
        "are of the test set, from each file's header. The square reaches from "
        f"{number(-half)} to {number(half)} z units."
    )
    if is_aligned:
        farthest = int(found.residuals.argmax())
        said += (
            " Each moment is rotated, or reflected, about the origin to lie near the last; what "
            f"that leaves is largest at {_stop(snapshots[farthest][1])}: "
            f"{number(float(found.residuals[farthest]))} z units, root mean square."
        )
    if header.model.latent_dim > 2:
        said += " Codes are projected on the last moment's two leading principal axes."
    st.caption(said)
