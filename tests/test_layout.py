"""The layout is the architecture: `ls` and the page agree, and files stay small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGE = _ROOT / "harvester"
_PAGE = (_ROOT / "docs" / "architecture.md").read_text("utf-8")

#: Entries at the top above which some of them belong together.
_MOST_ENTRIES = 26
#: Lines of the longest file, and of the shortest that is worth one.
_LONGEST, _SHORTEST = 400, 20
#: Modules that the journey of a target may name.
_MOST_STOPS = 10

#: Short files that no other could hold: a lock that every layer takes.
_SHORT = {"importing.py", "__main__.py", "archives/batches.py"}


def _entries():
    return sorted(
        path.name
        for path in _PACKAGE.iterdir()
        # A stub is no entry of its own: it has the types of the module beside it.
        if not path.name.startswith("__pycache") and path.suffix != ".pyi"
    )


def test_top_level():
    """The top of the package can be taken in at one look."""
    assert len(_entries()) <= _MOST_ENTRIES


@pytest.mark.parametrize("name", [n for n in _entries() if not n.startswith("__")])
def test_page_names_it(name):
    """Every file and folder at the top has its place in the architecture."""
    folder = f"`{name}/" if (_PACKAGE / name).is_dir() else f"`{name}`"
    assert folder in _PAGE or name in {"py.typed", "importing.py"}


def test_journey():
    """The way of a target is told with a handful of modules, all of which exist."""
    journey = _PAGE.partition("## From a row")[2].partition("\n## ")[0]
    stops = re.findall(r"`([a-z_/]+\.py)`", journey)
    assert 5 <= len(stops) <= _MOST_STOPS
    assert all((_PACKAGE / stop).exists() for stop in stops)


@pytest.mark.parametrize(
    "path",
    [p.relative_to(_PACKAGE).as_posix() for p in sorted(_PACKAGE.rglob("*.py"))],
)
def test_length(path):
    """A file is one idea: neither a book nor a line or two."""
    lines = len((_PACKAGE / path).read_text("utf-8").splitlines())
    assert lines <= _LONGEST
    is_package = path.endswith("__init__.py")
    assert lines >= _SHORTEST or is_package or path in _SHORT
