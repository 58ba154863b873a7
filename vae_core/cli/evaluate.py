"""The command `evaluate`: measure checkpoints on the test images of their own data."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from vae_core.checkpoints import (
    Checkpoint,
    checkpoint_ref,
    load_checkpoint,
    read_checkpoint,
    read_header,
    save_checkpoint,
)
from vae_core.cli.at_hand import DataAtHand, why_other
from vae_core.cli.bars import share_bar
from vae_core.cli.options import path as path_option
from vae_core.cli.options import require_count
from vae_core.cli.tables import Row, table
from vae_core.cli.writing import Places, places_of
from vae_core.errors import CheckpointError, VaeCoreError
from vae_core.header import Header
from vae_core.metrics import Metrics, of_source

_MOST_SAMPLES = 100_000  # K of IWAE: the weights of a batch then take 400 MB


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser], prog: str) -> None:
    """Declare the command and its options."""
    parser = commands.add_parser(
        "evaluate",
        help="measure checkpoints on their test images",
        description="Measure checkpoints on the test images of the data set that they were made "
        "from, in nats per image: exact log p(x), ELBO and its parts, kNN accuracy and other "
        "cluster figures, each with how it was computed and on which data. MNIST is at hand; the "
        "data of other checkpoints are given by --data.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("files", nargs="+", type=path_option, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    data = parser.add_mutually_exclusive_group()
    data.add_argument(
        "--data",
        type=path_option,
        metavar="DIR",
        help="IDX files of the data set that the checkpoints were made from (default: MNIST)",
    )
    data.add_argument(
        "--other-data",
        type=path_option,
        metavar="DIR",
        help="measure on these IDX files, though the checkpoints were made from others; such "
        "figures are printed and never stored",
    )
    parser.add_argument(
        "--spacing",
        type=float,
        default=0.02,
        help="of the lattice for the exact log p(x), z units (default 0.02; 0.04 takes a quarter "
        "of the time, and is halved where it is too coarse just the same)",
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="also store the figures, and where the digits lie, in the files",
    )
    parser.add_argument(
        "--iwae", type=int, default=0, metavar="K", help="also IWAE with K samples (slow)"
    )
    parser.add_argument(
        "--certify",
        type=int,
        default=0,
        metavar="N",
        help="also how far log p(x) of the first N test images may be off: its change when the "
        "spacing is halved and the disc widened (slow); and how wide their exact p(z|x) is",
    )


def run(args: argparse.Namespace) -> int:
    """Measure each file, print what was found, and store it if asked to."""
    require_count("iwae", args.iwae, least=1, most=_MOST_SAMPLES)
    require_count("certify", args.certify, least=1, most=1_000_000)
    if not 0.001 <= args.spacing <= 1:
        raise VaeCoreError(f"--spacing must be from 0.001 to 1, got {args.spacing}")
    if args.write and args.other_data:
        raise VaeCoreError(
            "--write stores figures on a checkpoint's own data alone, got --other-data; "
            "leave one out"
        )
    data = DataAtHand(args.other_data or args.data)
    if data.folder is not None:
        _ = data.test, data.train  # what is wrong with them is said once, not for each file
    rows: list[Row] = []
    n_bad = 0
    for path in args.files:
        try:
            rows.append(_measured(path, data, args))
        except CheckpointError as err:  # the others are measured all the same
            print(f"error: {err}", file=sys.stderr)
            n_bad += 1
    if args.json:
        print(json.dumps([row.to_json() for row in rows], indent=2, allow_nan=False))
    elif rows:
        print(table(rows))
    return 1 if n_bad else 0


def _measured(path: Path, data: DataAtHand, args: argparse.Namespace) -> Row:
    """Measure one file on the data at hand, if they are its own."""
    from vae_core.analysis.evaluation import evaluate_model

    header = read_header(path)
    is_own = args.other_data is None
    if is_own and (problem := why_other(path.name, header, data)):
        raise CheckpointError(problem)
    checkpoint = load_checkpoint(checkpoint_ref(path))
    with share_bar(f"measuring {path.stem}") as report:
        metrics = evaluate_model(
            checkpoint.model,
            data.test,
            name=data.name,
            train=data.trained_on(header.train.held_out) if is_own else None,
            spacing=args.spacing,
            iwae_samples=args.iwae,
            n_certified=args.certify,
            report=report,
        )
    if args.write:
        return _stored(path, checkpoint, header, metrics, data)
    return Row(checkpoint.ref, header, metrics)


def _stored(
    path: Path, checkpoint: Checkpoint, header: Header, metrics: Metrics, data: DataAtHand
) -> Row:
    """Store metrics beside those of the same data that were not measured again."""
    had_map = read_checkpoint(path).codes is not None
    places: Places = places_of(checkpoint.model) if had_map else Places()
    source = data.source(header.train.held_out)
    kept = of_source(header.metrics, source)
    header = replace(header, data=source, metrics=kept | metrics)
    return Row(save_checkpoint(path, checkpoint.model, header, *places), header, metrics)
