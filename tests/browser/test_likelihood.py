"""The Likelihood page's first chapters: what a browser shows is what the core computes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch

from tests.browser.conftest import FIRST_TEST_DIGIT, Server, Shipped
from tests.browser.tab import Tab
from vae_core.analysis.evaluation import model_input
from vae_core.data import load_mnist
from vae_core.exact.lattice import DecodedLattice


@pytest.fixture
def open_chapter(open_tab: Callable[..., Tab], server: Server) -> Callable[..., Tab]:
    """Open a chapter, with what else a link says."""

    def open_one(number: int, **query: str) -> Tab:
        more = "".join(f"&{name}={value}" for name, value in query.items())
        return open_tab(server, f"likelihood?chapter={number}{more}").wait_ready()

    return open_one


def text(tab: Tab) -> str:
    """All that the page says, with plain minus signs."""
    return tab.page.get_by_test_id("stMain").inner_text().replace("−", "-")


def open_number(tab: Tab, number: int) -> None:
    with tab.rerun():
        tab.choose_radio(re.compile(rf"^{number} · "))


def test_one_z(open_chapter: Callable[..., Tab], first: Shipped) -> None:
    tab = open_chapter(1)
    tab.wait_picture("f(z)", 255 * (1 - first.decode_z([0.1, 0.5])), within=1)
    assert re.search(r"A \d lives at z = \(0\.100, 0\.500\)", text(tab))
    assert tab.page.locator('[data-testid="digit-strip"] canvas[data-title^="x "]').count() == 8
    px = tuple(tab.map().view().to_px(np.array([[1.2, -1.0]]))[0])
    with tab.rerun():
        tab.map().click(px)
    z = [float(part) for part in tab.typed("z").split(",")]
    tab.wait_picture("f(z)", 255 * (1 - first.decode_z(z)), within=1)
    with tab.rerun():
        tab.type("z", "one, two")
    assert tab.alerts() == ["“one, two” is not a latent: write 0.1, 0.5, for example."]
    tab.wait_picture("f(z)", 255 * (1 - first.decode_z(z)), within=1)
    # the place goes along to the next chapter
    open_number(tab, 2)
    assert f"at z = ({z[0]:.3f}, {z[1]:.3f})" in text(tab)


def test_one_z_against_the_data_set(open_chapter: Callable[..., Tab], first: Shipped) -> None:
    tab = open_chapter(2)
    model = first.checkpoint.model
    x = model_input(model, load_mnist("test"))

    def check(z: list[float]) -> None:
        with torch.no_grad():
            outputs = model.decoder(torch.tensor([z], dtype=torch.float32))
            log_px_z = model.likelihood.log_px_z(outputs, x).double()
        total = float(log_px_z.sum())
        for value in (f"{total / 1e4:.2f}", f"10^({total / math.log(10):,.0f})"):
            tab.until(lambda: value in text(tab), value)  # noqa: B023
        for strip, end in (
            ("likelihood_best", log_px_z.max()),
            ("likelihood_worst", log_px_z.min()),
        ):
            digit = tab.keyed(strip).get_by_test_id("digit-strip").locator("figure").first
            value = f"{float(end):.1f}"
            tab.until(lambda: value in digit.inner_text().replace("−", "-"), strip)  # noqa: B023

    check([0.1, 0.5])
    log_px = first.checkpoint.metrics["log_px"].value
    for value in (f"{log_px:.2f}", f"10^({log_px * 1e4 / math.log(10):,.0f})"):
        assert value in text(tab)
    with tab.rerun():
        tab.type("z", "1.5, -0.75")
    check([1.5, -0.75])


def test_which_z_explain_a_digit(open_chapter: Callable[..., Tab], first: Shipped) -> None:
    tab = open_chapter(3)
    model = first.checkpoint.model
    lattice = DecodedLattice(model)
    x = model_input(model, load_mnist("test"))

    def check(row: int) -> None:
        tab.until(lambda: f"test #{row:,}" in text(tab), f"digit {row}")
        tab.wait_idle()
        explained = lattice.explain(x[row])
        with torch.no_grad():
            q = model.encode(x[row : row + 1])
        mu, std = q.mu[0].tolist(), (0.5 * q.logvar[0]).exp().tolist()
        for said in (
            f"log p(x) = {explained.log_px:.2f} nats",
            f"({explained.region(0.99).prior_mass:.2g} of the prior's mass)",
            f"μ = ({mu[0]:.3f}, {mu[1]:.3f}), σ = ({std[0]:.3f}, {std[1]:.3f})",
        ):
            assert said in text(tab), said

    check(0)
    with tab.rerun():
        tab.type("Which digit", "test 1234")
    check(1234)
    with tab.rerun():
        tab.type("Which digit", "test 10000")
    assert len(tab.alerts()) == 1
    check(1234)
    digit, px = tab.map().lone_digits(first.test_coords, n=1)[0]
    with tab.rerun():
        tab.map().click(px)
    assert tab.alerts() == []
    check(int(digit))
    assert tab.map().root.get_attribute("data-ready") == "true"
    pinned = f"chapter=3&id={FIRST_TEST_DIGIT + int(digit)}"
    tab.until(lambda: pinned in tab.page.url, "the address")
