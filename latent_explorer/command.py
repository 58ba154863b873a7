"""The command `latent-explorer`: start the app, or use the core from a shell."""

from __future__ import annotations

import runpy
import sys
from importlib.metadata import version

from latent_explorer import folders
from vae_core.cli import main as core

_NAME = "latent-explorer"
_HELP = f"""\
usage: {_NAME} [--OPTION ...]   start the app; options are Streamlit's: --server.port 8080
       {_NAME} COMMAND ...      use a command; {_NAME} COMMAND --help says more

commands: train (a recipe), evaluate (checkpoints), list (them)

The app lists the checkpoints that came with it and those in the folder weights/ of the place where
it was started, which is where train writes them; LATENT_EXPLORER_WEIGHTS=FOLDER names another."""


def main() -> int:
    """Run what the arguments ask for, and give the exit status; Streamlit's are passed on to it."""
    arguments = sys.argv[1:]
    if arguments[:1] in (["-h"], ["--help"]):
        print(_HELP)
        return 0
    if arguments[:1] == ["--version"]:
        print(f"{_NAME} {version(_NAME)}")
        return 0
    if arguments and not arguments[0].startswith("-"):
        return core(arguments, prog=_NAME, catalogue=folders.checkpoints)
    # In this process, so that Ctrl-C and the exit status are Streamlit's own.
    sys.argv = ["streamlit", "run", str(folders.APP), *arguments]
    runpy.run_module("streamlit", run_name="__main__")
    return 0
