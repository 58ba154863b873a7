"""How much longer shortest paths are than the best that a slow search finds.

    python -m tests.benchmarks.bench_geodesics --pairs 50 --out geodesics.csv

For random pairs of test digits of some checkpoints, in both metrics: the way that the app first
draws, and the one that it finds afterwards, against the shortest of Dijkstra's path over a lattice
of step 0.02, of it relaxed, and of 20 random restarts (half over disturbed lattices, half bulges
of the straight line), the three best with twice as many knots, and of the app's own. All lengths
are summed finely. Pairs that the file holds already are not measured again. It takes some 25
minutes on one core.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latent_explorer.pages.interpolate.curves import FIRST, REFINED
from tests.benchmarks.harness import say
from vae_core.checkpoints import checkpoint_ref, load_checkpoint, read_listed
from vae_core.geometry.geodesics import geodesic, relax
from vae_core.geometry.graphs import (
    FIRST_NODES,
    Graph,
    disturbed,
    lattice_graph,
    lattice_radius,
    lattice_spacing,
    spacing_of,
    way_across,
)
from vae_core.geometry.measures import Decoded, Measure
from vae_core.geometry.metrics import Metric

WEIGHTS = Path(__file__).resolve().parents[2] / "weights"
CHECKPOINTS = ("atlas", "elbo", "record")
METRICS: tuple[Metric, ...] = ("image", "fisher-rao")
STEP = 0.02  # of the reference lattice, z units
RESTARTS = 10  # of each kind
KEPT = 3  # of the paths found, relaxed once more with more knots
KNOTS, POINTS = 28, 128  # of those
SEED = 1000  # apart from the app's own disturbances
COLUMNS = (
    "checkpoint",
    "metric",
    "first",
    "second",
    "first_ms",
    "refined_ms",
    "straight",
    "first_length",
    "refined_length",
    "dijkstra",
    "reference",
    "kind",
)


def length(measure: Measure, curve: Tensor, parts: int = 8) -> float:
    """Length of a polyline whose sides are cut into parts, the measure's unit."""
    t = torch.linspace(0, 1, parts + 1)[:-1, None]
    fine = torch.lerp(curve[:-1, None], curve[1:, None], t).flatten(0, 1)
    with torch.no_grad():
        return float(measure.squares(torch.cat([fine, curve[-1:]])).sqrt().sum())


def bulge(ends: Tensor, rng: np.random.Generator) -> Tensor:
    """Draw a random smooth way between two ends, shape (64, 2)."""
    t = torch.linspace(0, 1, 64)[:, None]
    line = torch.lerp(ends[:1], ends[1:], t)
    across = torch.stack([ends[0, 1] - ends[1, 1], ends[1, 0] - ends[0, 0]])
    line[1:-1] += sum(
        float(size * rng.normal()) * (math.pi * k * t[1:-1]).sin() * across
        for k, size in enumerate((0.4, 0.25, 0.15, 0.1), 1)
    )
    return line


def reference(
    measure: Measure, graph: Graph, ends: Tensor, rng: np.random.Generator
) -> dict[str, float]:
    """Lengths of Dijkstra's path and of the best paths relaxed, by their kinds."""
    way = way_across(graph, ends)
    assert way is not None
    starts = {"relaxed": way, "straight": ends}
    for i in range(RESTARTS):
        other = way_across(disturbed(graph, SEED + i), ends)
        assert other is not None
        starts[f"disturbed {i}"] = other
        starts[f"bulge {i}"] = bulge(ends, rng)
    found = {kind: relax(measure, start) for kind, start in starts.items()}
    best = sorted(found, key=lambda kind: found[kind].length)[:KEPT]
    finer = {
        kind: relax(measure, found[kind].curve, n_points=POINTS, n_knots=KNOTS) for kind in best
    }
    lengths = {kind: length(measure, each.curve, 4) for kind, each in finer.items()}
    return lengths | {"dijkstra": length(measure, way, 4)}


