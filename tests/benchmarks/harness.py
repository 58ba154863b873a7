"""What the benchmarks share: interleaved measurement, tables, the app's server and a browser.

Run them one file at a time, on a machine that has nothing else to do::

    python -m pytest tests/benchmarks/bench_training.py -s
    python -m pytest tests/benchmarks/bench_encode.py -s
    python -m pytest tests/benchmarks/bench_app.py -s

They are no part of the test suite, and assert nothing about time: every figure stands beside a
baseline measured in the same run, turn by turn, after a discarded warm-up. BENCH_REPEATS=1 makes
a quick trial of any of them; on a busy machine OMP_NUM_THREADS=1 keeps torch from waiting for a
core that another process has. The checkpoints are those of weights/, or of the folder that
LATENT_EXPLORER_WEIGHTS names.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from tests.browser import running
from vae_core.checkpoints import CheckpointRef, scan_checkpoints

ROOT = running.ROOT
HERE = Path(__file__).parent
_DEFAULT_CHECKPOINT = "atlas"  # what the app shows first, if there is one of that name
_VIEWPORT: ViewportSize = {"width": 1400, "height": 900}

# -------------------------------------------------------------------------------- measurement


def repeats(default: int) -> int:
    """How often to measure: `default`, or $BENCH_REPEATS."""
    return int(os.environ.get("BENCH_REPEATS", default))


def interleave(arms: Mapping[str, Callable[[], float]], *, rounds: int) -> dict[str, list[float]]:
    """Let each arm measure itself in turn, A B A B; the first round is a discarded warm-up."""
    series: dict[str, list[float]] = {name: [] for name in arms}
    for turn in range(rounds + 1):
        for name, arm in arms.items():
            value = arm()
            if turn > 0:
                series[name].append(value)
    return series


def report(
    title: str,
    unit: str,
    series: Mapping[str, Sequence[float]],
    *,
    what: str,
    baseline: str | None = None,
    digits: int = 0,
) -> None:
    """Print a table: median, min, max, n, and the ratio to the baseline.

    The ratio of two series of equal length is the median of the ratios of their rounds, with its
    range, so that a load which comes and goes hits both sides alike; else that of the medians.
    """
    width = max(map(len, series))
    head = f"{'':{width}}  {'median':>12}  {'min':>12}  {'max':>12}  {'n':>4}"
    lines = ["", f"{title} [{unit}]", head + (f"  ratio to {baseline}" if baseline else "")]
    for name, values in series.items():
        figures = (median(values), min(values), max(values))
        row = f"{name:{width}}  " + "  ".join(f"{v:>12,.{digits}f}" for v in figures)
        row += f"  {len(values):>4}"
        if baseline:
            row += f"  {_ratio(values, series[baseline])}"
        lines.append(row)
    lines.append(f"  {what}")
    say("\n".join(lines))


def _ratio(values: Sequence[float], base: Sequence[float]) -> str:
    if values is base:
        return "1"
    if len(values) != len(base):
        return f"{median(values) / median(base):.2f}"
    ratios = [a / b for a, b in zip(values, base, strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def say(text: str) -> None:
    """Print, since a benchmark's output is its result."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


# --------------------------------------------------------------------------------- checkpoint


def weights_folder() -> Path:
    """Where the app under test looks for checkpoints."""
    return Path(os.environ.get("LATENT_EXPLORER_WEIGHTS", ROOT / "weights"))


def shown_checkpoint() -> CheckpointRef:
    """Find the checkpoint that a fresh app shows; without any the benchmark is skipped."""
    refs, _ = scan_checkpoints(weights_folder())
    if not refs:
        pytest.skip(f"{weights_folder()} holds no checkpoint; set LATENT_EXPLORER_WEIGHTS")
    return next((ref for ref in refs if ref.name == _DEFAULT_CHECKPOINT), refs[0])


# ------------------------------------------------------------------------------------- server


