from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from vae_core.joint import decode_nodes, log_joint, log_px_z
from vae_core.models import VAE


@pytest.mark.parametrize(
    "config",
    [{}, {"prior": "digit-mixture"}, {"likelihood": "gaussian", "sigma": 0.5, "latent_dim": 3}],
    ids=str,
)
def test_nodes_say_of_every_pair_what_the_densities_say(
    make_model: Callable[..., VAE], binary_x: Tensor, config: dict[str, Any]
) -> None:
    model = make_model(gain=2.0, **config)
    z = model.prior.sample(7, Generator().manual_seed(0))
    nodes = decode_nodes(model, z)
    statistics = model.likelihood.statistics(binary_x)
    close = {"rtol": 1e-5, "atol": 1e-2}
    pairs = log_px_z(model, z.unsqueeze(1), binary_x).T  # (B, N)
    torch.testing.assert_close(nodes.log_px_z(statistics), pairs, **close)
    joint = log_joint(model, z.unsqueeze(1), binary_x).T
    torch.testing.assert_close(joint, pairs + model.prior.log_pz(z))
    torch.testing.assert_close(nodes.log_joint(statistics), joint, **close)
    torch.testing.assert_close(nodes.log_joint(statistics, log_volume=-2.0), joint - 2.0, **close)
    torch.testing.assert_close(nodes.log_px_z(statistics[3]), pairs[3], **close)  # of one image
    torch.testing.assert_close(nodes.log_joint(statistics[3]), joint[3], **close)
