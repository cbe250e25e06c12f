"""Every table of astropy's own tests, and real ones: read right, or refused.

``corpora.txt`` lists for each file its tables and, behind ``>>``, what a harvest would
read from it. ``python test_corpora.py FOLDER`` prints a new list, to compare it line by
line.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import astropy
import pytest

from harvester.archives.registry import identifiers
from harvester.catalogue.reader import inspect_catalogue
from harvester.catalogue.tables import open_tables
from harvester.errors import InputError

ASTROPY = Path(astropy.__file__).parent
LIST = Path(__file__).with_name("corpora.txt")
#: The most columns, characters of a value and characters of a message in the list.
SHOWN, LONGEST, WORDS = 6, 20, 60


def files(folder):
    """Yield the files of astropy's readers, or of a folder, with their short names."""
    found = (
        [each for each in folder.iterdir() if each.is_file()]
        if folder
        else ASTROPY.glob("io/*/tests/data/**/*")
    )
    for path in sorted(found):
        if path.is_file() and not path.name.startswith(("__init__", ".")):
            yield short(path), path


def short(path):
    """Return the name of a file without the part that all have in common."""
    if not path.is_relative_to(ASTROPY):
        return f"real/{path.name}"
    return path.relative_to(ASTROPY / "io").as_posix().replace("tests/data/", "")


def result_of(path):
    """Return the result for a file in one line."""
    try:
        with path.open("rb") as file, open_tables(path, file) as sheets:
            return " || ".join(map(summary, sheets))
    except InputError as error:
        return refused(path, error)


def refused(path, error):
    """Return the beginning of an error message."""
    words = str(error).replace(str(path), "").strip().removeprefix(": ")
    words = words.removeprefix("cannot be used: ").removeprefix("it is ")
    return f"refused: {words[:WORDS].rpartition(' ')[0]}"


def understood(path):
    """Return in one line what a harvest would read from a file."""
    try:
        found = inspect_catalogue(path, schemes=identifiers())
    except InputError as error:
        return refused(path, error)
    columns = f"id {found.id!r} at {found.ra!r} {found.dec!r}"
    meaning = f"{found.ra_unit}, {found.dec_unit}, {found.frame}"
    return f"{found.targets} targets, {columns} | {meaning} | {found.sample[0]}"


def line_of(path):
    """Return the line of the list for a file."""
    tables = result_of(path)
    is_refused = tables.startswith("refused")
    return tables if is_refused else f"{tables} >> {understood(path)}"


def summary(sheet):
    """Return format, names and first row of a table; read all of its rows."""
    first, rows = [], 0
    for batch in sheet.table.to_batches(1000):
        if batch.num_rows and not rows:
            first = [str(column[0].as_py())[:LONGEST] for column in batch.columns]
        rows += batch.num_rows
    assert rows == sheet.table.num_rows == len(sheet.lines)
    names = sheet.table.column_names if sheet.has_names else ["no names"]
    shown = " ".join(map(repr, list(names)[:SHOWN]))
    return f"{sheet.format} | {rows} rows | {shown} | {first[:SHOWN]}"


def expected():
    """Read the list."""
    lines = LIST.read_text("utf-8").splitlines()
    return dict(line.split(" => ", 1) for line in lines if line)


KNOWN = expected() if LIST.exists() else {}


def check(found):
    """Compare files with the list; a file that is not in it must be read or refused."""
    differing = {}
    for name, path in found:
        line = line_of(path)
        if name in KNOWN and KNOWN[name] != line:
            differing[name] = (line, KNOWN[name])
    assert differing == {}


@pytest.mark.parametrize("kind", ["ascii", "fits", "misc", "votable"])
def test_files_of_astropy(kind):
    """Each test file of astropy's readers is read right or refused."""
    found = [(n, path) for n, path in files(None) if n.startswith(f"{kind}/")]
    assert len({name for name, _ in found} & KNOWN.keys()) > 1
    check(found)


def test_real_files(shared):
    """Each real catalogue is read right or refused."""
    found = list(files(shared / "data" / "catalogues"))
    assert {name for name, _ in found} <= KNOWN.keys()
    check(found)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    folder = Path(os.fspath(sys.argv[1]))
    for name, path in [*files(None), *files(folder)]:
        print(f"{name} => {line_of(path)}")
