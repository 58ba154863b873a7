"""The profile of a walk: densities, digits nearby, change and classes along its steps."""

from __future__ import annotations

from typing import Any

import streamlit as st
from numpy.typing import NDArray

from explorer import loaders
from explorer.theme import PALETTE
from explorer.walks import geometry
from explorer.walks.around import Around
from vae_core.checkpoints import CheckpointRef


def profile(
    ref: CheckpointRef, z: NDArray[Any], images: NDArray[Any], around: Around
) -> None:  # fmt: skip
    """Draw the plots under the strip."""
    from explorer.plots.walk_profile import walk_profile
    from vae_core.analysis.fields import log_aggregate_at
    from vae_core.analysis.walks import changes, log_prior

    st.markdown("##### Along the way")
    unit = f"nats per z unit{_power(z.shape[1])}"
    nearest = "Distance to the nearest training digit's code, z units"
    rows: dict[str, NDArray[Any]] = {}
    if geometry.has_density(ref):
        rows[f"log prior p(z), {unit}"] = log_prior(loaders.checkpoint(ref).model, z)
        mu, std = loaders.posteriors(ref)
        rows[f"log aggregate posterior q(z), {unit}, exact over {len(mu):,} digits"] = (
            log_aggregate_at(mu, std, z)
        )
    rows[nearest] = around.nearest
    rows["Change from the last step's picture, image units"] = changes(images)
    dark = st.context.theme.type == "dark"
    figure = walk_profile(
        rows=rows,
        shares=around.shares,
        shares_title=f"Classes of the {loaders.N_VOTERS} nearest training digits in z (k-NN)",
        colors=PALETTE["dark" if dark else "light"],
        turns=around.turns,
        reach=(nearest, around.reach),
    )
    st.plotly_chart(figure, key="walk_profile", config={"displayModeBar": False})
    if not geometry.has_density(ref):
        st.caption(
            "A plain autoencoder has no prior and no q(z|x): log p(z) and log q(z) are left out."
        )


def _power(latent_dim: int) -> str:
    return "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(latent_dim)) if latent_dim > 1 else ""
