"""One table each; a new layer is an entry, the function that computes it, and its test."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from latent_explorer.components.latent_map.payload import MAGIC
from latent_explorer.data import layers
from latent_explorer.vocabulary import (
    CLASSES,
    COLOURS,
    LAYERS,
    MEASURES,
    PALETTE,
    Colour,
    Layer,
    Measure,
    map_words,
    table,
)
from tests.latent_explorer.markdown import as_read
from tests.latent_explorer.test_pages import component
from tests.toy_layer import HOLLOW, TOY, distance, readers_of_the_table
from vae_core.checkpoints import CheckpointRef, checkpoint_ref

ROOT = Path(__file__).parents[2]
# What one edits for a new layer, besides its test; ARCHITECTURE.md says the same.
LAYER_FILES = ["latent_explorer/data/layers.py", "latent_explorer/vocabulary.py"]


def header_of(payload: bytes) -> dict[str, Any]:
    length = int.from_bytes(payload[len(MAGIC) : 8], "little")
    return json.loads(payload[8 : 8 + length])


@pytest.fixture
def add(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Add entries and functions, as one does in the two files."""
    monkeypatch.setattr(layers, "_SIDE", 24)

    def add_to_tables(*entries: Layer, **functions: layers.Compute) -> None:
        more = table([*LAYERS.values(), *entries])
        for module in readers_of_the_table():
            monkeypatch.setattr(module, "LAYERS", more)
        computed = MappingProxyType({**layers.COMPUTED, **functions})
        monkeypatch.setattr(layers, "COMPUTED", computed)
        layers.fields.clear()

    yield add_to_tables
    layers.fields.clear()


@pytest.fixture
def ref(tmp_path: Path, write_checkpoint: Callable[..., Any]) -> CheckpointRef:
    write_checkpoint(tmp_path / "one.safetensors")
    return checkpoint_ref(tmp_path / "one.safetensors")


def test_names_and_keys_are_free() -> None:
    keys = [layer.key for layer in LAYERS.values()]
    assert len(set(keys)) == len(keys)
    assert not {*keys} & {*"+=-0plbcmryekg?"}  # the map's other keys
    assert not {*LAYERS} & {*COLOURS}  # what is said of each comes under one name
    for name in (*LAYERS, *COLOURS):
        assert re.fullmatch("[a-z]+", name), "a link takes it apart at commas"
    with pytest.raises(ValueError, match="two entries of the name toy"):
        table([TOY, TOY])


def test_the_computed_layers_have_their_functions() -> None:
    assert {layer.name for layer in LAYERS.values() if layer.is_computed} == {*layers.COMPUTED}


@pytest.mark.parametrize("entry", [*LAYERS.values(), *COLOURS.values()], ids=lambda one: one.name)
def test_scales_are_colours(entry: Layer | Colour) -> None:
    if entry.scale is None:
        return
    assert len(entry.scale.light) == len(entry.scale.dark) >= 2
    for colour in entry.scale.light + entry.scale.dark:
        assert re.fullmatch("#[0-9a-f]{6}", colour)
    low, high = entry.scale.range
    assert 0 <= low < high <= 1


def test_an_entry_without_its_scale_is_refused() -> None:
    for kind, scale, has in (("scale", None, "no scale"), ("mosaic", TOY.scale, "a scale")):
        with pytest.raises(ValueError, match=f"Layer toy is of kind {kind} and has {has}"):
            Layer(name="toy", kind=kind, key="9", title="Toy", group="under", scale=scale)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Colour toy is of kind amount and has no scale"):
        Colour(name="toy", kind="amount", title="Toy")


def test_the_browser_gets_the_map_s_tables() -> None:
    words = json.loads(json.dumps(map_words(), allow_nan=False))
    assert [layer["name"] for layer in words["layers"]] == [*LAYERS]
    assert [colour["name"] for colour in words["colours"]] == [*COLOURS]
    assert words["classes"] == [one.name for one in CLASSES] == [str(digit) for digit in range(10)]
    [density] = [layer for layer in words["layers"] if layer["name"] == "density"]
    assert density["scale"]["depth"] == 8
    assert density["scale"]["range"] == [0.25, 1]
    assert PALETTE["dark"][7] == CLASSES[7].dark


def test_measures_say_what_is_better() -> None:
    assert MEASURES["log_px"] == Measure("log_px", "log p(x), exact", "nats", 2, "highest")
    assert {one.best for one in MEASURES.values()} == {"highest", "lowest", None}


def test_a_new_layer_is_an_entry_and_a_function(
    add: Callable[..., None], ref: CheckpointRef, app: AppTest
) -> None:
    """Its data travel under its name, a link takes it, the browser is told of it."""
    add(TOY, toy=distance)
    header = header_of(layers.fields(ref))
    assert {one["name"]: one["length"] for one in header["sections"]}["toy"] == 24 * 24
    assert header["said"]["toy"] == "By Pythagoras."
    app.query_params["layers"] = "toy,points"
    app.run()
    assert not app.exception
    assert not app.warning
    state = component(app, "explore_map")
    assert state["start"]["layers"] == ["toy", "points"]
    assert state["vocabulary"]["layers"][-1]["title"] == "Toy"


def test_no_other_file_spells_a_layer() -> None:
    """So that a new one is added in these files alone: not one of scripts, pages and links."""
    spelled = re.compile(r"""["']sensitivity["']|\bsensitivity:""")
    files = [
        path for kind in ("py", "js") for path in (ROOT / "latent_explorer").rglob(f"*.{kind}")
    ]
    found = [str(path.relative_to(ROOT)) for path in files if spelled.search(path.read_text())]
    assert sorted(found) == LAYER_FILES


def test_half_a_layer_is_said(add: Callable[..., None], ref: CheckpointRef) -> None:
    """An entry that nothing computes; the browser shows the sentence. See the browser's test."""
    add(HOLLOW)
    assert header_of(layers.fields(ref))["said"]["hollow"] == "Nothing computes this layer."


def test_a_link_that_names_no_layer_is_answered(app: AppTest) -> None:
    app.query_params["layers"] = "points,toy"
    app.run()
    [warning] = app.warning
    assert "layers is “toy”, it must be none, or some of mosaic, classes" in as_read(warning)
