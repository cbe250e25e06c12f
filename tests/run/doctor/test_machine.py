"""The doctor examines the machine: disk, file system, permissions, clock, versions."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from email.utils import formatdate

import pytest

from harvester.run.doctor import machine
from harvester.run.doctor.findings import (
    Diagnosis,
    Level,
    exit_code_of,
    in_words,
)
from harvester.run.doctor.hosts import clock_offset_s, host_findings
from harvester.run.doctor.machine import machine_findings
from harvester.run.doctor.protocol import Asked
from harvester.transport.sighting import Sighting


def troubles(folder, cache_bytes=0):
    """Give the words and the advice of each trouble of this machine."""
    return [
        (one.words, one.advice)
        for one in machine_findings(folder, cache_bytes=cache_bytes)
        if one.level is Level.TROUBLE
    ]


def test_sound_machine(tmp_path):
    """A usual disk has no trouble, and nothing is left on it."""
    found = list(machine_findings(tmp_path, cache_bytes=0))
    assert [one for one in found if one.level is Level.TROUBLE] == []
    words = " ".join(one.words for one in found)
    for told in ("astroquery", "GB free", "fsync", "flock", "MB/s", "write-ahead"):
        assert told in words
    assert list(tmp_path.iterdir()) == []


def test_folder_to_come(tmp_path):
    """Of a folder that does not exist yet, the disk of its parent is examined."""
    assert troubles(tmp_path / "runs" / "new") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission(tmp_path):
    """A folder that this user cannot write is named."""
    tmp_path.chmod(0o500)
    ((words, advice),) = troubles(tmp_path)
    assert f"{tmp_path} cannot be written" in words
    assert "right to write" in advice


def test_read_only_disk():
    """A disk that takes no file is named: here that of the kernel."""
    *_, (words, advice) = troubles(machine.Path("/proc/self"))
    assert "cannot be written" in words
    assert advice


def test_full_disk(tmp_path, monkeypatch):
    """A disk without room is a trouble; one without room for the cache is told."""
    monkeypatch.setattr(machine, "free_bytes", lambda _: 1_000_000)
    ((words, _),) = troubles(tmp_path)
    assert "0.0 GB free" in words
    monkeypatch.setattr(machine, "free_bytes", lambda _: 1_000_000_000)
    found = machine_findings(tmp_path, cache_bytes=2_000_000_000)
    (note,) = [one for one in found if one.level is Level.NOTE]
    assert "work.frame_cache_bytes" in note.advice


def test_network_disk(tmp_path, monkeypatch):
    """A network disk is told, with what to do."""
    monkeypatch.setattr(machine, "disk_notes", lambda _: ["it is on nfs4"])
    found = machine_findings(tmp_path, cache_bytes=0)
    (note,) = [one for one in found if one.level is Level.NOTE]
    assert (note.words, note.advice) == (
        "it is on nfs4",
        "Move the run to a local disk.",
    )


def test_disk_without_fsync(tmp_path, monkeypatch):
    """A disk that cannot flush is a trouble."""

    def refuse(_descriptor):
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "fsync", refuse)
    assert "cannot flush files and folders (fsync)" in troubles(tmp_path)[0][0]


def test_disk_without_locks(tmp_path, monkeypatch):
    """A disk that gives one lock to two programs is a trouble."""
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    ((words, _),) = troubles(tmp_path)
    assert "two programs got the same lock" in words


@contextmanager
def _few_files(soft):
    before = machine.resource.getrlimit(machine.resource.RLIMIT_NOFILE)
    machine.resource.setrlimit(machine.resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        yield
    finally:
        machine.resource.setrlimit(machine.resource.RLIMIT_NOFILE, before)


def test_few_descriptors(tmp_path):
    """A low limit of open files is a trouble, with the command that raises it."""
    with _few_files(200):
        ((words, advice),) = troubles(tmp_path)
    assert "only 200 files" in words
    assert "ulimit -n" in advice


def _asked(service, ahead_s, **more):
    """Give a step whose reply says that our clock is so many seconds ahead."""
    now = time.time()
    date = formatdate(now - ahead_s, usegmt=True)
    sighting = Sighting("GET", "https://x", {}, now, 200, [("Date", date)], now, **more)
    return Asked("a", service, f"https://{service}", "it", sightings=[sighting])


def test_own_clock_is_wrong():
    """If all hosts disagree with our clock, it is wrong: a trouble of this machine."""
    found = list(host_findings([_asked("one", 3600), _asked("two", 3600)]))
    (wrong,) = [one for one in found if one.level is Level.TROUBLE]
    assert (wrong.about, wrong.code) == ("machine", 6)
    assert "3,600 s ahead" in wrong.words
    assert "set-ntp" in wrong.advice


def test_clock_of_one_host_is_wrong():
    """If only one host disagrees, its clock is wrong, which is only told."""
    found = list(host_findings([_asked("one", -900), _asked("two", 0)]))
    assert not [one for one in found if one.level is Level.TROUBLE]
    (note,) = [one for one in found if one.level is Level.NOTE]
    assert note.about == "one"
    assert "900 s behind" in note.words


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Foo 2026 00:00:00 GMT"])
def test_no_date(date):
    """A reply without a date tells nothing about clocks."""
    reply = Sighting("GET", "https://x", {}, 0.0, 200, [("Date", date)])
    assert clock_offset_s(reply) is None


def test_certificate_that_ends_soon():
    """A certificate that ends within days is told."""
    until = time.strftime(
        "%b %d %H:%M:%S %Y GMT", time.gmtime(time.time() + 5 * 86_400)
    )
    tls = {"version": "TLSv1.3", "until": until}
    found = list(host_findings([_asked("one", 0, tls=tls)]))
    (note,) = [one for one in found if one.level is Level.NOTE]
    assert "ends in" in note.words
    assert any("TLSv1.3" in one.words for one in found)


def test_exit_codes():
    """The machine comes before the archives, an outage before a difference."""

    def with_codes(*codes):
        return exit_code_of(Diagnosis.trouble("a", "b", "c", one) for one in codes)

    assert with_codes() == 0
    assert with_codes(3) == 3
    assert with_codes(3, 5) == 5
    assert with_codes(3, 5, 6) == 6
    assert with_codes(6, 2) == 2


def test_words():
    """The report names each trouble with what to do, and ends with a verdict."""
    trouble = Diagnosis.trouble("disk", "it is full", "Free some space.", 6)
    lines = list(in_words([Diagnosis("disk", Level.OK, "it is there"), trouble]))
    assert lines[0] == "disk"
    assert "trouble it is full" in lines[2]
    assert lines[3].strip() == "-> Free some space."
    assert lines[-1].startswith("Not all is well: 1 of 2")
    assert list(in_words([]))[-1] == "All is well."
