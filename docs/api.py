"""Make the page of the core's API from its docstrings: `python docs/api.py` writes `docs/api/`.

Needs `pip install pdoc==16.0.0`, which nothing else does.
"""

from __future__ import annotations

import pkgutil
import warnings
from pathlib import Path

import pdoc
import pdoc.render

import vae_core

OUT = Path(__file__).parent / "api"
_LEFT_OUT = ("vae_core.cli", "vae_core.__main__")  # commands have a --help


def main() -> None:
    """Write a page for the package's public names and one for each module."""
    for name in vae_core.__all__:
        getattr(vae_core, name)  # they are imported when first used
    found = pkgutil.walk_packages(vae_core.__path__, "vae_core.")
    modules = [each.name for each in found if not each.name.startswith(_LEFT_OUT)]
    # Of a NamedTuple whose fields are of a type declared later; it is written as it stands.
    warnings.filterwarnings("ignore", message="Error parsing type annotation")
    pdoc.render.configure(docformat="numpy", math=True)
    pdoc.pdoc("vae_core", *modules, output_directory=OUT)


main()
