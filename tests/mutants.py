"""Make small changes to the code, and check that its tests fail.

``python tests/mutants.py --count 40`` draws so many small changes (a comparison or a
condition turned round, a number, a word of SQL, a statement left out) to the modules
that carry the promises, runs the tests of each, and names the changes that no test
noticed. It works on a copy. Ends with 1 if less than four in five were noticed.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent

#: Modules, and their fast tests.
MODULES = {
    "harvester/ledger/ledger.py": ["tests/ledger"],
    "harvester/ledger/located.py": ["tests/ledger"],
    "harvester/ledger/moves.py": ["tests/ledger"],
    "harvester/ledger/waiting.py": ["tests/ledger"],
    "harvester/ledger/settlement.py": ["tests/ledger"],
    "harvester/archives/sdss/outliers.py": ["tests/archives/sdss/test_outliers.py"],
    "harvester/transport/throttle.py": [
        "tests/transport/test_throttle.py",
        "tests/transport/test_outages.py",
        "tests/transport/test_manners.py",
    ],
    "harvester/transport/backoff.py": ["tests/transport/test_backoff.py"],
    "harvester/frames/cache.py": ["tests/frames/test_cache.py"],
    "harvester/frames/store.py": [
        "tests/frames/test_store.py",
        "tests/frames/test_prefix.py",
        "tests/frames/test_ranged.py",
    ],
}

#: Fraction of the changes that must be noticed.
ENOUGH = 0.8

_PAIRS = (
    *((ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.Is, ast.IsNot)),
    *((ast.In, ast.NotIn), (ast.And, ast.Or), (ast.Add, ast.Sub), (ast.Mult, ast.Div)),
)
TURNED = dict(_PAIRS) | {other: one for one, other in _PAIRS}
SQL = (
    *((" AND ", " OR "), (" <= ", " < "), (" > ", " >= "), ("DISTINCT ", "")),
    *(("'wanted'", "'spare'"), ("'located'", "'pending'"), ("'failed'", "'done'")),
    *(("'pending'", "'located'"), ("min(", "max("), ("''", "'x'"), (" = 0", " = 1")),
)


class Change(NamedTuple):
    """One small change of a module."""

    path: str
    line: int
    #: Old and new text.
    before: str
    after: str
    source: str

    def shown(self) -> str:
        """Give both texts around the first difference."""
        pairs = enumerate(zip(self.before, self.after, strict=False))
        at = next((place for place, (old, new) in pairs if old != new), 0)
        some = slice(max(0, at - 30), at + 40)
        return f"{self.before[some]!r} -> {self.after[some]!r}"


def changes(path: str) -> list[Change]:
    """Give every possible change of a module."""
    tree = ast.parse((ROOT / path).read_text())
    nodes = [node for node in ast.walk(tree) if hasattr(node, "lineno")]
    kept = set(map(id, _unchanged(tree)))
    found = []
    for place, node in enumerate(nodes):
        if id(node) in kept:
            continue
        for number in range(len(list(_variants(node)))):
            other = copy.deepcopy(tree)
            twins = [each for each in ast.walk(other) if hasattr(each, "lineno")]
            twin = twins[place]
            new = list(_variants(twin))[number]
            _replace(other, twin, new)
            words = (ast.unparse(node), ast.unparse(new))
            found.append(Change(path, node.lineno, *words, ast.unparse(other)))
    return found


def _unchanged(tree: ast.AST) -> Iterator[ast.AST]:
    """Give the nodes that must not change: they do nothing, or break everything."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ast.walk(node)
        if isinstance(node, ast.arg) and node.annotation:
            yield from ast.walk(node.annotation)
        if isinstance(node, ast.AnnAssign):
            yield from ast.walk(node.annotation)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
            yield from ast.walk(node.returns)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield from ast.walk(node)  # a docstring
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from ast.walk(node)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            yield from ast.walk(node)


def _variants(node: ast.AST) -> Iterator[ast.AST]:
    """Give the replacements of a node."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in TURNED:
            yield ast.Compare(node.left, [TURNED[type(op)]()], node.comparators)
        case ast.BoolOp(op=op):
            yield ast.BoolOp(TURNED[type(op)](), node.values)
        case ast.BinOp(op=op) if type(op) in TURNED:
            yield ast.BinOp(node.left, TURNED[type(op)](), node.right)
        case ast.IfExp():
            yield ast.IfExp(node.test, node.orelse, node.body)
        case ast.If():
            yield ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
        case ast.Constant(value=value):
            yield from map(ast.Constant, _values(value))
        case ast.Expr() | ast.Assign() | ast.AugAssign() | ast.Raise() | ast.Continue():
            yield ast.Pass()


def _values(value: object) -> Iterator[object]:
    match value:
        case bool():
            yield not value
        case int() | float():
            yield value + 1
        case str() if re.search(r"\b(FROM|SET|INTO)\b", value):
            yield from (value.replace(*pair, 1) for pair in SQL if pair[0] in value)


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    ast.copy_location(new, old)
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            if value is old:
                setattr(node, name, new)
            elif isinstance(value, list) and old in value:
                value[value.index(old)] = new
    ast.fix_missing_locations(tree)


def is_noticed(change: Change, copied: Path, limit_s: float) -> bool:
    """Run the tests of the module with the change; then restore the module."""
    path = copied / change.path
    before = path.read_text()
    path.write_text(change.source)
    try:
        return not passes(copied, change.path, limit_s)
    finally:
        path.write_text(before)


def passes(copied: Path, path: str, limit_s: float) -> bool:
    """Whether the tests of a module pass within some seconds."""
    words = ["-x", "-q", "-p", "no:cacheprovider", *MODULES[path]]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *words],
            cwd=copied,
            env=os.environ | {"PYTHONPATH": str(copied)},
            capture_output=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def main() -> None:
    """Draw changes, test them, print the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="part of a module's path")
    options = parser.parse_args()
    chosen = [path for path in MODULES if options.only in path]
    chance = random.Random(options.seed)
    noticed = total = 0
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder)
        for name in ("harvester", "tests"):
            shutil.copytree(ROOT / name, copied / name)
        shutil.copy(ROOT / "pyproject.toml", copied)
        for path in chosen:
            every = changes(path)
            drawn = chance.sample(every, min(options.count // len(chosen), len(every)))
            survivors = sample(path, drawn, copied)
            noticed += len(drawn) - len(survivors)
            total += len(drawn)
            for one in survivors:
                print(f"  {path}:{one.line}: {one.shown()}")
    print(f"noticed: {noticed} of {total}")
    if noticed < ENOUGH * total:
        sys.exit(1)


def sample(path: str, drawn: Sequence[Change], copied: Path) -> list[Change]:
    """Give the changes that the tests of a module did not notice."""
    began = time.monotonic()
    if not passes(copied, path, 600):
        sys.exit(f"the tests of {path} fail without any change")
    limit_s = 30 + 5 * (time.monotonic() - began)
    survivors = [one for one in drawn if not is_noticed(one, copied, limit_s)]
    print(f"{path}: {len(drawn) - len(survivors)} of {len(drawn)} noticed", flush=True)
    return survivors


if __name__ == "__main__":
    main()
