"""A link restores what was seen; a bad one says what was wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from tests.browser.conftest import FIRST_TEST_DIGIT, Server, Shipped
from tests.browser.tab import Tab, read_canvas
from vae_core.data import DataSet

CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}


def copy_link(tab: Tab, which: int = 0) -> str:
    root = tab.map(which).root
    root.focus()
    tab.page.keyboard.press("k")
    tab.until(lambda: "copied" in root.inner_text().lower(), "the map to say so")
    return tab.page.evaluate("navigator.clipboard.readText()")


def path_of(link: str, server: Server) -> str:
    assert link.startswith(server.url)
    return link.removeprefix(server.url)


def test_round_trip(
    open_tab: Callable[..., Tab], server: Server, second: Shipped, digits: DataSet
) -> None:
    """Checkpoint, split, view, layers, colour, pinned digit and selection, in a fresh profile."""
    tab = open_tab(server, **CLIPBOARD).wait_ready()
    with tab.rerun():
        tab.choose("Checkpoint", second.ref.name)
    with tab.rerun():
        tab.choose_radio("60,000 training")
    tab.wait_ready(points=60_000)
    row, px = tab.map().lone_digits(second.map.coords[:60_000], n=1)[0]
    with tab.rerun():
        tab.map().click(px)
    tab.picture("Original").wait_for()
    tab.open_panel("Selection")
    with tab.rerun():
        tab.type("Search", "label 2 8")
    tab.sheet().wait_for()
    tab.map().zoom_at(px, deltas=1)
    view = tab.map().settle()
    link = copy_link(tab)
    said = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    assert said["checkpoint"] == second.ref.name
    assert said["split"] == "train"
    assert said["id"] == str(row)
    assert said["select"] == "label 2 8"

    again = open_tab(server, path_of(link, server), **CLIPBOARD).wait_ready(points=60_000)
    assert second.ref.name in again.map().root.get_attribute("aria-label")
    tolerance = (view.x1 - view.x0) / 500
    assert again.map().settle()[:4] == pytest.approx(view[:4], abs=tolerance)
    assert again.typed("Search") == "label 2 8"
    total = int(np.isin(digits.labels[:60_000], [2, 8]).sum())
    again.sheet(total=total).wait_for()
    again.open_panel("Place")
    again.wait_picture("Original", 255.0 - digits.images[row].ravel(), within=0)
    assert again.alerts() == []
    points = [read_canvas(one.map().root.locator("canvas.points")) for one in (tab, again)]
    assert (np.abs(points[0].astype(int) - points[1]).max(-1) > 8).mean() < 0.02
    other = parse_qs(urlsplit(copy_link(again)).query)
    assert {name: other[name] for name in said if name != "view"} == {
        name: [value] for name, value in said.items() if name != "view"
    }


def test_a_pinned_z(open_tab: Callable[..., Tab], server: Server, first: Shipped) -> None:
    tab = open_tab(server, **CLIPBOARD).wait_ready()
    tab.type("z", "0.123456, -0.5")
    tab.wait_picture("Decoded", 255 * (1 - first.decode_z([0.123456, -0.5])), within=1)
    link = copy_link(tab)
    again = open_tab(server, path_of(link, server)).wait_ready()
    again.wait_picture("Decoded", 255 * (1 - first.decode_z([0.123456, -0.5])), within=1)


def test_other_pages(
    open_tab: Callable[..., Tab], server: Server, first: Shipped, second: Shipped
) -> None:
    tab = open_tab(server, "interpolate", **CLIPBOARD).wait_ready()
    with tab.rerun():
        tab.type("End A", "0.25, 0.5")
    again = open_tab(server, path_of(copy_link(tab), server)).wait_ready()
    assert again.page.get_by_role("link", name="Interpolate").get_attribute("aria-current")
    assert again.typed("End A · z") == "0.2500, 0.5000"

    query = f"compare?other={second.ref.name}&views=free&aligned=all"
    tab = open_tab(server, query, **CLIPBOARD).wait_ready(maps=2)
    row, px = tab.map(0).lone_digits(first.test_coords, n=1)[0]
    with tab.rerun():
        tab.map(0).click(px)
    tab.picture("Original").wait_for()
    tab.map(1).zoom_at(px_of(tab, 1), deltas=1)
    views = [tab.map(i).settle() for i in (0, 1)]
    again = open_tab(server, path_of(copy_link(tab), server)).wait_ready(maps=2)
    assert second.ref.name in again.map(1).root.get_attribute("aria-label")
    again.page.get_by_text("root mean square over 10,000 digits").wait_for()
    again.picture("Original").wait_for()
    for i, view in enumerate(views):
        tolerance = (view.x1 - view.x0) / 500
        assert again.map(i).settle()[:4] == pytest.approx(view[:4], abs=tolerance)
    assert str(FIRST_TEST_DIGIT + row) in copy_query(again)


def address(tab: Tab) -> dict[str, str]:
    """What the address says; the page is "page"."""
    parts = urlsplit(tab.page.url)
    said = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return said | {"page": parts.path.removeprefix("/")}


def until_address(tab: Tab, **said: str) -> dict[str, str]:
    """Wait until it says this; returns all that it says."""
    tab.until(lambda: said.items() <= address(tab).items(), f"an address with {said}")
    return address(tab)


def test_reload_back_and_forward(
    open_tab: Callable[..., Tab], server: Server, first: Shipped
) -> None:
    """The address follows what is shown, without a message to the server, and brings it back."""
    tab = open_tab(server, "?z=0.5,0.25&embed_options=show_footer&utm_source=mail").wait_ready()
    opened = until_address(tab, page="", checkpoint=first.ref.name, z="0.5,0.25", colour="label")
    assert opened.keys() == {
        *("page", "checkpoint", "split", "z", "layers", "colour", "embed_options")
    }
    assert tab.probes == []
    row, px = tab.map().lone_digits(first.test_coords, n=1)[0]
    with tab.rerun():
        tab.map().click(px)
    pin = str(FIRST_TEST_DIGIT + row)
    assert "z" not in until_address(tab, id=pin)
    n_sent, n_steps = len(tab.sent), tab.page.evaluate("history.length")
    tab.map().zoom_at(px, deltas=1)
    view = tab.map().settle()
    tab.until(lambda: "view" in address(tab), "the view at rest")
    assert len(tab.sent) == n_sent
    assert tab.page.evaluate("history.length") == n_steps
    tab.page.reload()
    tab.wait_ready()
    assert tab.map().settle()[:4] == pytest.approx(view[:4], abs=(view.x1 - view.x0) / 500)
    explored = until_address(tab, id=pin)

    tab.go("Interpolate").wait_ready()
    with tab.rerun():
        tab.type("End A", "0.25, 0.5")
    until_address(tab, page="interpolate", a_z="0.25,0.5", embed_options="show_footer")
    tab.go("Likelihood").wait_ready()
    until_address(tab, page="likelihood", chapter="1")
    with tab.rerun():
        tab.choose_radio(re.compile("^2 "))
    until_address(tab, page="likelihood", chapter="2")
    assert tab.page.evaluate("history.length") == n_steps + 3

    n_sent = len(tab.sent)
    for step, said in (
        (tab.page.go_back, {"page": "likelihood", "chapter": "1"}),
        (tab.page.go_back, {"page": "interpolate", "a_z": "0.25,0.5"}),
        (tab.page.go_back, {"page": "", "id": pin}),
        (tab.page.go_forward, {"page": "interpolate", "a_z": "0.25,0.5"}),
        (tab.page.go_back, {"page": "", "id": pin}),
    ):
        with tab.rerun():
            step()
        until_address(tab, **said)
        tab.wait_ready()
    assert len(tab.sent) == n_sent + 5, "one run for each step"
    again = until_address(tab, id=pin)
    assert again | {"view": ""} == explored | {"view": ""}
    corners = [[float(part) for part in one["view"].split(",")] for one in (again, explored)]
    assert corners[0] == pytest.approx(corners[1], abs=1e-4)
    tab.picture("Original").wait_for()
    with tab.rerun():
        tab.page.go_forward()
    tab.page.reload()
    tab.wait_ready()
    assert tab.typed("End A · z") == "0.2500, 0.5000"
    # the one pair of requests that fails: see Tab.probes
    assert sorted(tab.probes) == [f"/interpolate/_stcore/{x}" for x in ("health", "host-config")]

    refuse = "navigator.clipboard.writeText = () => Promise.reject(new Error())"
    tab.page.evaluate(f"() => {{ {refuse}; }}")
    tab.map().root.focus()
    tab.page.keyboard.press("k")
    field = tab.page.get_by_role("textbox", name=re.compile("Copy the link here"))
    field.wait_for()
    chosen = field.evaluate("field => field.value.slice(field.selectionStart, field.selectionEnd)")
    assert parse_qs(urlsplit(chosen).query)["a_z"] == ["0.25,0.5"]
    assert "embed" not in chosen
    tab.page.keyboard.press("Escape")
    field.wait_for(state="detached")


def px_of(tab: Tab, which: int) -> tuple[float, float]:
    view = tab.map(which).view()
    return round(view.left + view.width / 2), round(view.top + view.height / 2)


def copy_query(tab: Tab) -> str:
    return urlsplit(tab.page.url).query


@pytest.mark.parametrize(
    ("page", "query", "got", "maps"),
    [
        ("", "id=70000&split=train", "id is “70000”", 1),
        ("interpolate", "steps=1", "steps is “1”", 1),
        ("compare", "section=top", "section is “top”", 2),
        ("likelihood", "chapter=7", "chapter is “7”", 1),
    ],
)
def test_a_bad_link_opens_the_default(
    page: str,
    query: str,
    got: str,
    maps: int,
    open_tab: Callable[..., Tab],
    server: Server,
    first: Shipped,
) -> None:
    """One of each page; tests/latent_explorer has more, without a browser."""
    tab = open_tab(server, f"{page}?{query}").wait_ready(points=10_000, maps=maps)
    said = tab.wait_alert("The link could not be restored")
    assert got in said
    assert "must be" in said
    assert first.ref.name in tab.map().root.get_attribute("aria-label")
    if page == "":
        assert tab.typed("z") == ""
        # it goes when the user goes on
        with tab.rerun():
            tab.choose_radio("60,000 training")
        tab.map().wait_ready(points=60_000)
        assert not [text for text in tab.alerts() if "link" in text]
