from __future__ import annotations

import hashlib
import json
import logging
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from safetensors import safe_open
from torch import Tensor

from vae_core import checkpoints, foreign
from vae_core.checkpoints import (
    CheckpointRef,
    checkpoint_ref,
    list_checkpoints,
    load_checkpoint,
    read_checkpoint,
    read_header,
    save_checkpoint,
    scan_checkpoints,
)
from vae_core.config import ModelConfig, TrainConfig
from vae_core.errors import CheckpointError
from vae_core.header import Header
from vae_core.models import VAE
from vae_core.tensors import ProjectedCodes, expected_shapes, round_to_stored

MakeModel = Callable[..., VAE]
MakeHeader = Callable[..., Header]

CONFIGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "point": {"posterior": "point"},
    "gaussian": {"likelihood": "gaussian", "sigma": 0.2},
    "learned sigma": {"likelihood": "gaussian-learned-sigma"},
    "fourier": {"fourier_features": 3},
    "residual": {"decoder_hidden": (8, 8, 8), "residual": True, "activation": "tanh"},
    "no hidden layers": {"encoder_hidden": (), "decoder_hidden": ()},
    "5-D": {"latent_dim": 5, "encoder_hidden": (9, 8), "fourier_features": 2},
}
every_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tiny.safetensors"


def random_map(latent_dim: int) -> ProjectedCodes:
    rng = np.random.default_rng(0)
    axes, _ = np.linalg.qr(rng.normal(size=(latent_dim, 2)))
    return ProjectedCodes(
        rng.normal(size=(70_000, 2)).astype(np.float32),
        rng.normal(size=latent_dim).astype(np.float32),
        axes.astype(np.float32),
    )


# --- round trip -------------------------------------------------------------------------------


@every_config
def test_save_then_load_gives_the_same_outputs(
    make_model: MakeModel,
    make_header: MakeHeader,
    path: Path,
    grey_x: Tensor,
    config: dict[str, Any],
) -> None:
    model = make_model(gain=2.0, **config)
    round_to_stored(model)
    z = torch.randn(7, model.config.latent_dim)
    wanted = (*model.encode(grey_x), model.decoder(z), model.decode(z))

    loaded = load_checkpoint(save_checkpoint(path, model, make_header(model)))
    got = (*loaded.model.encode(grey_x), loaded.model.decoder(z), loaded.model.decode(z))
    assert all(torch.equal(a, b) for a, b in zip(wanted, got, strict=True))
    assert loaded.config == loaded.model.config == model.config
    assert not loaded.model.training
    assert not any(p.requires_grad for p in loaded.model.parameters())
    assert {p.dtype for p in loaded.model.parameters()} == {torch.float32}


def test_rounding_is_what_saving_does(
    make_model: MakeModel, make_header: MakeHeader, path: Path
) -> None:
    model = make_model(fourier_features=3)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    stored = load_checkpoint(save_checkpoint(path, model, make_header(model))).model.state_dict()
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())  # not touched
    round_to_stored(model)
    for name, value in model.state_dict().items():
        exact = name == "decoder.frequencies"
        assert torch.equal(value, before[name] if exact else before[name].half().float())
        assert torch.equal(value, stored[name])
    round_to_stored(model)
    assert all(torch.equal(stored[k], v) for k, v in model.state_dict().items())


def test_header_survives(make_model: MakeModel, make_header: MakeHeader, path: Path) -> None:
    model = make_model(posterior="point", activation="relu")
    header = make_header(
        model,
        about="Ein Modell – mit Umlauten: ÄÖÜ, σ",
        recipe="",
        train=TrainConfig(objective="autoencoder", weight_decay=0.5, seed=3),
        history=[[1, -200.0, None, None, -200.0]],
    )
    ref = save_checkpoint(path, model, header)
    assert read_header(path) == header
    assert read_checkpoint(str(path)).header == header
    assert load_checkpoint(ref).metrics == header.metrics
    assert load_checkpoint(ref).ref == ref
    assert load_checkpoint(path).ref == load_checkpoint(str(path)).ref == ref


def test_a_header_with_nan_is_not_written(
    make_model: MakeModel, make_header: MakeHeader, path: Path
) -> None:
    model = make_model()
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_checkpoint(path, model, make_header(model, history=[[1, float("nan")]]))
    assert not path.exists()


