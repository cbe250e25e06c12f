"""Only the folder of an archive may contain its name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import harvester
from harvester.archives.registry import kinds, services

_PACKAGE = Path(harvester.__file__).parent

#: Modules with words that occur in column names; they decide about columns only.
_VOCABULARY = {"catalogue/position_words.py", "catalogue/id_columns.py"}

#: In modules about stores of the user, "s3" is the scheme of an address.
_STORES, _SCHEMES = ("dataset/publish/", "dataset/object_store/"), {"s3"}


def _words():
    names = {*kinds(), *services(), *(kind.title for kind in kinds().values())}
    names |= {domain for one in services().values() for domain in one.domains}
    return re.compile(
        "|".join(sorted(map(re.escape, names), reverse=True)), re.IGNORECASE
    )


def _modules():
    for path in sorted(_PACKAGE.rglob("*.py")):
        name = path.relative_to(_PACKAGE).as_posix()
        if not name.startswith(("archives/", "sandbox/")) and name not in _VOCABULARY:
            yield pytest.param(path, id=name)


def _parts(text):
    """Split a text into words, domains and parts of identifiers."""
    parts = re.split(r"[^A-Za-z0-9.-]+|_|(?<=[a-z])(?=[A-Z])", text)
    return [part.strip(".-") for part in parts]


def _docstrings(tree):
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            yield id(body[0].value)


def _names(tree):
    """Yield the strings of a module except docstrings, and its identifiers."""
    prose = set(_docstrings(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in prose:
                yield node.lineno, text
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.ImportFrom(module=str(name)):
                yield node.lineno, name


@pytest.mark.parametrize("path", list(_modules()))
def test_no_archive_by_name(path):
    """A module has no archive, service or domain in strings, names or imports."""
    words, tree = _words(), ast.parse(path.read_text("utf-8"))
    is_of_stores = any(folder in path.as_posix() for folder in _STORES)
    allowed = _SCHEMES if is_of_stores else set()
    # Only whole words count: "first" and "masters" name no archive.
    found = [
        (line, text)
        for line, text in _names(tree)
        if any(
            re.fullmatch(words, part)
            for part in _parts(text)
            if part.lower() not in allowed
        )
    ]
    assert not found


def test_it_would_be_seen():
    """The search finds names of archives if there are any."""
    found = [name for _, name in _names(ast.parse('if a == "sdss":\n    hst_loads()'))]
    assert {"sdss", "hst_loads"} <= set(found)
    assert _parts("hst_loads of MastQueries at sdss.org.") == [
        *("hst", "loads", "of", "Mast", "Queries", "at", "sdss.org")
    ]
