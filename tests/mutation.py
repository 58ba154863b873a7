"""Changes the core in small ways, one at a time, and counts the changes that its tests notice.

    python tests/mutation.py --n 150 --seed 0

A survivor is a line that no test holds: write the assertion that would have noticed, or say why
the change makes no difference. Each mutant runs in a fork of a process that has imported torch.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.machinery
import importlib.util
import io
import os
import random
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]
# module: the tests that are about it
SUBJECTS = {
    "vae_core.config": ["test_config.py"],
    "vae_core.likelihoods": ["test_likelihoods.py", "test_joint.py"],
    "vae_core.priors": ["test_priors.py", "test_learned_mixture.py", "test_digit_mixture.py"],
    "vae_core.posterior": ["test_posterior.py"],
    "vae_core.joint": ["test_joint.py"],
    "vae_core.lattices": ["test_lattices.py"],
    "vae_core.neighbours": ["test_neighbours.py"],
    "vae_core.estimators": ["test_estimators.py"],
    "vae_core.objectives": ["test_objectives.py"],
    "vae_core.analysis.projection": ["analysis/test_projection.py"],
    "vae_core.analysis.fields": ["analysis/test_fields.py"],
    "vae_core.analysis.aggregate": ["analysis/test_aggregate.py"],
    "vae_core.analysis.transport": ["analysis/test_transport.py"],
    "vae_core.comparison.alignment": ["comparison/test_alignment.py"],
    "vae_core.comparison.neighbourhoods": ["comparison/test_neighbourhoods.py"],
    "vae_core.comparison.clusters": ["comparison/test_clusters.py"],
    "vae_core.geometry.walks": ["geometry/test_walks.py"],
}
SECONDS = 60  # a mutant that takes longer never ends: noticed
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.And: ast.Or, ast.Or: ast.And, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.USub: ast.UAdd,
}  # fmt: skip


def mutants(path: Path) -> Iterator[tuple[str, ast.Module]]:
    """All changes of a module: what is changed where, and the changed module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for k, node in enumerate(ast.walk(tree)):
        changed = copy.deepcopy(tree)
        twin = next(n for i, n in enumerate(ast.walk(changed)) if i == k)
        if isinstance(node, ast.BinOp | ast.BoolOp | ast.UnaryOp) and type(node.op) in SWAPS:
            twin.op = SWAPS[type(node.op)]()
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
            twin.ops[0] = SWAPS[type(node.ops[0])]()
        elif isinstance(node, ast.Constant) and type(node.value) is bool:
            twin.value = not node.value
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
            twin.value = node.value * 1.5 or node.value + 1  # 0.0 would stay 0.0
        elif isinstance(node, ast.If | ast.IfExp | ast.While):
            twin.test = ast.UnaryOp(ast.Not(), twin.test)
        else:
            continue
        spot = node.test if isinstance(node, ast.If | ast.IfExp | ast.While) else node
        before = ast.unparse(spot)
        after = ast.unparse(twin.test if spot is not node else twin)
        yield f"{path.name}:{spot.lineno}: {before} -> {after}", ast.fix_missing_locations(changed)


class Loader(importlib.machinery.SourceFileLoader):
    """Loads a module from a changed tree."""

    tree: ast.Module

    def get_code(self, fullname: str) -> object:
        return compile(self.tree, self.path, "exec")


class Finder:
    """Finds one module, changed."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self.name, self.loader = name, Loader(name, str(path))
        self.loader.tree = tree

    def find_spec(self, name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.loader.path, loader=self.loader)


def is_noticed(name: str, path: Path, tree: ast.Module) -> bool:
    """Run the module's tests in a fork that sees the changed module."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        sys.meta_path.insert(0, Finder(name, path, tree))
        tests = [str(ROOT / "tests/vae_core" / test) for test in SUBJECTS[name]]
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests])
        os._exit(int(code) != 0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) or os.WEXITSTATUS(status) != 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=list(SUBJECTS))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    found = []
    for name in asked.only:
        path = ROOT / f"{name.replace('.', '/')}.py"
        assert not is_noticed(name, path, ast.parse(path.read_text())), f"{name}: tests fail"
        found += [(name, path, what, tree) for what, tree in mutants(path)]
    sample = random.Random(asked.seed).sample(found, min(asked.n, len(found)))
    survivors = 0
    for name, path, what, tree in sorted(sample, key=lambda each: each[2]):
        if not is_noticed(name, path, tree):
            survivors += 1
            sys.stdout.write(f"survived: {what}\n")
            sys.stdout.flush()
    killed = len(sample) - survivors
    sys.stdout.write(f"{killed} of {len(sample)} noticed ({killed / len(sample):.0%})\n")


if __name__ == "__main__":
    main()
