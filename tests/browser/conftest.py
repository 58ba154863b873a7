"""A server, a browser, and tabs that notice every frame, request and error."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page

from latent_explorer.folders import SHIPPED_WEIGHTS
from tests.browser.running import ROOT as ROOT
from tests.browser.running import Server, ServerProcess, chromium, share_server
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
def server_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the workers of a run find one another's servers."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def server(server_folder: Path) -> Iterator[Server]:
    """The app on the shipped checkpoints; shared by all tests."""
    with share_server(server_folder, "app") as running:
        yield running


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[[Path], Server]]:
    """Start the app on another folder of checkpoints."""
    running: list[ServerProcess] = []

    def start(weights: Path) -> Server:
        running.append(ServerProcess(tmp_path / f"server{len(running)}.log", weights=weights))
        return running[-1]

    yield start
    for each in running:
        each.stop()


class Pages:
    """Browser pages to use again: loading the app into one costs two thirds of a fresh profile."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.free: dict[str, Page] = {}

    def take(self, settings: dict[str, Any], *, fresh: bool) -> Page:
        """Get a page of a context with these settings, one that stood empty if there is one."""
        kept = None if fresh else self.free.pop(repr(settings), None)
        return kept or self.browser.new_context(**settings).new_page()

    def give_back(self, settings: dict[str, Any], page: Page) -> None:
        """Empty a page for the next test, or close it if such a one stands empty already."""
        if repr(settings) in self.free:
            page.context.close()
            return
        page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        page.emulate_media(color_scheme=settings["color_scheme"])
        page.mouse.move(0, 0)
        page.goto("about:blank")
        self.free[repr(settings)] = page


@pytest.fixture(scope="session")
def pages(browser: Browser) -> Pages:
    """Pages that stand empty between two tests."""
    return Pages(browser)


class Opened(NamedTuple):
    """A tab of a test, its server, and where the server's log ended before."""

    tab: Tab
    server: Server
    start: int
    settings: dict[str, Any]


@pytest.fixture
def open_tab(pages: Pages, request: pytest.FixtureRequest) -> Iterator[Callable[..., Tab]]:
    """Open tabs, the second and later ones in profiles of their own; all must have been quiet."""
    opened: list[Opened] = []
    request.node.stash[_OPENED] = opened

    def open_one(server: Server, path: str = "", **context: Any) -> Tab:
        settings = {"viewport": {"width": 1400, "height": 900}, "color_scheme": "light"} | context
        start = server.log.stat().st_size
        tab = Tab(pages.take(settings, fresh=bool(opened)), server.url + path)
        opened.append(Opened(tab, server, start, settings))
        return tab

    yield open_one
    try:
        for tab, server, start, _ in opened:
            tab.check_quiet()
            assert "Traceback" not in server.tail(start), server.tail(start)
    except BaseException:
        for one in opened:
            one.tab.page.context.close()
        raise
    for one in opened:
        one.tab.leave()
        if request.node.stash.get(_FAILED, False):
            one.tab.page.context.close()
        else:
            pages.give_back(one.settings, one.tab.page)


@pytest.fixture
def tab(open_tab: Callable[..., Tab], server: Server) -> Tab:
    """A tab with the app's first page, ready."""
    return open_tab(server).wait_ready()


_OPENED = pytest.StashKey[list[Opened]]()
_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show what the server said, and a screenshot, with a failure."""
    report = yield
    if report.failed and report.when == "call":
        item.stash[_FAILED] = True
        for tab, server, start, _ in item.stash.get(_OPENED, []):
            report.sections.append((f"log of {server.url}", server.tail(start)))
            path = server.log.parent / f"{item.name}.png".replace("/", "_")
            try:
                tab.page.screenshot(path=path)
            except Exception as err:
                report.sections.append(("no screenshot", str(err)))
            else:
                report.sections.append(("screenshot", str(path)))
    return report