@pytest.mark.parametrize("latent_dim", [1, 2, 5])
def test_digit_map_survives(
    make_model: MakeModel, make_header: MakeHeader, path: Path, latent_dim: int
) -> None:
    model = make_model(latent_dim=latent_dim)
    digits = ProjectedCodes(*random_map(max(latent_dim, 2)))
    digits = digits._replace(center=digits.center[:latent_dim], axes=digits.axes[:latent_dim])
    save_checkpoint(path, model, make_header(model), digits)
    got = read_checkpoint(path).codes
    assert got is not None
    for a, b in zip(got, digits, strict=True):
        assert a.dtype == np.float32
        np.testing.assert_array_equal(a, b)
    save_checkpoint(path, model, make_header(model))
    assert read_checkpoint(path).codes is None


def test_terms_survive_in_float32(
    make_model: MakeModel, make_header: MakeHeader, path: Path
) -> None:
    model = make_model(latent_dim=2)
    digits = ProjectedCodes(*random_map(2))
    terms = np.random.default_rng(0).normal(-100, 20, (70_000, 2))
    save_checkpoint(path, model, make_header(model), digits, elbo_parts=terms)
    got = read_checkpoint(path).elbo_parts
    assert got is not None
    np.testing.assert_array_equal(got, terms.astype(np.float32))
    save_checkpoint(path, model, make_header(model), digits)
    assert read_checkpoint(path).elbo_parts is None
    with pytest.raises(CheckpointError, match=r"map.terms has shape \(7, 2\), it should have"):
        save_checkpoint(path, model, make_header(model), digits, elbo_parts=terms[:7])


@every_config
def test_expected_shapes_are_those_of_the_model(
    make_model: MakeModel, config: dict[str, Any]
) -> None:
    model = make_model(**config)
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    assert expected_shapes(model.config) == wanted


def test_the_reference_names_the_file_and_its_hash(
    make_model: MakeModel, make_header: MakeHeader, path: Path
) -> None:
    model = make_model()
    ref = save_checkpoint(path, model, make_header(model))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert ref == CheckpointRef("tiny", path, digest)
    assert checkpoint_ref(str(path)) == ref


def test_a_changed_file_gets_a_new_identity(
    make_model: MakeModel, make_header: MakeHeader, path: Path
) -> None:
    first, second = make_model(seed=0), make_model(seed=1)
    old = save_checkpoint(path, first, make_header(first))
    stat = path.stat()
    new = save_checkpoint(path, second, make_header(second))  # as many bytes as before
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))
    assert path.stat().st_size == stat.st_size
    assert checkpoint_ref(path) == new
    assert new.sha256 != old.sha256
    assert list_checkpoints(path.parent) == [new]
    assert not torch.equal(
        load_checkpoint(new).model.decoder.output_bias, first.decoder.output_bias.half().float()
    )


def test_a_file_is_hashed_once(
    make_model: MakeModel,
    make_header: MakeHeader,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = make_model()
    ref = save_checkpoint(path, model, make_header(model))
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("hashed again"))
    assert checkpoint_ref(path) == ref


# --- folders ----------------------------------------------------------------------------------


