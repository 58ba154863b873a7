"""Images in whatever form people have them."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from vae_core.data import DataSet, binarise
from vae_core.estimators import elbo, log_px_iwae, log_px_naive
from vae_core.exact.evidence import log_px_exact
from vae_core.exact.posterior import kl_to_posterior
from vae_core.models import VAE
from vae_core.pixels import as_pixels

MakeModel = Callable[..., VAE]
LIKE = torch.zeros(1)


def test_every_usual_form_is_the_same_pixels(few_digits: DataSet, grey_x: Tensor) -> None:
    images = few_digits.images[:24]  # read-only, uint8
    forms = [
        images,
        images.reshape(24, 784),
        images[:, None],
        torch.from_numpy(images.copy()),
        images / 255.0,  # float64
        torch.from_numpy(images / 255.0),
        (images / 255.0).astype(np.float32),
        grey_x,
        grey_x.reshape(24, 1, 28, 28),
    ]
    for form in forms:
        pixels = as_pixels(form, LIKE)
        assert pixels.dtype == torch.float32
        torch.testing.assert_close(pixels, grey_x, rtol=0, atol=1e-7)
    assert as_pixels(grey_x, LIKE).data_ptr() == grey_x.data_ptr()
    assert as_pixels(grey_x, LIKE.double()).dtype == torch.float64
    assert as_pixels(images > 127, LIKE).unique().tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (torch.full((2, 784), 255.0), "from 255 to 255; grey values from 0 to 255 are divided by"),
        (np.full((2, 28, 28), 3.0), "divided by 255, or given as uint8"),
        (torch.full((2, 784), -1.0), "from -1 to -1; undo a normalisation"),
        (torch.full((2, 784), torch.nan), "got values from nan to nan"),
        (torch.full((2, 784), 300.0), "got values from 300 to 300"),
        (torch.zeros(2, 784, dtype=torch.int64), "must be uint8 from 0 to 255 or floats"),
        (torch.zeros(28, 28), "got (28, 28); a single image is a batch of one, x[None]"),
        (torch.zeros(784), "got (784,); a single image is a batch of one"),
        (torch.zeros(2, 32, 32), "must have shape (B, 784) or (B, 28, 28), got (2, 32, 32)"),
        (torch.zeros(()), "got ()"),
    ],
)
def test_what_is_no_image_is_refused_with_a_hint(
    make_model: MakeModel, x: Tensor, said: str
) -> None:
    model = make_model()
    for use in (model.encode, model.reconstruct, model, lambda x: log_px_exact(model, x)):
        with pytest.raises(ValueError, match=re.escape(said)):
            use(x)


def test_a_little_rounding_is_no_reason(make_model: MakeModel) -> None:
    assert make_model().encode(torch.full((1, 784), 1 + 5e-7)).mu.isfinite().all()


def test_a_model_is_called(make_model: MakeModel, few_digits: DataSet, grey_x: Tensor) -> None:
    model = make_model(gain=3.0)
    recon, mu, logvar = model(few_digits.images[:24])
    assert torch.equal(mu, model.encode(grey_x).mu)
    assert torch.equal(logvar, model.encode(grey_x).logvar)
    assert torch.equal(recon, model.reconstruct(grey_x))
    assert model.forward(grey_x).recon.shape == (24, 784)


def test_gradients_pass_through(make_model: MakeModel, grey_x: Tensor) -> None:
    x = grey_x.clone().requires_grad_()
    model = make_model()
    torch.autograd.backward(model(x).recon.sum())
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_binary_pixels_have_no_likelihood_of_grey_ones(
    make_model: MakeModel, few_digits: DataSet, grey_x: Tensor
) -> None:
    binary, grey = make_model(latent_dim=1), make_model(latent_dim=1, likelihood="gaussian")
    generator = Generator().manual_seed(0)
    options = {"n_samples": 2, "generator": generator}
    estimators = [
        lambda model, x: log_px_exact(model, x, spacing=0.5),
        lambda model, x: elbo(model, x, **options).value,
        lambda model, x: log_px_iwae(model, x, **options).value,
        lambda model, x: log_px_naive(model, x, **options).value,
        lambda model, x: kl_to_posterior(model, x, torch.zeros(len(x))),
    ]
    for estimate in estimators:
        for x in (grey_x, few_digits.images[:24]):
            with pytest.raises(ValueError, match="of binary pixels, got grey ones, of which cross"):
                estimate(binary, x)
            assert estimate(grey, x).shape == (24,)
        assert estimate(binary, binarise(grey_x, generator)).shape == (24,)
        black_and_white = (few_digits.images[:24] > 127).astype(np.uint8) * 255
        assert estimate(binary, black_and_white).shape == (24,)
