"""Command line: train a recipe, evaluate checkpoints, list them."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence

from vae_core.checkpoints import CheckpointRef, scan_checkpoints
from vae_core.cli import evaluate, listing, train
from vae_core.cli.writing import WEIGHTS
from vae_core.errors import CheckpointError, VaeCoreError
from vae_core.version import __version__

PROG = "python -m vae_core"
Catalogue = Callable[[], tuple[list[CheckpointRef], list[CheckpointError]]]


def _in_weights() -> tuple[list[CheckpointRef], list[CheckpointError]]:
    return scan_checkpoints(WEIGHTS)


def main(
    argv: Sequence[str] | None = None, *, prog: str = PROG, catalogue: Catalogue = _in_weights
) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The command and its options; by default those that the process was started with.
    prog : str
        What people type before the command, as help and error sentences spell it.
    catalogue : callable
        Finds the checkpoints that are listed where no folder is named, and among which one to go
        on from is looked for; by default those of weights/.

    Returns
    -------
    int
        Exit status of the process: 0, or 1 after an error sentence, or 130 after Ctrl-C.
    """
    try:
        return _run(argv, prog, catalogue)
    except VaeCoreError as err:
        said = str(err)
    except BrokenPipeError:  # who read the output has seen enough: list | head
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # Python writes what is left when it ends
        os.close(nowhere)
        return 1
    except OSError as err:  # no room, no right to write, a name too long
        named = [f"{each}" for each in (err.filename, err.strerror or err) if each is not None]
        said = ": ".join(named)
    except MemoryError:
        said = "there is not enough memory for this; take fewer or smaller things at once"
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    print(f"error: {said}", file=sys.stderr)
    return 1


def _run(argv: Sequence[str] | None, prog: str, catalogue: Catalogue) -> int:
    logging.basicConfig(format="%(message)s")
    args = _parser(prog).parse_args(argv, argparse.Namespace(catalogue=catalogue))
    run: Callable[[argparse.Namespace], int] = args.run
    status = run(args)
    sys.stdout.flush()
    return status


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description=__doc__)
    parser.add_argument("--version", action="version", version=f"vae_core {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (train, evaluate, listing):
        command.add_command(commands, prog)
    return parser
