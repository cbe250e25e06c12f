"""The lock of a run when its file is deleted or its folder cannot be locked."""

from __future__ import annotations

import errno
import fcntl

import pytest

from harvester.errors import LockedError
from harvester.ledger.file import owned


def test_lock_that_was_deleted(tmp_path, monkeypatch):
    """After the lock file is deleted, further owners are still refused."""
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
    """On a file system that cannot lock folders, the lock file alone is used."""
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
