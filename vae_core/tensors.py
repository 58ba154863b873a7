"""The tensors of a checkpoint: their names, shapes and stored precision."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_core.config import N_PIXELS, ModelConfig
from vae_core.data import N_TEST, N_TRAIN
from vae_core.header import Header

if TYPE_CHECKING:
    from vae_core.models import VAE

Array = NDArray[Any]

_CODE_TENSORS = ("map.coords", "map.center", "map.axes")
_STD_TENSOR = "map.std"
_ELBO_TENSOR = "map.terms"
_N_DIGITS = N_TRAIN + N_TEST
N_CLASSES = 10  # of the prior "digit-mixture"
_MIXTURE_SHAPES: dict[str, tuple[int, ...]] = {
    "prior.means": (N_CLASSES, 2),
    "prior.log_diagonal": (N_CLASSES, 2),
    "prior.slope": (N_CLASSES,),
    "prior.logits": (N_CLASSES,),
}


class ProjectedCodes(NamedTuple):
    """MNIST on the plane u, with z = center + axes @ u; for D = 2 the plane is z-space itself."""

    coords: NDArray[np.float32]  # (70000, 2), row = digit id
    center: NDArray[np.float32]  # (D,)
    axes: NDArray[np.float32]  # (D, 2), orthonormal columns


class StoredCheckpoint(NamedTuple):
    """A file's header and tensors, checked; NumPy arrays in their stored precision."""

    header: Header
    tensors: dict[str, Array]

    @property
    def codes(self) -> ProjectedCodes | None:
        """Where the 70,000 MNIST digits lie, if the file holds it."""
        if _CODE_TENSORS[0] not in self.tensors:
            return None
        return ProjectedCodes(*(self.tensors[name] for name in _CODE_TENSORS))

    @property
    def std(self) -> NDArray[np.float16] | None:
        """Standard deviations of q(z|x) of the 70,000 MNIST digits, if the file has them.

        Shape (70000, D), z units, D ≤ 2; q's means are `center + coords @ axes.T`.
        """
        return self.tensors.get(_STD_TENSOR)

    @property
    def elbo_parts(self) -> NDArray[np.float32] | None:
        """Reconstruction and KL of the 70,000 MNIST digits, if the file has them.

        Shape (70000, 2), nats, as `vae_core.analysis.digit_elbos` computes them for the training
        images and for the test images.
        """
        return self.tensors.get(_ELBO_TENSOR)


def packed_codes(
    model: VAE,
    codes: ProjectedCodes | None,
    std: NDArray[np.floating[Any]] | None,
    elbo_parts: NDArray[np.floating[Any]] | None,
) -> dict[str, Array]:
    """Name what is stored of MNIST's digits, in its stored precision."""
    tensors: dict[str, Array] = {}
    if codes is not None:
        arrays = (np.ascontiguousarray(a, np.float32) for a in codes)
        tensors |= dict(zip(_CODE_TENSORS, arrays, strict=True))
    if std is not None and model.config.latent_dim <= 2:
        tensors[_STD_TENSOR] = np.ascontiguousarray(std, np.float16)
    if elbo_parts is not None:
        tensors[_ELBO_TENSOR] = np.ascontiguousarray(elbo_parts, np.float32)
    return tensors


def expected_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights of a model, without building it."""
    n_outputs = N_PIXELS + (config.likelihood == "gaussian-learned-sigma")
    n_codes = config.latent_dim * (1 if config.posterior == "point" else 2)
    n_in = config.latent_dim + 2 * config.fourier_features
    shapes: dict[str, tuple[int, ...]] = {
        "decoder.frequencies": (config.latent_dim, config.fourier_features)
    }
    for part, widths in (
        ("encoder", (N_PIXELS, *config.encoder_hidden, n_codes)),
        ("decoder", (n_in, *config.decoder_hidden, n_outputs)),
    ):
        for i, (a, b) in enumerate(pairwise(widths)):
            shapes[f"{part}.net.layers.{i}.weight"] = (b, a)
            shapes[f"{part}.net.layers.{i}.bias"] = (b,)
    if config.prior == "digit-mixture":
        shapes |= _MIXTURE_SHAPES
    return shapes


def shape_problems(config: ModelConfig, shapes: dict[str, tuple[int, ...]]) -> list[str]:
    """All that is wrong with a file's tensor names and shapes."""
    expected = expected_shapes(config)
    if any(name in shapes for name in _CODE_TENSORS):
        code_shapes = ((_N_DIGITS, 2), (config.latent_dim,), (config.latent_dim, 2))
        expected |= dict(zip(_CODE_TENSORS, code_shapes, strict=True))
        if _STD_TENSOR in shapes and config.latent_dim <= 2:
            expected[_STD_TENSOR] = (_N_DIGITS, config.latent_dim)
        if _ELBO_TENSOR in shapes and config.posterior == "gaussian":
            expected[_ELBO_TENSOR] = (_N_DIGITS, 2)
    problems: list[str] = []
    if missing := sorted(set(expected) - set(shapes)):
        problems.append(f"missing tensors {', '.join(missing)}")
    if surplus := sorted(set(shapes) - set(expected)):
        problems.append(f"surplus tensors {', '.join(surplus)}")
    problems += [
        f"{name} has shape {shapes[name]}, it should have {shape}"
        for name, shape in expected.items()
        if name in shapes and shapes[name] != shape
    ]
    return problems


def value_problems(tensors: dict[str, Array]) -> list[str]:
    """Tensors that do not hold finite numbers only."""
    return [
        f"{name} holds NaN or infinite numbers"
        for name, array in tensors.items()
        if not np.isfinite(array).all()
    ]


def stored_state(model: VAE) -> dict[str, Any]:
    """State dict with every weight in its stored precision, on the CPU."""
    exact = ("decoder.frequencies", *_MIXTURE_SHAPES)  # few, and positions in z
    return {
        name: value.detach().cpu() if name in exact else value.detach().cpu().half()
        for name, value in model.state_dict().items()
    }


def round_to_stored(model: VAE) -> None:
    """Round a model's weights, in place, to the precision that a checkpoint keeps."""
    model.load_state_dict(stored_state(model))


def fill(model: VAE, tensors: dict[str, Array]) -> VAE:
    """Give a model its stored weights, and fix it: eval mode, no gradients."""
    import torch

    names = expected_shapes(model.config)
    model.load_state_dict({name: torch.as_tensor(tensors[name].copy()) for name in names})
    return model.eval().requires_grad_(False)
