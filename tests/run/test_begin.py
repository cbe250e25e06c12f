"""The start of a run: another process reads the catalogue, and this one imports."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import pytest

from harvester.cutouts import warm_up
from harvester.errors import InputError, LocalError
from harvester.events import Note
from harvester.places import Places
from harvester.run.begin import begin
from harvester.settings.settings import load_settings

#: Milliseconds after which a process that does not end is given up.
_PATIENCE_MS = 60_000


def settings_of(catalogue):
    """Give the settings of a run of a catalogue."""
    return load_settings(catalogue={"path": str(catalogue)})


@pytest.fixture
def places(tmp_path):
    """Give the places of a run in a folder that exists."""
    (tmp_path / "out").mkdir()
    return Places(tmp_path / "out")


@contextmanager
def held(tmp_path):
    """Give a catalogue that never ends, and a function that waits for its reader."""
    pipe = tmp_path / "endless.csv"
    os.mkfifo(pipe)
    ends = []

    def read():
        ends.append(os.open(pipe, os.O_WRONLY))
        return ends[0]

    try:
        yield pipe, read
    finally:
        for end in ends:
            os.close(end)


def test_notes_are_passed_on(tmp_path, places):
    """What the other process notes about the catalogue is told to the listener."""
    catalogue, told = tmp_path / "one.csv", []
    catalogue.write_text("id,ra,dec\na,150,2\nb,150,\n")
    begin(settings_of(catalogue), places, told.append)
    assert Note("Rows left out: 1; targets: 1.") in told
    assert places.ledger.exists()
    assert not places.scratch.exists()


def test_refusal_is_raised(tmp_path, places):
    """A catalogue that is refused there is refused here, and no run has begun."""
    catalogue = tmp_path / "none.csv"
    catalogue.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="no two columns were recognised"):
        begin(settings_of(catalogue), places, lambda _: None)
    assert list(places.out.iterdir()) == []


def test_reader_is_killed(tmp_path, places):
    """That the other process was killed is said, and nothing of it is left."""
    with held(tmp_path) as (catalogue, read), ThreadPoolExecutor() as threads:
        begun = threads.submit(begin, settings_of(catalogue), places, print)
        read()
        (reader,) = psutil.Process(warm_up._server._forkserver_pid).children()
        reader.kill()
        with pytest.raises(LocalError, match="reads the catalogue was killed"):
            begun.result()
    assert list(places.out.iterdir()) == []


def test_reader_ends_with_its_parent(tmp_path, places):
    """If a run is killed while its catalogue is read, no process stays."""
    with held(tmp_path) as (catalogue, read):
        words = ["run", str(catalogue), "--out", str(places.out)]
        run = subprocess.Popen([sys.executable, "-m", "harvester", *words])
        gone = select.poll()
        gone.register(read(), select.POLLERR)
        run.send_signal(signal.SIGKILL)
        run.wait()
        assert gone.poll(_PATIENCE_MS)
    assert not places.ledger.exists()
