"""The profile of a walk: densities, digits nearby, change and classes along its steps."""

from __future__ import annotations

from typing import Any

import streamlit as st
from numpy.typing import NDArray

from latent_explorer.data import catalogue, encoding
from latent_explorer.data.neighbours import N_VOTERS
from latent_explorer.pages.interpolate.neighbourhood import Neighbourhood
from latent_explorer.panels.chart import chart
from latent_explorer.session.current import shown_theme
from latent_explorer.vocabulary import PALETTE
from vae_core.checkpoints import CheckpointRef


def profile(
    ref: CheckpointRef, z: NDArray[Any], images: NDArray[Any], near: Neighbourhood
) -> None:  # fmt: skip
    """Draw the plots under the strip."""
    from latent_explorer.plots.walk_profile import walk_profile
    from vae_core.analysis.fields import log_aggregate_at
    from vae_core.geometry.walks import changes, log_prior

    st.markdown("##### Along the way")
    unit = f"nats per z unit{_power(z.shape[1])}"
    nearest = "Distance to the nearest code, z units"
    rows: dict[str, NDArray[Any]] = {}
    if has_density := catalogue.has_posterior(ref):
        rows["log p(z), prior"] = log_prior(catalogue.checkpoint(ref).model, z)
        mu, std = encoding.posteriors(ref)
        rows["log q(z), aggregate posterior"] = log_aggregate_at(mu, std, z)
    rows[nearest] = near.nearest
    rows["Change from the last picture, image units"] = changes(images)
    figure = walk_profile(
        rows=rows,
        shares=near.shares,
        shares_title=f"Classes of the {N_VOTERS} nearest digits",
        colors=PALETTE[shown_theme()],
        turns=near.turns,
        reach=(nearest, near.reach),
    )
    chart(figure, key="walk_profile")
    said = (
        "Nearest code and classes (k-NN, "
        f"k = {N_VOTERS}) are those of the 60,000 training digits; above the dotted line a "
        "step is outside the region with data."
    )
    if has_density:
        said += f" Log densities in {unit}; q(z) is exact, over all 70,000 digits."
    st.caption(said)
    if not has_density:
        st.caption(
            "A plain autoencoder has no prior and no q(z|x): log p(z) and log q(z) are left out."
        )


def _power(latent_dim: int) -> str:
    return "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(latent_dim)) if latent_dim > 1 else ""
