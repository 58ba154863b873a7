"""The app's server and a Chrome or Chromium, for the browser tests and the benchmarks."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests.browser.chrome import find

ROOT = Path(__file__).parents[2]
START_SECONDS = 60
_ARGS = (
    "--no-sandbox",  # Chromium refuses to run as root with it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    # Plotly's scattergl needs WebGL, in software here
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)


@dataclass
class Server:
    """A server that runs: where it answers, and the file in which it keeps its log."""

    url: str
    log: Path

    def tail(self, start: int = 0) -> str:
        """The last of what it said, from a position of the log on."""
        return self.log.read_bytes()[start:][-8000:].decode(errors="replace")


class ServerProcess(Server):
    """`streamlit run` in a process of its own, on a free port, with its log in a file.

    Attributes
    ----------
    started, healthy : float
        The wall clock when the process was started, and when it first answered.
    """

    def __init__(
        self,
        log: Path,
        *,
        script: Path = ROOT / "app.py",
        weights: Path | None = None,
        omp_threads: int | None = 1,
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        super().__init__(f"http://127.0.0.1:{port}/", log)
        # As on a user's second start: byte code is cached.
        env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        if omp_threads is not None:
            env["OMP_NUM_THREADS"] = str(omp_threads)
        if weights is not None:
            env["LATENT_EXPLORER_WEIGHTS"] = str(weights.resolve())
        command = (sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port))
        self.started = time.time()
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=env, stdout=file, stderr=subprocess.STDOUT
            )
        try:
            self.healthy = self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self) -> float:
        while time.time() < self.started + START_SECONDS:
            if (code := self.process.poll()) is not None:
                raise RuntimeError(
                    f"The server ended with code {code} before it was ready:\n{self.tail()}"
                )
            try:
                with urllib.request.urlopen(f"{self.url}_stcore/health", timeout=1) as answer:
                    if answer.status == 200:
                        return time.time()
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.02)
        raise TimeoutError(f"The server was not ready after {START_SECONDS} s:\n{self.tail()}")

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def share_server(folder: Path, name: str, **settings: Any) -> Iterator[Server]:
    """Start a server, or join the one of this name that another process has started.

    Parameters
    ----------
    folder : Path
        Common to all processes: it holds the log, the lock, and a note of the server's users.
    name : str
    **settings
        Of `ServerProcess`, should one be started; who starts it waits for the others' end.
    """
    note, log, lock = (folder / f"{name}.{kind}" for kind in ("json", "log", "lock"))
    process = None
    with _locked(lock):
        if not note.exists():
            process = ServerProcess(log, **settings)
            note.write_text(json.dumps({"url": process.url, "users": []}))
        found = json.loads(note.read_text())
        found["users"].append(os.getpid())
        note.write_text(json.dumps(found))
    try:
        yield Server(found["url"], log)
    finally:
        is_done = False
        while not is_done:
            with _locked(lock):
                found = json.loads(note.read_text())
                others = [pid for pid in found["users"] if pid != os.getpid() and _is_alive(pid)]
                note.write_text(json.dumps(found | {"users": others}))
                is_done = process is None or not others
                if process is not None and is_done:
                    note.unlink()
                    process.stop()
            time.sleep(0 if is_done else 0.2)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # asks, and sends nothing
    except ProcessLookupError:
        return False
    return True


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the Chrome or Chromium that is there, headless."""
    path = find()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=_ARGS)
        yield running
        running.close()
