"""Files that are complete, told from those that are being written."""

from __future__ import annotations

import os

import pytest

from harvester.run.watch.still_files import StillFiles, files_in


@pytest.fixture
def still(clock):
    """Wait ten seconds for a file."""
    return StillFiles(10, clock)


def test_waits_until_still(still, clock, tmp_path):
    """A file is told once, when it has not changed for the time."""
    path = tmp_path / "new.csv"
    path.write_text("id,ra,dec\n")
    assert still.look([path]) == []
    clock.now = 9.9
    assert still.look([path]) == []
    clock.now = 10.0
    assert still.look([path]) == [path]
    clock.now = 99.0
    assert still.look([path]) == []


def test_growing_file(still, clock, tmp_path):
    """A file that is half written, and grows between two looks, is not told."""
    path = tmp_path / "new.csv"
    for moment in range(0, 60, 9):
        clock.now = moment
        with path.open("a") as file:
            file.write("galaxy\n")
        assert still.look([path]) == []
    clock.now += 10
    assert still.look([path]) == [path]


def test_replaced_file(still, clock, tmp_path):
    """A file that takes the place of another one is told again, also of equal size."""
    path, other = tmp_path / "new.csv", tmp_path / "other"
    path.write_text("one")
    still.look([path])
    clock.now = 10
    assert still.look([path]) == [path]
    other.write_text("two")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.rename(path)
    assert still.look([path]) == []
    clock.now = 20
    assert still.look([path]) == [path]


def test_empty_and_gone(still, clock, tmp_path):
    """A file without content, or that is not there, is no file yet."""
    path = tmp_path / "new.csv"
    path.touch()
    for moment in (0, 10, 20):
        clock.now = moment
        assert still.look([path, tmp_path / "gone.csv"]) == []


def test_forgotten(still, clock, tmp_path):
    """A file that could not be read now is told again."""
    path = tmp_path / "new.csv"
    path.write_text("one")
    still.look([path])
    clock.now = 10
    assert still.look([path]) == [path]
    still.forget(path)
    still.look([path])
    clock.now = 20
    assert still.look([path]) == [path]


def test_unfinished_names(tmp_path):
    """Hidden and unfinished files are left out; the oldest comes first."""
    for moment, name in enumerate((".a.csv", "b.csv.part", "c.tmp", "e.csv", "d.csv")):
        path = tmp_path / name
        path.write_text("x")
        os.utime(path, (moment, moment))
    assert [path.name for path in files_in(tmp_path)] == ["e.csv", "d.csv"]


def test_no_folder(tmp_path):
    """A folder that is gone has no files."""
    assert files_in(tmp_path / "gone") == []
