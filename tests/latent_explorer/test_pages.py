"""Every page, run by Streamlit's own test harness: no browser, the real script."""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from latent_explorer.data import catalogue, digits, encoding
from tests.latent_explorer.conftest import ROOT
from tests.latent_explorer.markdown import as_read
from vae_core.data import load_mnist

PAGES = sorted(path.relative_to(ROOT) for path in ROOT.glob("latent_explorer/pages/*/view.py"))
INTERPOLATE, COMPARE = (
    "latent_explorer/pages/interpolate/view.py",
    "latent_explorer/pages/compare/view.py",
)


def component(at: AppTest, key: str) -> dict[str, Any]:
    """JSON that a component was given."""
    (found,) = (one for one in at.get("bidi_component") if one.key == key)
    data = json.loads(found.proto.json)
    return data[0] if isinstance(data, list) else data  # a map's, or another component's


def address(at: AppTest) -> dict[str, str]:
    """Parameters that the page gives the address, and those for links alone."""
    (key,) = (one.key for one in at.get("bidi_component") if one.key.startswith("address_"))
    said = component(at, key)
    return said["params"] | said["more"]


def pictures(at: AppTest, key: str) -> dict[str, np.ndarray]:
    """Bytes of a strip's pictures by title, each of shape (784,)."""
    return {
        image["title"]: np.frombuffer(base64.b64decode(image["pixels"]), np.uint8).astype(int)
        for image in component(at, key)["images"]
    }


def trigger(at: AppTest, key: str, event: str, value: object) -> AppTest:
    """Let a component report an event: AppTest has no public way to do it."""
    (found,) = (one for one in at.get("bidi_component") if one.key == key)
    states = at._tree.get_widget_states()
    state = WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{found.proto.id}__events")
    state.json_trigger_value = json.dumps([{"event": event, "value": value}])
    states.widgets.append(state)
    at._run(states)
    return at


def widget(kind: Iterable[Any], name: str) -> Any:
    """Find a widget that Python writes to: each write gives it the next key, name_1, name_2…"""
    (found,) = (one for one in kind if re.fullmatch(rf"{name}(_\d+)?", one.key or ""))
    return found


def names_in(box: Any) -> list[str]:
    """Names of the checkpoints that a list offers, without what kind each is."""
    return [option.split(" · ")[0] for option in box.options]


def shown_errors(at: AppTest) -> list[str]:
    return [as_read(box) for box in (*at.error, *at.warning)]


def test_the_pages_are_found() -> None:
    """Else the tests of every page would test none."""
    names = {path.parent.name for path in PAGES}
    assert names == {"explore", "interpolate", "compare", "likelihood"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.parent.name)
