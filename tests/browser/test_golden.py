"""The decoder in the browser is the decoder in torch, on every checkpoint that is shipped."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, Route

from latent_explorer.components.latent_map.payload import pack_decoder, payload_id
from latent_explorer.data import catalogue, payloads
from latent_explorer.folders import SHIPPED_WEIGHTS
from tests.browser.conftest import ROOT, Server, Shipped
from tests.browser.tab import Tab
from vae_core.checkpoints import checkpoint_ref
from vae_core.likelihoods import GaussianLearnedSigma

LOGGER = logging.getLogger(__name__)
ORIGIN = "http://assets.test"  # answered from the folder of the browser's files
N_PLACES = 50
TOLERANCE = 2 / 255
SHIPPED = sorted(SHIPPED_WEIGHTS.glob("*.safetensors"))
DECODE = """async ([payload, places]) => {
    const bytes = Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0));
    const parsed = window.map.parsePayload(bytes);
    const decode = window.map.makeDecoder(parsed);
    const flat = Float64Array.from(places.flat());
    const plain = window.map.makeBatchDecoder(parsed)(flat);
    if (!window.map.makeSimd(parsed.layers)) throw new Error("the browser has no SIMD");
    const many = window.map.makeBatchDecoder(parsed, window.map.makeSimd)(flat);
    if (many.some((ink, i) => Math.abs(ink - plain[i]) > 1)) throw new Error("SIMD differs");
    return [parsed.id, places.map(([x, y]) => [...decode(x, y).mean]), [...many],
        places.map(([x, y]) => decode(x, y).sigma)];
}"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A blank page with the map's reader and decoder, as `window.map`."""
    page = browser.new_page()
    assets = ROOT / "latent_explorer/components/assets"

    def serve(route: Route) -> None:
        path = assets / route.request.url.removeprefix(f"{ORIGIN}/")
        route.fulfill(path=path) if path.is_file() else route.fulfill(body="<!doctype html>")

    page.route(f"{ORIGIN}/**", serve)
    page.goto(ORIGIN)
    page.evaluate(
        """async (names) => {
            window.map = {};
            for (const name of names) {
                Object.assign(window.map, await import(`/latent_map/${name}.js`));
            }
        }""",
        ["payload", "decoder", "simd"],
    )
    yield page
    page.close()


def decode_in_browser(
    page: Page, payload: bytes, places: NDArray[np.floating]
) -> tuple[NDArray[np.float64], list[float | None]]:
    """Ink at places of the plane, shape (N, 784), and the sigma of its noise at each."""
    text = base64.b64encode(payload).decode()
    name, pictures, many, sigmas = page.evaluate(DECODE, [text, places.astype(float).tolist()])
    assert name == payload_id(payload)
    # the mosaic's decoder takes several places at once, and gives whole levels
    assert np.abs(np.array(many).reshape(-1, 784) - 255 * np.array(pictures)).max() <= 0.51
    return np.array(pictures), sigmas


