"""The app in a real browser, beside the same job done with st.plotly_chart and st.image.

The baseline is plotly_app.py: 70,000 digits in ten scattergl traces, a click on one shows the
server's decode of it; plotly_lasso_app.py shows the digits that its lasso selects. All run in
servers of their own and are measured turn by turn. Clocks stand in the page (probe.js). A link
could set the split that a fresh session shows, but would be read on the way; so for 70,000 digits
a four-line script sets it in the session's state and then runs app.py as it is
(`harness.app_with_all_digits`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from playwright.sync_api import Browser

from tests.benchmarks.harness import (
    HERE,
    ROOT,
    Server,
    Tab,
    app_with_all_digits,
    interleave,
    open_tab,
    repeats,
    report,
    say,
    serve,
    shown_checkpoint,
)
from tests.browser.running import chromium
from vae_core.analysis.projection import encode_images, map_digits
from vae_core.checkpoints import Checkpoint, load_checkpoint, read_checkpoint
from vae_core.data import load_mnist
from vae_core.tensors import ProjectedCodes

Kind = Literal["explorer", "plotly"]  # which reader of probe.js

N_ALL, N_TEST = 70_000, 10_000
COLD_ROUNDS = 3
CLICKS = 16  # of each kind
MOVES, MOVE_BLOCKS = 20, 10
PANS = 120
LASSOS, LASSO_DIGITS, LASSO_CORNERS = 5, 48_000, 16
LASSO_REST_MS = 1500  # before the release: the chart looks at all points at each corner
MOSAICS = 3  # tabs
MOSAIC_KEY = "1"
MOSAIC_PLACES = [(x, y) for x in (0.15, 0.5, 0.8) for y in (0.25, 0.8)]  # shares of the map
MAP_SURFACE = '[data-testid="latent-map"]'
DOUBLING = -np.log(2) / 0.0016  # of the wheel, see input.js
USERS = 6  # beyond the first
MARGIN = 70  # px from the map's border, where buttons and axes are
APART = 30  # px between clicks, so that no two are a double click
EMPTY = 12  # px to the nearest digit; within 8 the map takes a click for the digit's
QUIET_MS = 400  # after a click, for what still moves over the wire


class Spot(NamedTuple):
    """A place to click, in px of the window."""

    x: float
    y: float


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        "test": ROOT / "app.py",
        "all": app_with_all_digits(tmp_path_factory.mktemp("app")),
        "plotly": HERE / "plotly_app.py",
        "lasso": HERE / "plotly_lasso_app.py",
    }


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return load_checkpoint(shown_checkpoint())


@pytest.fixture(scope="module")
def plane(checkpoint: Checkpoint) -> ProjectedCodes:
    """Where the 70,000 digits lie on the map."""
    stored = read_checkpoint(checkpoint.ref.path).codes
    return stored or map_digits(checkpoint.model, load_mnist("all").images)


# --------------------------------------------------------------------------------- cold start


def test_cold_start(browser: Browser, scripts: dict[str, Path], tmp_path: Path) -> None:
    """Seconds from a new server process to a map that answers, and what the browser fetched."""
    healthy: list[float] = []
    loads: dict[str, tuple[int, int, int]] = {}

    def arm(script: str, kind: Kind, n: int) -> Callable[[], float]:
        def start() -> float:
            with serve(scripts[script], tmp_path) as server:
                healthy.append(server.healthy - server.started)
                tab, wall_ms = open_map(browser, server, kind, n)
                wire = tab.wire
                loads[script] = (wire.static, wire.http, wire.ws_in)
                tab.close()
                return wall_ms / 1000 - server.started

        return start

    series = interleave(
        {
            "plotly, 70,000 digits": arm("plotly", "plotly", N_ALL),
            "app, 70,000 digits": arm("all", "explorer", N_ALL),
            "app, 10,000 digits": arm("test", "explorer", N_TEST),
        },
        rounds=repeats(COLD_ROUNDS),
    )

    report(
        "Cold start",
        "s",
        series,
        what="From launching `streamlit run` to a map that answers, in a fresh context of a "
        "running browser (empty cache).",
        baseline="plotly, 70,000 digits",
        digits=2,
    )
    report(
        "of which until the server is healthy",
        "s",
        {"all": healthy},
        what="Of all starts, the discarded ones too.",
        digits=2,
    )
    say("\nFirst load, until the map answers [kB over the wire]")
    say(f"{'':8}{'Streamlit files':>18}{'other HTTP':>14}{'websocket':>12}{'all':>9}{'ratio':>8}")
    base = sum(loads["plotly"])
    for name, parts in loads.items():
        cells = "".join(
            f"{size / 1000:>{width},.0f}"
            for size, width in zip((*parts, sum(parts)), (18, 14, 12, 9), strict=True)
        )
        say(f"{name:8}{cells}{sum(parts) / base:>8.2f}")
    say("  Of the last round; HTTP as transferred, with headers; payloads of websocket frames.")
    assert all(ws > 8 * n for (_, _, ws), n in ((loads["all"], N_ALL), (loads["test"], N_TEST)))


# ------------------------------------------------------------------------------------- clicks


def test_click_to_exact_picture(
    browser: Browser,
    scripts: dict[str, Path],
    tmp_path: Path,
    checkpoint: Checkpoint,
    plane: ProjectedCodes,
) -> None:
    """Milliseconds from the mouse's release to the server's decode on screen, 70,000 digits."""
    n_clicks = repeats(CLICKS)
    with serve(scripts["all"], tmp_path) as app, serve(scripts["plotly"], tmp_path) as chart:
        ours, _ = open_map(browser, app, "explorer", N_ALL)
        theirs, _ = open_map(browser, chart, "plotly", N_ALL)
        rng = np.random.default_rng(0)
        # One more of each for the discarded first click, in which a server imports libraries.
        spots = {
            "plotly, on digits": _digit_spots(theirs, "plotly", plane, n_clicks + 1, rng),
            "app, on digits": _digit_spots(ours, "explorer", plane, n_clicks + 1, rng),
            "app, on empty latent space": _empty_spots(ours, plane, n_clicks + 1, rng),
        }
        sizes: dict[str, list[tuple[int, int]]] = {name: [] for name in spots}
        ends: dict[str, list[float]] = {name: [] for name in spots}
        firsts: list[str] = []

        def arm(name: str) -> Callable[[], float]:
            tab, kind = (theirs, "plotly") if name.startswith("plotly") else (ours, "explorer")
            queue = iter(spots[name])

            def once() -> float:
                milliseconds, end = click(tab, kind, next(queue))
                sizes[name].append((tab.wire.received, tab.wire.ws_out))
                ends[name].append(end)
                if len(ends[name]) == 1:
                    firsts.append(f"{name} {milliseconds:,.0f} and {end:,.0f} ms")
                levels = np.array(tab.page.evaluate(f"bench.{kind}.levels()"))
                levels = levels if kind == "plotly" else 255 - levels  # ink on paper
                z = _picked_latent(tab, kind, checkpoint, plane, is_digit="on digits" in name)
                mean = checkpoint.model.decode(torch.from_numpy(z[None]).float())[0].numpy()
                assert np.abs(levels - 255 * mean).max() < 1, f"{name}: not decode({z})"
                return milliseconds

            return once

        series = interleave({name: arm(name) for name in spots}, rounds=n_clicks)
        ours.close()
        theirs.close()

    report(
        "Click to the exact picture",
        "ms",
        series,
        what="From the mouse's release to the first frame with the server's decode on screen.",
        baseline="plotly, on digits",
    )
    report(
        "Click to the end of the script's run",
        "ms",
        {name: values[1:] for name, values in ends.items()},
        what="The app's run also finds the nearest digits and shows them.",
        baseline="plotly, on digits",
    )
    for side, position in (("in", 0), ("out", 1)):
        counted = {name: [size[position] for size in sizes[name][1:]] for name in sizes}
        report(f"Bytes {side} per click", "B", counted, what="HTTP and websocket.")
    say(f"First clicks, to the picture and to the run's end: {'; '.join(firsts)}.")


def click(tab: Tab, kind: Kind, spot: Spot) -> tuple[float, float]:
    """Click: milliseconds, by the page's clock, to another picture and to the run's end."""
    tab.page.mouse.move(spot.x, spot.y)
    tab.page.wait_for_timeout(QUIET_MS)  # the chart looks for what is hovered
    tab.wire.reset()
    tab.page.evaluate(f"void (window.pending = bench.untilChange(bench.{kind}.picture))")
    tab.page.mouse.click(spot.x, spot.y)
    released, shown = tab.page.evaluate("window.pending")
    end = tab.page.evaluate("bench.ready(bench.isIdle)")
    tab.page.wait_for_timeout(QUIET_MS)
    return shown - released, end - released


def _picked_latent(
    tab: Tab, kind: Kind, checkpoint: Checkpoint, plane: ProjectedCodes, *, is_digit: bool
) -> NDArray[np.floating[Any]]:
    """The latent whose picture the page must show."""
    if kind == "plotly":
        digit = int(tab.page.get_by_text("digit ").inner_text().removeprefix("digit "))
    else:
        hovered = np.array(tab.page.evaluate("bench.explorer.hovered()"))
        if not is_digit:
            return plane.center + plane.axes @ hovered
        digit = int(np.square(plane.coords - hovered).sum(1).argmin())
    images = load_mnist("all").images[digit : digit + 1]
    return encode_images(checkpoint.model, images).mu[0].numpy()


def _digit_spots(
    tab: Tab, kind: Kind, plane: ProjectedCodes, n: int, rng: np.random.Generator
) -> list[Spot]:
    """Random digits' places, well inside the map and well apart."""
    box, view = _view(tab, kind)
    at = np.round(_to_px(rng.permutation(plane.coords), box, view))
    return _apart(at[_is_inside(at, box)], n)


