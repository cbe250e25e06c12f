"""The layout matches docs/architecture.md, and files stay small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGE = _ROOT / "harvester"
_PAGE = (_ROOT / "docs" / "architecture.md").read_text("utf-8")

#: Most entries at the top of the package; with more, some belong into a folder.
_MOST_ENTRIES = 26
#: Most and fewest lines of a file.
_LONGEST, _SHORTEST = 400, 20
#: Most modules named in the description of a target's journey.
_MOST_STOPS = 10

#: Files that may be shorter, because no other file fits their content.
_SHORT = {"importing.py", "__main__.py", "archives/batches.py"}


def _entries():
    return sorted(
        path.name
        for path in _PACKAGE.iterdir()
        # A stub (.pyi) counts with the module whose types it has.
        if not path.name.startswith("__pycache") and path.suffix != ".pyi"
    )


def test_top_level():
    """The top of the package has few entries."""
    assert len(_entries()) <= _MOST_ENTRIES


@pytest.mark.parametrize("name", [n for n in _entries() if not n.startswith("__")])
def test_page_names_it(name):
    """The page of the architecture names every file and folder at the top."""
    folder = f"`{name}/" if (_PACKAGE / name).is_dir() else f"`{name}`"
    assert folder in _PAGE or name in {"py.typed", "importing.py"}


def test_journey():
    """The journey of a target names a few modules, and all of them exist."""
    journey = _PAGE.partition("## From a row")[2].partition("\n## ")[0]
    stops = re.findall(r"`([a-z_/]+\.py)`", journey)
    assert 5 <= len(stops) <= _MOST_STOPS
    assert all((_PACKAGE / stop).exists() for stop in stops)


@pytest.mark.parametrize(
    "path",
    [p.relative_to(_PACKAGE).as_posix() for p in sorted(_PACKAGE.rglob("*.py"))],
)
def test_length(path):
    """No file is too long or too short."""
    lines = len((_PACKAGE / path).read_text("utf-8").splitlines())
    assert lines <= _LONGEST
    is_package = path.endswith("__init__.py")
    assert lines >= _SHORTEST or is_package or path in _SHORT
