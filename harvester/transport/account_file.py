"""The accounts of the hosts in files, which survive the end of any process at any time.

::

    FOLDER/limits-1/<start of the machine>/
        runs/<id>       locked by its harvest for as long as that lives
        hosts/<host>    the account of a host; locked while it is read and written

The kernel takes both locks back when a process ends, however it ends. An account is
written in one call and without a flush, as it need not outlive the next start of the
machine: then the clock begins anew, and so does the folder. Machines that have the
folder in common, on a network disk, share nothing: their clocks differ.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from .account import Account

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AccountFile", "Presence", "state_folder"]

#: Changes with the form of the files.
_FORM = "limits-1"

#: Tells one start of the machine from another; other systems than Linux have none.
_BOOT = Path("/proc/sys/kernel/random/boot_id")

#: Seconds in which another process must have released an account, and between looks.
_LOCK_S = 5.0
_TRY_S = 0.001

#: Bytes of the longest account: some hundreds for each harvest.
_LONGEST = 2**20

#: Seconds after which an account that was not written any more is removed, and the
#: whole folder of an earlier start of the machine.
_OLD_S = 86_400.0
_OLD_START_S = 30 * _OLD_S

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW


def state_folder() -> Path | None:
    """Give the folder in which this user's programs keep state; None without a home."""
    base = os.environ.get("XDG_STATE_HOME", "")
    try:
        return (Path(base) if base else Path.home() / ".local/state") / "harvester"
    except RuntimeError:
        return None


class Presence:
    """A file that is locked as long as this harvest lives, and tells which others do.

    Raises
    ------
    OSError
        The folder cannot be made or written, or its file system has no locks.
    """

    def __init__(self, folder: Path) -> None:
        boot = _BOOT.read_text(encoding="ascii").strip() if _BOOT.exists() else "0"
        self._root = folder / _FORM / boot
        self.hosts = self._root / "hosts"
        self._runs = self._root / "runs"
        self.id = uuid.uuid4().hex
        self.hosts.mkdir(parents=True, exist_ok=True)
        self._runs.mkdir(exist_ok=True)
        self._fd = self._lock()
        self._remove_old()

    def renew(self) -> None:
        """Make the file anew if it was removed."""
        if not os.fstat(self._fd).st_nlink:
            os.close(self._fd)
            self._runs.mkdir(parents=True, exist_ok=True)
            self._fd = self._lock()

    def is_alive(self, run: str) -> bool:
        """Whether the harvest of this id still lives; what one left is removed."""
        if run == self.id:
            return True
        path = self._runs / run
        try:
            fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def close(self) -> None:
        """Tell the others that this harvest has ended."""
        (self._runs / self.id).unlink(missing_ok=True)
        os.close(self._fd)

    def _lock(self) -> int:
        path = self._runs / self.id
        while True:
            fd = os.open(path, _FLAGS, 0o644)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(fd).st_nlink:
                    return fd
            except BlockingIOError:  # another process looks whether it is alive
                time.sleep(_TRY_S)
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)

    def _remove_old(self) -> None:
        for path in self._runs.iterdir():
            self.is_alive(path.name)
        for path in self.hosts.iterdir():
            # The clock on the wall may be wrong: a harvest that uses the account sees
            # that its file is gone, and goes on with a new one.
            if _age_s(path) > _OLD_S:
                path.unlink(missing_ok=True)
        for other in self._root.parent.iterdir():
            if min(map(_age_s, other.rglob("*")), default=0.0) > _OLD_START_S:
                shutil.rmtree(other, ignore_errors=True)


def _age_s(path: Path) -> float:
    try:
        return abs(time.time() - path.stat().st_mtime)
    except FileNotFoundError:  # removed meanwhile
        return 0.0


class AccountFile:
    """The account of one host, which one process at a time reads and writes."""

    def __init__(self, folder: Path, host: str) -> None:
        self._path = folder / quote(host, safe="")
        self._fd = -1

    @contextmanager
    def opened(self) -> Iterator[Account]:
        """Give the account, and keep what the block makes of it.

        Raises
        ------
        OSError
            It cannot be read or written, or another process never lets go of it.
        """
        self._lock()
        try:
            line = os.pread(self._fd, _LONGEST, 0).partition(b"\n")[0]
            account = Account.from_json(line.decode("utf-8", "replace"))
            yield account
            # What an earlier, longer one has left behind the first line is not read.
            os.pwrite(self._fd, f"{account.to_json()}\n".encode(), 0)
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _lock(self) -> None:
        deadline = time.monotonic() + _LOCK_S
        while True:
            if self._fd < 0:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._fd = os.open(self._path, _FLAGS, 0o644)
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_TRY_S)
                continue
            if os.fstat(self._fd).st_nlink:
                return
            self.close()
