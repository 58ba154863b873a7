"""The Likelihood page on estimators and dimensions: a browser shows the core's numbers."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
from torch import Generator

from tests.browser.conftest import FIRST_TEST_DIGIT, Server, Shipped
from tests.browser.tab import Tab
from vae_core.analysis.denoising import denoise
from vae_core.analysis.evaluation import model_input
from vae_core.data import load_mnist
from vae_core.exact.lattice import DecodedLattice
from vae_core.exact.posterior import kl_to_posterior


def text(tab: Tab) -> str:
    """All that the page says, with plain minus signs."""
    return tab.page.get_by_test_id("stMain").inner_text().replace("−", "-")


def number(pattern: str, where: str) -> float:
    found = re.search(pattern, where)
    assert found is not None, f"{pattern} in {where}"
    return float(found[1].replace(",", ""))


@pytest.fixture
def open_chapter(open_tab: Callable[..., Tab], server: Server) -> Callable[..., Tab]:
    def open_one(chapter: int, **query: str) -> Tab:
        more = "".join(f"&{name}={value}" for name, value in query.items())
        return open_tab(server, f"likelihood?chapter={chapter}{more}").wait_ready()

    return open_one


def test_estimates(open_chapter: Callable[..., Tab], shipped: dict[str, Shipped]) -> None:
    digit = 4
    tab = open_chapter(4, checkpoint="mixture", id=str(FIRST_TEST_DIGIT + digit))
    tab.page.get_by_text("prior samples for this digit").wait_for()
    model = shipped["mixture"].checkpoint.model
    x = model_input(model, load_mnist("test"))[digit : digit + 1]
    explained = DecodedLattice(model).explain(x[0])
    said = text(tab)
    assert number(r"log p\(x\), exact: (-[\d.]+) nats", said) == pytest.approx(
        explained.log_px, abs=0.006
    )
    kl = float(kl_to_posterior(model, x, torch.tensor([explained.log_px])))
    assert number(r"\n-[\d.]+ \+ ([\d.]+) = ", said) == pytest.approx(kl, abs=0.006)
    n = number(r"about ([\d,]+) prior samples", said)
    assert n == pytest.approx(explained.relative_variance() / 0.01, rel=0.06)
    # one sample a run: IWAE is the ELBO, far above naive Monte Carlo
    chart = tab.keyed("estimates_race")
    chart.locator(".scatterlayer .trace").first.wait_for()
    slider = tab.page.get_by_role("slider")
    with tab.rerun():
        slider.press("Home")
    tab.page.get_by_text("All 50 runs at K = 1", exact=True).wait_for()
    tab.until(lambda: "K = 1\t" in text(tab).replace("\xa0", " "), "the table at K = 1")
    assert "ESS" in text(tab)
    chart.get_by_text("▶ Play").click()
    tab.until(lambda: chart.locator(".scatterlayer .trace").count() == 8, "the curves to play")


def test_dimensions(open_chapter: Callable[..., Tab], shipped: dict[str, Shipped]) -> None:
    tab = open_chapter(6, checkpoint="elbo", id=str(FIRST_TEST_DIGIT))
    tab.page.get_by_text("Both encode the same noisy picture").wait_for()
    said = text(tab)
    figure = shipped["line"].checkpoint.metrics["log_px"]
    assert f"{figure.value:.2f}" in said
    for name in ("denoising", "elbo"):
        model = shipped[name].checkpoint.model
        x = model_input(model, load_mnist("test"))[:1]
        found = denoise(model, x, share=0.25, generator=Generator().manual_seed(0))
        expected = 255.0 * (1.0 - found.recon[0].numpy())
        tab.wait_picture(name, expected, within=1)
    with tab.rerun():
        tab.choose_radio(re.compile("^3 and 5"))
    tab.page.get_by_text("3s among 5s").wait_for()
    threes = tab.page.locator('[data-testid="digit-strip"] canvas[data-title="a 3"]')
    tab.until(lambda: threes.count() == 6, "the pictures of the pair")
