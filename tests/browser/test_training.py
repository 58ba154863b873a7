"""A training's slider in the browser, and a checkpoint that is uploaded."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.browser.conftest import Server
from tests.browser.tab import Tab, read_grey
from tests.browser.test_accessibility import findings
from tests.browser.test_link import CLIPBOARD
from vae_core.analysis.projection import encode_images
from vae_core.checkpoints import load_checkpoint
from vae_core.data import load_mnist
from vae_core.snapshots import Snapshots, scan_snapshots

WEIGHTS = Path(__file__).parents[2] / "weights"


@pytest.fixture(scope="module")
def growing() -> Snapshots:
    """The shipped snapshots."""
    [found], problems = scan_snapshots(WEIGHTS)
    assert problems == []
    return found


def test_a_training_moves_with_its_slider(
    open_tab: Callable[..., Tab], server: Server, growing: Snapshots
) -> None:
    row = 7
    path = f"compare?section=training&id={60_000 + row}"
    tab = open_tab(server, path, reduced_motion="reduce", **CLIPBOARD)
    board = tab.page.locator('[data-testid="timeline"][data-ready]')
    board.wait_for()
    tab.wait_idle()
    slider = tab.page.get_by_role("slider", name="Moment of training")
    picture = board.locator("canvas.reconstruction")

    def check_reconstruction(i: int) -> None:
        model = load_checkpoint(growing.refs[i]).model
        mu = encode_images(model, load_mnist("test").images[row : row + 1]).mu
        expected = 255 - 255 * model.decode(mu)[0].numpy()
        assert int(picture.get_attribute("data-snapshot") or -1) == i
        assert np.abs(read_grey(picture).reshape(-1) - expected).max() <= 1

    n_sent = len(tab.sent)
    check_reconstruction(0)
    assert "untrained" in (slider.get_attribute("aria-valuetext") or "")
    slider.press("ArrowRight")
    assert board.get_attribute("data-t") == "0.05"
    assert "interpolated" in (slider.get_attribute("aria-valuetext") or "")
    slider.press("End")
    last = len(growing.refs) - 1
    check_reconstruction(last)
    assert f"snapshot {last + 1} of {last + 1}" in (slider.get_attribute("aria-valuetext") or "")
    stored = load_checkpoint(growing.refs[-1]).metrics
    value = f"{stored['log_px'].value:.2f} nats".replace("-", "−")
    curve = board.locator(".curve", has_text="log p(x), exact")
    assert value in curve.inner_text()
    mark = curve.locator("line.mark")
    assert float(mark.get_attribute("x1") or 0) == pytest.approx(100)
    before = board.locator("canvas.map").screenshot()
    tab.page.get_by_role("button", name="Mosaic", exact=True).click()
    assert board.locator("canvas.map").screenshot() != before
    tab.page.get_by_role("button", name="Copy link").click()
    tab.page.get_by_role("button", name="Link copied").wait_for()
    link = tab.page.evaluate("navigator.clipboard.readText()")
    again = open_tab(server, link.removeprefix(server.url)).page.get_by_test_id("timeline").last
    tab.until(lambda: again.get_attribute("data-t") == str(last), "the moment of the link")
    assert again.get_attribute("data-look") == "mosaic"
    # from the end it plays from the start; for those who want no motion, snapshot by snapshot
    tab.page.get_by_role("button", name="▶ Play").click()
    tab.until(lambda: board.get_attribute("data-t") == "1", "the second snapshot")
    tab.page.get_by_role("button", name="❚❚ Pause").click()
    assert len(tab.sent) == n_sent, "all of it without the server"
    assert findings(tab) == []

    # a click follows another digit: the nearest to it then
    slider.press("End")
    tab.page.get_by_role("button", name="Points", exact=True).click()
    codes = encode_images(load_checkpoint(growing.refs[-1]).model, load_mnist("test").images).mu
    gaps = np.sort(((codes[:400, None] - codes[None]) ** 2).sum(-1).sqrt().numpy(), 1)[:, 1]
    half = float(board.get_attribute("data-half") or 0)
    is_inside = (codes[:400].abs() < 0.9 * half).all(1).numpy()
    lone = int(np.where(is_inside, gaps, 0).argmax())
    box = board.locator("canvas.map").bounding_box()
    assert box is not None
    x, y = codes[lone].tolist()
    scale = box["width"] / 2 / half
    middle = box["width"] / 2
    with tab.rerun():
        board.locator("canvas.map").click(
            position={"x": middle + x * scale, "y": middle - y * scale}
        )
    tab.wait_idle()
    assert tab.page.get_by_label("Test digit to follow").input_value() == str(lone)


def test_a_checkpoint_is_uploaded(
    open_tab: Callable[..., Tab], server: Server, growing: Snapshots, tmp_path: Path
) -> None:
    tab = open_tab(server, "compare").wait_ready(maps=2)
    tab.page.get_by_role("button", name="Upload").click()
    path = tmp_path / "no.safetensors"
    path.write_bytes(b"a pickle")
    with tab.rerun():
        tab.page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(path)
    assert "no.safetensors is damaged" in tab.wait_alert("no.safetensors")
    path = tmp_path / "mine.safetensors"
    shutil.copy(growing.refs[-1].path, path)
    with tab.rerun():
        tab.page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(path)
    tab.page.get_by_role("button", name="Remove mine (uploaded)").wait_for()
    tab.page.keyboard.press("Escape")
    with tab.rerun():
        tab.choose("Checkpoint", "mine (uploaded)")
    tab.until(lambda: "mine" in (tab.map(0).root.get_attribute("aria-label") or ""), "its map")
