"""Pieces of an export that are written several at a time."""

from __future__ import annotations

import os
from threading import Barrier, Event

import pytest

from harvester.dataset.export.kind import ExportPiece
from harvester.dataset.export.piece_threads import write_pieces
from harvester.dataset.export.pieces import ExportFolder
from harvester.errors import LocalError

#: Seconds after which threads that wait for each other give up.
_GIVE_UP_S = 60


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0, 1})


def _begun(tmp_path):
    folder = ExportFolder(tmp_path / "made", {})
    folder.begin(print)
    return folder


@pytest.fixture
def folder(tmp_path):
    """Give a folder that is begun."""
    return _begun(tmp_path)


def _piece(name, before=lambda: None, *, is_independent=True):
    def write(path, _root):
        before()
        path.write_text(name)

    return ExportPiece(name, write, 1, is_independent)


def test_independent_pieces(folder):
    """Two independent pieces are written at the same time, and every row is counted."""
    barrier, rows = Barrier(2), []
    meet = lambda: barrier.wait(_GIVE_UP_S)  # noqa: E731 - short
    write_pieces(folder, [_piece("a", meet), _piece("b", meet)], rows.append)
    assert rows == [1, 1]
    assert {path.name for path in folder.work.iterdir()} >= {"a", "b"}


def test_piece_that_needs_others(folder):
    """A piece that is not independent finds all earlier ones, and no later one."""

    def list_others(path, root):
        path.write_text(" ".join(sorted(one.name for one in root.glob("?"))))

    listing = ExportPiece("list", list_others)
    pieces = [_piece("a"), _piece("b"), listing, _piece("c")]
    write_pieces(folder, pieces, lambda _rows: None)
    assert (folder.work / "list").read_text() == "a b"
    assert (folder.work / "c").exists()


def test_piece_that_fails(folder):
    """If a piece fails, that is told, and the one beside it is completed."""
    other_has_begun, has_failed = Event(), Event()

    def fail():
        assert other_has_begun.wait(_GIVE_UP_S)
        has_failed.set()
        raise OSError(28, "No space left on device")

    def go_on():
        other_has_begun.set()
        assert has_failed.wait(_GIVE_UP_S)

    pieces = [_piece("bad", fail), _piece("slow", go_on)]
    with pytest.raises(LocalError, match="No space left"):
        write_pieces(folder, pieces, lambda _rows: None)
    assert (folder.work / "slow").read_text() == "slow"
    assert not (folder.work / "bad").exists()


def test_written_before(tmp_path):
    """A piece that was written before a kill is counted, and not written again."""
    write_pieces(_begun(tmp_path), [_piece("a")], lambda _rows: None)
    folder, rows = _begun(tmp_path), []

    def fail():
        pytest.fail("written again")

    write_pieces(folder, [_piece("a", fail), _piece("b")], rows.append)
    assert rows == [1, 1]
