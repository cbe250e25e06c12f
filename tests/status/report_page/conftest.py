"""What the tests of the report share: a run, its report, and hostile text."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from bs4 import BeautifulSoup
from page_run import change, write_history, write_ledger, write_stamp

from harvester.status.report_page.document import write_report

#: Text as a catalogue or a server may send it, against a page that trusts it.
_HOSTILE = '</style><script>window.hurt=1</script><img src=x onerror="hurt=1">&amp;\'"'


class Made(NamedTuple):
    """A report that was written."""

    file: object
    page: BeautifulSoup

    def text(self, section):
        """Give the text of a section, with single blanks."""
        return " ".join(self.page.find(id=section).get_text(" ").split())

    def rows(self, section):
        """Give the cells of all rows of a section's tables, without the heads."""
        found = self.page.find(id=section).select("tbody tr")
        return [
            [cell.get_text() for cell in row.find_all(["th", "td"])] for row in found
        ]


@pytest.fixture
def report_of(tmp_path):
    """Give a function that writes the report of a run and reads it."""

    def write(places, chosen=()):
        file = tmp_path / "report.html"
        write_report(places, file, chosen)
        return Made(file, BeautifulSoup(file.read_bytes(), "html.parser"))

    return write


@pytest.fixture
def hostile():
    """Give the text that the hostile run has everywhere."""
    return _HOSTILE


@pytest.fixture
def hostile_run(tmp_path):
    """Return a run in which all that comes from outside is hostile text."""
    places = write_ledger(tmp_path / "run", failed=[(f"http_500 {_HOSTILE}", 3)])
    write_history(places.out)
    write_stamp(places, 0)
    change(places.out, "UPDATE target SET id = ? || number", [(_HOSTILE,)])
    change(places.out, "INSERT INTO reject VALUES (7, ?, ?)", [(_HOSTILE, _HOSTILE)])
    change(places.out, "INSERT INTO host VALUES (?, 5, 70, 0)", [(_HOSTILE,)])
    change(
        places.out,
        "INSERT INTO run VALUES (?, ?)",
        [("catalogue", _HOSTILE), ("troubles", '["<script>hurt=1</script>"]')],
    )
    return places