def _empty_spots(tab: Tab, plane: ProjectedCodes, n: int, rng: np.random.Generator) -> list[Spot]:
    """Places of the map with no digit near."""
    box, view = _view(tab, "explorer")
    digits = _to_px(plane.coords, box, view)
    left, top, width, height = box
    at = np.round(rng.uniform((left, top), (left + width, top + height), (2000, 2)))
    at = at[_is_inside(at, box)]
    gap = np.array([np.square(digits - place).sum(1).min() for place in at])
    return _apart(at[gap > EMPTY**2], n)


def _view(tab: Tab, kind: Kind) -> tuple[list[float], list[float]]:
    """The map's box on screen (x, y, width, height), and x0, x1, y0, y1 of what it shows."""
    found = tab.page.evaluate(f"bench.{kind}.view()")
    return found["box"], found["view"]


def _to_px(
    coords: NDArray[np.floating[Any]], box: Sequence[float], view: Sequence[float]
) -> NDArray[np.floating[Any]]:
    (left, top, width, height), (x0, x1, y0, y1) = box, view
    return (coords - (x0, y1)) * (width / (x1 - x0), height / (y0 - y1)) + (left, top)


def _is_inside(at: NDArray[np.floating[Any]], box: Sequence[float]) -> NDArray[np.bool_]:
    left, top, width, height = box
    low, high = (left + MARGIN, top + MARGIN), (left + width - MARGIN, top + height - MARGIN)
    return ((at > low) & (at < high)).all(1)