def test_some_are_shipped() -> None:
    assert SHIPPED, f"{SHIPPED_WEIGHTS} holds no checkpoint"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_checkpoint(path: Path, page: Page) -> None:
    shipped = Shipped(checkpoint_ref(path))
    payload = payloads.map_payloads(shipped.ref, "test").decoder
    coords = shipped.map.coords
    rng = np.random.default_rng(0)
    places = np.concatenate(
        [
            rng.uniform(coords.min(0), coords.max(0), size=(N_PLACES // 2, 2)),
            rng.choice(coords, N_PLACES // 2, replace=False),
        ]
    )
    found, sigmas = decode_in_browser(page, payload, places)
    expected = np.stack([shipped.decode(place) for place in places])
    worst = float(np.abs(found - expected).max())
    LOGGER.info("%s: off by up to %.5f levels of 255", path.stem, worst * 255)
    assert np.isfinite(found).all()
    assert worst <= TOLERANCE, f"off by {worst * 255:.2f} levels of 255"
    assert np.abs(expected[0] - expected[1:]).max() > 0.1  # the pictures do differ
    model = catalogue.checkpoint(shipped.ref).model
    if model.config.likelihood == "bernoulli":
        assert sigmas == [None] * N_PLACES
    else:
        z = torch.tensor(shipped.map.center + places @ shipped.map.axes.T, dtype=torch.float32)
        with torch.no_grad():
            wanted = model.likelihood.log_sigma(model.decoder(z)).exp().numpy()
        assert sigmas == pytest.approx(wanted, rel=0.01)


@pytest.mark.parametrize(
    ("config", "n_axes"),
    [
        pytest.param({"activation": "relu"}, 2, id="relu"),
        pytest.param({"activation": "silu"}, 2, id="silu"),
        pytest.param({"activation": "tanh"}, 2, id="tanh"),
        pytest.param({"decoder_hidden": (24, 24, 16, 16), "residual": True}, 2, id="residual"),
        pytest.param({"decoder_hidden": ()}, 2, id="linear"),
        pytest.param({"decoder_hidden": (7, 9)}, 2, id="odd widths"),
        pytest.param({"fourier_features": 8}, 2, id="Fourier"),
        pytest.param(
            {"fourier_features": 5, "latent_dim": 3, "decoder_hidden": (13, 13), "residual": True},
            3,
            id="Fourier and residual in three dimensions",
        ),
        pytest.param({"latent_dim": 1}, 1, id="one dimension"),
        pytest.param({"latent_dim": 5}, 5, id="five dimensions"),
        pytest.param({"likelihood": "gaussian"}, 2, id="Gaussian"),
        pytest.param({"likelihood": "gaussian-learned-sigma"}, 2, id="learned sigma"),
    ],
)
def test_synthetic_decoder(
    config: dict[str, Any], n_axes: int, page: Page, make_model: Callable[..., Any]
) -> None:
    model = make_model(gain=2.5, **config)
    assert model.config.latent_dim == n_axes
    rng = np.random.default_rng(1)
    if n_axes > 2:  # any plane will do
        center = rng.normal(size=n_axes)
        axes = np.linalg.qr(rng.normal(size=(n_axes, 2)))[0]
    else:
        center, axes = np.zeros(n_axes), np.eye(n_axes, 2)
    layers = model.decoder.net.layers
    for layer in layers:  # as a checkpoint stores them
        layer.weight.data = layer.weight.data.half().float()
    frequencies = model.decoder.frequencies
    payload = pack_decoder(
        weights=[*(layer.weight.numpy() for layer in layers[:-1]), layers[-1].weight.numpy()[:784]],
        biases=[*(layer.bias.numpy() for layer in layers[:-1]), layers[-1].bias.numpy()[:784]],
        activation=model.config.activation,
        residual=model.config.residual,
        fourier=frequencies.numpy() if frequencies.numel() else None,
        center=center,
        axes=axes,
    )
    places = rng.normal(scale=2.0, size=(N_PLACES, 2))
    found, _ = decode_in_browser(page, payload, places)
    z = torch.tensor(center + places @ axes.T, dtype=torch.float32)
    expected = model.decode(z).double().numpy()
    assert np.abs(found - expected).max() <= TOLERANCE
    assert expected.std(0).max() > 0.01  # the pictures do differ


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda raw: b"PNG" + raw[3:], "not a map payload"),
        (lambda raw: raw[:6], "not a map payload"),
        (lambda raw: raw[:40], "ends within its header"),
        (lambda raw: raw[:-512], "ends within section"),
        (lambda raw: raw.replace(b'"dtype":"f2"', b'"dtype":"f8"', 1), "unknown type f8"),
    ],
    ids=["magic", "empty", "header", "sections", "type"],
)
def test_damaged_payloads_are_refused(
    spoil: Callable[[bytes], bytes], said: str, page: Page, make_model: Callable[..., Any]
) -> None:
    layers = make_model().decoder.net.layers
    payload = pack_decoder(
        weights=[layer.weight.numpy() for layer in layers],
        biases=[layer.bias.numpy() for layer in layers],
        activation="silu",
        residual=False,
        fourier=None,
        center=np.zeros(2),
        axes=np.eye(2),
    )
    message = page.evaluate(
        """(text) => {
            try {
                window.map.parsePayload(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
                return "";
            } catch (error) {
                return error.message;
            }
        }""",
        base64.b64encode(spoil(payload)).decode(),
    )
    assert said in message


def test_the_lens_samples_with_the_sigma_of_its_place(
    open_tab: Callable[..., Tab], server: Server, shipped: dict[str, Shipped]
) -> None:
    model = shipped["gaussian-sigma"]
    tab = open_tab(server, "?checkpoint=gaussian-sigma").wait_ready()
    map_ = tab.map()
    ((_, px),) = map_.lone_digits(model.test_coords, n=1)
    z = torch.tensor([map_.hover(px)])
    vae = model.checkpoint.model
    outputs = vae.decoder(z)
    sigma = float(GaussianLearnedSigma().log_sigma(outputs).exp())
    mean = vae.decode(z)[0].numpy()
    map_.root.focus()
    tab.page.keyboard.press("m")
    kind = map_.root.locator(".lens-kind")
    tab.until(lambda: kind.inner_text() == f"sample of p(x|z), σ = {sigma:.2f}", "a sample")
    samples: list[np.ndarray] = []
    for _ in range(80):
        tab.page.keyboard.press("r")
        map_.settle()
        samples.append(1 - map_.lens() / 255)
    free = (mean > 3 * sigma) & (mean < 1 - 3 * sigma)  # not cut off at black and white
    assert free.sum() >= 5
    got = np.std(np.stack(samples)[:, free] - mean[free])
    n = 80 * free.sum()
    assert abs(got - sigma) < 5 * sigma / np.sqrt(2 * n) + 1 / 255
