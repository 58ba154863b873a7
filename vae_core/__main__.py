"""Command line: train a recipe, evaluate checkpoints, list them."""

from __future__ import annotations

import argparse
import copy
import json
import logging
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vae_core.checkpoints import (
    CheckpointRef,
    DigitMap,
    Header,
    checkpoint_ref,
    digit_map,
    expected_shapes,
    load_checkpoint,
    read_checkpoint,
    read_header,
    round_to_stored,
    save_checkpoint,
    scan_checkpoints,
)
from vae_core.data import DataSet, data_identity, load_idx, load_mnist
from vae_core.errors import CheckpointError, VaeCoreError
from vae_core.recipes import RECIPES, Recipe, find_recipe

if TYPE_CHECKING:
    from vae_core.models import VAE
    from vae_core.training import TrainState

WEIGHTS = Path("weights")
_OF_TRAINING = ("epoch",)  # figures that no measurement on images gives
_Floats = NDArray[np.floating[Any]]
_Places = tuple[DigitMap | None, _Floats | None, _Floats | None]
_IWAE_SAMPLES = 500  # where there is no exact log p(x); as the literature does


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
    train.add_argument(
        "--from",
        dest="parent",
        type=Path,
        metavar="FILE",
        help="weights to go on from, for recipes that do (default: their parent's)",
    )
    train.add_argument(
        "--snapshots",
        type=int,
        default=0,
        metavar="N",
        help="also keep N moments of training, denser early, in a folder named like the checkpoint",
    )
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
        "--spacing",
        type=float,
        default=0.02,
        help="of the lattice for the exact log p(x), z units (default 0.02; 0.04 takes a quarter "
        "of the time, and is halved where it is too coarse just the same)",
    )
    evaluate.add_argument(
        "--write",
        action="store_true",
        help="also store the figures, and where the digits lie, in the files",
    )
    evaluate.add_argument(
        "--iwae", type=int, default=0, metavar="K", help="also IWAE with K samples (slow)"
    )
    evaluate.add_argument(
        "--certify",
        type=int,
        default=0,
        metavar="N",
        help="also how far log p(x) of the first N test digits may be off: its change when the "
        "spacing is halved and the disc widened (slow); and how wide their exact p(z|x) is",
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

    from vae_core.neighbours import neighbour_codes
    from vae_core.runs import load_run, run_path, save_run
    from vae_core.training import moments, start, train

    recipe = _chosen_recipe(args)
    out: Path = args.out or _default_out(recipe.name)
    unfinished = run_path(out)
    _refuse_to_overwrite(out, unfinished, args)
    if args.device == "cuda" and not torch.cuda.is_available():
        raise VaeCoreError("--device cuda: this torch sees no CUDA device; use --device cpu")
    images, labels = load_idx(args.data, "train") if args.data else load_mnist("train")
    test = load_idx(args.data, "test") if args.data else load_mnist("test")
    kept = slice(len(images) - recipe.train.held_out)
    images, labels = images[kept], labels[kept]
    data = data_identity(args.data)
    state = start(recipe.model, recipe.train, images, args.device)
    if recipe.train.start == "checkpoint":
        parent = load_checkpoint(checkpoint_ref(args.parent or _default_out(recipe.parent)))
        if expected_shapes(parent.config) != expected_shapes(recipe.model):
            raise VaeCoreError(f"{parent.ref.path} is no start for {recipe.name}: other layers")
        state.model.load_state_dict(parent.model.state_dict())
        state.model.requires_grad_(True)
    if args.resume:
        state = load_run(unfinished, state, data)
    elif args.force:
        unfinished.unlink(missing_ok=True)

    epochs = recipe.train.epochs
    folder = out.with_suffix("")
    try:
        codes = None
        if state.epochs_done < recipe.train.start_epochs:
            print("embedding the training images…")
            codes = neighbour_codes(images, seed=recipe.train.seed)
        kept_steps = moments(recipe.train, len(images), args.snapshots) if args.snapshots else []
        if kept_steps and state.epochs_done == 0:
            folder.mkdir(exist_ok=True)
            _write(_snapshot(folder, 0), state, recipe, data, test, epoch=0.0)
        with tqdm(total=epochs * len(images), unit=" images", disable=None) as bar:
            bar.update(state.epochs_done * len(images))
            for record in train(state, images, codes, labels):
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
                if record.step in kept_steps:
                    path = _snapshot(folder, record.step)
                    _write(path, state, recipe, data, test, epoch=fraction * epochs)
        print("measuring on the test set…")
        places = _places(_rounded(state.model))
        ref, header = _write(out, state, recipe, data, test, DataSet(images, labels), places)
    except KeyboardInterrupt:
        again = "go on with --resume" if unfinished.exists() else "no epoch was complete"
        print(f"\nstopped after {state.epochs_done} of {epochs} epochs; {again}", file=sys.stderr)
        return 130
    unfinished.unlink(missing_ok=True)
    print(_table([_row(ref, header, header.metrics)]))
    print(f"wrote {out}")
    return 0


def _default_out(name: str) -> Path:
    return WEIGHTS / f"{name}.safetensors"


def _snapshot(folder: Path, step: int) -> Path:
    return folder / f"step-{step:06d}.safetensors"


def _rounded(model: VAE) -> VAE:
    """Copy a model in the precision that its file will keep; training goes on with the original."""
    copied = copy.deepcopy(model).cpu().eval().requires_grad_(False)
    round_to_stored(copied)
    return copied


def _write(
    out: Path,
    state: TrainState,
    recipe: Recipe,
    data: dict[str, str],
    test: DataSet,
    images: DataSet | None = None,
    places: _Places = (None, None, None),
    *,
    epoch: float | None = None,
) -> tuple[CheckpointRef, Header]:
    """Measure a model as it is now and write its checkpoint."""
    from vae_core.analysis.evaluation import evaluate_model
    from vae_core.exact.adaptive import LIVE_SPACING
    from vae_core.training import history_rows

    model = _rounded(state.model)
    n_iwae = _IWAE_SAMPLES if recipe.model.latent_dim > 2 else 0
    if epoch is None:
        metrics = evaluate_model(model, test, train=images, iwae_samples=n_iwae)
    else:  # there are many of these
        metrics = evaluate_model(model, test, spacing=LIVE_SPACING)
        how = "passes over the training images when this was saved"
        metrics["epoch"] = {"value": epoch, "stderr": None, "unit": "epochs", "how": how}
    header = Header(
        about=recipe.about,
        recipe=recipe.name,
        model=recipe.model,
        train=recipe.train,
        data=data,
        metrics=metrics,
        history=history_rows(state.history),
    )
    return save_checkpoint(out, model, header, *places), header


def _places(model: VAE) -> _Places:
    """Where MNIST's digits lie, and of their q(z|x), if they have any, what a checkpoint keeps.

    That is its standard deviations and, where it is refined and so takes long, its terms.
    """
    from vae_core.analysis.projection import encode_images, map_codes

    posterior = encode_images(model, load_mnist("all").images)
    std = posterior.std.numpy() if model.config.posterior == "gaussian" else None
    terms = _terms(model) if model.config.refine_radius else None
    return map_codes(posterior), std, terms


def _terms(model: VAE) -> _Floats:
    """Reconstruction and KL of each digit, nats, (70000, 2)."""
    from vae_core.analysis.digit_elbos import digit_elbos

    columns: list[_Floats] = []
    for split in ("train", "test"):
        found = digit_elbos(model, load_mnist(split))
        assert found.kl is not None  # a plain autoencoder has nothing to refine
        columns.append(np.stack([found.reconstruction.numpy(), found.kl.numpy()], 1))
    return np.concatenate(columns)


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

    for name in ("iwae", "certify"):
        if (n := getattr(args, name)) < 0:
            raise VaeCoreError(f"--{name} must be a whole number from 0, got {n}")
    if not 0.001 <= args.spacing <= 1:
        raise VaeCoreError(f"--spacing must be from 0.001 to 1, got {args.spacing}")
    if args.write and args.data:
        raise VaeCoreError("--write stores figures on MNIST alone, got --data too; leave one out")
    test = load_idx(args.data, "test") if args.data else load_mnist("test")
    train = load_idx(args.data, "train") if args.data else load_mnist("train")
    rows: list[dict[str, Any]] = []
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
            had_map = digit_map(read_checkpoint(path)) is not None
            places: _Places = _places(checkpoint.model) if had_map else (None, None, None)
            kept = {name: header.metrics[name] for name in _OF_TRAINING if name in header.metrics}
            header = replace(header, metrics=metrics | kept)
            ref = save_checkpoint(path, checkpoint.model, header, *places)
        rows.append(_row(ref, header, metrics))
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
    names = (
        *("log_px_train", "log_px", "iwae", "elbo", "gap", "kl", "mutual_information"),
        *("knn10", "silhouette", "nmi", "posterior_std"),
    )
    columns = ["checkpoint", "prior", "pixels", *names, "epochs"]
    lines = [
        "# Trained checkpoints",
        "",
        "Written by `python -m vae_core list --markdown > weights/README.md` from the files' own",
        "headers. Each was trained by `python -m vae_core train RECIPE` on the training images of",
        "the data set named below and measured, in the float16 precision of its file, on all its",
        "test images (`python -m vae_core evaluate --iwae 500 --write FILE`): likelihoods in nats",
        "per image, mean ± standard error over images. Binary pixels are one fixed binarisation",
        "(seed 0) of the grey ones, drawn afresh at every step of training, never thresholded:",
        "that alone gives 5 nats. Grey pixels have densities, which may exceed 0 and compare with",
        "nothing binary. log p(x) is exact (`evaluate --certify N` tells by how much it may be",
        "off); ELBO and IWAE-500 are what papers report.",
        "",
        "Settings were chosen on 5,000 of the training images, held back; what is listed was then",
        "trained on all 60,000. One exception: the start of atlas, and how far its q(z|x) is",
        "sought round the encoder's mean, were changed after its silhouette on the test images had",
        "been seen.",
        "",
        "For comparison, published with D = 2 on dynamically binarised MNIST, by IWAE-500:",
        "−135.73 ± 0.83 (ELBO −137.08) with the prior N(0, I), −132.50 ± 0.73 (ELBO −133.72) on a",
        "sphere (Davidson et al., UAI 2018).",
        "",
        f"| {' | '.join(columns)} |",
        f"|:--|{'--:|' * (len(columns) - 1)}",
    ]
    for row, header in zip(rows, headers, strict=True):
        figures = [_number(row["metrics"].get(name)) for name in names]
        prior = "digit mixture" if header.model.prior != "normal" else "N(0, I)"
        if header.model.posterior == "point":
            prior = "–"
        pixels = "binary" if header.model.likelihood == "bernoulli" else "grey"
        dims = f"{prior}, D = {header.model.latent_dim}"
        cells = [row["name"], dims, pixels, *figures, str(header.train.epochs)]
        lines.append(f"| {' | '.join(cells)} |")
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
    digits = 3
    if figure["unit"] == "nats":  # a certified error is far below the others
        digits = 2 if abs(figure["value"]) >= 0.1 else 5
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
