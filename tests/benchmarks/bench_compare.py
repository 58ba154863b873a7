"""The Compare page in a browser: two maps of 70,000, linked hover, and the morph's frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from tests.benchmarks.harness import (
    ROOT,
    Server,
    Tab,
    interleave,
    open_tab,
    repeats,
    report,
    say,
    serve,
)
from tests.browser.running import chromium

OTHER = "elbo"
COLD_ROUNDS, MOVES = 3, 200
N_ALL = 70_000

# Script time of all callbacks of one display frame, whichever of the page's parts asked for them.
FRAMES_JS = """(() => {
    const frame = window.requestAnimationFrame.bind(window);
    const spent = new Map();
    window.requestAnimationFrame = (work) => frame((now) => {
        const start = performance.now();
        work(now);
        spent.set(now, (spent.get(now) ?? 0) + performance.now() - start);
    });
    window.takeFrames = () => {
        const times = [...spent.values()];
        spent.clear();
        return times;
    };
})()"""
READY_JS = """([selector, n, count]) => {
    const roots = [];
    const look = (node) => {
        roots.push(...node.querySelectorAll(selector));
        for (const one of node.querySelectorAll("*")) if (one.shadowRoot) look(one.shadowRoot);
    };
    look(document);
    const ready = roots.filter(({ dataset }) => dataset.ready === "true" && dataset.points === n);
    return ready.length === count;
}"""
MAP, MORPH = '[data-testid="latent-map"]', '[data-testid="morph"]'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def wait(page: Page, selector: str, n: int, count: int) -> None:
    """Wait for so many parts that show n points."""
    page.wait_for_function(READY_JS, arg=[selector, str(n), count], timeout=120_000)


def opened(browser: Browser, server: Server, query: str) -> Tab:
    """Open a page whose frames are timed."""
    tab = open_tab(browser, "about:blank")
    tab.page.add_init_script(FRAMES_JS)
    tab.wire.watch(tab.page, server.url)
    tab.page.goto(f"{server.url}{query}")
    return tab


def p95(times: list[float]) -> float:
    return float(np.percentile(times, 95))


def test_cold_start(browser: Browser, tmp_path: Path) -> None:
    """Seconds from a new server process to one map, and to two, of 70,000 that answer."""

    def arm(query: str, count: int) -> Callable[[], float]:
        def start() -> float:
            with serve(ROOT / "app.py", tmp_path) as server:
                tab = open_tab(browser, f"{server.url}{query}")
                wait(tab.page, MAP, N_ALL, count)
                now: float = tab.page.evaluate("performance.timeOrigin + performance.now()")
                tab.close()
                return now / 1000 - server.started

        return start

    series = interleave(
        {
            "Explore, one map": arm("?split=all", 1),
            "Compare, two maps": arm(f"compare?split=all&other={OTHER}", 2),
        },
        rounds=repeats(COLD_ROUNDS),
    )
    report(
        "Cold start",
        "s",
        series,
        what="From launching `streamlit run` to maps of 70,000 that answer; goal: two in 6 s.",
        baseline="Explore, one map",
        digits=2,
    )


def test_linked_hover(browser: Browser, tmp_path: Path) -> None:
    """Milliseconds of script in a display frame while one of two maps of 70,000 is hovered."""
    with serve(ROOT / "app.py", tmp_path) as server:
        series: dict[str, list[float]] = {}
        for name, query, count in (
            ("one map alone", "?split=all", 1),
            ("two maps, linked", f"compare?split=all&other={OTHER}", 2),
        ):
            tab = opened(browser, server, query)
            wait(tab.page, MAP, N_ALL, count)
            for i in range(count):  # the digits' pictures come while nothing moves
                root = tab.page.get_by_test_id("latent-map").nth(i)
                root.and_(tab.page.locator('[data-settled="true"]')).wait_for(timeout=120_000)
            box = tab.page.get_by_test_id("latent-map").first.bounding_box()
            assert box is not None
            middle = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
            tab.page.mouse.move(*middle)
            tab.page.wait_for_timeout(500)
            tab.page.evaluate("void takeFrames()")
            tab.wire.reset()
            for i, turn in enumerate(np.linspace(0, 4 * np.pi, MOVES)):
                reach = 0.42 * box["width"] * i / MOVES
                tab.page.mouse.move(*(middle + reach * np.array([np.cos(turn), np.sin(turn)])))
                tab.page.wait_for_timeout(20)
            series[name] = tab.page.evaluate("takeFrames()")
            assert tab.wire.frames == 0, "hovering went to the server"
            tab.close()
    report(
        "Linked hover",
        "ms",
        series,
        what=f"{MOVES} moves, all scripts of a display frame; 0 websocket frames; goal: p95 ≤ 16.",
        baseline="one map alone",
        digits=2,
    )
    say("p95: " + ", ".join(f"{name} {p95(times):.1f}" for name, times in series.items()))


def test_morph(browser: Browser, tmp_path: Path) -> None:
    """Milliseconds of script in a frame of the morph while it plays, with 200 trails."""
    with serve(ROOT / "app.py", tmp_path) as server:
        series: dict[str, list[float]] = {}
        for name, split, n in (("2 × 10,000", "test", 10_000), ("2 × 70,000", "all", N_ALL)):
            tab = opened(browser, server, f"compare?section=morph&split={split}&other={OTHER}")
            wait(tab.page, MORPH, n, 1)
            tab.page.wait_for_timeout(2000)
            root = tab.page.get_by_test_id("morph")
            tab.page.evaluate("void takeFrames()")
            root.get_by_role("button", name="▶ Play").click()
            tab.page.wait_for_timeout(4500)
            assert root.get_attribute("data-t") == "1"
            series[name] = [time for time in tab.page.evaluate("takeFrames()") if time > 0.2]
            tab.close()
    report(
        "Morph",
        "ms",
        series,
        what="One play from map to map; goals: p95 ≤ 16 with 2 × 10,000, ≤ 33 with 2 × 70,000.",
        baseline="2 × 10,000",
        digits=2,
    )
    say("p95: " + ", ".join(f"{name} {p95(times):.1f}" for name, times in series.items()))