def _apart(at: NDArray[np.floating[Any]], n: int) -> list[Spot]:
    chosen: list[Spot] = []
    for x, y in at:
        if all(np.hypot(x - a, y - b) > APART for a, b in chosen):
            chosen.append(Spot(float(x), float(y)))
        if len(chosen) == n:
            return chosen
    raise AssertionError(f"there are only {len(chosen)} places to click, {n} are needed")


# -------------------------------------------------------------------------------------- hover


def test_hover_and_zoom(
    browser: Browser, scripts: dict[str, Path], tmp_path: Path, checkpoint: Checkpoint
) -> None:
    """Milliseconds of script per move over 70,000 digits; nothing may go to the server."""
    shapes = [list(layer.weight.shape) for layer in checkpoint.model.decoder.net.layers]
    loops: list[float] = []
    with serve(scripts["all"], tmp_path) as server:
        tab, _ = open_map(browser, server, "explorer", N_ALL)
        tab.page.wait_for_timeout(2000)
        (left, top, width, height), _ = _view(tab, "explorer")
        middle = np.array([left + width / 2, top + height / 2])
        tab.page.mouse.move(*middle)
        tab.page.evaluate(f"bench.bareLoops({shapes}, 20)")
        tab.page.evaluate("void bench.takeTimes()")
        tab.wire.reset()
        turns = np.linspace(0, 4 * np.pi, MOVES * MOVE_BLOCKS)
        for i, turn in enumerate(turns):
            reach = 0.42 * min(width, height) * i / len(turns)
            tab.page.mouse.move(*(middle + reach * np.array([np.cos(turn), np.sin(turn)])))
            tab.page.wait_for_timeout(20)
            if i % MOVES == 0:
                loops.append(tab.page.evaluate(f"bench.bareLoops({shapes}, 5)"))
        hover = tab.page.evaluate("bench.takeTimes()")["pointermove"]
        frames = tab.wire.frames  # of hovering; zoomed in, the map asks for pictures
        tab.page.mouse.move(*middle)
        tab.page.evaluate("void bench.takeTimes()")
        for delta in (*[-60] * 15, *[60] * 15):
            tab.page.mouse.wheel(0, delta)
            tab.page.wait_for_timeout(60)
        zoom = tab.page.evaluate("bench.takeTimes()")["wheel"]
        tab.page.mouse.down()
        for turn in np.linspace(0, 4 * np.pi, PANS):
            offset = 80 * np.array([np.sin(turn), 1 - np.cos(turn)])
            tab.page.mouse.move(*(middle + offset))
            tab.page.wait_for_timeout(20)
        tab.page.mouse.up()
        pan = tab.page.evaluate("bench.takeTimes()")["pointermove"]
        tab.close()

    series = {
        "products alone, plain loops": loops,
        "frame after a move (decode, lens)": hover["frames"],
        "pointermove handler": hover["handlers"],
        "frame after a wheel turn (70,000 points, decode)": zoom["frames"],
        "wheel handler": zoom["handlers"],
        "frame while panning (70,000 points)": pan["frames"],
        "pointermove handler while panning": pan["handlers"],
    }
    report(
        "Hover, zoom and pan",
        "ms",
        series,
        what=f"{len(turns)} moves, 30 wheel turns and {PANS} steps of a drag by the mouse; "
        f"{frames} websocket frames while hovering; time in script, to 0.1 ms. A frame decodes "
        "once, however many moves came before it.",
        baseline="products alone, plain loops",
        digits=2,
    )
    tail = {name: float(np.percentile(values, 95)) for name, values in series.items()}
    say("p95: " + ", ".join(f"{name} {value:.1f}" for name, value in tail.items()))
    assert frames == 0
    assert len(hover["handlers"]) > 100
    assert len(hover["frames"]) > 100
    assert len(pan["frames"]) > PANS / 2


