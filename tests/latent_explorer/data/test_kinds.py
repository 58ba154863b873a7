"""What lists say of checkpoints, and which partner a comparison opens with."""

from __future__ import annotations

import pytest

from latent_explorer.data import catalogue, kinds
from vae_core.checkpoints import CheckpointRef

REFS = {ref.name: ref for ref in catalogue.checkpoints()[0]}


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("atlas", "atlas · VAE, started from a neighbour map"),
        ("record", "record · VAE trained on the exact log p(x)"),
        ("elbo", "elbo · plain VAE"),
        ("beta4", "beta4 · β-VAE, β = 4"),
        ("autoencoder", "autoencoder · plain autoencoder"),
        ("iwae", "iwae · importance-weighted VAE, K = 5"),
        ("denoising", "denoising · denoising VAE"),
        ("gaussian-sigma", "gaussian-sigma · VAE, grey pixels, σ learned"),
        ("mixture", "mixture · VAE, a prior per digit"),
        ("ten", "ten · VAE, 10 dimensions"),
        ("line", "line · VAE, 1 dimension"),
    ],
)
def test_lists_say_what_each_checkpoint_is(name: str, title: str) -> None:
    assert kinds.title(REFS[name]) == title


@pytest.mark.parametrize(
    ("first", "partner"),
    [("atlas", "elbo"), ("elbo", "beta4"), ("record", "atlas"), ("autoencoder", "elbo"),
     ("ten", "elbo"), ("mixture", "elbo"), ("gaussian", "elbo")],
)  # fmt: skip
def test_the_partner_differs_in_few_ideas(first: str, partner: str) -> None:
    others = [ref for ref in REFS.values() if ref.name != first]
    found = kinds.partner(REFS[first], others)
    assert found.name == partner
    least = min(filter(None, (len(kinds.differences(REFS[first], ref)) for ref in others)))
    assert len(kinds.differences(REFS[first], found)) == least


def test_a_copy_teaches_nothing() -> None:
    atlas = REFS["atlas"]
    copy = CheckpointRef("a copy", atlas.path, atlas.sha256)
    assert kinds.differences(atlas, copy) == []
    assert kinds.partner(atlas, [copy, REFS["ten"]]).name == "ten"
    assert kinds.partner(atlas, [copy]).name == "a copy"