def test_every_page_runs(app: AppTest, path: Path) -> None:
    app.run()
    app.switch_page(path.as_posix()).run()
    assert not app.exception
    assert not shown_errors(app)
    assert any(one.key for one in app.get("bidi_component"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.parent.name)
def test_every_page_runs_with_every_checkpoint_and_split(app: AppTest, path: Path) -> None:
    app.run()
    app.switch_page(path.as_posix()).run()
    for name in names_in(app.selectbox(key="app_checkpoint")):
        app.selectbox(key="app_checkpoint").set_value(name).run()
        assert not app.exception, name
        assert not shown_errors(app), name
    app.radio(key="app_split").set_value("all").run()
    assert not app.exception


def test_typed_latents(app: AppTest) -> None:
    app.run()
    ref = {one.name: one for one in catalogue.checkpoints()[0]}[
        app.selectbox(key="app_checkpoint").value
    ]
    widget(app.text_input, "explore_typed").set_value("(0.5, −0.25)").run()
    assert "##### Decoded at z = (0.500, −0.250)" in [one.value for one in app.markdown]
    expected = encoding.decode(ref, np.array([[0.5, -0.25]]))[0] * 255
    decoded = pictures(app, "explore_images")["Decoded"]
    assert np.abs(decoded - expected).max() <= 0.51
    # it says which digit that is: the ten test images nearest in pixels vote
    test = load_mnist("test")
    apart = ((test.images.reshape(-1, 784) - expected) ** 2).sum(1)
    votes = np.bincount(test.labels[apart.argsort()[:10]], minlength=10)
    said = next(one.value for one in app.markdown if one.value.startswith("**Looks like"))
    assert said.startswith(f"**Looks like a {votes.argmax()}**: ")
    assert (f"{votes.max()} of the 10" if votes.max() < 10 else "all the 10") in said
    assert component(app, "explore_map")["pin"]["coords"] == pytest.approx([0.5, -0.25])
    for bad in ("abc", "inf, 1", "nan nan", "1", "1,2,3", "1e9, 0", "<b>, *1*"):
        widget(app.text_input, "explore_typed").set_value(bad).run()
        assert not app.exception
        (said,) = shown_errors(app)
        assert bad in said
        assert (pictures(app, "explore_images")["Decoded"] == decoded).all()  # the old picture
    widget(app.text_input, "explore_typed").set_value("0 0").run()
    assert not shown_errors(app)
    widget(app.text_input, "explore_typed").set_value("").run()
    assert component(app, "explore_map")["pin"] is None
    assert len(app.info) == 1


def test_what_python_wrote_outlives_a_message_sent_before_the_browser_knew_it(
    app: AppTest,
) -> None:
    app.run()
    widget(app.text_input, "explore_typed").set_value("0.5 0.25").run()
    known_to_browser = app._tree.get_widget_states()
    trigger(app, "explore_map", "pick", {"coords": [0.0, 0.0], "id": 60_002})
    app._run(known_to_browser)  # the map asks for a layer, say, and all old values come along
    assert component(app, "explore_map")["pin"]["id"] == 60_002
    assert "0.5" not in widget(app.text_input, "explore_typed").value


def test_random_digit_and_release(app: AppTest) -> None:
    app.run()
    (random,) = (one for one in app.button if one.label == "Random digit")
    random.click().run()
    pin = component(app, "explore_map")["pin"]
    assert 60_000 <= pin["id"] < 70_000
    image = load_mnist("test").images[pin["id"] - 60_000].reshape(-1)
    assert (pictures(app, "explore_images")["Original"] == image).all()
    app.button(key="explore_release").click().run()
    assert component(app, "explore_map")["pin"] is None
    assert app.button(key="explore_release").disabled


def test_random_digits_come_from_the_split(app: AppTest) -> None:
    app.run()
    app.radio(key="app_split").set_value("train").run()
    (random,) = (one for one in app.button if one.label == "Random digit")
    random.click().run()
    assert component(app, "explore_map")["pin"]["id"] < 60_000


def test_picks(app: AppTest) -> None:
    app.run()
    trigger(app, "explore_map", "pick", {"coords": [0.25, 0.125], "id": None})
    assert not app.exception
    assert component(app, "explore_map")["pin"]["coords"] == pytest.approx([0.25, 0.125])
    trigger(app, "explore_map", "pick", {"coords": [0.0, 0.0], "id": 60_011})
    assert component(app, "explore_map")["pin"]["id"] == 60_011
    near = component(app, "explore_neighbours")["images"]
    assert len(near) == 5
    trigger(app, "explore_neighbours", "choose", 1)
    assert not app.exception
    chosen = component(app, "explore_map")["pin"]["id"]
    assert chosen != 60_011
    assert near[1]["title"] == f"a {load_mnist('test').labels[chosen - 60_000]}"


@pytest.mark.parametrize(
    "value", ["x", {"coords": [1]}, {"coords": [0, None]}, {"coords": [0, 0], "id": "7"}, 3, []]
)
def test_a_message_that_is_no_pick_changes_nothing(app: AppTest, value: object) -> None:
    app.run()
    trigger(app, "explore_map", "pick", {"coords": [0.25, 0.125], "id": None})
    trigger(app, "explore_map", "pick", value)
    assert not app.exception
    assert component(app, "explore_map")["pin"]["coords"] == pytest.approx([0.25, 0.125])


@pytest.mark.parametrize("value", [99, -1, "1", None])
def test_a_choice_that_is_none_changes_nothing(app: AppTest, value: object) -> None:
    app.run()
    trigger(app, "explore_map", "pick", {"coords": [0.0, 0.0], "id": 60_011})
    trigger(app, "explore_neighbours", "choose", value)
    assert not app.exception
    assert component(app, "explore_map")["pin"]["id"] == 60_011


def test_interpolate(app: AppTest) -> None:
    app.run()
    app.switch_page(INTERPOLATE).run()
    assert list(pictures(app, "walk_strip")) == ["A", *(f"step {i}" for i in range(1, 10)), "B"]
    assert [mark["id"] for mark in component(app, "walk_map")["marks"]] == [60_000, 60_004]
    app.slider(key="walk_steps").set_value(2).run()
    assert list(pictures(app, "walk_strip")) == ["A", "B"]
    assert len(component(app, "walk_map")["path"]["points"]) == 2
    before = pictures(app, "walk_strip")
    (swap,) = (one for one in app.button if one.label == "Swap")
    swap.click().run()
    after = pictures(app, "walk_strip")
    assert (after["A"] == before["B"]).all()
    assert (after["B"] == before["A"]).all()
    (random,) = (one for one in app.button if "andom" in one.label)
    random.click().run()
    assert not app.exception
    ids = [mark["id"] for mark in component(app, "walk_map")["marks"]]
    assert len(set(ids)) == 2
    assert all(60_000 <= one < 70_000 for one in ids)


def test_interpolate_refines_its_first_look(app: AppTest) -> None:
    app.run()
    app.switch_page(INTERPOLATE).run()
    assert not app.exception
    (table,) = (each.value for each in app.get("html") if "class=ways" in each.value)
    assert table.count("shortest of 4 found, locally shortest") == 1
    assert "first look" not in table
    assert not any(said.value.startswith("Looking") for said in app.caption)


def test_interpolate_clicks_set_a_then_b(app: AppTest) -> None:
    app.run()
    app.switch_page(INTERPOLATE).run()
    for place, name in (([0.5, 0.5], "A"), ([-0.5, 0.25], "B"), ([0.1, 0.1], "A")):
        trigger(app, "walk_map", "pick", {"coords": place, "id": None})
        assert not app.exception
        marks = {mark["text"]: mark["coords"] for mark in component(app, "walk_map")["marks"]}
        assert marks[name] == pytest.approx(place)


def test_interpolate_refuses_what_is_no_latent(app: AppTest) -> None:
    app.run()
    app.switch_page(INTERPOLATE).run()
    marks = component(app, "walk_map")["marks"]
    for name, bad in (("A", "x"), ("B", "1 2 3 4 5 6"), ("A", "inf 0"), ("B", "")):
        widget(app.text_input, f"walk_typed_{name}").set_value(bad).run()
        assert not app.exception
        (said,) = shown_errors(app)
        assert said.startswith(f"End {name}: ")
        assert component(app, "walk_map")["marks"] == marks
    widget(app.text_input, "walk_typed_B").set_value("0.5 0.25").run()
    assert not shown_errors(app)
    assert component(app, "walk_map")["marks"][1]["coords"] == pytest.approx([0.5, 0.25])


@pytest.mark.parametrize(("a", "b"), [("1 0", "-1 0"), ("0 0", "1 1")])
def test_where_there_is_no_arc_a_line_is_drawn(app: AppTest, a: str, b: str) -> None:
    app.run()
    app.switch_page(INTERPOLATE).run()
    widget(app.text_input, "walk_typed_A").set_value(a).run()
    widget(app.text_input, "walk_typed_B").set_value(b).run()
    app.get("button_group")[1].set_value("spherical").run()
    assert not app.exception
    (said,) = shown_errors(app)
    assert said.startswith("No spherical arc here: ")
    path = np.array(component(app, "walk_map")["path"]["points"])
    ends = [[float(part) for part in text.split()] for text in (a, b)]
    np.testing.assert_allclose(path, np.linspace(*ends, 11), atol=1e-6)


def test_equal_ends_are_refused(app: AppTest) -> None:
    app.run()
    app.switch_page(INTERPOLATE).run()
    widget(app.text_input, "walk_typed_A").set_value("1 1").run()
    marks, strip = component(app, "walk_map")["marks"], pictures(app, "walk_strip")
    widget(app.text_input, "walk_typed_B").set_value("1 1").run()
    (said,) = shown_errors(app)
    assert "same place" in said
    assert component(app, "walk_map")["marks"] == marks
    assert all((pictures(app, "walk_strip")[name] == strip[name]).all() for name in strip)


def test_ends_by_search_and_by_class(app: AppTest) -> None:
    app.run()
    app.switch_page(INTERPOLATE).run()
    widget(app.text_input, "walk_typed_A").set_value("index 12").run()
    assert component(app, "walk_map")["marks"][0]["id"] == 60_012
    widget(app.text_input, "walk_typed_B").set_value("4").run()  # a class, where z has two numbers
    assert digits.labels()[component(app, "walk_map")["marks"][1]["id"]] == 4
    widget(app.text_input, "walk_typed_A").set_value("index 10001").run()
    (said,) = shown_errors(app)
    assert "10,001" in said
    app.selectbox(key="walk_from").set_value(3)
    app.selectbox(key="walk_to").set_value(8).run()
    (random,) = (one for one in app.button if one.label == "Random pair")
    random.click().run()
    ids = [mark["id"] for mark in component(app, "walk_map")["marks"]]
    assert digits.labels()[ids].tolist() == [3, 8]


def test_way_points_loop_and_reverse(app: AppTest) -> None:
    app.run()
    app.switch_page(INTERPOLATE).run()
    app.get("button_group")[0].set_value("way-point").run()
    for place in ([0.5, 0.5], [-0.5, 0.25]):
        trigger(app, "walk_map", "pick", {"coords": place, "id": None})
    trigger(app, "walk_map", "drag", {"text": "ii", "coords": [-0.75, 0.25], "id": None})
    trigger(app, "walk_map", "drag", {"text": "iii", "coords": [9, 9], "id": None})  # there is none
    marks = component(app, "walk_map")["marks"]
    # neither a number, which on this map would be a digit, nor an end's disc
    assert [(mark["text"], mark["isOnWay"]) for mark in marks] == [
        ("A", False),
        ("B", False),
        ("i", True),
        ("ii", True),
    ]
    app.toggle(key="walk_loop").set_value(True).run()
    state = component(app, "walk_strip")
    assert [stop["text"] for stop in state["stops"]] == ["A", "i", "ii", "B", "A"]
    assert state["stops"][2]["z"] == pytest.approx([-0.75, 0.25])
    assert state["z"][0] == state["z"][-1] == state["stops"][0]["z"]
    stops = np.array([stop["z"] for stop in state["stops"]])
    length = np.linalg.norm(np.diff(stops, axis=0), axis=1).sum()
    chords = np.linalg.norm(np.diff(state["z"], axis=0), axis=1)
    assert chords.max() <= length / 10 * (1 + 1e-9)  # shorter where one cuts a corner
    link = address(app)
    assert link["loop"] == "1"
    assert len(link["via"].split(";")) == 2
    (reverse,) = (one for one in app.button if one.label == "Reverse")
    reverse.click().run()
    assert [s["z"] for s in component(app, "walk_strip")["stops"][1:4]] == [
        state["stops"][i]["z"] for i in (2, 1, 0)
    ]
    (clear,) = (one for one in app.button if one.label == "Clear way-points")
    clear.click().run()
    # They stay in their place, so that nothing moves when a way-point comes or goes.
    assert all(one.disabled for one in app.button if one.label in ("Reverse", "Clear way-points"))
    assert len(component(app, "walk_strip")["stops"]) == 3


def test_dragged_ends_that_are_none_are_ignored(app: AppTest) -> None:
    app.run()
    app.switch_page(INTERPOLATE).run()
    marks = component(app, "walk_map")["marks"]
    for bad in ({"text": "A"}, {"text": "9", "coords": [0, 0], "id": None}, [1], "A", None):
        trigger(app, "walk_map", "drag", bad)
        assert not app.exception
        assert component(app, "walk_map")["marks"] == marks
    trigger(app, "walk_map", "drag", {"text": "B", "coords": [0.25, 0.5], "id": None})
    assert component(app, "walk_map")["marks"][1]["coords"] == pytest.approx([0.25, 0.5])


def test_all_ways_at_once(app: AppTest) -> None:
    app.run()
    app.switch_page(INTERPOLATE).run()
    names = ["straight", "spherical", "image", "fisher-rao", "density"]
    app.get("button_group")[2].set_value(names).run()
    assert not app.exception
    assert len(component(app, "walk_map")["lines"]) == 4
    dashes = {tuple(line["dash"]) for line in component(app, "walk_map")["lines"]}
    assert len(dashes) == 4
    app.get("button_group")[1].set_value("image").run()
    app.get("button_group")[3].set_value("image").run()
    z = np.array(component(app, "walk_strip")["z"])
    images = np.stack([*pictures(app, "walk_strip").values()]) / 255
    steps = np.linalg.norm(np.diff(images, axis=0), axis=1)
    assert steps.max() < 1.5 * steps.min()  # even along the curve; chords cut its bends
    assert address(app)["way"] == "image"
    assert len(z) == 11


def test_arithmetic(app: AppTest) -> None:
    app.run()
    app.switch_page(INTERPOLATE).run()
    for name, text in (("a", "1 0"), ("b", "0.5 0.5"), ("c", "index 3")):
        widget(app.text_input, f"walk_term_{name}").set_value(text)
    app.run()
    (add,) = (one for one in app.button if one.label.startswith("Walk from c"))
    add.click().run()
    a, b = (stop["z"] for stop in component(app, "walk_strip")["stops"])
    assert np.subtract(b, a) == pytest.approx([0.5, -0.5])
    assert any("z(a) − z(b) + z(c) = (" in one.value for one in app.markdown)
    widget(app.text_input, "walk_term_b").set_value("1 0").run()
    (add,) = (one for one in app.button if one.label.startswith("Walk from c"))
    add.click().run()
    (said,) = shown_errors(app)
    assert "z(a) − z(b) is 0" in said
    assert component(app, "walk_strip")["stops"][1]["z"] == b


def test_compare(app: AppTest) -> None:
    app.run()
    app.switch_page(COMPARE).run()
    others = names_in(app.multiselect[0])
    # it opens with what teaches something: the textbook VAE, which differs in two ideas
    assert app.multiselect[0].value == ["elbo"]
    assert "elbo · plain VAE" in app.multiselect[0].options
    assert any("differs from atlas in how its training started" in one.value for one in app.caption)
    assert app.selectbox(key="app_checkpoint").value not in others
    widget(app.multiselect, "compare_others").set_value(others[:3]).run()
    assert not app.exception
    trigger(app, "compare_map_1", "pick", {"coords": [0.0, 0.0], "id": 60_002})
    assert not app.exception
    for side in range(1, 5):
        assert component(app, f"compare_map_{side}")["pin"]["id"] == 60_002
    assert "Original" in pictures(app, "compare_images")
    trigger(app, "compare_map_2", "pick", {"coords": [0.5, 0.5], "id": None})
    assert "Original" not in pictures(app, "compare_images")
    # a selection is all maps'
    bits = base64.b64encode(bytes([0b101])).decode()
    trigger(app, "compare_map_3", "select", {"first_id": 60_000, "n": 2, "bits": bits})
    for side in range(1, 5):
        assert component(app, f"compare_map_{side}")["selected"]["bits"] == bits
    widget(app.button_group, "compare_aligned").set_value("selection").run()
    assert not app.exception
    turn = np.array(component(app, "compare_map_2")["turn"])
    np.testing.assert_allclose(turn @ turn.T, np.eye(2), atol=1e-9)
    assert any("over 2 digits" in one.value for one in app.caption)
    # what is the sidebar's is no other any more
    app.selectbox(key="app_checkpoint").set_value(others[0]).run()
    assert not app.exception
    assert others[0] not in app.multiselect[0].value
    assert len(app.multiselect[0].value) == 2


def _set_metrics(path: Path, values: dict[str, float]) -> None:
    from safetensors.numpy import load_file

    from vae_core.checkpoints import write_atomically

    raw = path.read_bytes()
    text = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]["vae_core"]
    header = json.loads(text)
    header["metrics"] = {
        name: header["metrics"]["elbo"] | {"value": value, "stderr": None}
        for name, value in values.items()
    }
    write_atomically(path, load_file(path), {"vae_core": json.dumps(header)})


