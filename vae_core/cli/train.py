"""The command `train`: train a recipe and write its checkpoint."""

from __future__ import annotations

import argparse
import math
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vae_core.checkpoints import CheckpointRef, checkpoint_ref, load_checkpoint
from vae_core.cli.at_hand import DataAtHand, Images
from vae_core.cli.bars import share_bar
from vae_core.cli.options import path as path_option
from vae_core.cli.options import require_count
from vae_core.cli.tables import Row, table
from vae_core.cli.writing import (
    WEIGHTS,
    Measuring,
    measured,
    measuring_of,
    moment_of,
    places_of,
    rounded,
    write,
)
from vae_core.errors import DataError, VaeCoreError
from vae_core.identity import DataSource
from vae_core.metrics import Metrics
from vae_core.recipes import RECIPES, Recipe, find_recipe
from vae_core.snapshots import FEWEST_MOMENTS
from vae_core.tensors import N_CLASSES, expected_shapes

if TYPE_CHECKING:
    from vae_core.models import VAE
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
        "--out", type=path_option, metavar="FILE", help="default weights/RECIPE.safetensors"
    )
    parser.add_argument("--epochs", type=int, help="passes over the training images")
    parser.add_argument("--batch-size", type=int, help="images per step")
    parser.add_argument("--learning-rate", type=float, help="peak of the schedule")
    parser.add_argument("--beta", type=float, help="weight of the KL term, for beta-VAE recipes")
    parser.add_argument("--latent-dim", type=int, help="dimensions of z (the map is made for 2)")
    parser.add_argument("--seed", type=int, help="same seed, same machine: same weights")
    parser.add_argument(
        "--data",
        type=path_option,
        metavar="DIR",
        help="IDX files of 28×28 images to train on; labels may be missing (the app shows MNIST)",
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default cpu")
    parser.add_argument(
        "--from",
        dest="parent",
        type=path_option,
        metavar="FILE",
        help="weights to go on from, for recipes that do (default: their parent's)",
    )
    parser.add_argument(
        "--snapshots",
        type=int,
        default=0,
        metavar="N",
        help="also keep N moments of training, 3 or more, denser early, in a folder named like the "
        "checkpoint",
    )
    parser.add_argument(
        "--no-measure",
        action="store_true",
        help="write no figures, which takes no test images and no time; evaluate --write adds them",
    )
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    parser.add_argument("--force", action="store_true", help="replace an existing checkpoint")


def run(args: argparse.Namespace) -> int:
    """Train, report each epoch, and write the checkpoint."""
    import torch

    from vae_core.train_state import train_state_path

    recipe = _chosen_recipe(args)
    _check_options(recipe, args)
    out: Path = args.out or _default_out(recipe.name)
    if out.suffix != ".safetensors":
        raise VaeCoreError(f"--out must end in .safetensors, got {out}")
    if args.out is None:
        WEIGHTS.mkdir(exist_ok=True)
    unfinished = train_state_path(out)
    _refuse_to_overwrite(out, unfinished, args)
    if args.device == "cuda" and not torch.cuda.is_available():
        raise VaeCoreError("--device cuda: this torch sees no CUDA device; use --device cpu")
    work = _work(recipe, DataAtHand(args.data), is_measured=not args.no_measure)
    state = _start(work, unfinished, args)
    try:
        _train(state, work, out, unfinished, n_snapshots=args.snapshots)
        model = rounded(state.model)
        places = places_of(model, with_elbo=work.how is not None)
        # Nothing can be lost any more, however long measuring takes and however it ends.
        ref, header = write(out, model, state, recipe, work.source, {}, places)
    except KeyboardInterrupt:
        again = "go on with --resume" if unfinished.exists() else "no epoch was complete"
        done = f"{state.epochs_done} of {recipe.train.epochs} epochs"
        print(f"\nstopped after {done}; {again}", file=sys.stderr)
        return 130
    if work.how is not None:
        try:
            metrics = _measured(model, work, work.how)
        except KeyboardInterrupt:
            said = f"stopped while measuring; {out} is written, and --resume adds its figures"
            print(f"\n{said}", file=sys.stderr)
            return 130
        ref, header = write(out, model, state, recipe, work.source, metrics, places)
    unfinished.unlink(missing_ok=True)
    if work.how is None:
        print(f"wrote {out} without figures; evaluate --write adds them")
    else:
        print(table([Row(ref, header, header.metrics)]))
        print(f"wrote {out}")
    return 0


class _Work(NamedTuple):
    """What is trained, on what, and how it is measured."""

    recipe: Recipe
    data: DataAtHand
    source: DataSource
    images: Images  # of training, without those held out
    how: Measuring | None  # None: not at all

    @property
    def trained_on(self) -> dict[str, Any]:
        """Identity of the training images, by which an unfinished run knows its own."""
        return {} if self.source.train is None else self.source.train.to_json()


def _work(recipe: Recipe, data: DataAtHand, *, is_measured: bool) -> _Work:
    """Read the data, and refuse what would fail once they have been trained on."""
    images = data.trained_on(recipe.train.held_out)
    if recipe.model.prior == "digit-mixture":
        if images.labels is None:
            raise DataError(f"{recipe.name} learns with labels, and {data.name} has none")
        if (highest := int(images.labels.max())) >= N_CLASSES:
            raise DataError(
                f"{recipe.name} learns one Gaussian for each of the labels 0 to {N_CLASSES - 1}, "
                f"and {data.name} has labels up to {highest}"
            )
    with_test = True
    try:
        _ = data.test
    except DataError as err:
        if is_measured:
            raise DataError(f"{err}; or train with --no-measure") from err
        with_test = False
    source = data.source(recipe.train.held_out, with_test=with_test)
    how = measuring_of(recipe, len(images.images)) if is_measured else None
    return _Work(recipe, data, source, images, how)


def _measured(model: VAE, work: _Work, how: Measuring) -> Metrics:
    """Measure a trained model, with a bar."""
    few, n = how.n_images, len(work.data.test.images)
    if few is not None and few < n:
        print(f"measuring {few:,} of the {n:,} test images, as the training was a short one…")
    else:
        print(f"measuring {n:,} test images…")
    with share_bar("measuring") as report:
        return measured(model, work.data, work.images, how, report)


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
        return load_train_state(unfinished, state, work.trained_on)
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

    recipe, (images, labels), folder = work.recipe, work.images, _snapshot_folder(out)
    epochs = recipe.train.epochs
    codes = None
    if state.epochs_done < recipe.train.start_epochs:
        print("embedding the training images…")
        codes = neighbour_codes(images, seed=recipe.train.seed)
    kept_steps = moments(recipe.train, len(images), n_snapshots) if n_snapshots else []
    if kept_steps and state.epochs_done == 0:
        folder.mkdir(exist_ok=True)
        _keep_snapshot(folder, 0, state, work, epoch=0.0)
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
                save_train_state(unfinished, state, work.trained_on)
                bar.write(f"epoch {ended.epoch}/{epochs}  {_said(*ended[1:])}")
            if record.step in kept_steps:
                bar.set_postfix_str("measuring a snapshot…")
                _keep_snapshot(folder, record.step, state, work, epoch=fraction * epochs)


def _keep_snapshot(
    folder: Path, step: int, state: TrainState, work: _Work, *, epoch: float
) -> None:
    """Write the network as it is now; the lattice may be coarser, as there are many of these."""
    from vae_core.exact.adaptive import LIVE_SPACING

    model, metrics = rounded(state.model), moment_of(epoch)
    if work.how is not None:
        how = work.how._replace(spacing=LIVE_SPACING, iwae_samples=0)
        metrics = measured(model, work.data, None, how) | metrics
    path = folder / f"step-{step:06d}.safetensors"
    write(path, model, state, work.recipe, work.source, metrics)


def _parent(recipe: Recipe, args: argparse.Namespace) -> CheckpointRef:
    path: Path = args.parent or _default_out(recipe.parent)
    if args.parent is None and not path.exists():  # it may have come with the app
        shipped = (ref.path for ref in args.catalogue()[0] if ref.name == recipe.parent)
        path = next(shipped, path)
    return checkpoint_ref(path)


def _default_out(name: str) -> Path:
    return WEIGHTS / f"{name}.safetensors"


def _snapshot_folder(out: Path) -> Path:
    return out.with_suffix("")


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


def _check_options(recipe: Recipe, args: argparse.Namespace) -> None:
    """Refuse options that the recipe, or one another, would make no use of."""
    require_count("snapshots", args.snapshots, least=FEWEST_MOMENTS, most=1_000)
    if args.parent is not None and recipe.train.start != "checkpoint":
        others = [each.name for each in RECIPES.values() if each.train.start == "checkpoint"]
        raise VaeCoreError(
            f"{recipe.name} starts from no other weights, so --from is of no use to it; "
            f"it is for {', '.join(others)}"
        )
    if args.resume and args.force:
        raise VaeCoreError("--resume goes on with a run and --force starts it over; leave one out")


def _refuse_to_overwrite(out: Path, unfinished: Path, args: argparse.Namespace) -> None:
    if not out.parent.is_dir():
        raise VaeCoreError(f"the folder {out.parent} of --out does not exist; make it first")
    if not os.access(out.parent, os.W_OK):
        raise VaeCoreError(f"the folder {out.parent} of --out may not be written to")
    if out.is_dir():
        raise VaeCoreError(f"--out {out} is a folder; choose another name")
    folder = _snapshot_folder(out)
    if args.snapshots and folder.exists() and not folder.is_dir():
        raise VaeCoreError(f"{folder} is in the way of the snapshots' folder; choose another --out")
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
