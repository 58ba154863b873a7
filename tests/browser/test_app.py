"""The shell: pages, checkpoints that come and go, colour schemes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.browser.conftest import FIRST_TEST_DIGIT, Server, Shipped
from tests.browser.tab import Tab, read_canvas, read_grey
from vae_core.checkpoints import save_checkpoint
from vae_core.data import DataSet
from vae_core.tensors import round_to_stored


def checkpoint_names(tab: Tab) -> list[str]:
    tab.page.get_by_role("combobox", name="Checkpoint", exact=True).click()
    tab.page.get_by_role("option").first.wait_for()
    names = tab.page.get_by_role("option").all_inner_texts()
    tab.page.keyboard.press("Escape")
    return [name.strip().split(" · ")[0] for name in names]


def test_pages_keep_their_state(tab: Tab, first: Shipped, digits: DataSet) -> None:
    row, px = tab.map().lone_digits(first.test_coords, n=1)[0]
    near = tab.map()
    near.zoom_at(px, deltas=1)
    view = near.settle()
    with tab.rerun():
        near.click(tuple(view.to_px(first.test_coords[row][None])[0].round().tolist()))
    tab.picture("Original").wait_for()
    with tab.rerun():
        tab.choose_radio("Pixels")
    original, typed = read_grey(tab.picture("Original")), tab.typed("z")
    assert (original == 255 - digits.images[FIRST_TEST_DIGIT + row].reshape(-1)).all()

    tab.go("Interpolate").wait_ready()
    slider = tab.page.get_by_test_id("stSlider").get_by_role("slider")
    slider.focus()
    slider.press("Home")
    tab.until(lambda: tab.keyed("walk_strip").locator(".cell canvas").count() == 2, "two steps")
    with tab.rerun():
        tab.choose_radio("Spherical")
    ends = [tab.typed(re.compile(f"^End {name}")) for name in "AB"]

    tab.go("Compare").wait_ready(maps=2)
    with tab.rerun():
        tab.choose("Compared with", "iwae")
    tab.wait_ready(maps=3)
    with tab.rerun():
        tab.map(0).click(tab.map(0).empty_place(first.test_coords))
    tab.picture("iwae").wait_for()

    tab.go("Explore").wait_ready()
    tab.wait_picture("Original", original, within=0)
    assert tab.typed("z") == typed
    assert tab.map().settle()[:4] == pytest.approx(view[:4], abs=1e-9)
    pixels = tab.page.get_by_role("radio", name="Pixels", exact=True)
    assert pixels.get_attribute("aria-checked") == "true"

    tab.go("Interpolate").wait_ready()
    assert tab.keyed("walk_strip").locator(".cell canvas").count() == 2
    assert [tab.typed(re.compile(f"^End {name}")) for name in "AB"] == ends
    arc = tab.page.get_by_role("radio", name="Spherical", exact=True)
    assert arc.get_attribute("aria-checked") == "true"

    tab.go("Compare").wait_ready(maps=3)
    tab.picture("iwae").wait_for()


def test_a_checkpoint_for_all_pages(tab: Tab, second: Shipped) -> None:
    with tab.rerun():
        tab.choose("Checkpoint", second.ref.name)
    for title, n_maps in (("Interpolate", 1), ("Compare", 2), ("Likelihood", 1), ("Explore", 1)):
        tab.go(title).wait_ready(maps=n_maps)
        assert second.ref.name in tab.map().root.get_attribute("aria-label")


def test_dark(open_tab: Callable[..., Tab], server: Server, first: Shipped) -> None:
    tab = open_tab(server, color_scheme="dark").wait_ready()
    background = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    app = tab.page.get_by_test_id("stApp").evaluate("e => getComputedStyle(e).backgroundColor")
    for colour in (background, app):
        red, green, blue = map(int, re.findall(r"\d+", colour)[:3])
        assert max(red, green, blue) < 60
    corner = read_canvas(tab.map().root.locator("canvas.points"))[3, 3, :3]
    assert corner.max() < 60
    px = tab.map().empty_place(first.test_coords)
    z = tab.map().hover(px)
    assert np.abs(tab.map().lens() - 255 * first.decode(z)).max() <= 2  # paper on ink
    with tab.rerun():
        tab.map().click(px)
    tab.wait_picture("Decoded", 255 * first.decode(z), within=1)


def test_theme_switch_while_open(tab: Tab, first: Shipped) -> None:
    px = tab.map().empty_place(first.test_coords)
    z = tab.map().view().to_plane(px)
    with tab.rerun():
        tab.map().click(px)
    tab.wait_picture("Decoded", 255 * (1 - first.decode(z)), within=1)
    tab.page.emulate_media(color_scheme="dark")
    tab.wait_picture("Decoded", 255 * first.decode(z), within=1)
    tab.until(
        lambda: read_canvas(tab.map().root.locator("canvas.points"))[3, 3, :3].max() < 60,
        "the map to turn dark",
    )


def test_an_empty_folder_is_explained(
    open_tab: Callable[..., Tab],
    start_server: Callable[[Path], Server],
    tmp_path: Path,
    shipped: dict[str, Shipped],
) -> None:
    """And left by itself when a checkpoint appears."""
    weights = tmp_path / "weights"
    weights.mkdir()
    server = start_server(weights)
    tab = open_tab(server)
    tab.page.get_by_role("heading", name="No checkpoint yet").wait_for()
    tab.wait_alert(str(weights))
    assert "python -m vae_core train" in tab.page.get_by_test_id("stCode").inner_text()
    (weights / "broken.safetensors").write_bytes(b"no tensors")
    small = min(shipped.values(), key=lambda s: s.ref.path.stat().st_size)
    tab.page.reload()
    tab.wait_alert("broken.safetensors")
    tab.page.get_by_role("heading", name="No checkpoint yet").wait_for()
    shutil.copy(small.ref.path, weights / "mine.safetensors")
    tab.page.reload()
    tab.wait_ready(points=10_000)
    assert "mine" in tab.map().root.get_attribute("aria-label")


def test_checkpoints_come_and_go(
    open_tab: Callable[..., Tab],
    start_server: Callable[[Path], Server],
    tmp_path: Path,
    first: Shipped,
    make_model: Callable[..., Any],
    make_header: Callable[..., Any],
) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    shutil.copy(first.ref.path, weights / "one.safetensors")
    server = start_server(weights)
    tab = open_tab(server).wait_ready()
    assert checkpoint_names(tab) == ["one"]

    model = make_model(latent_dim=3, gain=3.0)
    round_to_stored(model)
    save_checkpoint(weights / "three.safetensors", model, make_header(model))
    (weights / "broken.safetensors").write_bytes(first.ref.path.read_bytes()[:5000])
    with tab.rerun():
        tab.choose_radio("60,000 training")
    tab.wait_alert("broken.safetensors")
    assert len(tab.alerts()) == 2, "the hint and the broken file"
    tab.wait_ready(points=60_000)
    assert checkpoint_names(tab) == ["one", "three"]

    # three dimensions, and a file without a map: encoded on the way
    with tab.rerun():
        tab.choose("Checkpoint", "three")
    tab.until(lambda: "three" in tab.map().root.get_attribute("aria-label"), "the other map")
    tab.wait_ready(points=60_000)
    tab.page.get_by_text("z has 3 dimensions").wait_for()
    tab.type("z", "0.5, -0.25, 1")
    import torch

    expected = 255 * (1 - model.decode(torch.tensor([[0.5, -0.25, 1.0]]))[0].numpy())
    tab.wait_picture("Decoded", expected, within=1)
    view = tab.map().view()
    px = (round(view.left + view.width / 3), round(view.top + view.height / 3))
    tab.map().hover(px)
    assert tab.map().root.locator(".lens-z").inner_text().startswith("u = (")
    with tab.rerun():
        tab.type("z", "1, 2")
    tab.wait_alert("“1, 2”")

    # a damaged one says so when it is chosen, and another can be chosen
    data = bytearray((weights / "three.safetensors").read_bytes())
    data[-2:] = b"\xff\x7f"  # a NaN in float16, and a NaN's upper half in float32
    (weights / "sick.safetensors").write_bytes(data)
    (weights / "broken.safetensors").unlink()
    with tab.rerun():
        tab.choose_radio("10,000 test")
    with tab.rerun():
        tab.choose("Checkpoint", "sick")
    tab.wait_alert("sick.safetensors")
    assert len(tab.alerts()) == 1
    with tab.rerun():
        tab.choose("Checkpoint", "one")
    tab.wait_ready(points=10_000)

    # the chosen one is deleted: the app goes on with another
    (weights / "one.safetensors").unlink()
    (weights / "sick.safetensors").unlink()
    with tab.rerun():
        tab.choose_radio("all 70,000")
    tab.until(lambda: "three" in tab.map().root.get_attribute("aria-label"), "what is left")
    tab.wait_ready(points=70_000)
