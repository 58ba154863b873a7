"""Dependencies point one way, and the light parts import nothing heavy."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import vae_core

if TYPE_CHECKING:
    from vae_core.header import Header
    from vae_core.models import VAE

ROOT = Path(__file__).parents[1]

# A module may import from rows above its own, and nothing else of the package.
ORDER = (
    ("errors", "torch_functions", "progress", "version", "foreign"),
    ("config", "identity"),
    ("metrics",),
    ("header",),
    ("data",),  # and its modules
    ("likelihoods", "posterior", "lattices", "pixels"),
    ("priors",),
    ("joint",),
    ("refinement",),
    ("models",),
    ("objectives", "estimators"),
    ("exact", "geometry"),  # and their modules; neither these nor estimators import training
    ("training",),
    ("neighbours", "tensors"),
    ("checkpoints",),
    ("train_state", "snapshots"),
    ("recipes",),
    ("comparison",),
    ("analysis",),  # and all its modules, among themselves without a cycle
    ("cli",),
    ("__main__",),
)
RANK = {name: rank for rank, row in enumerate(ORDER) for name in row}
FRONT_ENDS = ("streamlit", "plotly")


def python_files(*parts: str) -> list[Path]:
    return sorted(ROOT.joinpath(*parts).rglob("*.py"))


def module_name(path: Path) -> str:
    names = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def imported(path: Path) -> Iterator[str]:
    """Every dotted name imported anywhere in a file: in functions and under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


CORE = {module_name(path): path for path in python_files("vae_core")}
MODULES = sorted(CORE.keys() - {"vae_core"})  # the package itself imports lazily, see below


def core_imports(name: str) -> set[str]:
    """Modules of the core that a module of the core imports."""
    return {one for one in imported(CORE[name]) if one in CORE} - {name}


def rank(name: str) -> int:
    short = name.split(".")[1]
    assert short in RANK, f"{name} has no rank yet: add it to ORDER where it belongs"
    return RANK[short]


def test_the_walk_sees_every_kind_of_import(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        "import a.b\nfrom c import d\nif TYPE_CHECKING:\n    from e import f\n"
        "def g():\n    import h as i\n"
    )
    assert set(imported(path)) == {"a.b", "c", "c.d", "e", "e.f", "h"}


@pytest.mark.parametrize("name", MODULES)
def test_the_core_imports_only_from_the_left(name: str) -> None:
    for other in core_imports(name) - {"vae_core"}:
        # The modules of a package may know one another, without a cycle.
        within = name.split(".")[1] == other.split(".")[1]
        assert within or rank(other) < rank(name), f"{name} imports {other}"


