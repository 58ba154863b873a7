"""The Likelihood page on ten clusters: the morph's ends are the two spaces themselves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from playwright.sync_api import Locator

from tests.browser.conftest import Server, Shipped
from tests.browser.tab import Tab
from vae_core.priors import LearnedMixture


def lone_row(*ends: NDArray[np.float64], within: float) -> int:
    """Row of a point in sight that has no other near it at either end."""
    alone = np.full(len(ends[0]), np.inf)
    for points in ends:
        distance = np.linalg.norm(points[:, None] - points[None, ::7], axis=-1)
        distance[distance == 0] = np.inf
        alone = np.minimum(alone, distance.min(1))
        alone[np.abs(points).max(1) > 0.9 * within] = 0
    for row in alone.argsort()[::-1]:
        if all((np.linalg.norm(p - p[row], axis=1) < 0.05).sum() == 1 for p in ends):
            return int(row)
    raise AssertionError("no point is alone")


def hovered(root: Locator, place: NDArray[np.float64], half: float) -> str:
    canvas = root.locator("canvas.canvas")
    box = canvas.bounding_box()
    assert box is not None
    x, y = box["width"] / 2 * (1 + place * [1, -1] / half)
    canvas.hover(position={"x": float(x), "y": float(y)})
    return root.locator(".tip").inner_text().replace("−", "-")


def test_the_morph_reaches_both_ends(
    open_tab: Callable[..., Tab], server: Server, shipped: dict[str, Shipped]
) -> None:
    mixture = shipped["mixture"]
    tab = open_tab(server, "likelihood?chapter=5&checkpoint=mixture").wait_ready()
    root = tab.page.get_by_test_id("morph")
    tab.until(lambda: root.get_attribute("data-ready") == "true", "the morph", timeout=90)
    assert root.get_attribute("data-points") == "10000"
    half = float(root.get_attribute("data-half") or "nan")
    prior = mixture.checkpoint.model.prior
    assert isinstance(prior, LearnedMixture)
    z = mixture.test_coords.astype(np.float64)
    u = prior.mixture().to_normal(torch.from_numpy(z)).numpy()
    row = lone_row(z, u, within=half)
    slider = root.get_by_role("slider")
    for key, t, place in (("End", "1", u[row]), ("Home", "0", z[row])):
        slider.press(key)
        tab.until(lambda: root.get_attribute("data-t") == t, "the slider's end")  # noqa: B023
        said = hovered(root, place, half)
        assert said.startswith(f"test #{row:,}, ")
        assert said.endswith(f"({place[0]:.3f}, {place[1]:.3f})")
    root.get_by_role("button").click()
    tab.until(lambda: root.get_attribute("data-t") == "1", "the motion to end")
