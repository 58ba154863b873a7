"""The command `evaluate`: measure checkpoints on the test digits."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from vae_core.checkpoints import (
    checkpoint_ref,
    load_checkpoint,
    read_checkpoint,
    read_header,
    save_checkpoint,
)
from vae_core.cli.tables import Row, table
from vae_core.cli.writing import Places, places_of
from vae_core.data import DataSet, load_idx, load_mnist
from vae_core.errors import CheckpointError, VaeCoreError

_OF_TRAINING = ("epoch",)  # metrics that no measurement on images gives


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser], prog: str) -> None:
    """Declare the command and its options."""
    parser = commands.add_parser(
        "evaluate",
        help="measure checkpoints on the test digits",
        description="Measure checkpoints on the 10,000 MNIST test digits, in nats per digit: "
        "exact log p(x), ELBO and its parts, kNN accuracy and other cluster figures, each "
        "with how it was computed.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="test on these IDX files instead of MNIST"
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
        help="also how far log p(x) of the first N test digits may be off: its change when the "
        "spacing is halved and the disc widened (slow); and how wide their exact p(z|x) is",
    )


def run(args: argparse.Namespace) -> int:
    """Measure each file, print what was found, and store it if asked to."""
    from vae_core.analysis.evaluation import evaluate_model

    for name in ("iwae", "certify"):
        if (n := getattr(args, name)) < 0:
            raise VaeCoreError(f"--{name} must be a whole number from 0, got {n}")
    if not 0.001 <= args.spacing <= 1:
        raise VaeCoreError(f"--spacing must be from 0.001 to 1, got {args.spacing}")
    if args.write and args.data:
        raise VaeCoreError("--write stores figures on MNIST alone, got --data too; leave one out")
    test = load_idx(args.data, "test") if args.data else load_mnist("test")
    train = load_idx(args.data, "train") if args.data else load_mnist("train")
    rows: list[Row] = []
    n_bad = 0
    for path in args.files:
        try:
            checkpoint = load_checkpoint(checkpoint_ref(path))
        except CheckpointError as err:  # the others are measured all the same
            print(f"error: {err}", file=sys.stderr)
            n_bad += 1
            continue
        header = read_header(path)
        seen = slice(len(train.images) - header.train.held_out)
        metrics = evaluate_model(
            checkpoint.model,
            test,
            train=DataSet(train.images[seen], train.labels[seen]),
            spacing=args.spacing,
            iwae_samples=args.iwae,
            n_certified=args.certify,
        )
        ref = checkpoint.ref
        if args.write:
            had_map = read_checkpoint(path).codes is not None
            places: Places = places_of(checkpoint.model) if had_map else Places()
            kept = {name: header.metrics[name] for name in _OF_TRAINING if name in header.metrics}
            header = replace(header, metrics=metrics | kept)
            ref = save_checkpoint(path, checkpoint.model, header, *places)
        rows.append(Row(ref, header, metrics))
    if args.json:
        print(json.dumps([row.to_json() for row in rows], indent=2))
    elif rows:
        print(table(rows))
    return 1 if n_bad else 0
