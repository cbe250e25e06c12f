"""Pieces of an export: whole or not there, also after a kill."""

from __future__ import annotations

import pytest

from harvester.dataset.export.kind import ExportPiece
from harvester.dataset.export.pieces import ExportFolder
from harvester.errors import LocalError, LockedError


def _piece(name, text):
    return ExportPiece(name, lambda path, _root: path.write_text(text))


def _folder(tmp_path, state="a"):
    folder = ExportFolder(tmp_path / "made", {"state": state})
    said = []
    folder.begin(said.append)
    return folder, said


def test_name_means_complete(tmp_path):
    """The folder has its name only when everything is in it."""
    folder, _ = _folder(tmp_path)
    folder.write(_piece("one", "1"))
    assert not folder.final.exists()
    folder.complete({})
    assert sorted(p.name for p in folder.final.iterdir()) == [
        "SHA256SUMS",
        "export.json",
        "one",
    ]
    assert folder.is_complete
    assert [p.name for p in tmp_path.iterdir()] == ["made"]


def test_after_a_kill(tmp_path):
    """A piece with a receipt stays; one without is written again."""
    folder, _ = _folder(tmp_path)
    folder.write(_piece("done", "1"))
    (folder.work / ".at-work" / "killed").mkdir()
    (folder.work / ".at-work" / "killed" / "file").write_text("half")
    (folder.work / "torn").write_text("half")
    with (folder.work / ".receipts.jsonl").open("a") as receipts:
        receipts.write('["torn", 1')
    del folder  # a process that is killed holds no lock
    again, said = _folder(tmp_path)
    assert said == ["Continued: 1 parts were written before."]
    assert again.has(_piece("done", "1"))
    assert not again.has(_piece("torn", "whole"))
    again.write(_piece("torn", "whole"))
    assert (again.work / "torn").read_text() == "whole"
    assert not list((again.work / ".at-work").iterdir())


def test_files_beside_a_piece(tmp_path):
    """A file that a library puts beside its own is gone, killed or not."""

    def write(path, _root):
        path.with_name(".tmp1").touch()
        if killed:
            raise KeyboardInterrupt
        path.write_text("1")

    killed = True
    folder, _ = _folder(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        folder.write(ExportPiece("one", write))
    del folder
    killed = False
    folder, _ = _folder(tmp_path)
    folder.write(ExportPiece("one", write))
    folder.complete({})
    assert sorted(p.name for p in folder.final.iterdir()) == [
        "SHA256SUMS",
        "export.json",
        "one",
    ]


def test_altered_piece(tmp_path):
    """A piece whose size differs from its receipt is written again."""
    folder, _ = _folder(tmp_path)
    folder.write(_piece("one", "1"))
    (folder.work / "one").write_text("")
    del folder
    assert not _folder(tmp_path)[0].has(_piece("one", "1"))


def test_another_state(tmp_path):
    """What is left of another export is removed, and that is said."""
    folder, _ = _folder(tmp_path)
    folder.write(_piece("one", "1"))
    del folder
    other, said = _folder(tmp_path, "b")
    assert "made again" in said[0]
    assert not other.has(_piece("one", "1"))


def test_older_export_is_replaced(tmp_path):
    """An older export stays until the new one is complete."""
    for state in "ab":
        folder, _ = _folder(tmp_path, state)
        folder.write(_piece("one", state))
        if state == "b":
            assert (folder.final / "one").read_text() == "a"
        folder.complete({})
    assert (folder.final / "one").read_text() == "b"
    assert [p.name for p in tmp_path.iterdir()] == ["made"]


def test_two_at_once(tmp_path):
    """A second export to the same folder is refused while the first one writes."""
    first, _ = _folder(tmp_path)
    with pytest.raises(LockedError, match="another export"):
        _folder(tmp_path)
    first.complete({})


def test_full_disk(tmp_path):
    """An error of the system is told with the path and what to do."""
    folder, _ = _folder(tmp_path)

    def fail(_path, _root):
        raise OSError(28, "No space left on device")

    with pytest.raises(LocalError, match=r"made\.part/one.*No space left"):
        folder.write(ExportPiece("one", fail))