def test_a_folder_s_checkpoints_come_by_name_and_its_problems_apart(
    make_model: MakeModel,
    make_header: MakeHeader,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = make_model()
    for name in ("b", "c", "a"):
        save_checkpoint(tmp_path / f"{name}.safetensors", model, make_header(model))
    (tmp_path / "bad.safetensors").write_bytes(b"")
    (tmp_path / "worse.safetensors").write_bytes(b"x" * 100)
    (tmp_path / "README.md").write_text("not looked at")
    (tmp_path / "d.safetensors.partial").write_bytes(b"x")
    refs, problems = scan_checkpoints(tmp_path)
    assert [ref.name for ref in refs] == ["a", "b", "c"]
    assert [str(p).split()[0] for p in problems] == ["bad.safetensors", "worse.safetensors"]
    with caplog.at_level(logging.WARNING, logger="vae_core.checkpoints"):
        assert list_checkpoints(str(tmp_path)) == refs
    assert [r.levelname for r in caplog.records] == ["WARNING", "WARNING"]
    assert [r.getMessage() for r in caplog.records] == [str(p) for p in problems]


def test_an_empty_folder_has_no_checkpoints(tmp_path: Path) -> None:
    assert scan_checkpoints(tmp_path) == ([], [])


def test_a_missing_folder(tmp_path: Path) -> None:
    for find in (scan_checkpoints, list_checkpoints):
        with pytest.raises(CheckpointError, match="nowhere is not a folder"):
            find(tmp_path / "nowhere")


def test_a_dropped_file_appears_and_a_removed_one_goes(
    make_model: MakeModel, make_header: MakeHeader, tmp_path: Path
) -> None:
    model = make_model()
    for name in ("one", "two"):
        save_checkpoint(tmp_path / f"{name}.safetensors", model, make_header(model))
        assert list_checkpoints(tmp_path)[-1].name == name
    (tmp_path / "one.safetensors").unlink()
    assert [ref.name for ref in list_checkpoints(tmp_path)] == ["two"]


# --- bad files --------------------------------------------------------------------------------


class File:
    """A good checkpoint's parts, for a test to spoil."""

    def __init__(self, path: Path, model: VAE, header: Header) -> None:
        save_checkpoint(path, model, header)
        self.path = path
        self.raw = path.read_bytes()
        self.header: Any = json.loads(header.to_json())
        with safe_open(path, framework="pt") as file:
            self.tensors: dict[str, Tensor] = {k: file.get_tensor(k) for k in file.keys()}

    def write(self, *, text: str | None = None) -> None:
        metadata = {"vae_core": json.dumps(self.header) if text is None else text}
        safetensors.torch.save_file(self.tensors, self.path, metadata)


@pytest.fixture
def file(path: Path, make_model: MakeModel, make_header: MakeHeader) -> File:
    model = make_model()
    return File(path, model, make_header(model))


def is_refused(path: Path, *parts: str, by: tuple[str, ...] = ("header", "whole")) -> None:
    """Every reader raises one sentence that names the file and the problem."""
    readers: dict[str, list[Callable[[], object]]] = {
        "header": [lambda: read_header(path), lambda: checkpoint_ref(path)],
        "whole": [
            lambda: read_checkpoint(path),
            lambda: load_checkpoint(checkpoint_ref(path)),
        ],
    }
    for reader in (reader for kind in by for reader in readers[kind]):
        with pytest.raises(CheckpointError) as got:
            reader()
        message = str(got.value)
        assert path.name in message
        assert [part for part in parts if part not in message] == []
        assert "\n" not in message
        assert ". " not in message
    _, problems = scan_checkpoints(path.parent)
    assert len(problems) == ("header" in by)


def test_the_unspoiled_file_is_good(file: File) -> None:
    file.write()
    assert read_header(file.path).about == "A model for tests."
    assert scan_checkpoints(file.path.parent)[1] == []


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.999])
def test_a_truncated_file(file: File, share: float) -> None:
    file.path.write_bytes(file.raw[: int(share * len(file.raw))])
    is_refused(file.path, "damaged, cut short or no safetensors file")


@pytest.mark.parametrize("length", [0, 1, 7, 8, 5000])
def test_random_bytes(file: File, length: int) -> None:
    file.path.write_bytes(np.random.default_rng(1).bytes(length))
    is_refused(file.path, "damaged, cut short or no safetensors file")


def test_a_file_with_bytes_appended(file: File) -> None:
    file.path.write_bytes(file.raw + b"more")
    is_refused(file.path, "damaged, cut short or no safetensors file")


def test_a_missing_file(tmp_path: Path) -> None:
    is_path = tmp_path / "gone.safetensors"
    for read in (read_header, read_checkpoint, checkpoint_ref):
        with pytest.raises(CheckpointError, match=r"gone\.safetensors cannot be read: "):
            read(is_path)


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "dir.safetensors"
    path.mkdir()
    is_refused(path, "cannot be read")


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}])
def test_a_safetensors_file_of_something_else(file: File, metadata: dict[str, str] | None) -> None:
    safetensors.torch.save_file({"embedding": torch.zeros(3)}, file.path, metadata)
    is_refused(file.path, "no checkpoint of this project")


