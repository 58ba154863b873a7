"""Command line: train a recipe, evaluate checkpoints, list them."""

from __future__ import annotations

import argparse
import json
import logging
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vae_core.checkpoints import (
    CheckpointRef,
    Header,
    checkpoint_ref,
    load_checkpoint,
    read_header,
    round_to_stored,
    save_checkpoint,
    scan_checkpoints,
)
from vae_core.data import data_identity, load_idx, load_mnist
from vae_core.errors import CheckpointError, VaeCoreError
from vae_core.recipes import RECIPES, Recipe, find_recipe

WEIGHTS = Path("weights")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the process's exit status."""
    logging.basicConfig(format="%(message)s")
    args = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = args.command
    try:
        return command(args)
    except VaeCoreError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m vae_core", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    recipes = "\n".join(f"  {r.name:<12} {r.about}" for r in RECIPES.values())
    train = commands.add_parser(
        "train",
        help="train a recipe and write its checkpoint",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Train a recipe and write weights/NAME.safetensors, where the app finds it.",
        epilog=f"recipes:\n{recipes}\n\n"
        "examples:\n"
        "  python -m vae_core train quick --out weights/first.safetensors\n"
        "  python -m vae_core train elbo --seed 1 --out weights/elbo-seed1.safetensors\n"
        "  python -m vae_core train quick --data ~/fashion --out weights/fashion.safetensors\n\n"
        "Ctrl-C stops a run; the same command with --resume goes on from its last whole epoch\n"
        "to the same result as if it had never been stopped.",
    )
    train.set_defaults(command=_train)
    train.add_argument("recipe", metavar="RECIPE", help="one of the recipes below")
    train.add_argument(
        "--out", type=Path, metavar="FILE", help="default weights/RECIPE.safetensors"
    )
    train.add_argument("--epochs", type=int, help="passes over the training images")
    train.add_argument("--batch-size", type=int, help="images per step")
    train.add_argument("--learning-rate", type=float, help="peak of the schedule")
    train.add_argument("--beta", type=float, help="weight of the KL term, for beta-VAE recipes")
    train.add_argument("--latent-dim", type=int, help="dimensions of z (the map is made for 2)")
    train.add_argument("--seed", type=int, help="same seed, same machine: same weights")
    train.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="IDX files of 28×28 images to train on (the app shows MNIST)",
    )
    train.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default cpu")
    train.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    train.add_argument("--force", action="store_true", help="replace an existing checkpoint")

    evaluate = commands.add_parser(
        "evaluate",
        help="measure checkpoints on the test digits",
        description="Measure checkpoints on the 10,000 MNIST test digits, in nats per digit: "
        "exact log p(x), ELBO and its parts, kNN accuracy and other cluster figures, each "
        "with how it was computed.",
    )
    evaluate.set_defaults(command=_evaluate)
    evaluate.add_argument("files", nargs="+", type=Path, metavar="FILE")
    evaluate.add_argument("--json", action="store_true", help="print JSON instead of a table")
    evaluate.add_argument(
        "--data", type=Path, metavar="DIR", help="test on these IDX files instead of MNIST"
    )
    evaluate.add_argument(
        "--iwae", type=int, default=0, metavar="K", help="also IWAE with K samples (slow)"
    )

    listing = commands.add_parser("list", help="list the checkpoints of a folder")
    listing.set_defaults(command=_list)
    listing.add_argument("folder", nargs="?", type=Path, default=WEIGHTS, help="default weights")
    listing.add_argument(
        "--markdown", action="store_true", help="print the text of weights/README.md"
    )
    return parser


