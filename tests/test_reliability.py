"""The page of faults lists every fault, with tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent
_PAGE = (_ROOT / "docs/reliability.md").read_text(encoding="utf-8")
_MOST = {"N": 32, "D": 20, "P": 25, "S": 7, "O": 9, "M": 4}
FAULTS = [f"{letter}{n}" for letter in _MOST for n in range(1, _MOST[letter] + 1)]

_ROW = re.compile(r"^\| ([NDPSOM]\d+) \|(.*)\|(.*)\|(.*)\|$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)(?:\[([^\]]+)\])?`")

#: A long test with a command of its own.
_COMMAND = re.compile(r"`(make \w+)`")
_CI = (_ROOT / ".ci/run").read_text(encoding="utf-8")

ROWS = {match[1]: match.groups()[1:] for match in _ROW.finditer(_PAGE)}


@cache
def _functions(path):
    tree = ast.parse((_ROOT / path).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name: node for node in tree.body if isinstance(node, kinds)}


def is_there(path, name, case):
    """Whether a file has a test, and this case of it if one is given."""
    test = (_ROOT / path).is_file() and _functions(path).get(name)
    if not test or not name.startswith("test_"):
        return False
    return case in {None, *_cases(test)}


def _cases(test):
    """Yield the names of the cases of a test, from ``id`` or ``ids``."""
    for decorator in test.decorator_list:
        for node in ast.walk(decorator):
            if isinstance(node, ast.keyword) and node.arg in {"id", "ids"}:
                named = getattr(node.value, "elts", [node.value])
                yield from (one.value for one in named if isinstance(one, ast.Constant))


def test_every_fault():
    """The page has one row for each fault, in order."""
    assert [match[1] for match in _ROW.finditer(_PAGE)] == FAULTS


@pytest.mark.parametrize("fault", FAULTS)
def test_row(fault):
    """A row has the fault, the reaction, and tests that exist."""
    what, done, tests = ROWS[fault]
    named, commands = _TEST.findall(tests), _COMMAND.findall(tests)
    assert what.strip()
    assert done.strip()
    assert named or commands
    assert not _COMMAND.sub("", _TEST.sub("", tests)).strip(), (
        "the column has only names of tests and commands, spelled right"
    )
    # A step may run beside another one, or niced: but it is no comment and no title.
    run = [re.search(rf"^[^#\"\n]*\b{one}\b", _CI, re.MULTILINE) for one in commands]
    assert all(run)
    lacking = [one for one in named if not is_there(one[0], one[1], one[2] or None)]
    assert lacking == []


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (("tests/test_reliability.py", "test_row", None), True),
        (("tests/test_reliability.py", "test_is_there", "known-case"), True),
        (("tests/test_reliability.py", "test_row", "known-case"), False),
        (("tests/test_reliability.py", "test_is_there", "test_row"), False),
        (("tests/test_reliability.py", "test_nothing", None), False),
        (("tests/test_reliability.py", "is_there", None), False),
        (("tests/nowhere.py", "test_row", None), False),
    ],
    ids=["known-case", "a", "b", "c", "d", "e", "f"],
)
def test_is_there(named, expected):
    """The check itself accepts existing tests and cases, and no others."""
    assert is_there(*named) is expected
