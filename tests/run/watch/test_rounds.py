"""When a run that is watched harvests again; the harvests themselves are stand-ins."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from harvester.errors import OutageError
from harvester.ledger.runner import RUNNER
from harvester.ledger.view import LedgerView
from harvester.places import Places
from harvester.run.begin import remove_scratch, write_settings
from harvester.run.create_run import create_run
from harvester.run.extend.extending import take_catalogue
from harvester.run.harvest import Outcome
from harvester.run.new_run import NewRun
from harvester.run.stop import Stop
from harvester.run.watch.dropped_files import DroppedFiles
from harvester.run.watch.rounds import harvest_and_watch
from harvester.settings.settings import load_settings
from harvester.status.health import read_health
from harvester.status.report import read_report, state_of

#: Intervals in seconds, much shorter than any test.
QUICK = {"look_s": 0.01, "still_s": 0, "retry_s": 0.05, "again_s": 600, "busy_s": 0}


@pytest.fixture
def begin_run(tmp_path):
    """Give a function that begins a run of two galaxies in HST and SDSS."""

    def begin_one(**intervals):
        catalogue, places = tmp_path / "galaxies.csv", Places(tmp_path / "out")
        catalogue.write_text("id,ra,dec\na,10,1\nb,20,2\n")
        places.out.mkdir()
        settings = load_settings(
            surveys=["hst:ACS/WFC:F814W", "sdss:r"],
            catalogue={"path": str(catalogue)},
            watch={**QUICK, "folder": str(tmp_path), **intervals},
        )
        write_settings(settings, places)
        create_run(NewRun.of(settings), places, lambda _: None, None)
        remove_scratch(places)
        return settings, places

    return begin_one


class Harvests:
    """Stands in for harvests: each settles all jobs, the last one ends the watch."""

    def __init__(self, places, *acts):
        self._places, self._acts = places, list(acts)
        self.stop = Stop("", ends_process=False)
        #: Jobs in each state, of both surveys, at the beginning of each harvest.
        self.began = []

    async def once(self):
        """Note the states, do what is due, and give the outcome."""
        with LedgerView.open(self._places.ledger) as view:
            self.began.append({k: dict(v) for k, v in view.states().items()})
        act = self._acts.pop(0)
        result = act(self) if act else None
        if result is not None:
            await result
        if not self._acts:
            self.stop.signal = 15
        return Outcome(read_report(self._places), [])

    def settle(self, state="done"):
        """Settle all jobs."""
        with closing(sqlite3.connect(self._places.ledger)) as db, db:
            db.execute("UPDATE job SET state = ?", (state,))


def watch(settings, places, harvests):
    """Harvest and watch until the last stand-in; give the texts of all events."""
    said = []

    @contextmanager
    def log(_report):
        yield lambda event: said.append(event.text)

    work = harvest_and_watch(settings, places, log, harvests.stop, harvests.once)
    asyncio.run(asyncio.wait_for(work, 60))
    return said


def test_outage_is_tried_again(begin_run):
    """Jobs that a harvest has left are tried again after a while."""
    settings, places = begin_run()
    harvests = Harvests(places, None, None)
    watch(settings, places, harvests)
    assert harvests.began == [{"hst": {"pending": 2}, "sdss": {"pending": 2}}] * 2


def test_new_images_are_looked_for(begin_run):
    """After the time, archives that get new images are asked again, and no others."""
    settings, places = begin_run(again_s=0.2)
    harvests = Harvests(places, lambda one: one.settle("no_coverage"), None)
    said = watch(settings, places, harvests)
    assert harvests.began[1] == {"hst": {"pending": 2}, "sdss": {"no_coverage": 2}}
    assert any("2 jobs without an image" in text for text in said)


def test_rows_interrupt_a_long_harvest(begin_run, tmp_path):
    """New rows end a harvest that takes long, in order; the next one has them.

    As long as a user has paused it, they do not.
    """
    settings, places = begin_run()
    paused = asyncio.Event()

    class Orchestrator:
        """A harvest that is paused at first, and goes on until it is stopped."""

        looks = 0

        @property
        def is_held(self):
            """Tell whether a user has paused it."""
            self.looks += 1
            return self.looks < 3

        def stop(self):
            """Stop it."""
            assert self.looks >= 3
            paused.set()

    def go_on(harvests):
        harvests.stop.started(Orchestrator())
        (tmp_path / "new.csv").write_text("id,ra,dec\nc,30,3\nd,40,4\n")
        return paused.wait()

    harvests = Harvests(places, go_on, None)
    watch(settings, places, harvests)
    assert harvests.began[1] == {"hst": {"pending": 4}, "sdss": {"pending": 4}}


def test_own_catalogue_interrupts_nothing(begin_run):
    """The catalogue of the run is new only when something was added to it."""
    settings, places = begin_run(folder="")
    files, catalogue = DroppedFiles(settings, places), Path(settings.catalogue.path)
    assert [files.look() for _ in range(3)] == [[]] * 3
    catalogue.write_text(catalogue.read_text() + "c,30,3\n")
    assert [files.look() for _ in range(3)] == [[], [catalogue], []]


def test_state_while_it_waits(begin_run, tmp_path):
    """While it waits, status says so, health passes; afterwards it has signed out."""
    settings, places = begin_run()
    told = []

    def note_state():
        report = read_report(places)
        health = read_health(places, 0.001, report["running"]["since"] + 300)
        told.append((state_of(report), report["running"]["words"], health))

    class Harvest(Harvests):
        """Adds a galaxy once the run waits."""

        def hear(self, text):
            if text.startswith("watching"):
                note_state()
                (tmp_path / "new.csv").write_text("id,ra,dec\nc,30,3\nd,40,4\n")

    harvests = Harvest(places, lambda one: one.settle(), None)

    @contextmanager
    def log(_report):
        yield lambda event: harvests.hear(event.text)

    work = harvest_and_watch(settings, places, log, harvests.stop, harvests.once)
    asyncio.run(asyncio.wait_for(work, 60))
    ((state, words, health),) = told
    assert (state, health.is_healthy) == ("watching", True)
    assert words.startswith("watching, next look at")
    with LedgerView.open(places.ledger) as view:
        assert RUNNER not in view.facts()


def test_archive_is_down_for_a_file(begin_run, tmp_path, monkeypatch):
    """A file for which an archive must be asked is tried again, as after an outage."""
    tries = []

    def take(settings, places, path, listener, *, becomes):
        tries.append(path.name)
        if len(tries) == 1:
            msg = "the archive is down."
            raise OutageError("down", msg)
        return take_catalogue(settings, places, path, listener, becomes=becomes)

    settings, places = begin_run()
    monkeypatch.setattr("harvester.run.extend.extending.take_catalogue", take)
    (tmp_path / "new.csv").write_text("id,ra,dec\nc,30,3\nd,40,4\n")
    harvests = Harvests(places, lambda one: one.settle(), None)
    watch(settings, places, harvests)
    assert tries == ["new.csv", "new.csv"]
    assert read_report(places)["refused"] == {}


def test_bug_while_a_file_is_read(begin_run, tmp_path, monkeypatch):
    """A file that meets a bug is told and left out; the run goes on."""

    def fail(*_args, **_more):
        raise ZeroDivisionError

    settings, places = begin_run(retry_s=2)
    monkeypatch.setattr("harvester.run.extend.extending.take_catalogue", fail)
    (tmp_path / "new.csv").write_text("id,ra,dec\nc,30,3\n")
    harvests = Harvests(places, None, None)
    said = watch(settings, places, harvests)
    refused = read_report(places)["refused"]
    assert refused == {str(tmp_path / "new.csv"): "unexpected ZeroDivisionError"}
    assert any("is not taken" in text for text in said)
