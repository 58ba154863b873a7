"""The Likelihood page's chapter on the prior's holes and the transport, without a browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from latent_explorer.data import catalogue, lattice, transport
from latent_explorer.theme import number, percent
from tests.latent_explorer.test_pages import component

PAGE = "latent_explorer/pages/likelihood/view.py"


def open_chapter(app: AppTest, checkpoint: str) -> AppTest:
    app.query_params["chapter"] = "5"
    app.query_params["checkpoint"] = checkpoint
    app.run()
    return app.switch_page(PAGE).run()


def said(at: AppTest) -> str:
    return "\n".join(one.value for one in (*at.markdown, *at.caption, *at.info))


def test_the_holes_and_the_transport(
    app: AppTest, weights: Path, write_checkpoint: Callable[..., Any]
) -> None:
    write_checkpoint(weights / "atlas.safetensors")
    write_checkpoint(weights / "mixture.safetensors", prior="digit-mixture")
    at = open_chapter(app, "mixture")
    assert not at.exception
    ref = next(ref for ref in catalogue.checkpoints()[0] if ref.name == "mixture")
    found = lattice.aggregate(ref)
    assert f"KL(q(z) ‖ p(z)) = {number(found.kl)} nats" in said(at)
    assert f"{percent(found.hole_mass(10), 1)} of the prior's mass lies in holes" in said(at)
    carried = transport.unfolded(ref)
    assert carried.mean_log_pz == pytest.approx(carried.mean_log_pu, abs=1e-9)
    assert number(carried.mean_log_pu, 4) in said(at)
    drawn = component(at, "likelihood_morph")
    assert len(drawn["lines"]) == 18 + 20 + 3
    assert len(drawn["pictures"]) == 49


def test_without_a_mixture_one_sentence_says_so(
    app: AppTest, weights: Path, write_checkpoint: Callable[..., Any]
) -> None:
    write_checkpoint(weights / "plain.safetensors", posterior="point")
    at = open_chapter(app, "plain")
    assert not at.exception
    assert "A plain autoencoder has no prior p(z) to have holes." in said(at)
    assert "needs a checkpoint with one Gaussian per digit" in said(at)
