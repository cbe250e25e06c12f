"""Simulates a power cut: which bytes are on a disk that was not fully flushed.

A harvest runs under strace, which records every write, rename and flush below its
output folder. After a kill the folder is built again, in a state in which a disk may be
that lost its power at that moment:

* A file has the content of its last fsync (or fdatasync). Of later writes a random
  beginning is on disk too.
* Changes of names (files made, renamed, removed, folders made) reach the disk in the
  order in which they were made in their folder, as in a journal: all up to the last
  fsync of the folder, and a random number of later ones. If the name of a file reaches
  the disk without its bytes, the file is empty or partial.
* Everything from before the recording is on disk.
* Shared memory (``-shm``) is not on disk. Cached frames are never flushed: their names
  stay, and their bytes are zeros, which is the worst case.

This is stricter than ext4 and XFS are by default. Broken sectors, and disks that do not
flush when told to, are not simulated. Without the loss the recording must give the real
folder; this is checked each time, so that an error of the recording is noticed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

#: Recorded bytes of a call. A stamp is written in one call, and so are the rows of a
#: manifest, some 800 bytes each.
_LONGEST = 2_097_152

_CALLS = (
    "openat,write,pwrite64,ftruncate,fsync,fdatasync,"
    "?rename,renameat,renameat2,?unlink,unlinkat,?rmdir,?mkdir,mkdirat"
)

_LINE = re.compile(r"(\d+\.\d+) (\w+)\((.*)\) = (\d+)(?:<.*>)? <(\d+\.\d+)>")
_BROKEN_OFF = re.compile(r"\d+\.\d+ (\w+)\((.*)(?:\) += \?|<unfinished \.\.\.>)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_FILE = re.compile(r"^\d+<((?:\\x[0-9a-f]{2})*)>")


@cache
def why_no_strace():
    """Give the reason why processes cannot be recorded here; None if they can."""
    if not shutil.which("strace"):
        return "there is no strace here"
    done = subprocess.run(
        ["strace", "-f", "-o", "/dev/null", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"strace may not work here: {done.stderr}" if done.returncode else None


def strace(log):
    """Give the words before a command that record it into files ``<log>.<thread>``."""
    return [
        *("strace", "-ff", "--seccomp-bpf", "-ttt", "-T", "-y", "-xx"),
        *("-s", str(_LONGEST), "-e", f"trace={_CALLS}", "-e", "signal=none"),
        *("-o", str(log)),
    ]


def cut_power(out, before, log, chance):
    """Give ``out`` the state of a disk that lost power at the end of a recording.

    Parameters
    ----------
    before
        A copy of the folder from when the recording began.
    log
        Where `strace` recorded.
    """
    cached = {path: path.stat().st_size for path in out.glob("frames/*")}
    disk = Disk(out, before)
    calls, open_ended = read_calls(log, out)
    for call in calls:
        disk.take(call)
    disk.compare(open_ended)
    left = disk.without_power(chance)
    shutil.rmtree(out)
    out.mkdir()
    for path, content in left.items():
        if content is None:
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.write_bytes(content)
    for path, size in cached.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(size))
        os.utime(path, (0, 0))  # from before the machine was started again


# -- the recording ----------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """A system call that changes the disk or flushes it."""

    #: Times in seconds at which the call began and ended.
    begun: float
    done: float
    name: str
    paths: tuple[Path, ...]
    text: str
    data: bytes = b""


def read_calls(log, out):
    """Give the calls below a folder by time, and the paths of unfinished ones."""
    calls, open_ended = [], set()
    spelled = "".join(f"\\x{byte:02x}" for byte in str(out).encode())
    for file in log.parent.glob(f"{log.name}.*"):
        for line in file.read_text().splitlines():
            if spelled not in line:
                continue
            if match := _LINE.fullmatch(line):
                calls.append(_to_call(match))
            elif match := _BROKEN_OFF.match(line):
                open_ended.update(_paths(match[2], match[1]))
    below = [call for call in calls if any(_counts(p, out) for p in call.paths)]
    return sorted(below, key=lambda call: call.done), open_ended


def _to_call(match):
    begun, name, text = float(match[1]), match[2], match[3]
    done = begun + float(match[5])
    if name in {"write", "pwrite64"}:
        file, data = _FILE.match(text), _TEXT.search(text)
        content = _bytes(data[1]) if data else b""
        content = content.ljust(int(match[4]), b"\0")[: int(match[4])]
        paths = (_path(file[1]),) if file else ()
        return Call(begun, done, name, paths, text[-40:], content)
    return Call(begun, done, name, _paths(text, name), text)


def _paths(text, name):
    # The path of an open file, or names, which may be relative to an open folder.
    file = _FILE.match(text)
    names = [_path(one[1]) for one in _TEXT.finditer(text)]
    if not file:
        return tuple(names)
    if name.endswith("at"):
        return tuple(_path(file[1]) / name for name in names)
    return (_path(file[1]),)


def _path(text):
    return Path(_bytes(text).decode(errors="replace"))


def _bytes(text):
    return bytes.fromhex(text.replace("\\x", ""))


def _counts(path, out):
    if path == out:
        return True
    return (
        path.is_relative_to(out)
        and not path.is_relative_to(out / "frames")
        and not path.name.endswith("-shm")
    )


# -- the disk ---------------------------------------------------------------------


@dataclass(eq=False)
class _File:
    #: Content as processes see it, and content that is certainly on disk.
    now: bytearray = field(default_factory=bytearray)
    flushed: bytes = b""
    #: Offset of the next write; None: at the end.
    place: int | None = 0

    def after(self, chance):
        """Give a possible state on disk: with some of the latest changes, or none."""
        if self.now == self.flushed:
            return self.flushed
        come = chance.choice([0, chance.randint(0, len(self.now)), len(self.now)])
        if come == len(self.now):
            return bytes(self.now)
        return bytes(self.now[:come]) + self.flushed[come:]


@dataclass(eq=False)
class _Folder:
    #: Files and folders by name, as processes see them.
    now: dict = field(default_factory=dict)
    #: Changes of names in their order, with time and new entry; None: removed.
    changes: list = field(default_factory=list)
    #: Number of changes that are certainly on disk.
    flushed: int = 0

    def change(self, when, names):
        """Change several names at once."""
        self.changes.append((when, names))
        self._apply(self.now, names)

    def flush(self, asked):
        """Flush the changes made before the call began; others may come meanwhile."""
        done = sum(when <= asked for when, _ in self.changes)
        self.flushed = max(self.flushed, done)

    def after(self, chance):
        """Give a possible state on disk: with some of the latest changes, or none."""
        come = chance.randint(self.flushed, len(self.changes))
        names = {}
        for _, changed in self.changes[:come]:
            self._apply(names, changed)
        return names

    @staticmethod
    def _apply(names, changed):
        names.update(changed)
        for name in [name for name, what in changed.items() if what is None]:
            del names[name]


class Disk:
    """A folder as processes see it, and as it is on disk without unflushed changes."""

    def __init__(self, out, before):
        self._out = out
        self._root = _Folder()
        for path in sorted(before.rglob("*")):
            place = out / path.relative_to(before)
            if not _counts(place, out):
                continue
            if path.is_dir():
                self._name(place, _Folder())
            else:
                content = path.read_bytes()
                self._name(place, _File(bytearray(content), content))
        for folder in self._folders(self._root):
            folder.flush(0.0)

    def take(self, call):
        """Apply a recorded call."""
        doing = {
            "openat": self._open,
            "write": self._write,
            "pwrite64": self._write,
            "ftruncate": self._truncate,
            "fsync": self._flush,
            "fdatasync": self._flush,
        }
        kind = call.name.removesuffix("2").removesuffix("at")
        names = {
            "rename": self._rename,
            "unlink": self._remove,
            "rmdir": self._remove,
            "mkdir": self._mkdir,
        }
        (doing.get(call.name) or names[kind])(call)

    def compare(self, open_ended):
        """Raise an error if the recording does not give the real folder."""
        for path, content in self._walk(self._root, self._out):
            if isinstance(content, _File) and path not in open_ended:
                same = path.exists() and path.read_bytes() == content.now
                assert same, f"the recording of {path} is wrong"
        known = {path for path, _ in self._walk(self._root, self._out)}
        there = {path for path in self._out.rglob("*") if _counts(path, self._out)}
        # The recording has no calls that make sockets; a restart replaces them.
        unknown = {path for path in there - known - open_ended if not path.is_socket()}
        assert not unknown, f"the recording lacks {unknown}"

    def without_power(self, chance):
        """Give the bytes of each file that is left; None for a folder."""
        left = {}
        self._lose(self._root, self._out, chance, left)
        return left

    def _lose(self, folder, path, chance, left):
        for name, what in folder.after(chance).items():
            if isinstance(what, _Folder):
                left[path / name] = None
                self._lose(what, path / name, chance, left)
            else:
                left[path / name] = what.after(chance)

    def _open(self, call):
        if "O_CREAT" not in call.text or call.paths[0] == self._out:
            return
        file = self._find(call.paths[0])
        if file is None:
            file = _File()
            self._name(call.paths[0], file, call.done)
        if "O_TRUNC" in call.text:
            file.now.clear()
        file.place = None if "O_APPEND" in call.text else 0

    def _write(self, call):
        file = self._find(call.paths[0])
        if call.name == "pwrite64":
            place = int(call.text.rpartition(",")[2])
        elif file.place is None:
            place = len(file.now)
        else:
            place = file.place
            file.place += len(call.data)
        file.now.extend(bytes(max(0, place - len(file.now))))
        file.now[place : place + len(call.data)] = call.data

    def _truncate(self, call):
        file, length = self._find(call.paths[0]), int(call.text.rpartition(",")[2])
        file.now.extend(bytes(max(0, length - len(file.now))))
        del file.now[length:]

    def _flush(self, call):
        what = self._find(call.paths[0])
        if isinstance(what, _File):
            what.flushed = bytes(what.now)
        elif what is not None:
            what.flush(call.begun)

    def _rename(self, call):
        old, new = call.paths
        names = {old.name: None, new.name: self._find(old)}
        self._folder(old).change(call.done, names)

    def _remove(self, call):
        self._name(call.paths[0], None, call.done)

    def _mkdir(self, call):
        self._name(call.paths[0], _Folder(), call.done)

    def _name(self, path, what, when=0.0):
        self._folder(path).change(when, {path.name: what})

    def _folder(self, path):
        folder = self._find(path.parent)
        assert isinstance(folder, _Folder), f"{path.parent} is not known"
        return folder

    def _find(self, path):
        found = self._root
        for part in path.relative_to(self._out).parts:
            found = found.now.get(part) if isinstance(found, _Folder) else None
        return found

    def _folders(self, folder):
        yield folder
        for what in folder.now.values():
            if isinstance(what, _Folder):
                yield from self._folders(what)

    def _walk(self, folder, path):
        for name, what in folder.now.items():
            yield path / name, what
            if isinstance(what, _Folder):
                yield from self._walk(what, path / name)