class Server(running.ServerProcess):
    """The server under test; it uses as many cores as torch likes, as a user's does."""

    def __init__(self, script: Path, log: Path) -> None:
        super().__init__(log, script=script, weights=weights_folder(), omp_threads=None)

    def rss(self) -> float:
        """Resident memory of the process and its children, MiB."""
        process = psutil.Process(self.process.pid)
        family = (process, *process.children(recursive=True))
        return sum(member.memory_info().rss for member in family) / 2**20

    def has_mapped(self, library: str) -> bool:
        """Tell whether a shared library has been loaded, that is, its package imported."""
        return library in Path(f"/proc/{self.process.pid}/maps").read_text()

    def stop(self) -> None:
        """End it; what it logged must hold no traceback."""
        super().stop()
        assert "Traceback" not in self.log.read_text(), self.log.read_text()


@contextmanager
def serve(script: Path, folder: Path) -> Generator[Server]:
    """Serve a script while the block runs; its log goes to `folder`."""
    server = Server(script, folder / f"{script.stem}-{time.monotonic_ns()}.log")
    try:
        yield server
    finally:
        server.stop()


def app_with_all_digits(folder: Path) -> Path:
    """Write a script that is app.py, except that a fresh session shows all 70,000 digits.

    Streamlit looks for pages beside the main script, hence the link.
    """
    (folder / "latent_explorer").symlink_to(ROOT / "latent_explorer")
    script = folder / "app_all.py"
    script.write_text(
        "import runpy\n"
        "import streamlit as st\n"
        'st.session_state.setdefault("app_split", "all")\n'
        f'runpy.run_path({str(ROOT / "app.py")!r}, run_name="__main__")\n'
    )
    return script


# ------------------------------------------------------------------------------------ browser


@dataclass
class Wire:
    """Bytes that a page moved, as they went over the network; HTTP with its headers."""

    static: int = 0  # Streamlit's own files
    http: int = 0  # everything else over HTTP
    ws_in: int = 0  # payloads of websocket frames
    ws_out: int = 0
    frames: int = 0  # websocket frames, both ways
    _urls: dict[str, str] = field(default_factory=dict)

    @property
    def received(self) -> int:
        """All bytes in."""
        return self.static + self.http + self.ws_in

    def reset(self) -> None:
        """Count from zero."""
        self.static = self.http = self.ws_in = self.ws_out = self.frames = 0

    def watch(self, page: Page, base: str) -> None:
        """Count what `page` moves from now on; `base` is the server's address."""
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.requestWillBeSent", self._on_request)
        session.on("Network.loadingFinished", lambda event: self._on_finished(event, base))
        session.on("Network.webSocketFrameReceived", lambda event: self._on_frame(event, "ws_in"))
        session.on("Network.webSocketFrameSent", lambda event: self._on_frame(event, "ws_out"))

    def _on_request(self, event: dict[str, Any]) -> None:
        self._urls[event["requestId"]] = event["request"]["url"]

    def _on_finished(self, event: dict[str, Any], base: str) -> None:
        url = self._urls.get(event["requestId"], "")
        is_static = url == base or url.startswith(f"{base}static/")
        name = "static" if is_static else "http"
        setattr(self, name, getattr(self, name) + int(event["encodedDataLength"]))

    def _on_frame(self, event: dict[str, Any], name: str) -> None:
        payload = event["response"]["payloadData"]
        is_text = event["response"]["opcode"] == 1
        size = len(payload.encode()) if is_text else len(payload) * 3 // 4 - payload.count("=")
        setattr(self, name, getattr(self, name) + size)
        self.frames += 1


@dataclass
class Tab:
    """A page in a browser context of its own, with probe.js in it, and the bytes it moves."""

    context: BrowserContext
    page: Page
    wire: Wire
    problems: list[str]

    def close(self) -> None:
        """Close it; the page must have had no error."""
        self.context.close()
        assert not self.problems, self.problems


def open_tab(browser: Browser, url: str) -> Tab:
    """Open an address in a fresh context: nothing cached, a new session. Waits for nothing."""
    context = browser.new_context(viewport=_VIEWPORT)
    context.add_init_script(path=HERE / "probe.js")
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    wire = Wire()
    wire.watch(page, url)
    page.goto(url, wait_until="commit")
    return Tab(context, page, wire, problems)
