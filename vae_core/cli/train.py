"""The command `train`: train a recipe and write its checkpoint."""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vae_core.checkpoints import CheckpointRef, checkpoint_ref, load_checkpoint
from vae_core.cli.tables import Row, table
from vae_core.cli.writing import WEIGHTS, places_of, rounded, write_measured
from vae_core.data import DataSet, data_identity, load_idx, load_mnist
from vae_core.errors import VaeCoreError
from vae_core.recipes import RECIPES, Recipe, find_recipe
from vae_core.tensors import expected_shapes

if TYPE_CHECKING:
    from vae_core.training import TrainState


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser], prog: str) -> None:
    """Declare the command and its options."""
    recipes = "\n".join(f"  {r.name:<12} {r.about}" for r in RECIPES.values())
    parser = commands.add_parser(
        "train",
        help="train a recipe and write its checkpoint",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Train a recipe and write weights/NAME.safetensors, where the app finds it.",
        epilog=f"recipes:\n{recipes}\n\n"
        "examples:\n"
        f"  {prog} train quick --out weights/first.safetensors\n"
        f"  {prog} train elbo --seed 1 --out weights/elbo-seed1.safetensors\n"
        f"  {prog} train quick --data ~/fashion --out weights/fashion.safetensors\n\n"
        "Ctrl-C stops a run; the same command with --resume goes on from its last whole epoch\n"
        "to the same result as if it had never been stopped.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("recipe", metavar="RECIPE", help="one of the recipes below")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="default weights/RECIPE.safetensors"
    )
    parser.add_argument("--epochs", type=int, help="passes over the training images")
    parser.add_argument("--batch-size", type=int, help="images per step")
    parser.add_argument("--learning-rate", type=float, help="peak of the schedule")
    parser.add_argument("--beta", type=float, help="weight of the KL term, for beta-VAE recipes")
    parser.add_argument("--latent-dim", type=int, help="dimensions of z (the map is made for 2)")
    parser.add_argument("--seed", type=int, help="same seed, same machine: same weights")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="IDX files of 28×28 images to train on (the app shows MNIST)",
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default cpu")
    parser.add_argument(
        "--from",
        dest="parent",
        type=Path,
        metavar="FILE",
        help="weights to go on from, for recipes that do (default: their parent's)",
    )
    parser.add_argument(
        "--snapshots",
        type=int,
        default=0,
        metavar="N",
        help="also keep N moments of training, denser early, in a folder named like the checkpoint",
    )
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    parser.add_argument("--force", action="store_true", help="replace an existing checkpoint")


def run(args: argparse.Namespace) -> int:
    """Train, report each epoch, and write the checkpoint."""
    import torch

    from vae_core.train_state import train_state_path

    recipe = _chosen_recipe(args)
    out: Path = args.out or _default_out(recipe.name)
    if args.out is None:
        WEIGHTS.mkdir(exist_ok=True)
    unfinished = train_state_path(out)
    _refuse_to_overwrite(out, unfinished, args)
    if args.device == "cuda" and not torch.cuda.is_available():
        raise VaeCoreError("--device cuda: this torch sees no CUDA device; use --device cpu")
    images, labels = load_idx(args.data, "train") if args.data else load_mnist("train")
    test = load_idx(args.data, "test") if args.data else load_mnist("test")
    kept = slice(len(images) - recipe.train.held_out)
    work = _Work(recipe, data_identity(args.data), DataSet(images[kept], labels[kept]), test)
    state = _start(work, unfinished, args)
    try:
        _train(state, work, out, unfinished, n_snapshots=args.snapshots)
        print("measuring on the test set…")
        ref, header = write_measured(
            out, state, recipe, work.data, test, work.images, places_of(rounded(state.model))
        )
    except KeyboardInterrupt:
        again = "go on with --resume" if unfinished.exists() else "no epoch was complete"
        done = f"{state.epochs_done} of {recipe.train.epochs} epochs"
        print(f"\nstopped after {done}; {again}", file=sys.stderr)
        return 130
    unfinished.unlink(missing_ok=True)
    print(table([Row(ref, header, header.metrics)]))
    print(f"wrote {out}")
    return 0


class _Work(NamedTuple):
    """What is trained, on what."""

    recipe: Recipe
    data: dict[str, str]  # identity of the data set
    images: DataSet  # of training, without those held out
    test: DataSet


def _start(work: _Work, unfinished: Path, args: argparse.Namespace) -> TrainState:
    """Start afresh, from the weights of another checkpoint, or where an earlier run stopped."""
    from vae_core.train_state import load_train_state
    from vae_core.training import start

    recipe = work.recipe
    state = start(recipe.model, recipe.train, work.images.images, args.device)
    if recipe.train.start == "checkpoint":
        parent = load_checkpoint(_parent(recipe, args))
        if expected_shapes(parent.config) != expected_shapes(recipe.model):
            raise VaeCoreError(f"{parent.ref.path} is no start for {recipe.name}: other layers")
        state.model.load_state_dict(parent.model.state_dict())
        state.model.requires_grad_(True)
    if args.resume:
        return load_train_state(unfinished, state, work.data)
    if args.force:
        unfinished.unlink(missing_ok=True)
    return state


def _train(
    state: TrainState, work: _Work, out: Path, unfinished: Path, *, n_snapshots: int
) -> None:
    """Train to the last epoch, with a bar; save every epoch, and the moments asked for."""
    from tqdm import tqdm

    from vae_core.neighbours import neighbour_codes
    from vae_core.train_state import save_train_state
    from vae_core.training import moments, train

    (recipe, data, (images, labels), test), folder = work, out.with_suffix("")
    epochs = recipe.train.epochs
    codes = None
    if state.epochs_done < recipe.train.start_epochs:
        print("embedding the training images…")
        codes = neighbour_codes(images, seed=recipe.train.seed)
    kept_steps = moments(recipe.train, len(images), n_snapshots) if n_snapshots else []
    if kept_steps and state.epochs_done == 0:
        folder.mkdir(exist_ok=True)
        write_measured(_snapshot(folder, 0), state, recipe, data, test, epoch=0.0)
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
                save_train_state(unfinished, state, data)
                bar.write(f"epoch {ended.epoch}/{epochs}  {_said(*ended[1:])}")
            if record.step in kept_steps:
                path = _snapshot(folder, record.step)
                write_measured(path, state, recipe, data, test, epoch=fraction * epochs)


def _parent(recipe: Recipe, args: argparse.Namespace) -> CheckpointRef:
    path: Path = args.parent or _default_out(recipe.parent)
    if args.parent is None and not path.exists():  # it may have come with the app
        shipped = (ref.path for ref in args.catalogue()[0] if ref.name == recipe.parent)
        path = next(shipped, path)
    return checkpoint_ref(path)


def _default_out(name: str) -> Path:
    return WEIGHTS / f"{name}.safetensors"


def _snapshot(folder: Path, step: int) -> Path:
    return folder / f"step-{step:06d}.safetensors"


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


def _said(objective: float, elbo: float, kl: float, reconstruction: float) -> str:
    """One line of progress, nats per image, of what there is."""
    parts = {"ELBO": elbo, "KL": kl, "reconstruction": reconstruction}
    if objective not in (elbo, reconstruction):
        parts = {"objective": objective} | parts
    return "  ".join(f"{name} {value:.2f}" for name, value in parts.items() if value == value)