def test_missing_and_surplus_tensors_and_wrong_shapes_are_all_named(file: File) -> None:
    del file.tensors["decoder.net.layers.0.bias"]
    del file.tensors["encoder.net.layers.1.weight"]
    file.tensors["decoder.net.layers.9.weight"] = torch.zeros(2, 2)
    file.tensors["encoder.net.layers.0.bias"] = torch.zeros(17)
    file.write()
    is_refused(
        file.path,
        "missing tensors decoder.net.layers.0.bias, encoder.net.layers.1.weight",
        "surplus tensors decoder.net.layers.9.weight",
        "encoder.net.layers.0.bias has shape (17,), it should have (16,)",
    )


@pytest.mark.parametrize("victim", ["decoder.frequencies", "decoder.net.layers.1.weight"])
def test_one_missing_tensor(file: File, victim: str) -> None:
    del file.tensors[victim]
    file.write()
    is_refused(file.path, f"missing tensors {victim}")


def test_a_surplus_tensor(file: File) -> None:
    file.tensors["extra"] = torch.zeros(1)
    file.write()
    is_refused(file.path, "surplus tensors extra")


def test_a_transposed_weight(file: File) -> None:
    name = "decoder.net.layers.1.weight"
    file.tensors[name] = file.tensors[name].T.contiguous()
    file.write()
    is_refused(file.path, f"{name} has shape (8, 784), it should have (784, 8)")


def test_tensors_of_another_configuration(file: File) -> None:
    file.header["model"]["decoder_hidden"] = [9]
    file.write()
    is_refused(file.path, "decoder.net.layers.0.weight has shape (8, 2), it should have (9, 2)")


def test_an_incomplete_map(file: File) -> None:
    file.tensors["map.coords"] = torch.zeros(10_000, 2)
    file.write()
    is_refused(
        file.path,
        "missing tensors map.axes, map.center",
        "map.coords has shape (10000, 2), it should have (70000, 2)",
    )


@pytest.mark.parametrize(("part", "field"), [("model", "depth"), ("train", "momentum")])
def test_an_unknown_config_field(file: File, part: str, field: str) -> None:
    file.header[part][field] = 3
    file.write()
    is_refused(file.path, "bad configuration", "unknown fields", field)


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("model", "latent_dim", 0),
        ("model", "latent_dim", "2"),
        ("model", "sigma", -1),
        ("model", "encoder_hidden", 5),
        ("model", "activation", ["silu"]),
        ("train", "objective", "vae"),
        ("train", "beta", None),
        ("train", "epochs", "3"),
    ],
)
def test_a_config_field_out_of_range(file: File, part: str, field: str, value: Any) -> None:
    file.header[part][field] = value
    if field == "epochs":
        file.header[part] |= {"start": "neighbours", "start_epochs": 1}
    file.write()
    is_refused(file.path, "bad configuration", f"{field} must be")


def test_unknown_and_missing_header_fields_are_all_named(file: File) -> None:
    file.header |= {"author": "x", "licence": "y"}
    del file.header["metrics"]
    file.write()
    is_refused(file.path, "unknown: author, licence", "missing: metrics")


@pytest.mark.parametrize(
    "field", ["format", "about", "recipe", "model", "train", "data", "metrics", "history"]
)
def test_a_missing_header_field(file: File, field: str) -> None:
    del file.header[field]
    file.write()
    is_refused(file.path, f"missing: {field}")


@pytest.mark.parametrize("value", [0, 3, "one", None, True])
def test_another_format_number(file: File, value: Any) -> None:
    file.header["format"] = value
    file.write()
    is_refused(file.path, f"checkpoint format {value}", "reads 1 and 2")


@pytest.mark.parametrize("field", ["about", "recipe", "model", "train", "data", "metrics"])
@pytest.mark.parametrize("value", [None, [], 3])
def test_a_header_field_of_another_kind(file: File, field: str, value: Any) -> None:
    file.header[field] = value
    file.write()
    is_refused(file.path, f"header fields of a wrong kind: {field}")


def test_a_history_of_another_kind(file: File) -> None:
    file.header["history"] = {}
    file.write()
    is_refused(file.path, "header fields of a wrong kind: history")


@pytest.mark.parametrize("text", ["", "{", "{'format': 1}", "NaN,", '{"format": 1} x'])
def test_bad_json(file: File, text: str) -> None:
    file.write(text=text)
    is_refused(file.path, "unreadable header")