def test_an_empty_folder_is_explained(weights: Path, app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert app.title[0].value == "No checkpoint yet"
    assert str(weights) in as_read(app.info[0])
    command = app.code[0].value
    assert command.startswith(sys.executable)
    assert command.endswith(f"-m vae_core train quick --out {weights / 'quick.safetensors'}")


def test_a_missing_folder_is_one_sentence(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_WEIGHTS", str(tmp_path / "nowhere"))
    app.run()
    assert not app.exception
    (said,) = shown_errors(app)
    assert "nowhere" in said


@pytest.mark.parametrize(
    "how", ["truncated", "no safetensors", "empty", "unknown field", "foreign", "missing tensor"]
)
def test_a_damaged_file_is_one_sentence_beside_the_others(
    how: str,
    weights: Path,
    app: AppTest,
    write_checkpoint: Callable[..., Any],
    spoil: Callable[[Path, str], None],
) -> None:
    write_checkpoint(weights / "good.safetensors")
    spoil(weights / "bad.safetensors", how)
    for path in PAGES:
        app.run()
        app.switch_page(path.as_posix()).run()
        assert not app.exception
        (warning,) = map(as_read, app.sidebar.warning)
        assert "bad.safetensors" in warning
        assert "\n" not in warning
        assert names_in(app.selectbox(key="app_checkpoint")) == ["good"]
    (weights / "good.safetensors").unlink()
    app.run()
    assert not app.exception
    assert app.title[0].value == "No checkpoint yet"
    assert len(app.sidebar.warning) == 1


def test_nan_weights_are_one_sentence_when_chosen(
    weights: Path,
    app: AppTest,
    write_checkpoint: Callable[..., Any],
    spoil: Callable[[Path, str], None],
) -> None:
    write_checkpoint(weights / "good.safetensors")
    spoil(weights / "sick.safetensors", "NaN")
    app.run()
    assert not app.exception
    assert not shown_errors(app)
    app.selectbox(key="app_checkpoint").set_value("sick").run()
    assert not app.exception
    (said,) = shown_errors(app)
    assert "sick.safetensors" in said
    assert "NaN" in said
    app.selectbox(key="app_checkpoint").set_value("good").run()
    assert not shown_errors(app)
    assert len(app.get("bidi_component")) >= 3
    app.switch_page(COMPARE).run()
    widget(app.multiselect, "compare_others").set_value(["sick"]).run()
    assert not app.exception
    assert "NaN" in shown_errors(app)[0]


@pytest.mark.parametrize(
    "config",
    [
        {"latent_dim": 1},
        {"latent_dim": 4},
        {"posterior": "point"},
        {"likelihood": "gaussian"},
        {"likelihood": "gaussian-learned-sigma"},
        {"fourier_features": 3, "residual": True, "activation": "tanh"},
    ],
    ids=str,
)
def test_every_kind_of_model_on_every_page(
    config: dict[str, Any], weights: Path, app: AppTest, write_checkpoint: Callable[..., Any]
) -> None:
    write_checkpoint(weights / "odd.safetensors", **config)
    write_checkpoint(weights / "plain.safetensors")
    for name in ("odd", "plain"):
        _set_metrics(weights / f"{name}.safetensors", {"elbo": -150.0})
    app.run()
    trigger(app, "explore_map", "pick", {"coords": [0.0, 0.0], "id": 60_002})
    assert not app.exception
    trigger(app, "explore_map", "pick", {"coords": [0.5, 0.0], "id": None})
    assert not app.exception
    for path in PAGES:
        app.switch_page(path.as_posix()).run()
        assert not app.exception
        assert not shown_errors(app)
    app.switch_page(COMPARE).run()
    trigger(app, "compare_map_1", "pick", {"coords": [0.5, 0.0], "id": None})
    assert not app.exception
    trigger(app, "compare_map_2", "pick", {"coords": [0.0, 0.0], "id": 60_002})
    assert not app.exception
    app.switch_page("latent_explorer/pages/explore/view.py").run()
    app.selectbox(key="app_checkpoint").set_value("plain").run()
    assert not app.exception


def test_a_digit_is_kept_when_the_checkpoint_changes(
    weights: Path, app: AppTest, write_checkpoint: Callable[..., Any]
) -> None:
    for seed, name in enumerate(("a", "b")):
        write_checkpoint(weights / f"{name}.safetensors", seed=seed)
    write_checkpoint(weights / "three.safetensors", latent_dim=3)
    app.run()
    trigger(app, "explore_map", "pick", {"coords": [0.0, 0.0], "id": 60_002})
    before = component(app, "explore_map")["pin"]
    app.selectbox(key="app_checkpoint").set_value("b").run()
    after = component(app, "explore_map")["pin"]
    assert after["id"] == before["id"] == 60_002
    assert after["coords"] != before["coords"]
    app.selectbox(key="app_checkpoint").set_value("three").run()
    assert component(app, "explore_map")["pin"]["id"] == 60_002
    # a bare latent is kept where it fits, and let go where it does not
    app.selectbox(key="app_checkpoint").set_value("a").run()
    widget(app.text_input, "explore_typed").set_value("0.5 0.25").run()
    app.selectbox(key="app_checkpoint").set_value("b").run()
    assert component(app, "explore_map")["pin"]["coords"] == pytest.approx([0.5, 0.25])
    app.selectbox(key="app_checkpoint").set_value("three").run()
    assert component(app, "explore_map")["pin"] is None
    assert not app.exception


def select(app: AppTest, ids: list[int], n: int | None = None) -> AppTest:
    """Let the map report a lasso."""
    bits = np.zeros(10_000, np.uint8)
    bits[np.array(ids, int) - 60_000] = 1
    packed = base64.b64encode(np.packbits(bits, bitorder="little").tobytes()).decode()
    message = {
        "bits": packed,
        "n": len(ids) if n is None else n,
        "how": "lasso",
        "first_id": 60_000,
    }
    return trigger(app, "explore_map", "select", message)


def open_panel(app: AppTest, name: str) -> AppTest:
    app.session_state["explore_panel"] = app.session_state["explore_open"] = name
    return app.run()


def test_a_lasso_opens_the_contact_sheet(app: AppTest) -> None:
    app.run()
    ids = [60_007, 60_003, *range(60_100, 60_160)]
    select(app, ids)
    assert not app.exception
    sheet = component(app, "selection_sheet")
    assert sheet["ids"] == sorted(ids)[:48]
    assert sheet["total"] == len(ids)
    labels = load_mnist("test").labels[np.array(ids) - 60_000]
    assert sheet["counts"] == np.bincount(labels, minlength=10).tolist()
    pixels = np.frombuffer(base64.b64decode(sheet["pixels"]), np.uint8).reshape(48, 28, 28)
    assert (pixels == load_mnist("test").images[np.array(sheet["ids"]) - 60_000]).all()
    trigger(app, "selection_sheet", "turn", 1)
    assert component(app, "selection_sheet")["ids"] == sorted(ids)[48:]
    trigger(app, "selection_sheet", "turn", 99)  # there is no such page: the last
    assert component(app, "selection_sheet")["page"] == 1
    chosen = component(app, "selection_sheet")["ids"][2]
    trigger(app, "selection_sheet", "choose", chosen)
    assert component(app, "explore_map")["pin"]["id"] == chosen
    assert component(app, "selection_sheet")["chosen"] == chosen
    trigger(app, "selection_sheet", "choose", 60_000)  # not on this page
    assert component(app, "explore_map")["pin"]["id"] == chosen
    select(app, ids, n=3)  # bits and count disagree
    assert component(app, "selection_sheet")["total"] == len(ids)
    select(app, [])
    assert component(app, "explore_map")["selected"] is None
    assert not app.exception


def test_the_selection_outlasts_pages_and_checkpoints(app: AppTest) -> None:
    app.run()
    select(app, [60_001, 60_002, 60_003])
    app.switch_page(COMPARE).run()
    app.switch_page("latent_explorer/pages/explore/view.py").run()
    assert component(app, "selection_sheet")["ids"] == [60_001, 60_002, 60_003]
    for name in names_in(app.selectbox(key="app_checkpoint")):
        app.selectbox(key="app_checkpoint").set_value(name).run()
        assert component(app, "selection_sheet")["ids"] == [60_001, 60_002, 60_003]
    app.radio(key="app_split").set_value("train").run()
    assert component(app, "selection_sheet")["total"] == 3
    assert any("3 of them are not among the digits on the map" in one.value for one in app.caption)
    app.button(key="selection_release").click().run()
    assert component(app, "explore_map")["selected"] is None
    assert not app.exception


def test_a_selection_in_force_is_said_and_undone_on_every_panel(app: AppTest) -> None:
    app.run()
    select(app, [60_001, 60_002, 60_003])
    for panel in ("Place", "Draw"):
        app.session_state["explore_panel_1"] = app.session_state["explore_open"] = panel
        app.run()
        assert ":material/lasso_select: 3 digits selected" in [one.value for one in app.markdown]
    app.switch_page(COMPARE).run()
    for section in ("morph", "drift"):
        app.session_state["compare_section"] = section
        app.run()
        assert ":material/lasso_select: 3 digits selected" in [one.value for one in app.markdown]
    app.button(key="compare_clear_selection").click().run()
    assert component(app, "compare_drift_map")["selected"] is None
    assert not [one for one in app.button if one.label == "Clear"]


def test_searches_and_orders(app: AppTest) -> None:
    app.run()
    trigger(app, "explore_map", "pick", {"coords": [0.5, 0.5], "id": None})
    open_panel(app, "Selection")
    widget(app.text_input, "selection_search").set_value("label 7 wrong").run()
    assert not app.exception
    labels = load_mnist("test").labels
    sheet = component(app, "selection_sheet")
    assert sheet["counts"][7] == sheet["total"] > 0
    assert address(app)["select"] == "label 7 wrong"
    for order in widget(app.selectbox, "selection_order").options:
        widget(app.selectbox, "selection_order").set_value(order).run()
        assert not app.exception
        shown = component(app, "selection_sheet")["ids"]
        assert len(shown) == min(sheet["total"], 48)
        assert (labels[np.array(shown) - 60_000] == 7).all()
    ids = component(app, "selection_sheet")["ids"]  # the last: nearest to the pinned place
    coords = encoding.positions(catalogue.checkpoints()[0][0]).coords[ids]
    if app.selectbox(key="app_checkpoint").value == catalogue.checkpoints()[0][0].name:
        assert (np.diff(np.hypot(*(coords - 0.5).T)) >= 0).all()
    widget(app.text_input, "selection_search").set_value("sevens").run()
    (said,) = shown_errors(app)
    assert "sevens" in said
    assert component(app, "selection_sheet")["total"] == sheet["total"]
    widget(app.text_input, "selection_search").set_value("test 7 label 0-9 taken for 0-9").run()
    assert component(app, "selection_sheet")["ids"] == [60_007]
    nothing = f"test 7 label {(labels[7] + 1) % 10}"
    widget(app.text_input, "selection_search").set_value(nothing).run()
    (said,) = shown_errors(app)
    assert "no digit of the test set" in said
    widget(app.text_input, "selection_search").set_value("5 best").run()
    assert component(app, "selection_sheet")["total"] == 5
    assert widget(app.selectbox, "selection_order").value == "reconstruction-best"
    widget(app.text_input, "selection_search").set_value("").run()
    assert component(app, "explore_map")["selected"] is None


def test_an_autoencoder_offers_no_elbo(
    weights: Path, app: AppTest, write_checkpoint: Callable[..., Any]
) -> None:
    write_checkpoint(weights / "point.safetensors", posterior="point")
    app.run()
    open_panel(app, "Selection")
    widget(app.text_input, "selection_search").set_value("5 worst elbo").run()
    (said,) = shown_errors(app)
    assert "no ELBO" in said
    widget(app.text_input, "selection_search").set_value("5 worst").run()
    assert not app.exception
    assert not [o for o in widget(app.selectbox, "selection_order").options if o.startswith("ELBO")]


def test_links(app: AppTest) -> None:
    app.query_params["checkpoint"] = "beta4"
    app.query_params["split"] = "train"
    app.query_params["z"] = "0.5,-0.25"
    app.query_params["view"] = "-1,1,-1,1"
    app.query_params["colour"] = "elbo"
    app.run()
    assert not app.exception
    assert not shown_errors(app)
    assert app.selectbox(key="app_checkpoint").value == "beta4"
    assert app.radio(key="app_split").value == "train"
    shown = component(app, "explore_map")
    assert shown["pin"] == {"coords": [0.5, -0.25], "id": None}
    assert shown["start"] == {
        "view": [-1, 1, -1, 1],
        "layers": None,
        "colour": "elbo",
        "opening": 1,
    }
    assert address(app) == {"checkpoint": "beta4", "split": "train", "z": "0.5,-0.25"}
    # later the session goes its own way
    app.selectbox(key="app_checkpoint").set_value("atlas").run()
    app.button(key="explore_release").click().run()
    assert app.selectbox(key="app_checkpoint").value == "atlas"
    assert component(app, "explore_map")["pin"] is None
    assert address(app) == {"checkpoint": "atlas", "split": "train"}


@pytest.mark.parametrize(
    ("query", "got"),
    [
        (
            {"checkpoint": "nowhere", "id": "60011"},
            "checkpoint is “nowhere”, it must be one of atlas",
        ),
        ({"z": "1"}, "z is “1”, it must be"),
        ({"id": "70000", "split": "train"}, "id is “70000”, it must be"),
        ({"view": "3,2,1,0"}, "view is “3,2,1,0”, it must be"),
        ({"layers": "<script>"}, "layers is “<script>”, it must be"),
        ({"select": "sevens"}, "select is “sevens”, it must be"),
    ],
)
def test_a_bad_link_opens_the_default(app: AppTest, query: dict[str, str], got: str) -> None:
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    (said,) = shown_errors(app)
    assert said.startswith("The link could not be restored")
    assert got in said
    assert component(app, "explore_map")["pin"] is None
    assert widget(app.text_input, "explore_typed").value == ""
    assert app.selectbox(key="app_checkpoint").value == "atlas"
    assert app.radio(key="app_split").value == "test"
    # it goes when the user goes on
    app.radio(key="app_split").set_value("train").run()
    assert not shown_errors(app)


def test_a_link_to_a_damaged_checkpoint(
    weights: Path,
    app: AppTest,
    write_checkpoint: Callable[..., Any],
    spoil: Callable[[Path, str], None],
) -> None:
    write_checkpoint(weights / "good.safetensors")
    spoil(weights / "sick.safetensors", "NaN")
    app.query_params["checkpoint"] = "sick"
    app.query_params["z"] = "0,0"
    app.run()
    assert not app.exception
    assert "sick.safetensors" in shown_errors(app)[0]
    app.selectbox(key="app_checkpoint").set_value("good").run()
    assert not app.exception


def test_a_new_checkpoint_is_noticed_at_the_next_step(
    weights: Path, app: AppTest, write_checkpoint: Callable[..., Any]
) -> None:
    write_checkpoint(weights / "one.safetensors")
    app.run()
    assert names_in(app.selectbox(key="app_checkpoint")) == ["one"]
    write_checkpoint(weights / "two.safetensors", seed=1)
    trigger(app, "explore_map", "pick", {"coords": [0.0, 0.0], "id": 60_011})
    assert names_in(app.selectbox(key="app_checkpoint")) == ["one", "two"]
    assert component(app, "explore_map")["pin"]["id"] == 60_011
