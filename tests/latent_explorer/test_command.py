"""The command `latent-explorer`, as a shell calls it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; from latent_explorer.command import main; sys.exit(main())"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}  # the package of this checkout, from anywhere


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_says_both_things(tmp_path: Path, option: str) -> None:
    done = run(tmp_path, option)
    assert done.returncode == 0
    assert done.stderr == ""
    for said in ("start the app", "--server.port 8080", "train", "evaluate", "list", "weights/"):
        assert said in done.stdout
    assert len(done.stdout.splitlines()) <= 8


def test_version(tmp_path: Path) -> None:
    done = run(tmp_path, "--version")
    assert (done.returncode, done.stdout) == (0, "latent-explorer 0.2.0\n")


@pytest.mark.parametrize("command", ["train", "evaluate", "list"])
def test_a_command_of_the_core_is_spelled_as_it_was_called(tmp_path: Path, command: str) -> None:
    done = run(tmp_path, command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: latent-explorer {command} ")
    assert "python -m vae_core" not in done.stdout


def test_an_unknown_word_is_one_sentence(tmp_path: Path) -> None:
    done = run(tmp_path, "trian")
    assert done.returncode == 2
    [usage, said] = done.stderr.splitlines()
    assert usage.startswith("usage: latent-explorer")
    assert said.startswith("latent-explorer: error:")
    assert "'trian'" in said
    assert "evaluate" in said


def test_a_failure_of_the_core_is_the_exit_status(tmp_path: Path) -> None:
    done = run(tmp_path, "train", "nothing")
    assert done.returncode == 1
    assert done.stderr.startswith("error: there is no recipe 'nothing'")


def test_list_names_what_the_app_lists(tmp_path: Path) -> None:
    done = run(tmp_path, "list")
    assert done.returncode == 0, done.stderr
    assert "\natlas " in done.stdout
    done = run(tmp_path, "list", ".")
    assert done.stdout == "no checkpoints in .\n"


@pytest.mark.skipif(sys.platform == "win32", reason="a process there gets no Ctrl-C from another")
def test_the_app_starts_from_anywhere_with_streamlit_s_options_and_ends_by_ctrl_c(
    tmp_path: Path,
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ("--server.port", str(port), "--server.headless", "true")
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *options],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            answer = ""
            until = time.monotonic() + 60
            while not answer and time.monotonic() < until and process.poll() is None:
                try:
                    url = f"http://127.0.0.1:{port}/_stcore/health"
                    with urllib.request.urlopen(url, timeout=1) as response:
                        answer = response.read().decode()
                except OSError:
                    time.sleep(0.05)
            assert answer == "ok"
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0, said
    assert "Traceback" not in said
