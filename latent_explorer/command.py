"""The command `latent-explorer`: start the app, or use the core from a shell."""

from __future__ import annotations

import subprocess
import sys

from latent_explorer.places import APP


def main() -> int:
    """Run what the arguments ask for; those of Streamlit are passed on to it.

    Returns
    -------
    int
        Exit status for the shell.
    """
    arguments = sys.argv[1:]
    if arguments and not arguments[0].startswith("-"):
        from vae_core.cli import main as core

        return core(arguments, prog="latent-explorer")
    command = [sys.executable, "-m", "streamlit", "run", str(APP), *arguments]
    try:
        return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:  # Streamlit has had it too, and says good-bye itself
        return 130
