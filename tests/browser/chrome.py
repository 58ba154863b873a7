"""Which Chrome or Chromium the browser tests drive; as a command, get one where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

_ON_PATH = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_ON_MACOS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
_MISSING = (
    "The browser tests need Chrome or Chromium: install one, or name its program in CHROME, "
    "then run this again."
)


def find() -> str:
    """Find the program: $CHROME, the system's, or Playwright's own.

    Raises
    ------
    RuntimeError
        There is none.
    """
    home = Path.home()
    for name in filter(None, (os.environ.get("CHROME"), *_ON_PATH)):
        if found := shutil.which(name):
            return found
    for path in _ON_MACOS:
        for each in (Path(path), home / path.lstrip("/")):
            if each.is_file():
                return str(each)
    with sync_playwright() as playwright:
        if Path(fetched := playwright.chromium.executable_path).is_file():
            return fetched
    raise RuntimeError(_MISSING)


def install() -> None:
    """Get one: by apt where there is apt, since that asks no other host than the system's own."""
    if shutil.which("apt-get"):
        sudo = () if os.geteuid() == 0 else ("sudo",)
        for words in (("update", "-qq"), ("install", "-y", "-qq", "chromium")):
            options = ("--no-install-recommends",) if words[0] == "install" else ()
            command = (*sudo, "apt-get", *words, *options)
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        if any(map(shutil.which, _ON_PATH)):
            return
    command = (sys.executable, "-m", "playwright", "install", "chromium")
    subprocess.run(command, check=False, capture_output=True)  # what failed, `main` says


def main() -> int:
    """Leave a browser on this machine, or say in one line what to install."""
    try:
        find()
    except RuntimeError:
        install()
        try:
            find()
        except RuntimeError as err:
            sys.stderr.write(f"{err}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
