"""Classes in sentences: which share a cluster, which are split, whose confusions changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from latent_explorer.escaping import as_text
from latent_explorer.pages.compare.measures import Floats, Ints
from latent_explorer.theme import number, percent
from vae_core.comparison.clusters import shared_clusters, split_classes

SHARE = 1 / 3  # of a class's digits, to be told of


def cluster_stories(counts: Mapping[str, Ints]) -> list[str]:
    """Tell what each encoder merges or splits, and which of the others do not.

    Parameters
    ----------
    counts : mapping
        Name of an encoder to its counts of digits by class (row) and cluster (column).

    Returns
    -------
    list of str
        One sentence per case, those that are not the same in all encoders first.
    """
    merged: dict[tuple[int, int], dict[str, str]] = {}
    split: dict[int, dict[str, str]] = {}
    for name, of_encoder in counts.items():
        shares = of_encoder / of_encoder.sum(1, keepdims=True)
        for r, s, cluster in shared_clusters(of_encoder, share=SHARE):
            said = f"{percent(shares[r, cluster])} and {percent(shares[s, cluster])} of them"
            merged.setdefault((r, s), {})[name] = said
        for r, clusters in split_classes(of_encoder, share=SHARE):
            said = _listed([percent(shares[r, cluster]) for cluster in clusters])
            split.setdefault(r, {})[name] = said
    stories = [
        (len(where) == len(counts), _story(f"{r} and {s} share a cluster", "apart", where, counts))
        for (r, s), where in sorted(merged.items())
    ] + [
        (len(where) == len(counts), _story(f"{r} is split", "not split", where, counts))
        for r, where in sorted(split.items())
    ]
    if not stories:
        return ["No two classes share a cluster and none is split, in any of them."]
    return [story for _, story in sorted(stories, key=lambda one: one[0])]


def confusion_changes(difference: Floats, other: str, first: str, n: int = 5) -> str:
    """List the pairs of classes whose confusion changed most."""
    off = np.where(np.eye(10, dtype=bool), 0.0, difference)
    lines: list[str] = []
    for at in np.argsort(-np.abs(off), axis=None, kind="stable")[:n].tolist():
        r, c = divmod(at, 10)
        if off[r, c] != 0:
            word = "more" if off[r, c] > 0 else "fewer"
            points = 100 * abs(float(off[r, c]))
            lines.append(f"- {number(points, 1)} points {word} {c}s among the neighbours of {r}s")
    if not lines:
        return f"Nothing: {other} confuses no classes otherwise than {first}."
    return f"In {other}, against {first}:\n\n" + "\n".join(lines)


def _story(what: str, otherwise: str, where: Mapping[str, str], names: Mapping[str, Ints]) -> str:
    told = _listed([f"{as_text(name)} ({said})" for name, said in where.items()])
    rest = [as_text(name) for name in names if name not in where]
    if not rest:
        return f"{what} in {'both' if len(names) == 2 else 'all'}: {told}."
    return f"{what} in {told}, {otherwise} in {_listed(rest)}."


def _listed(parts: Sequence[str]) -> str:
    """Write a list: a, b and c."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
