"""What can go wrong, sorted by what to do about it.

::

    HarvesterError
    ├── InputError          do not start: a setting or the catalogue is wrong
    │   └── UnknownNameError  an archive has no such instrument or filter
    ├── LockedError         another harvester owns this run
    ├── LedgerError         the ledger is damaged, newer, or of another run
    ├── LocalError          this machine: disk full, read-only, no descriptors
    │   └── BusyError       another program holds the ledger
    ├── TransientError      again later; costs the job an attempt
    │   └── OutageError     the archive is down; costs the job nothing
    └── PermanentError      give the job up
        ├── NotFoundError   the archive says that there is no such file
        └── QueryRefusedError  the archive is well and does not do this query

Every message says what, where, and what to do. "Nothing there" is an answer of
an archive and no error at all.

What goes wrong with an archive is told in its own words, which may be anything: those
errors show them, and what could move a terminal's cursor or begin a line of its own is
written out.
"""

from __future__ import annotations

from typing import ClassVar, Self

__all__ = [
    "BusyError",
    "HarvesterError",
    "InputError",
    "LedgerError",
    "LocalError",
    "LockedError",
    "NotFoundError",
    "OutageError",
    "PermanentError",
    "QueryRefusedError",
    "TransientError",
    "UnknownNameError",
    "blame_machine",
    "first_of",
]


class HarvesterError(Exception):
    """Anything that the harvester itself reports, with the exit code it leads to."""

    exit_code: ClassVar[int] = 1


class InputError(HarvesterError):
    """A setting, an argument or the catalogue cannot be used as given."""

    exit_code = 2


class UnknownNameError(InputError):
    """A survey names an instrument or a filter that its archive does not have."""


class LockedError(HarvesterError):
    """Another harvester process owns this run."""

    exit_code = 4


class LedgerError(HarvesterError):
    """The ledger is damaged, was made by a newer version, or is of another run."""

    exit_code = 7


class LocalError(HarvesterError):
    """The machine cannot go on: disk full, read-only, out of descriptors."""

    exit_code = 6


class BusyError(LocalError):
    """Another program holds the ledger, and does not let go of it."""

    exit_code = 5


def _printable(text: str) -> str:
    # Once more changes nothing: what it puts there can be printed.
    return "".join(
        mark if mark.isprintable() else mark.encode("unicode_escape").decode("ascii")
        for mark in text
    )


class TransientError(HarvesterError):
    """It may work later; the job is tried again and its attempts are counted.

    ``reason`` is a short code that ``status`` and ``retry --reason`` show.
    """

    exit_code = 5

    def __init__(self, reason: str, message: str) -> None:
        # Both are kept as arguments: the error crosses from process to process.
        super().__init__(reason, _printable(message))
        self.reason = reason

    def __str__(self) -> str:
        return str(self.args[1])


class OutageError(TransientError):
    """The archive, not this request, is in trouble: no job pays for it."""


class PermanentError(HarvesterError):
    """It will never work as it is; ``reason`` is a short code for the ledger."""

    def __init__(self, reason: str, message: str) -> None:
        # Both are kept as arguments: the error crosses from process to process.
        super().__init__(reason, _printable(message))
        self.reason = reason

    def __str__(self) -> str:
        return str(self.args[1])


class NotFoundError(PermanentError):
    """The archive answered that there is no such file (404 or 410)."""

    def __init__(self, message: str) -> None:
        super().__init__("not_found", message)

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (str(self),)


class QueryRefusedError(PermanentError):
    """The service answered well, and what it says is that it will not do this query."""

    def __init__(self, message: str) -> None:
        super().__init__("query_refused", message)

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (str(self),)


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Give one error of a group: one of ours says more than all that fell with it."""
    found: BaseException = group.subgroup(HarvesterError) or group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


def blame_machine(error: Exception) -> None:
    """Raise a `LocalError` if an unexpected error is a system call that failed.

    Libraries say `OSError` of a bad file, too; then no system call has failed, and
    the error has no number.
    """
    if isinstance(error, OSError) and error.errno is not None:
        msg = f"this machine does not do it: {error}. Mend that, then resume"
        raise LocalError(msg) from error