def _train(args: argparse.Namespace) -> int:
    import torch
    from tqdm import tqdm

    from vae_core.analysis.evaluation import evaluate_model
    from vae_core.analysis.projection import map_digits
    from vae_core.neighbours import neighbour_codes
    from vae_core.runs import load_run, run_path, save_run
    from vae_core.training import history_rows, start, train

    recipe = _chosen_recipe(args)
    out: Path = args.out or WEIGHTS / f"{recipe.name}.safetensors"
    unfinished = run_path(out)
    _refuse_to_overwrite(out, unfinished, args)
    if args.device == "cuda" and not torch.cuda.is_available():
        raise VaeCoreError("--device cuda: this torch sees no CUDA device; use --device cpu")
    images, _ = load_idx(args.data, "train") if args.data else load_mnist("train")
    test = load_idx(args.data, "test") if args.data else load_mnist("test")
    data = data_identity(args.data)
    state = start(recipe.model, recipe.train, images, args.device)
    if args.resume:
        state = load_run(unfinished, state, data)
    elif args.force:
        unfinished.unlink(missing_ok=True)

    epochs = recipe.train.epochs
    try:
        codes = None
        if state.epochs_done < recipe.train.start_epochs:
            print("embedding the training images…")
            codes = neighbour_codes(images, seed=recipe.train.seed)
        with tqdm(total=epochs * len(images), unit=" images", disable=None) as bar:
            bar.update(state.epochs_done * len(images))
            for record in train(state, images, codes):
                fraction = record.step / record.n_steps
                bar.set_postfix_str(_said(*record.means[1:]), refresh=False)
                bar.update(round(fraction * bar.total) - bar.n)
                if (ended := record.ended_epoch) is not None:
                    if not math.isfinite(ended.objective):
                        raise VaeCoreError(
                            f"training diverged in epoch {ended.epoch}: its objective is "
                            f"{ended.objective}; lower --learning-rate and start again"
                        )
                    save_run(unfinished, state, data)
                    bar.write(f"epoch {ended.epoch}/{epochs}  {_said(*ended[1:])}")

        model = state.model.cpu().requires_grad_(False)
        round_to_stored(model)
        print("measuring on the test set…")
        header = Header(
            about=recipe.about,
            recipe=recipe.name,
            model=recipe.model,
            train=recipe.train,
            data=data,
            metrics=evaluate_model(model, test),
            history=history_rows(state.history),
        )
        ref = save_checkpoint(out, model, header, map_digits(model, load_mnist("all").images))
    except KeyboardInterrupt:
        again = "go on with --resume" if unfinished.exists() else "no epoch was complete"
        print(f"\nstopped after {state.epochs_done} of {epochs} epochs; {again}", file=sys.stderr)
        return 130
    unfinished.unlink(missing_ok=True)
    print(_table([_row(ref, header, header.metrics)]))
    print(f"wrote {out}")
    return 0


def _chosen_recipe(args: argparse.Namespace) -> Recipe:
    """Apply the command line's changes to the named recipe, which checks them."""
    recipe = find_recipe(args.recipe)
    train_fields = ("epochs", "batch_size", "learning_rate", "beta", "seed")
    changes = {name: value for name in train_fields if (value := getattr(args, name)) is not None}
    train = replace(recipe.train, **changes)
    model = recipe.model
    if args.latent_dim is not None:
        model = replace(model, latent_dim=args.latent_dim)
    return replace(recipe, model=model, train=train)


def _refuse_to_overwrite(out: Path, unfinished: Path, args: argparse.Namespace) -> None:
    if out.suffix != ".safetensors":
        raise VaeCoreError(f"--out must end in .safetensors, got {out}")
    if not out.parent.is_dir():
        raise VaeCoreError(f"the folder {out.parent} of --out does not exist; make it first")
    if unfinished.exists() and not (args.resume or args.force):
        raise VaeCoreError(
            f"{unfinished} is an unfinished run; go on with --resume or start over with --force"
        )
    if out.exists() and not (args.resume or args.force):
        raise VaeCoreError(f"{out} exists; choose another --out, or replace it with --force")


def _evaluate(args: argparse.Namespace) -> int:
    from vae_core.analysis.evaluation import evaluate_model

    if args.iwae < 0:
        raise VaeCoreError(f"--iwae must be a whole number from 0, got {args.iwae}")
    test = load_idx(args.data, "test") if args.data else load_mnist("test")
    rows: list[dict[str, Any]] = []
    n_bad = 0
    for path in args.files:
        try:
            checkpoint = load_checkpoint(checkpoint_ref(path))
        except CheckpointError as err:  # the others are measured all the same
            print(f"error: {err}", file=sys.stderr)
            n_bad += 1
            continue
        metrics = evaluate_model(checkpoint.model, test, iwae_samples=args.iwae)
        rows.append(_row(checkpoint.ref, read_header(path), metrics))
    if args.json:
        print(json.dumps(rows, indent=2))
    elif rows:
        print(_table(rows))
    return 1 if n_bad else 0


