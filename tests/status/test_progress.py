"""The progress of a harvest on a terminal and in a log."""

from __future__ import annotations

import io
import re

from harvester.events import Heartbeat, Moved, Note, PageServed
from harvester.states import State
from harvester.status.progress import shown_progress

REPORT = {
    "cutouts": 3,
    "surveys": {
        "sdss": {"pending": 4, "located": 2, "done": 3, "no_coverage": 0, "failed": 1}
    },
}

#: Time and level before each line.
BEFORE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ info    "


class Terminal(io.StringIO):
    """An output that says it is a terminal."""

    def isatty(self):
        """Say so."""
        return True


def test_lines_have_time_and_level(capsys):
    """In a pipe each event is one line with its time, level and name."""
    with shown_progress(REPORT) as listener:
        listener(Heartbeat("5 of 10 settled", 5, 10, 1.0, 300.0))
        listener(Moved("sdss", State.DONE, 2))
    (line,) = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"{BEFORE}heartbeat     5 of 10 settled", line)


def test_notes_are_said(capsys):
    """A note is one line; with --json it goes to standard error."""
    with shown_progress(REPORT, quiet=True) as listener:
        listener(Note("the archive is down"))
    said = capsys.readouterr()
    assert re.fullmatch(rf"{BEFORE}note          the archive is down\n", said.err)
    assert said.out == ""


def test_bars_on_a_terminal(monkeypatch):
    """On a terminal each archive has a bar with its numbers, and the log above."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with shown_progress(REPORT) as listener:
        listener(Moved("sdss", State.DONE, 2))
        listener(Note("[bold]not markup[/bold]"))
    assert "5 done, 1 failed" in terminal.getvalue()
    assert "[bold]not markup[/bold]" in terminal.getvalue()


def test_closed_output(monkeypatch):
    """A harvest continues when its output is closed, for example by `| head`."""
    closed = io.StringIO()
    monkeypatch.setattr("sys.stdout", closed)
    with shown_progress(REPORT) as listener:
        closed.close()
        listener(Note("still here"))
        listener(Moved("sdss", State.DONE, 2))
    assert closed.closed


def test_events_of_before(capsys):
    """What happened before the log was open is its first line, once."""
    first = [PageServed("http://127.0.0.1:8765/")]
    for _ in range(2):
        with shown_progress(REPORT, first=first):
            pass
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("page_served   status page: http://127.0.0.1:8765/")


def test_bars_after_a_retry(monkeypatch):
    """Jobs that are taken up again are no longer counted as failed."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with shown_progress(REPORT) as listener:
        listener(Moved("sdss", State.PENDING, 1, source=State.FAILED))
    last = terminal.getvalue().rpartition("sdss")[2]
    assert "3/10" in last
    assert "failed" not in last
