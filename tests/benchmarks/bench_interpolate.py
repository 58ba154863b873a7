"""What a walk costs: dragging an end, shortest paths anew, an animation.

Run as the others, see `tests.benchmarks.harness`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from latent_explorer.data import encoding
from latent_explorer.data.digits import SPLITS
from latent_explorer.pages.interpolate import files, geometry
from latent_explorer.pages.interpolate.wayfinding import FoundWay, find
from latent_explorer.pages.interpolate.ways import Short
from tests.benchmarks.harness import repeats, say, shown_checkpoint
from tests.browser.running import ServerProcess, chromium
from tests.browser.tab import Tab

UPDATES = 15
N_MOVES = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    running = ServerProcess(tmp_path_factory.mktemp("server") / "server.log")
    yield running
    running.stop()


def test_geodesics_anew() -> None:
    """One end moves; lattices and density are kept."""
    ref = shown_checkpoint()
    shorts: list[Short] = ["image", "fisher-rao", "density"]
    codes = geometry.code_means(ref)[SPLITS["test"]]
    find(ref, shorts, codes[:2].astype(float), {})  # fills the caches
    for asked in [[way] for way in shorts] + [shorts]:
        taken = []
        for i in range(repeats(UPDATES)):
            stops = codes[[4, 10 + i]].astype(float)
            begin = time.perf_counter()
            found = find(ref, asked, stops, {})
            taken.append(1000 * (time.perf_counter() - begin))
            assert all(isinstance(each, FoundWay) for each in found.values())
        say(
            f"shortest paths, {' + '.join(asked)}: median {median(taken):.0f} ms, "
            f"from {min(taken):.0f} to {max(taken):.0f} ms (goal 400)"
        )


def test_animation() -> None:
    ref = shown_checkpoint()
    z = np.linspace(*geometry.code_means(ref)[[60_000, 60_004]], files.N_FRAMES)
    encoding.decode(ref, z)
    taken = []
    for _ in range(repeats(5)):
        begin = time.perf_counter()
        gif = files.animation_gif(encoding.decode(ref, z), is_loop=False)
        taken.append(1000 * (time.perf_counter() - begin))
    say(
        f"GIF of {files.N_FRAMES} frames there and back, {len(gif) / 1000:.0f} kB: median "
        f"{median(taken):.0f} ms (goal 1000)"
    )


def test_dragging(server: ServerProcess, tmp_path: Path) -> None:
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        tab = Tab(context.new_page(), server.url + "interpolate?ways=straight,image,fisher-rao")
        tab.wait_ready()
        tab.keyed("walk_profile").locator(".plot-container").wait_for()
        tab.wait_idle()
        end = tab.page.get_by_role("textbox", name="End A")
        walk = tab.page.get_by_test_id("walk")
        frame_ms: list[float] = []
        whole_ms: list[float] = []
        n_sent = 0
        for turn in range(repeats(5)):
            at = np.array([[float(part) for part in end.input_value().split(",")]])
            x, y = tab.map().view().to_px(at)[0].tolist()
            sent = len(tab.sent)
            tab.page.mouse.move(x, y)
            tab.page.mouse.down()
            for i in range(N_MOVES):
                tab.page.mouse.move(x - i * (1 if turn % 2 else -1), y + i / 2)
                frame_ms.append(float(walk.get_attribute("data-live-ms") or "nan"))
            n_sent += len(tab.sent) - sent
            begin = time.perf_counter()
            tab.page.mouse.up()
            tab.until(
                lambda: not walk.evaluate("root => root.classList.contains('live')"),
                "the new strip",
            )
            whole_ms.append(1000 * (time.perf_counter() - begin))
            tab.wait_idle()
        context.close()
    say(
        f"dragging an end, strip of 11 steps: median {np.nanmedian(frame_ms):.1f} ms a frame, "
        f"{n_sent} frames to the server in {len(frame_ms)} moves; from letting go to the new "
        f"ways and strip: median {median(whole_ms):.0f} ms"
    )
