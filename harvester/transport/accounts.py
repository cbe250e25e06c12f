"""The accounts of all hosts in one folder, for one process.

Every call waits for the disk. What the files are is told in `account_file`; what may be
done with an account, in `account`.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from .account_file import AccountFile, Presence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .account import Account

__all__ = ["Accounts"]


class Accounts:
    """The accounts in a folder, and the presence of this process among them.

    The files are opened with the first call. Call it from one thread at a time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._presence: Presence | None = None
        self._files: dict[str, AccountFile] = {}

    @property
    def own(self) -> str:
        """The name of this process as a member of an account."""
        return self._present().id

    @contextmanager
    def opened(self, host: str) -> Iterator[Account]:
        """Give the account of a host, and keep what the block makes of it.

        Raises
        ------
        OSError
            The folder cannot be used, or another process never releases the account.
        """
        presence = self._present()
        presence.renew()
        if host not in self._files:
            self._files[host] = AccountFile(presence.hosts, host)
        with self._files[host].opened() as account:
            yield account

    def is_alive(self, member: str) -> bool:
        """Whether a member of an account is a process that still lives."""
        return self._present().is_alive(member)

    def close(self) -> None:
        """Close all files; the places of this process are free at once."""
        with suppress(OSError):
            for file in self._files.values():
                file.close()
            if self._presence is not None:
                self._presence.close()

    def _present(self) -> Presence:
        if self._presence is None:
            self._presence = Presence(self._folder)
        return self._presence