# -------------------------------------------------------------------------------------- lasso


def test_lasso_to_contact_sheet(
    browser: Browser, scripts: dict[str, Path], tmp_path: Path, plane: ProjectedCodes
) -> None:
    """Milliseconds from the lasso's end to a page of its digits on screen, 70,000 digits."""
    sizes: dict[str, list[tuple[int, int]]] = {"plotly": [], "app": []}
    counts: dict[str, list[int]] = {"plotly": [], "app": []}
    with serve(scripts["all"], tmp_path) as app, serve(scripts["lasso"], tmp_path) as chart:
        tabs: dict[str, tuple[Tab, Kind]] = {
            "plotly": (open_tab(browser, chart.url), "plotly"),
            "app": (open_map(browser, app, "explorer", N_ALL)[0], "explorer"),
        }
        tabs["plotly"][0].page.evaluate(f"bench.ready(() => bench.plotly.isCalculated({N_ALL}))")
        tabs["app"][0].page.locator('[data-tool="lasso"]').click()
        for tab, _ in tabs.values():
            tab.page.wait_for_timeout(3000)  # imports in the background

        def arm(name: str) -> Callable[[], float]:
            tab, kind = tabs[name]
            turn = 0

            def once() -> float:
                nonlocal turn
                turn += 1
                # no two turns alike, so that another sheet shows
                corners = _lasso(tab, kind, plane, LASSO_DIGITS - 97 * turn)
                tab.page.mouse.move(*corners[0])
                tab.page.wait_for_timeout(QUIET_MS)
                tab.page.mouse.down()
                for corner in corners[1:]:
                    tab.page.mouse.move(*corner)
                    tab.page.wait_for_timeout(20)
                tab.page.wait_for_timeout(LASSO_REST_MS)
                tab.wire.reset()
                tab.page.evaluate(f"void (window.pending = bench.untilChange(bench.{kind}.sheet))")
                tab.page.mouse.up()
                released, shown = tab.page.evaluate("window.pending")
                tab.page.evaluate("bench.ready(bench.isIdle)")
                tab.page.wait_for_timeout(QUIET_MS)
                sizes[name].append((tab.wire.received, tab.wire.ws_out))
                counts[name].append(tab.page.evaluate(f"bench.{kind}.selected()"))
                return shown - released

            return once

        series = interleave({name: arm(name) for name in tabs}, rounds=repeats(LASSOS))
        for tab, _ in tabs.values():
            tab.close()

    report(
        "Lasso to contact sheet",
        "ms",
        series,
        what="From the mouse's release to the first frame with 48 of the selected digits; selected "
        + ", ".join(f"{name}: {min(n):,} to {max(n):,}" for name, n in counts.items())
        + ".",
        baseline="plotly",
    )
    for side, position in (("in", 0), ("out", 1)):
        counted = {name: [size[position] for size in sizes[name][1:]] for name in sizes}
        report(f"Bytes {side} per lasso", "B", counted, what="HTTP and websocket.")
    for a, b in zip(counts["plotly"], counts["app"], strict=True):
        assert abs(a - b) < 0.02 * N_ALL, "the two selected different digits"


