"""The lock of a run, in the hands of people and of odd file systems."""

from __future__ import annotations

import errno
import fcntl

import pytest

from harvester.errors import LockedError
from harvester.ledger.file import owned


def test_lock_that_was_deleted(tmp_path, monkeypatch):
    """Deleting the file of the lock lets no second process in, nor a third."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    lock = tmp_path / "ledger.lock"
    with owned(lock):
        lock.unlink()
        for _ in range(2):
            with pytest.raises(LockedError, match="was deleted"), owned(lock):
                pass
    with owned(lock):
        pass


def test_folder_that_cannot_be_locked(tmp_path, monkeypatch):
    """Where a file system locks no folders, the lock of the file has to do."""
    flock = fcntl.flock

    def only_files(file, how):
        if isinstance(file, int):
            raise OSError(errno.EBADF, "Bad file descriptor")
        flock(file, how)

    monkeypatch.setattr("fcntl.flock", only_files)
    lock = tmp_path / "ledger.lock"
    with owned(lock), pytest.raises(LockedError, match=r"process \d+ on"), owned(lock):
        pass
    with owned(lock):
        pass
