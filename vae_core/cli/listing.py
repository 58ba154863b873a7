"""The command `list`: the checkpoints of a folder, as a table or as the folder's README."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from vae_core.checkpoints import read_header, scan_checkpoints
from vae_core.cli.options import path as path_option
from vae_core.cli.tables import Row, data_of, methods, number, table


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser], prog: str) -> None:
    """Declare the command and its options."""
    parser = commands.add_parser("list", help="list checkpoints")
    parser.set_defaults(run=run)
    parser.add_argument(
        "folder", nargs="?", type=path_option, help="default: weights, or wherever the app looks"
    )
    parser.add_argument(
        "--markdown", action="store_true", help="print the text of weights/README.md"
    )


def run(args: argparse.Namespace) -> int:
    """Print what the headers of a folder's checkpoints say."""
    refs, problems = scan_checkpoints(args.folder) if args.folder else args.catalogue()
    headers = [read_header(ref.path) for ref in refs]
    rows = [Row(ref, h, h.metrics) for ref, h in zip(refs, headers, strict=True)]
    if not rows:
        print(f"no checkpoints in {args.folder or 'the folder for them'}")
    else:
        print(_markdown(rows) if args.markdown else table(rows))
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _markdown(rows: Sequence[Row]) -> str:
    """Describe a folder of checkpoints for people: the text of weights/README.md.

    The commands in it are spelled as everybody has them who has the core, however it was called.
    """
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
        "sphere (Davidson et al., UAI 2018). Nearest in kind are QLVMs (Martinez & Williams, ICLR",
        "2026, arXiv 2601.18676), decoders of one to three latent dimensions trained without an",
        "encoder on log p(x) by a quasi-Monte Carlo lattice, and continuous mixtures (Correia et",
        "al., AAAI 2023, arXiv 2209.10584), trained by numerical integration; figures of",
        "theirs have not been set beside these.",
        "",
        f"| {' | '.join(columns)} |",
        f"|:--|{'--:|' * (len(columns) - 1)}",
    ]
    for ref, header, metrics in rows:
        values = [number(metrics.get(name)) for name in names]
        prior = "digit mixture" if header.model.prior != "normal" else "N(0, I)"
        if header.model.posterior == "point":
            prior = "–"
        pixels = "binary" if header.model.likelihood == "bernoulli" else "grey"
        dims = f"{prior}, D = {header.model.latent_dim}"
        cells = [ref.name, dims, pixels, *values, str(header.train.epochs)]
        lines.append(f"| {' | '.join(cells)} |")
    lines.append("")
    for ref, header, _ in rows:
        made = f"recipe `{header.recipe}`, on {header.data.name}"
        lines.append(f"- **{ref.name}** ({made}): {header.about}")
    lines += ["", "How each figure was computed:", "", *methods(rows)]
    return "\n".join([*lines, "", "And of which data:", "", *data_of(rows)])
