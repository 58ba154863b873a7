"""Ways through the stops of a walk: found, cut into steps, measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from latent_explorer.data import catalogue
from latent_explorer.pages.interpolate import geometry
from latent_explorer.pages.interpolate.curves import (
    Latents,
    Leg,
    NoWayError,
    arc,
    even_steps,
    even_steps_by,
    join,
    length,
    length_by,
    shortest,
)
from latent_explorer.pages.interpolate.ways import WAYS, Short, Spacing, Way
from vae_core.checkpoints import CheckpointRef

if TYPE_CHECKING:
    from vae_core.geometry.graphs import Graph
    from vae_core.geometry.measures import Measure

_CHORDS = 127  # of which a length is the sum
_KEPT = 256  # shortest paths remembered
_PAUSE = 0.1  # s between two looks at what is done

_SEARCHES = ThreadPoolExecutor(2)  # of shorter paths; torch lets go of the interpreter meanwhile

LegKey = tuple[str, Short, tuple[float, ...], tuple[float, ...]]


class FoundWay(NamedTuple):
    """A way through all stops."""

    way: Way
    curve: Latents  # (T, D), a fine polyline
    energy: float | None  # in its own measure, the unit squared; None for a formula
    converged: bool
    n_iterations: int
    n_starts: int  # of its legs together
    is_refined: bool


def find(
    ref: CheckpointRef, ways: Sequence[Way], stops: Latents, kept: dict[LegKey, Leg]
) -> dict[Way, FoundWay | str]:
    """Find some ways through stops, shape (S, D); for one that does not exist, why not.

    Parameters
    ----------
    ref : CheckpointRef
    ways : sequence of Way
    stops : array
        Not all the same.
    kept : dict
        Shortest paths found before; new ones are added, the oldest go.
    """
    keys = _leg_keys(ref, ways, stops)
    problems = _find_legs(ref, list(keys), keys, stops, kept)
    found: dict[Way, FoundWay | str] = {
        way: problems.get(way) or _found(ref, way, stops, keys, kept) for way in ways
    }
    while len(kept) > _KEPT:
        del kept[next(iter(kept))]
    return found


def _leg_keys(ref: CheckpointRef, ways: Sequence[Way], stops: Latents) -> dict[Way, list[LegKey]]:
    """Keys of the shortest paths that some ways are made of."""
    pairs = [(tuple(a), tuple(b)) for a, b in pairwise(stops.tolist()) if a != b]
    return {
        way: [(ref.sha256, _short(way), a, b) for a, b in pairs]
        for way in ways
        if WAYS[way].short and lack(ref, way) is None
    }


def refine(
    ref: CheckpointRef, ways: Sequence[Way], stops: Latents, kept: dict[LegKey, Leg]
) -> Iterator[float]:
    """Look for shorter paths than those kept, and keep them; yields what share is done.

    On a finer lattice, and from several starts. A caller may stop asking: the lattices are
    measured to their end all the same. Parameters as `find`.
    """
    keys = _leg_keys(ref, ways, stops)
    left: dict[Way, list[LegKey]] = {}
    for way, all_ in keys.items():
        if todo := [key for key in all_ if key in kept and not kept[key].is_refined]:
            left[way] = todo
    if not left:
        return
    yield 0.0
    reach = geometry.radius(ref, stops)
    lattices = {way: geometry.fine_graph(ref, _short(way), reach) for way in left}
    while not all(each.graph.done() for each in lattices.values()):
        yield sum(each.shares[-1] for each in lattices.values()) / len(lattices)
        wait([each.graph for each in lattices.values()], _PAUSE)
    jobs: dict[LegKey, Future[Leg]] = {}
    for way, todo in left.items():
        tools = geometry.measure(ref, _short(way)), lattices[way].graph.result()
        jobs |= {key: _SEARCHES.submit(_refined, *tools, key, kept[key]) for key in todo}
    while not all(job.done() for job in jobs.values()):
        yield 1.0
        wait(jobs.values(), _PAUSE)
    kept |= {key: job.result() for key, job in jobs.items()}


def _refined(measure: Measure, graph: Graph | None, key: LegKey, first: Leg) -> Leg:
    """Get the shorter of a path and one that is looked for longer."""
    found = shortest(measure, graph, *key[2:], is_refined=True)
    first_length, found_length = (
        length_by(measure, even_steps(leg.curve, _CHORDS + 1)) for leg in (first, found)
    )
    if first_length < found_length:
        return found._replace(curve=first.curve, energy=first.energy, converged=first.converged)
    return found


def _find_legs(
    ref: CheckpointRef,
    asked: Sequence[Way],
    keys: Mapping[Way, Sequence[LegKey]],
    stops: Latents,
    kept: dict[LegKey, Leg],
) -> dict[Way, str]:
    """Add the shortest paths that are missing to those kept; tell which way has none, and why."""
    # Caches are filled here, not in a thread: Streamlit says meanwhile what takes long.
    reach = geometry.radius(ref, stops) if asked else 0.0
    tools = {
        way: (geometry.measure(ref, _short(way)), geometry.graph(ref, _short(way), reach))
        for way in asked
    }
    missing: dict[LegKey, Way] = {key: way for way in asked for key in keys[way] if key not in kept}
    problems: dict[Way, str] = {}
    # At once: torch lets go of the interpreter while it decodes.
    with ThreadPoolExecutor(max(1, len(asked))) as pool:
        jobs = {
            key: pool.submit(shortest, *tools[way], *key[2:], is_refined=False)
            for key, way in missing.items()
        }
    for key, job in jobs.items():
        try:
            kept[key] = job.result()
        except ValueError as err:
            problems[missing[key]] = str(err)
    return problems


def _short(way: Way) -> Short:
    short = WAYS[way].short
    assert short is not None  # of a way that is no formula
    return short


def lack(ref: CheckpointRef, way: Way) -> str | None:
    """Say why a checkpoint has no such way at all, None if it has."""
    if way == "density" and not catalogue.has_posterior(ref):
        return "a plain autoencoder has no q(z|x), so there is no density to follow"
    return None


def _found(
    ref: CheckpointRef,
    way: Way,
    stops: Latents,
    keys: dict[Way, list[LegKey]],
    kept: dict[LegKey, Leg],
) -> FoundWay | str:
    if (missing := lack(ref, way)) is not None:
        return missing
    if WAYS[way].short:
        legs = [kept[key] for key in keys[way]]
        return FoundWay(
            way,
            join([leg.curve for leg in legs]),
            # each leg has the energy length²; so has the whole, walked at even speed
            sum(leg.energy**0.5 for leg in legs) ** 2,
            all(leg.converged for leg in legs),
            sum(leg.n_iterations for leg in legs),
            sum(leg.n_starts for leg in legs),
            all(leg.is_refined for leg in legs),
        )
    try:
        curve = stops if way == "straight" else join([arc(a, b) for a, b in pairwise(stops)])
        return FoundWay(way, curve, None, True, 0, 0, is_refined=True)
    except NoWayError as err:
        return str(err)


def steps(ref: CheckpointRef, curve: Latents, n: int, spacing: Spacing) -> Latents:
    """Walk a curve in n even steps, shape (n, D); `NoWayError` if nothing changes along it."""
    if spacing == "image":
        return even_steps_by(geometry.measure(ref, "image"), curve, n)
    return even_steps(curve, n)


class Lengths(NamedTuple):
    """A way's lengths: in z units and by each measure."""

    found: FoundWay
    z: float
    image: float
    fisher_rao: float
    density: float | None


def lengths(ref: CheckpointRef, found: FoundWay, *, with_density: bool) -> Lengths:
    """Measure a way by every measure."""
    evenly = even_steps(found.curve, _CHORDS + 1)

    def by(short: Short) -> float:
        return length_by(geometry.measure(ref, short), evenly)

    return Lengths(
        found,
        length(found.curve),
        by("image"),
        by("fisher-rao"),
        by("density") if with_density else None,
    )
