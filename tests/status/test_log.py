"""The log of a harvest: its forms, how much of it, and its file."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest

from harvester.errors import LocalError
from harvester.events import (
    Began,
    Controlled,
    Ended,
    Event,
    Heartbeat,
    HostChanged,
    Moved,
    Note,
    PageServed,
    Stalled,
    Stamped,
    Watching,
)
from harvester.states import State
from harvester.status import log as log_module
from harvester.status.log import EVENTS, opened_log
from harvester.status.log_options import FORMATS, LogOptions

#: One of each kind of event.
EACH = [
    Began("0 of 4 settled"),
    Note("a contact is missing"),
    Note("a frame was not cut", is_warning=True),
    HostChanged("data.sdss.org", "down", "data.sdss.org: down"),
    Heartbeat("3 of 4 settled", 3, 4, 1.5, None),
    Stalled('nothing has moved: "x"', 300.4),
    Stalled("it moves again", 2.0, is_over=True),
    Moved("sdss", State.NO_COVERAGE, 3),
    Stamped("sdss", "frame-r", 2),
    Watching("watching, next look at noon", 1e9),
    PageServed("http://127.0.0.1:8765/"),
    Controlled("pause", "pause by me: paused", 1000, "socket"),
    Controlled("rate", "rate by me: refused", 1000, "socket", is_refused=True),
    Controlled("status", "status by me: at work", 1000, "socket"),
    Ended("the disk is full", is_error=True),
]


def _lines(**options):
    """Give the lines of a log of each event, and of what a module says."""
    lines = []
    with opened_log(LogOptions(**options), lines.append) as listener:
        for event in EACH:
            listener(event)
        for level in (logging.WARNING, logging.INFO):
            logging.getLogger("harvester.frames.store").log(level, "%d frames", 7)
    return lines


def test_every_event_is_in_the_vocabulary():
    """Each kind of event has its name, with -vv, and no other name appears."""
    told = [json.loads(line) for line in _lines(format="json", verbosity=2)]
    assert {one["event"] for one in told} == set(EVENTS)
    assert len(told) == len(EACH) + 2
    assert {type(one) for one in EACH} == set(Event.__args__)


def test_documented():
    """The page for operators explains every event."""
    page = Path(__file__).parents[2].joinpath("docs", "operations.md").read_text()
    table = page.partition("| event | when |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z_]+)`(?=[ ,|].*\|)", table)) >= set(EVENTS)


def test_json():
    """A line is a JSON object with time, level, event and text, and the numbers."""
    told = [json.loads(line) for line in _lines(format="json")]
    assert all(list(one)[:4] == ["time", "level", "event", "text"] for one in told)
    (beat,) = [one for one in told if one["event"] == "heartbeat"]
    assert (beat["settled"], beat["total"], beat["eta_s"]) == (3, 4, None)
    (said,) = [one for one in told if one["event"] == "message"]
    assert (said["text"], said["logger"]) == ("7 frames", "harvester.frames.store")


@pytest.mark.parametrize("form", ["console", "json", "logfmt"])
def test_every_line_has_a_time(form):
    """A line tells when it was written, in UTC, and how grave it is."""
    for line in _lines(format=form, verbosity=2):
        assert re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line[:40])
        assert re.search(r"\b(debug|info|warning|error)\b", line[:60])


def test_logfmt_and_journald():
    """Pairs with quotes where needed; the journal gets a priority and no time."""
    (stall,) = [one for one in _lines(format="logfmt") if "event=stalled" in one]
    assert re.match(r"time=\S+Z level=warning event=stalled text=", stall)
    assert r'text="nothing has moved: \"x\"" seconds=300' in stall
    (stall,) = [one for one in _lines(format="journald") if "event=stalled" in one]
    assert stall.startswith("<4>event=stalled text=")
    assert "time=" not in stall


@pytest.mark.parametrize(
    ("verbosity", "count"), [(-1, 6), (0, 13), (1, 14), (2, len(EACH) + 2)]
)
def test_how_much(verbosity, count):
    """-q leaves warnings, -v adds what modules say, and -vv every job."""
    assert len(_lines(verbosity=verbosity)) == count


@pytest.mark.parametrize("form", FORMATS)
def test_bug(form):
    """A bug is one entry, and its traceback is in it."""
    lines = []
    with opened_log(LogOptions(form), lines.append):
        try:
            _ = 1 / 0
        except ZeroDivisionError:
            logging.getLogger("harvester.run.lane").exception("a bug")
    (line,) = lines
    assert "a bug" in line
    assert "ZeroDivisionError" in line
    assert form == "console" or "\n" not in line


def test_file(tmp_path, monkeypatch):
    """The file gets the same lines; a large one is renamed, and few are kept."""
    monkeypatch.setattr(log_module, "_FILE_BYTES", 2000)
    path = tmp_path / "harvest.log"
    options = LogOptions("logfmt", file=path)
    lines = []
    with opened_log(options, lines.append) as listener:
        for number in range(200):
            listener(Note(f"note {number}"))
    names = sorted(one.name for one in tmp_path.iterdir())
    assert names == ["harvest.log", *(f"harvest.log.{n}" for n in range(1, 6))]
    assert path.read_text().splitlines()[-1] == lines[-1]
    assert path.stat().st_size <= 2000


def test_file_that_cannot_be_written(tmp_path):
    """A file in a folder that does not exist is refused with what to do."""
    options = LogOptions(file=tmp_path / "none" / "harvest.log")
    with (
        pytest.raises(LocalError, match="cannot be written"),
        opened_log(options, print),
    ):
        pass


def test_loggers_are_given_back():
    """After a harvest the program's own logging is as before."""
    log = logging.getLogger("harvester")
    before = log.level, log.propagate, list(log.handlers)
    _lines(verbosity=2)
    assert (log.level, log.propagate, log.handlers) == before