def main() -> None:
    """Measure, and say the distribution."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--out", type=Path, default=Path("geodesics.csv"))
    parser.add_argument("--checkpoints", nargs="+", default=CHECKPOINTS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = read(args.out)
    done = {(r["checkpoint"], r["metric"], r["first"], r["second"]) for r in rows}
    with args.out.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if not rows:
            writer.writeheader()
        todo = [
            measured(name, metric, args.pairs, done)
            for name in args.checkpoints
            for metric in METRICS
        ]
        while todo:  # a pair of each in turn, so that what is there early covers all
            for rows_of_one in list(todo):
                if (row := next(rows_of_one, None)) is None:
                    todo.remove(rows_of_one)
                    continue
                writer.writerow(dict(zip(COLUMNS, row, strict=True)))
                file.flush()
    report(read(args.out))


def read(path: Path) -> list[dict[str, str]]:
    """Rows measured before."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def measured(
    name: str, metric: Metric, n_pairs: int, done: set[tuple[str, ...]]
) -> Iterator[tuple[Any, ...]]:
    """Rows of a checkpoint's pairs that are not done."""
    ref = checkpoint_ref(WEIGHTS / f"{name}.safetensors")
    stored = read_listed(ref)
    assert stored.codes is not None
    assert stored.std is not None
    coords, center, axes = stored.codes
    codes = (center + coords @ axes.T).astype(np.float32)
    pairs = np.random.default_rng(0).choice(10_000, (50, 2), replace=False)[:n_pairs] + 60_000
    pairs = [(i, j) for i, j in pairs if (name, metric, str(i), str(j)) not in done]
    if not pairs:
        return
    measure = Decoded(load_checkpoint(ref).model, metric)
    radius = lattice_radius(float(np.quantile(np.linalg.norm(codes, axis=1), 0.999)))
    spacing = lattice_spacing(radius, float(np.median(stored.std.astype(np.float32))))
    like = torch.zeros(1)
    first = lattice_graph(measure, radius, spacing_of(FIRST_NODES, radius), like)
    begin = time.perf_counter()
    fine = lattice_graph(measure, radius, spacing, like)
    took = time.perf_counter() - begin
    say(f"{name}, {metric}: lattice |z| < {radius:.2f}, spacing {spacing:.3f}, in {took:.1f} s")
    finest = lattice_graph(measure, radius, STEP, like)
    rng = np.random.default_rng(SEED)
    for i, j in pairs:
        ends = torch.from_numpy(codes[[i, j]])
        begin = time.perf_counter()
        quick = geodesic(measure, *ends, graph=first, **FIRST)
        between = time.perf_counter()
        better = geodesic(measure, *ends, graph=fine, **REFINED)
        end = time.perf_counter()
        lengths = reference(measure, finest, ends, rng)
        kind = min(lengths, key=lambda each: lengths[each])
        yield (
            name,
            metric,
            i,
            j,
            1000 * (between - begin),
            1000 * (end - between),
            length(measure, ends, 512),
            length(measure, quick.curve),
            length(measure, better.curve),
            lengths["dijkstra"],
            lengths[kind],
            kind,
        )


def report(rows: list[dict[str, str]]) -> None:
    """Say how much longer than the best of all the app's ways are."""
    for name in CHECKPOINTS:
        for metric in METRICS:
            here = [r for r in rows if (r["checkpoint"], r["metric"]) == (name, metric)]
            for way in ("first", "refined") if here else ():
                excess = np.array([_excess(row, way) for row in here])
                ms = np.median([float(row[f"{way}_ms"]) for row in here])
                say(
                    f"{name}, {metric}, {way}: {len(here)} pairs, longer than the best by "
                    f"{np.median(excess):.2f} % in the median, {np.quantile(excess, 0.9):.2f} % "
                    f"in the worst tenth, {excess.max():.2f} % at most; more than 2 %: "
                    f"{(excess > 2).sum()}; {ms:.0f} ms"
                )


def _excess(row: dict[str, str], way: str) -> float:
    best = min(float(row["reference"]), float(row["refined_length"]))
    return 100 * (float(row[f"{way}_length"]) / best - 1)


if __name__ == "__main__":
    main()
