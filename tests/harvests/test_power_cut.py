"""The simulated power cut, on made-up system calls."""

from __future__ import annotations

import random
import socket
from itertools import count
from pathlib import Path

import pytest
from power_cut import Call, Disk, read_calls

OUT = Path("/out")


@pytest.fixture
def disk(tmp_path):
    """Give a disk with one old file."""
    (tmp_path / "old").write_bytes(b"old")
    return Disk(OUT, tmp_path)


def calls(*words):
    """Give calls in turn; each is a name, paths and its result."""
    moments = count(1)
    for name, *rest in words:
        now = next(moments)
        paths = tuple(OUT / word for word in rest if isinstance(word, str))
        data = next((word for word in rest if isinstance(word, bytes)), b"")
        text = "O_CREAT|O_TRUNC" if name == "openat" else ""
        yield Call(now, now + 0.5, name, paths, text, data)


def states(disk):
    """Give every state in which the disk may be found."""
    found = []
    for seed in range(200):
        left = disk.without_power(random.Random(seed))
        state = {str(path.relative_to(OUT)): content for path, content in left.items()}
        if state not in found:
            found.append(state)
    return found


WRITTEN = [("openat", "x.part"), ("write", "x.part", b"new")]
FLUSHED = [*WRITTEN, ("fsync", "x.part")]
RENAMED = [("rename", "x.part", "x")]


def test_nothing_flushed(disk):
    """Without a flush a file may be absent, empty, partial or whole."""
    for call in calls(*WRITTEN):
        disk.take(call)
    contents = {state.get("x.part") for state in states(disk)}
    assert {None, b"", b"new"} < contents
    assert contents - {None, b"", b"new"} <= {b"n", b"ne"}


def test_renamed_without_flush(disk):
    """After a power cut, a renamed file that was not flushed may lack its content."""
    for call in calls(*WRITTEN, *RENAMED):
        disk.take(call)
    assert {state.get("x") for state in states(disk)} >= {None, b"", b"new"}


def test_folder_not_flushed(disk):
    """A flushed file is whole; without a flush of its folder the name is uncertain."""
    for call in calls(*FLUSHED, *RENAMED):
        disk.take(call)
    old = {"old": b"old"}
    assert sorted(states(disk), key=str) == sorted(
        [old, old | {"x.part": b"new"}, old | {"x": b"new"}], key=str
    )


def test_all_flushed(disk):
    """A file that was flushed with its folder is there in any case."""
    for call in calls(*FLUSHED, *RENAMED, ("fsync", "")):
        disk.take(call)
    assert states(disk) == [{"old": b"old", "x": b"new"}]


def test_replaced(disk):
    """A replaced file has the old or the new content."""
    for call in calls(*FLUSHED, ("rename", "x.part", "old")):
        disk.take(call)
    assert {state["old"] for state in states(disk)} == {b"old", b"new"}


def test_removed(disk):
    """A removed file may come back."""
    for call in calls(("unlink", "old")):
        disk.take(call)
    assert sorted(states(disk), key=len) == [{}, {"old": b"old"}]


def test_new_folder(disk):
    """If a new folder is lost, its content is lost too."""
    inside = [("openat", "f/x"), ("write", "f/x", b"new"), ("fsync", "f/x")]
    for call in calls(("mkdir", "f"), *inside, ("fsync", "f")):
        disk.take(call)
    old = {"old": b"old"}
    assert sorted(states(disk), key=len) == [old, old | {"f": None, "f/x": b"new"}]


def test_reading_a_recording(tmp_path):
    """Calls are read from strace's output in order, without failed ones."""

    def spelled(text):
        return "".join(f"\\x{byte:02x}" for byte in text.encode())

    path = spelled("/out/x")
    (tmp_path / "log.1").write_text(
        f'2.0 write(3<{path}>, "{spelled("ab")}", 2) = 2 <0.1>\n'
        f'3.0 unlink("{path}") = -1 ENOENT (No such file) <0.1>\n'
        f"4.0 fsync(3<{path}> <unfinished ...>) = ?\n"
    )
    (tmp_path / "log.2").write_text(
        f'1.0 openat(AT_FDCWD<{spelled("/")}>, "{path}", O_CREAT, 0666)'
        f" = 3<{path}> <0.1>\n"
    )
    found, open_ended = read_calls(tmp_path / "log", OUT)
    assert [(call.name, call.data) for call in found] == [
        ("openat", b""), ("write", b"ab")
    ]  # fmt: skip
    assert open_ended == {OUT / "x"}


def test_what_is_not_recorded(tmp_path, monkeypatch):
    """A file that no call has made is reported; a socket may be there."""
    disk = Disk(tmp_path, tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)
        listener.bind("ctl.sock")  # a longer path might be too long
    disk.compare(set())
    (tmp_path / "new").touch()
    with pytest.raises(AssertionError, match="lacks"):
        disk.compare(set())