def _list(args: argparse.Namespace) -> int:
    refs, problems = scan_checkpoints(args.folder)
    headers = [read_header(ref.path) for ref in refs]
    rows = [_row(ref, h, h.metrics) for ref, h in zip(refs, headers, strict=True)]
    if not rows:
        print(f"no checkpoints in {args.folder}")
    else:
        print(_markdown(rows, headers) if args.markdown else _table(rows))
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _row(ref: CheckpointRef, header: Header, metrics: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Collect what `evaluate` and `list` say of one checkpoint."""
    binary = header.model.likelihood == "bernoulli"
    return {
        "name": ref.name,
        "objective": header.train.objective,
        "beta": header.train.beta,
        "likelihood": header.model.likelihood,
        "latent_dim": header.model.latent_dim,
        "binarisation": "one fixed draw, seed 0" if binary else "none: grey values",
        "sha256": ref.sha256,
        "metrics": metrics,
    }


def _table(rows: list[dict[str, Any]]) -> str:
    """Rows as text, with the way each figure was computed below."""
    names = list(dict.fromkeys(name for row in rows for name in row["metrics"]))
    head = ["name", "objective", "likelihood", "D", *names]
    body = [
        [
            row["name"],
            row["objective"],
            row["likelihood"],
            str(row["latent_dim"]),
            *(_number(row["metrics"].get(name)) for name in names),
        ]
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, *body]
    ]
    return "\n".join([*lines, "", *_hows(rows)])


def _markdown(rows: list[dict[str, Any]], headers: list[Header]) -> str:
    """Describe a folder of checkpoints for people: the text of weights/README.md."""
    names = ("log_px", "elbo", "kl", "reconstruction", "knn10", "silhouette", "nmi")
    columns = ["checkpoint", *names, "posterior_std", "epochs"]
    lines = [
        "# Trained checkpoints",
        "",
        "Written by `python -m vae_core list --markdown > weights/README.md` from the files' own",
        "headers. Each was trained by `python -m vae_core train RECIPE` on the training images of",
        "the data set named below and measured, in the float16 precision of its file, on all its",
        "test images: likelihoods in nats per image, mean ± standard error over images, of one",
        "fixed binarisation (seed 0), never of thresholded pixels: that alone gives 5 nats.",
        "",
        f"| {' | '.join(columns)} |",
        f"|:--|{'--:|' * (len(columns) - 1)}",
    ]
    for row, header in zip(rows, headers, strict=True):
        cells = [_number(row["metrics"].get(name)) for name in (*names, "posterior_std")]
        lines.append(f"| {row['name']} | {' | '.join(cells)} | {header.train.epochs} |")
    lines.append("")
    for row, header in zip(rows, headers, strict=True):
        made = f"recipe `{header.recipe}`, on {header.data['name']}"
        lines.append(f"- **{row['name']}** ({made}): {header.about}")
    return "\n".join([*lines, "", "How each figure was computed:", "", *_hows(rows)])


def _hows(rows: list[dict[str, Any]]) -> list[str]:
    """One line per way of computing a figure that any row has."""
    return sorted(
        {
            f"- {name}: {figure['how']}"
            for row in rows
            for name, figure in row["metrics"].items()
            if figure["value"] is not None
        }
    )


def _number(figure: dict[str, Any] | None) -> str:
    if figure is None or figure["value"] is None:
        return "–"
    digits = 2 if figure["unit"] == "nats" else 3
    spread = f" ± {figure['stderr']:.2f}" if figure["stderr"] is not None else ""
    return f"{figure['value']:.{digits}f}{spread}"


def _said(objective: float, elbo: float, kl: float, reconstruction: float) -> str:
    """One line of progress, nats per image, of what there is."""
    parts = {"ELBO": elbo, "KL": kl, "reconstruction": reconstruction}
    if objective not in (elbo, reconstruction):
        parts = {"objective": objective} | parts
    return "  ".join(f"{name} {value:.2f}" for name, value in parts.items() if value == value)


if __name__ == "__main__":
    sys.exit(main())