@pytest.mark.parametrize("name", MODULES)
def test_the_core_imports_names_from_where_they_live(name: str) -> None:
    """Not from the package's root, which would import everything in a circle."""
    for node in ast.walk(ast.parse(CORE[name].read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "vae_core":
            assert [a.name for a in node.names if f"vae_core.{a.name}" not in CORE] == []
        if isinstance(node, ast.Import):
            assert "vae_core" not in [alias.name for alias in node.names]


def test_the_core_has_no_cycle() -> None:
    graph = {name: core_imports(name) - {"vae_core"} for name in MODULES}
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError
    assert sorted(order) == MODULES


@pytest.mark.parametrize("path", CORE.values(), ids=CORE.keys())
def test_the_core_knows_no_front_end(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported(path)}
    assert roots.isdisjoint(FRONT_ENDS)
    assert roots.isdisjoint({"latent_explorer", "app", "tests", "pickle", "IPython"})


# The front end: a module may import from rows above its own, and from its own part. Each page
# is a part, so that none imports another.
FRONT_ORDER = (
    ("escaping", "folders", "vocabulary", "serving"),
    ("theme",),
    ("components", "plots"),
    ("data",),
    ("links",),
    ("session",),
    ("panels",),
    ("pages",),
    ("app",),
    ("command",),
)
FRONT_RANK = {name: rank for rank, row in enumerate(FRONT_ORDER) for name in row}
FRONT = {module_name(path): path for path in python_files("latent_explorer")}
# what reads beside the page, and is shown there: scripts to be run by hand
SCRIPTS = "latent_explorer.pages.likelihood.code."
FRONT_MODULES = sorted(
    name for name in FRONT.keys() - {"latent_explorer"} if not name.startswith(SCRIPTS)
)


def part_of(name: str) -> str:
    """Part of the front end that a module belongs to: a page is a part of its own."""
    _, *names = name.split(".")
    return ".".join(names[:2] if names[0] == "pages" else names[:1])


def front_imports(name: str) -> set[str]:
    return {one for one in imported(FRONT[name]) if one in FRONT} - {name, "latent_explorer"}


def roots(name: str) -> set[str]:
    return {one.split(".")[0] for one in imported(FRONT[name])}


@pytest.mark.parametrize("name", FRONT_MODULES)
def test_the_front_end_imports_only_from_the_left(name: str) -> None:
    part = part_of(name)
    for other in front_imports(name):
        row = part_of(other).split(".")[0]
        assert row in FRONT_RANK, f"{other} has no rank yet: add it to FRONT_ORDER"
        assert part_of(other) == part or FRONT_RANK[row] < FRONT_RANK[part.split(".")[0]], (
            f"{name} imports {other}"
        )


def test_the_front_end_has_no_cycle() -> None:
    graph = {name: front_imports(name) for name in FRONT_MODULES}
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError
    assert sorted(order) == FRONT_MODULES


def test_no_script_of_a_page_knows_the_front_end() -> None:
    scripts = [name for name in FRONT if name.startswith(SCRIPTS)]
    assert scripts
    for name in scripts:
        assert roots(name).isdisjoint({"latent_explorer", "streamlit"}), name


@pytest.mark.parametrize("name", [one for one in FRONT_MODULES if part_of(one) == "components"])
def test_components_know_numpy_alone(name: str) -> None:
    known = {*sys.stdlib_module_names, "numpy", "PIL", "latent_explorer"}
    assert roots(name) - known <= ({"streamlit"} if name in BRIDGES else set())


# where a component's messages come in, and where it is mounted
BRIDGES = {
    "latent_explorer.components.bridge",
    "latent_explorer.components.contact_sheet",
    "latent_explorer.components.digit_strip",
    "latent_explorer.components.drawing",
    "latent_explorer.components.latent_map.messages",
    "latent_explorer.components.morph",
    "latent_explorer.components.timeline",
}


@pytest.mark.parametrize("name", [one for one in FRONT_MODULES if part_of(one) == "plots"])
def test_plots_know_arrays_and_plotly(name: str) -> None:
    assert roots(name).isdisjoint({"streamlit", "torch"})
    assert {part_of(one) for one in front_imports(name)} <= {"plots", "theme", "vocabulary"}


@pytest.mark.parametrize("name", [one for one in FRONT_MODULES if part_of(one) == "links"])
def test_links_know_no_page(name: str) -> None:
    """Nor what the session holds, nor Streamlit: parameters in, a value out."""
    assert "streamlit" not in roots(name)
    assert {part_of(one) for one in front_imports(name)} <= {
        *("components", "data", "links", "vocabulary"),
    }


def heavy_after(code: str) -> list[str]:
    """Heavy packages that are imported in a fresh process once it has run `code`."""
    names = ("torch", "sklearn", "scipy", "PIL", "streamlit", "plotly")
    program = f"{code}\nimport sys\nprint([n for n in {names} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout.splitlines()[-1])


@pytest.fixture
def weights(
    tmp_path: Path, make_model: Callable[..., VAE], make_header: Callable[..., Header]
) -> Path:
    """A folder with one checkpoint that holds a map."""
    import numpy as np

    from vae_core.checkpoints import save_checkpoint
    from vae_core.tensors import ProjectedCodes

    model = make_model()
    digits = ProjectedCodes(
        np.zeros((70_000, 2), np.float32), np.zeros(2, np.float32), np.eye(2, dtype=np.float32)
    )
    save_checkpoint(tmp_path / "one.safetensors", model, make_header(model), digits)
    return tmp_path


@pytest.mark.parametrize(
    "code",
    [
        "import vae_core",
        "import vae_core.checkpoints, vae_core.config, vae_core.data, vae_core.errors",
        "import vae_core.recipes, vae_core.cli, vae_core.__main__",
        "import vae_core.data.drawn",
        "from vae_core import load_mnist; assert len(load_mnist('test').labels) == 10_000",
        "import vae_core; assert len(vae_core.list_checkpoints({weights!r})) == 1",
        "from vae_core.checkpoints import checkpoint_ref, read_checkpoint\n"
        "ref = checkpoint_ref({weights!r} + '/one.safetensors')\n"
        "assert read_checkpoint(ref.path).codes.coords.shape == (70_000, 2)",
    ],
)
def test_drawing_a_map_needs_nothing_heavy(code: str, weights: Path) -> None:
    assert heavy_after(code.replace("{weights!r}", repr(str(weights)))) == []


def test_the_check_above_would_notice(weights: Path) -> None:
    code = f"import vae_core as v; v.load_checkpoint(v.list_checkpoints({str(weights)!r})[0])"
    assert heavy_after(code) == ["torch"]


def test_public_names_are_complete_and_resolve() -> None:
    tree = ast.parse(CORE["vae_core"].read_text())
    announced = {  # under TYPE_CHECKING
        alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(vae_core.__all__) == set(announced)
    for name, module in announced.items():
        assert module is not None
        assert getattr(vae_core, name) is getattr(import_module(module), name)
    namespace: dict[str, object] = {}
    exec("from vae_core import *", namespace)
    assert set(namespace) - {"__builtins__"} == set(vae_core.__all__)


def test_public_names_are_sorted() -> None:
    """In ruff's order (RUF022): constants, then classes, then functions."""

    def key(name: str) -> tuple[int, str]:
        kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
        return kind, re.sub(r"\d+", lambda digits: digits[0].zfill(8), name)

    assert list(vae_core.__all__) == sorted(vae_core.__all__, key=key)
    assert len(set(vae_core.__all__)) == len(vae_core.__all__)


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'vae_core' has no attribute 'nothing'"):
        _ = vae_core.nothing