def _lasso(tab: Tab, kind: Kind, plane: ProjectedCodes, n: int) -> list[tuple[float, float]]:
    """Corners of an ellipse on screen that holds about `n` digits."""
    box, view = _view(tab, kind)
    middle = np.median(plane.coords, axis=0)
    spread = np.abs(plane.coords - middle).mean(0)
    reach = np.sort(np.hypot(*((plane.coords - middle) / spread).T))[n]
    turns = np.linspace(0, 2 * np.pi, LASSO_CORNERS)
    ring = middle + reach * spread * np.stack([np.cos(turns), np.sin(turns)], -1)
    # From a spike on, since the chart takes a press on the last lasso's line for a wish to bend it.
    ring[0] = middle + 1.3 * (ring[0] - middle)
    low, high = np.array(box[:2]) + 6, np.array(box[:2]) + np.array(box[2:]) - 6
    return [(float(x), float(y)) for x, y in _to_px(ring, box, view).clip(low, high)]


# ------------------------------------------------------------------------------------- mosaic


def test_mosaic(browser: Browser, scripts: dict[str, Path], tmp_path: Path) -> None:
    """Milliseconds to tile a view that nobody has seen yet, and of the lens meanwhile."""
    first: list[float] = []
    tiles: list[float] = []
    lens: dict[str, list[float]] = {"frames": [], "handlers": []}
    with serve(scripts["all"], tmp_path) as server:
        for _ in range(repeats(MOSAICS)):
            tab = open_tab(browser, f"{server.url}?layers=points")
            tab.page.evaluate(f"bench.ready(() => bench.explorer.isReady({N_ALL}))")
            tab.page.wait_for_timeout(2000)
            (left, top, width, height), _ = _view(tab, "explorer")
            tab.page.locator(MAP_SURFACE).focus()
            tab.page.evaluate("void (window.pending = bench.untilTiled('keydown'))")
            tab.page.keyboard.press(MOSAIC_KEY)
            first.append(tab.page.evaluate("window.pending"))
            for across, down in MOSAIC_PLACES:
                at = (left + across * width, top + down * height)
                tab.page.mouse.move(*at)
                # The views after the first turn overlap, those after the others do not.
                _tile_anew(tab, at)
                tab.page.evaluate("void bench.takeTimes()")
                tiles.extend(_tile_anew(tab, at) for _ in range(2))
                times = tab.page.evaluate("bench.takeTimes()")["pointermove"]
                for name, values in lens.items():
                    values.extend(times[name])
                tab.page.keyboard.press("0")  # the fitted view
                tab.page.wait_for_timeout(QUIET_MS)
            tab.close()
    report(
        "Mosaic",
        "ms",
        {
            "from its key to all tiles of the fitted view": first,
            "from a zoom to all tiles": tiles,
            "lens meanwhile: frame after a move": lens["frames"],
            "lens meanwhile: pointermove handler": lens["handlers"],
        },
        what="Its key also starts the worker. A turn of the wheel doubles the scale, so that there "
        "are as many tiles as at the fitted view, none of them decoded before.",
        digits=1,
    )
    say(f"p95 of the lens's frames meanwhile: {np.percentile(lens['frames'], 95):.1f} ms")
    assert len(lens["frames"]) > 5