@pytest.mark.parametrize("text", ["[]", "3", "null", '"format"', "{}"])
def test_json_of_another_kind(file: File, text: str) -> None:
    file.write(text=text)
    is_refused(file.path, "header", "missing: about, data")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("victim", ["encoder.net.layers.0.weight", "decoder.net.layers.1.bias"])
def test_weights_that_are_not_finite(file: File, victim: str, value: float) -> None:
    file.tensors[victim].view(-1)[-1] = value
    file.write()
    is_refused(file.path, f"{victim} holds NaN or infinite numbers", by=("whole",))


def test_map_coordinates_that_are_not_finite(
    make_model: MakeModel, make_header: MakeHeader, path: Path
) -> None:
    digits = random_map(2)
    digits.coords[69_999, 1] = np.nan
    model = make_model()
    save_checkpoint(path, model, make_header(model), digits)
    is_refused(path, "map.coords holds NaN", by=("whole",))


@pytest.mark.parametrize(
    ("dtype", "said"),
    [
        (torch.int64, "I64"),
        (torch.bfloat16, "BF16"),
        (torch.float64, "F64"),
        (torch.uint8, "U8"),
        (torch.bool, "BOOL"),
    ],
)
def test_tensors_of_another_type(file: File, dtype: torch.dtype, said: str) -> None:
    name = "encoder.net.layers.0.bias"
    file.tensors[name] = file.tensors[name].to(dtype)
    file.write()
    is_refused(file.path, f"{name} is {said}, allowed are F16 and F32")


def test_float32_weights_are_welcome(file: File, grey_x: Tensor) -> None:
    stored = load_checkpoint(checkpoint_ref(file.path)).model.encode(grey_x)
    file.tensors = {k: v.float() for k, v in file.tensors.items()}
    file.write()
    again = load_checkpoint(checkpoint_ref(file.path)).model.encode(grey_x)
    assert torch.equal(stored.mu, again.mu)


