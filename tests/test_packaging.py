"""What a wheel holds, and that the lists which must agree do."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

from vae_core import __version__

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "latent_explorer"
ASSETS = PACKAGE / "components" / "assets"
MOST_BYTES = 95 * 10**6
# What Streamlit documents; anything else may go with any release of it.
# The last is documented under "Multithreading"; nothing else tells a run that back or forward made.
PUBLIC_STREAMLIT = {"streamlit", "streamlit.components.v2", "streamlit.runtime.scriptrunner"}


def manifest(folder: Path = ROOT) -> dict[str, object]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def requirements(text: str) -> list[str]:
    """The lines of a requirements file without their comments."""
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    return [line for line in lines if line]


def kept(folder: str) -> set[str]:
    """Files of a folder of the checkout that git keeps."""
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", folder)
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name for name in listed.split("\0") if name and (ROOT / name).exists()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the build backend that tests/requirements.txt names."""
    folder = tmp_path_factory.mktemp("wheel")
    command = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    done = subprocess.run(
        [*command, "--wheel-dir", str(folder), str(ROOT)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    [built] = folder.iterdir()
    return built


def test_the_two_lists_of_dependencies_are_one() -> None:
    project = manifest()["project"]
    assert isinstance(project, dict)
    required = requirements((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    assert required == [*project["dependencies"], "-e ."]
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", one) for one in project["dependencies"])


def test_the_tests_build_with_the_backend_of_the_project() -> None:
    system = manifest()["build-system"]
    assert isinstance(system, dict)
    of_tests = requirements((ROOT / "tests" / "requirements.txt").read_text(encoding="utf-8"))
    assert set(system["requires"]) <= set(of_tests)


def test_a_wheel_holds_the_app_and_nothing_else(wheel: Path) -> None:
    """Every file that git keeps of the packages, and below top/ what stands beside them."""
    assert wheel.stat().st_size <= MOST_BYTES
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    info = {name for name in names if ".dist-info/" in name}
    assert {name.rpartition("/")[2] for name in info} == {
        *("METADATA", "RECORD", "WHEEL", "entry_points.txt", "LICENSE"),
    }
    packages = kept("vae_core") | kept("latent_explorer") - kept("latent_explorer/screenshots")
    beside = {"app.py", ".streamlit/config.toml"} | kept("weights")
    assert names - info == packages | {f"latent_explorer/top/{name}" for name in beside}
    assert len([name for name in names if name.endswith("-ubyte.gz")]) == 4
    assert len([name for name in beside if name.endswith(".safetensors")]) > 20


def test_a_wheel_says_what_it_needs(wheel: Path) -> None:
    """Streamlit looks for components only in distributions that require it."""
    with ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        metadata = archive.read(name).decode()
        [entries] = [name for name in archive.namelist() if name.endswith("/entry_points.txt")]
        assert "latent-explorer = latent_explorer.command:main" in archive.read(entries).decode()
    assert "Requires-Dist: streamlit==" in metadata
    assert f"Version: {__version__}" in metadata.splitlines()
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_component_table_lists_the_components() -> None:
    """They are the folders of assets that have a module of their own name."""
    inner, outer = manifest(PACKAGE), manifest()["project"]
    table = inner["tool"]
    assert isinstance(table, dict)
    assert isinstance(outer, dict)
    assert inner["project"] == {"name": outer["name"]}
    listed = [each["name"] for each in table["streamlit"]["component"]["components"]]
    assert sorted(listed) == sorted(
        each.name for each in ASSETS.iterdir() if (each / f"{each.name}.js").is_file()
    )
    folders = {each["asset_dir"] for each in table["streamlit"]["component"]["components"]}
    assert folders == {ASSETS.relative_to(PACKAGE).as_posix()}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.name)
def test_no_private_name_of_streamlit_is_used(path: Path) -> None:
    used: set[str] = set()
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            used |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            used.add(node.module or "")
            if (node.module or "").startswith("streamlit"):
                names |= {each.name for each in node.names}
        elif isinstance(node, ast.Attribute) and ast.unparse(node).startswith("st._"):
            names.add(node.attr)
    streamlit = {name for name in used if name.split(".")[0] == "streamlit"}
    assert streamlit <= PUBLIC_STREAMLIT
    assert not [name for name in names if name.startswith("_")]
