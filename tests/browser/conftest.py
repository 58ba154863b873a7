"""A server, a browser, and tabs that notice every frame, request and error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser

from latent_explorer.folders import SHIPPED_WEIGHTS
from tests.browser.running import ROOT as ROOT
from tests.browser.running import Server, chromium
from tests.browser.tab import Tab
from vae_core.checkpoints import (
    Checkpoint,
    CheckpointRef,
    list_checkpoints,
    load_checkpoint,
    read_checkpoint,
)
from vae_core.data import DataSet, load_mnist
from vae_core.tensors import ProjectedCodes

FIRST_TEST_DIGIT = 60_000


@dataclass(frozen=True)
class Shipped:
    """A checkpoint as the tests know it: from torch and the file, not from the app."""

    ref: CheckpointRef

    @cached_property
    def checkpoint(self) -> Checkpoint:
        return load_checkpoint(self.ref)

    @cached_property
    def map(self) -> ProjectedCodes:
        found = read_checkpoint(self.ref.path).codes
        assert found is not None, f"{self.ref.name} was shipped without its map"
        return found

    @property
    def test_coords(self) -> NDArray[np.float32]:
        """Positions of the 10,000 test digits."""
        return self.map.coords[FIRST_TEST_DIGIT:]

    def decode(self, coords: Any) -> NDArray[np.float64]:
        """Ink, 0 to 1, at a place of the plane, shape (784,)."""
        z = self.map.center.astype(float) + self.map.axes.astype(float) @ np.array(coords, float)
        return self.decode_z(z)

    def decode_z(self, z: Any) -> NDArray[np.float64]:
        """Ink, 0 to 1, of a latent, shape (784,)."""
        import torch

        with torch.no_grad():
            rows = self.checkpoint.model.decode(torch.tensor([list(z)], dtype=torch.float32))
        return rows[0].double().numpy()

    def encode(self, digit: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation of q(z|x) of a digit of shape (28, 28)."""
        import torch

        x = torch.from_numpy(digit.reshape(1, -1).astype(np.float32) / np.float32(255))
        with torch.no_grad():
            mu, logvar = self.checkpoint.model.encode(x)
        return mu[0].double().numpy(), (0.5 * logvar[0]).exp().double().numpy()


@pytest.fixture(scope="session")
def shipped() -> dict[str, Shipped]:
    """The shipped checkpoints by name, the app's first choice first."""
    refs = list_checkpoints(SHIPPED_WEIGHTS)
    if len(refs) < 2:
        pytest.fail(f"{SHIPPED_WEIGHTS} holds {len(refs)} checkpoints; two are needed.")
    refs.sort(key=lambda ref: ref.name != "atlas")
    return {ref.name: Shipped(ref) for ref in refs}


@pytest.fixture(scope="session")
def first(shipped: dict[str, Shipped]) -> Shipped:
    """The checkpoint that the app opens with."""
    return next(iter(shipped.values()))


@pytest.fixture(scope="session")
def second(shipped: dict[str, Shipped]) -> Shipped:
    """Another one."""
    return list(shipped.values())[1]


@pytest.fixture(scope="session")
def digits() -> DataSet:
    """All 70,000 digits; row = digit id."""
    return load_mnist("all")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app on the shipped checkpoints; shared by all tests."""
    running = Server(tmp_path_factory.mktemp("server") / "server.log")
    yield running
    running.stop()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[[Path], Server]]:
    """Start the app on another folder of checkpoints."""
    running: list[Server] = []

    def start(weights: Path) -> Server:
        running.append(Server(tmp_path / f"server{len(running)}.log", weights=weights))
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.fixture
def open_tab(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Tab]]:
    """Open tabs, each in a fresh browser profile; at the end all must have been quiet."""
    opened: list[tuple[Tab, Server, int]] = []
    request.node.stash[_OPENED] = opened

    def open_one(server: Server, path: str = "", **context: Any) -> Tab:
        settings = {"viewport": {"width": 1400, "height": 900}, "color_scheme": "light"} | context
        start = server.log.stat().st_size
        tab = Tab(browser.new_context(**settings), server.url + path)
        opened.append((tab, server, start))
        return tab

    yield open_one
    try:
        for tab, server, start in opened:
            tab.check_quiet()
            assert "Traceback" not in server.tail(start), server.tail(start)
    finally:
        for tab, _, _ in opened:
            tab.page.context.close()


@pytest.fixture
def tab(open_tab: Callable[..., Tab], server: Server) -> Tab:
    """A tab with the app's first page, ready."""
    return open_tab(server).wait_ready()


_OPENED = pytest.StashKey[list[tuple[Tab, Server, int]]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show what the server said, and a screenshot, with a failure."""
    report = yield
    if report.failed and report.when == "call":
        for tab, server, start in item.stash.get(_OPENED, []):
            report.sections.append((f"log of {server.url}", server.tail(start)))
            path = server.log.parent / f"{item.name}.png".replace("/", "_")
            try:
                tab.page.screenshot(path=path)
            except Exception as err:
                report.sections.append(("no screenshot", str(err)))
            else:
                report.sections.append(("screenshot", str(path)))
    return report