class Bomb:
    """Runs code when unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.target,))


@pytest.mark.parametrize("how", ["pickle", "torch"])
def test_nothing_is_ever_unpickled(tmp_path: Path, how: str) -> None:
    path, target = tmp_path / "bomb.safetensors", tmp_path / "went-off"
    if how == "pickle":
        path.write_bytes(pickle.dumps(Bomb(target)))
    else:
        torch.save({"weights": Bomb(target)}, path)
    is_refused(path, "bomb.safetensors is a pickle", "never read", "docs/checkpoints.md")
    assert not target.exists()
    if how == "pickle":  # the bomb was live
        pickle.loads(path.read_bytes())
        assert target.exists()


@pytest.mark.parametrize("name", ["a.pt", "b.pth", "c.ckpt"])
def test_a_pickle_beside_the_checkpoints_is_told(
    file: File, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = file.path.parent
    target = folder / "went-off"
    torch.save({"weights": Bomb(target)}, folder / name)
    refs, (problem,) = scan_checkpoints(folder)
    assert [ref.name for ref in refs] == ["tiny"]
    assert str(problem).startswith(f"{name} is a pickle, which can run any code")
    for read in (read_header, read_checkpoint, load_checkpoint):
        with pytest.raises(CheckpointError, match=f"{name} is a pickle"):
            read(folder / name)
    assert not target.exists()


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file, as Keras writes it"),
        (b"version https://git-lfs", "is a pointer of Git LFS"),
        (b"nothing known", "is damaged, cut short or no safetensors file"),
    ],
)
def test_other_files_are_told_apart(path: Path, start: bytes, said: str) -> None:
    path.write_bytes(start + bytes(100))
    is_refused(path, said)


def test_a_plain_state_dict_is_told_what_it_lacks(file: File, path: Path) -> None:
    theirs = {f"fc{i}.weight": torch.zeros(i, 2) for i in range(1, 7)}
    safetensors.torch.save_file(theirs, path)
    is_refused(
        path,
        "it holds fc1.weight 1×2, fc2.weight 2×2, fc3.weight 3×2, fc4.weight 4×2 and 2 more",
        "lacks the metadata entry 'vae_core', JSON with format, about, recipe, model, train, data, "
        "metrics, history and tensors named encoder.net.layers.…, decoder.net.layers.…, "
        "decoder.frequencies…",
        "docs/checkpoints.md tells how to pack it",
    )
    safetensors.torch.save_file(file.tensors, path)  # ours, but for the header
    is_refused(path, "data, metrics, history; docs/checkpoints.md")


def test_weights_from_elsewhere_are_packed_as_the_guide_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grey_x: Tensor
) -> None:
    monkeypatch.chdir(tmp_path)
    sizes = {"fc1": (784, 400), "fc21": (400, 20), "fc22": (400, 20)}
    sizes |= {"fc3": (20, 400), "fc4": (400, 784)}
    layers = {name: torch.nn.Linear(*size) for name, size in sizes.items()}
    theirs = {
        f"{name}.{kind}": value.detach()
        for name, layer in layers.items()
        for kind, value in layer.state_dict().items()
    }
    safetensors.torch.save_file(theirs, "theirs.safetensors")
    guide = (Path(checkpoints.__file__).parents[1] / foreign.GUIDE).read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    exec(code, {})
    model = load_checkpoint("mine.safetensors").model
    with torch.no_grad():
        h = layers["fc1"](grey_x).relu()
        mu = layers["fc21"](h)
        recon = layers["fc4"](layers["fc3"](mu).relu()).sigmoid()
    torch.testing.assert_close(model(grey_x).mu, mu, rtol=0, atol=2e-3)  # float16
    torch.testing.assert_close(model(grey_x).recon, recon, rtol=0, atol=2e-3)


# --- atomic writing ---------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["writing", "syncing"])
def test_an_interrupted_write_leaves_the_old_file(
    file: File,
    make_model: MakeModel,
    make_header: MakeHeader,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    old = checkpoint_ref(file.path)

    def half_a_file(_: object, path: Path, *__: object) -> None:
        path.write_bytes(file.raw[:1000])
        raise OSError(28, "No space left on device")

    def no_sync(_: int) -> None:
        raise KeyboardInterrupt

    if moment == "writing":
        monkeypatch.setattr(checkpoints, "save_file", half_a_file)
    else:
        monkeypatch.setattr(os, "fsync", no_sync)
    other = make_model(seed=5)
    with pytest.raises((OSError, KeyboardInterrupt)):
        save_checkpoint(file.path, other, make_header(other))
    assert file.path.read_bytes() == file.raw
    assert scan_checkpoints(file.path.parent) == ([old], [])
    monkeypatch.undo()
    new = save_checkpoint(file.path, other, make_header(other))  # what was left is no obstacle
    assert new.sha256 != old.sha256
    assert [p.name for p in file.path.parent.iterdir()] == ["tiny.safetensors"]


def test_readers_keep_the_old_version_while_a_new_one_is_written(
    file: File, make_model: MakeModel, make_header: MakeHeader
) -> None:
    other = make_model(seed=5)
    with file.path.open("rb") as reader:
        start = reader.read(1000)
        save_checkpoint(file.path, other, make_header(other))
        assert start + reader.read() == file.raw
    assert file.path.read_bytes() != file.raw


def test_a_model_config_is_rebuilt_from_the_header_alone(file: File) -> None:
    assert read_header(file.path).model == ModelConfig(encoder_hidden=(16,), decoder_hidden=(8,))


@pytest.mark.parametrize(
    "figure",
    [-130.0, None, {}, {"value": 1.0}, {"value": "x", "stderr": None, "unit": "nats", "how": "so"}],
)
def test_figures_that_are_none(file: File, figure: Any) -> None:
    file.header["metrics"] = {"elbo": figure}
    file.write()
    is_refused(file.path, "figures that are none: elbo")


@pytest.mark.parametrize("data", [{}, {"name": 3}])
def test_data_without_a_name(file: File, data: dict[str, Any]) -> None:
    file.header["data"] = data
    file.write()
    is_refused(file.path, "a bad field data in its header: no name of its data")


def test_a_file_that_another_has_replaced_is_not_loaded_as_the_old(
    make_model: MakeModel, make_header: MakeHeader, path: Path
) -> None:
    model = make_model()
    old = save_checkpoint(path, model, make_header(model))
    stat = path.stat()
    newer = make_model(seed=7)
    save_checkpoint(path, newer, make_header(newer))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))
    with pytest.raises(CheckpointError, match=r"has changed since it was listed; reload the page$"):
        load_checkpoint(old)
