"""What a person sees of a harvest."""

from __future__ import annotations

import io

import pytest

from harvester.events import Moved, Note, Stamped
from harvester.states import State
from harvester.status.progress import _Lines, shown_progress

REPORT = {
    "cutouts": 3,
    "surveys": {
        "sdss": {"pending": 4, "located": 2, "done": 3, "no_coverage": 0, "failed": 1}
    },
}


@pytest.fixture
def lines(monkeypatch):
    """Give a listener that says how far it is after each event."""
    monkeypatch.setattr("harvester.status.progress._LINE_EVERY_S", -1)
    return _Lines(REPORT, io.StringIO())


def test_counts_follow_the_events(lines):
    """Where jobs came to is added to what was done before."""
    lines.listener(Moved("sdss", State.LOCATED, 4))
    lines.listener(Moved("sdss", State.DONE, 5))
    lines.listener(Moved("sdss", State.NO_COVERAGE, 1))
    lines.listener(Stamped("sdss", "frame", 5))
    assert lines._stream.getvalue().splitlines()[-1] == (
        "sdss: 10/10 settled; 8 stamps"
    )


def test_notes_are_said(capsys):
    """A note is a line of its own; with --json it leaves the output alone."""
    with shown_progress(REPORT, quiet=True) as listener:
        listener(Note("the archive is down"))
    said = capsys.readouterr()
    assert said.err == "the archive is down\n"
    assert said.out == ""


def test_bars_on_a_terminal(monkeypatch):
    """On a terminal each archive has a bar with its words."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with shown_progress(REPORT) as listener:
        listener(Moved("sdss", State.DONE, 2))
        listener(Note("[bold]not markup[/bold]"))
    assert "5 done, 1 failed" in terminal.getvalue()
    assert "[bold]not markup[/bold]" in terminal.getvalue()


def test_nobody_listens_any_more(lines):
    """A harvest goes on when its output is closed, as by `| head`."""
    lines._stream.close()
    lines.listener(Note("still here"))
    lines.listener(Moved("sdss", State.DONE, 2))
    assert lines._counts["sdss"][State.DONE] == 5