def _tile_anew(tab: Tab, at: tuple[float, float]) -> float:
    """Milliseconds from a turn of the wheel to the first frame with every tile."""
    x, y = at
    tab.page.evaluate("void (window.pending = bench.untilTiled('wheel'))")
    tab.page.mouse.wheel(0, DOUBLING)
    for step in range(15):  # the lens goes on while the tiles are decoded
        tab.page.mouse.move(x + step, y + step)
        tab.page.wait_for_timeout(10)
    milliseconds: float = tab.page.evaluate("window.pending")
    tab.page.mouse.move(x, y)
    tab.page.wait_for_timeout(300)
    return milliseconds


# ------------------------------------------------------------------------------------- memory


def test_server_memory(
    browser: Browser, scripts: dict[str, Path], tmp_path: Path, plane: ProjectedCodes
) -> None:
    """MiB of the server, children included, as users with 70,000 digits each come and click."""
    apps: dict[str, Kind] = {"plotly": "plotly", "all": "explorer"}
    steps = {
        name: _memory_steps(browser, scripts[name], kind, tmp_path, plane)
        for name, kind in apps.items()
    }

    say("\nMemory of the server [MiB resident], 70,000 digits on the map")
    for stages, users in steps.values():
        stages[f"with {len(users)} users"] = users[-1]
        stages["per further user"] = float(np.polyfit(range(len(users)), users, 1)[0])
    say(f"{'':36}{'plotly':>9}{'app':>9}{'ratio':>8}")
    for stage, base in steps["plotly"][0].items():
        ours = steps["all"][0][stage]
        say(f"{stage:36}{base:>9.1f}{ours:>9.1f}{ours / base:>8.2f}")
    for name, (_, users) in steps.items():
        say(f"  {name}, user by user: {', '.join(f'{value:.0f}' for value in users)}")
    say("  One run of each, a click by each user; per further user: slope of a line through all.")
    say("  malloc opens an arena for each of the first few threads, hence the steps.")
    assert all(len(users) == USERS + 1 for _, users in steps.values())


def _memory_steps(
    browser: Browser, script: Path, kind: Kind, folder: Path, plane: ProjectedCodes
) -> tuple[dict[str, float], list[float]]:
    stages: dict[str, float] = {}
    users: list[float] = []
    tabs: list[Tab] = []
    with serve(script, folder) as server:
        stages["server healthy, no user"] = server.rss()
        for user in range(USERS + 1):
            tab, _ = open_map(browser, server, kind, N_ALL)
            tabs.append(tab)
            if user == 0:
                stages["first map"] = server.rss()
                while not server.has_mapped("libtorch_cpu"):
                    tab.page.wait_for_timeout(100)
                tab.page.wait_for_timeout(3000)  # the rest of the import
                stages["torch imported, in the background"] = server.rss()
            (spot,) = _digit_spots(tab, kind, plane, 1, np.random.default_rng(user))
            click(tab, kind, spot)
            users.append(server.rss())
            if user == 0:
                stages["first click"] = server.rss()
        for tab in tabs:
            tab.close()
    return stages, users


def open_map(browser: Browser, server: Server, kind: Kind, n: int) -> tuple[Tab, float]:
    """Open the app and wait for its map of `n` digits; also the wall clock then, in ms."""
    tab = open_tab(browser, server.url)
    return tab, tab.page.evaluate(f"bench.ready(() => bench.{kind}.isReady({n}))")
