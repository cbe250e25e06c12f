"""All errors of the harvester, sorted by how it reacts to them.

::

    HarvesterError                exit code 1
    ├── InputError                2  refuse to start: bad setting or catalogue
    │   └── UnknownNameError      2  the archive has no such instrument or filter
    ├── LockedError               4  another harvester process owns this run
    ├── LedgerError               7  the ledger is damaged, newer, or of another run
    ├── LocalError                6  this machine: disk full, read-only, ulimit
    │   └── BusyError             5  another program locks the ledger
    ├── TransientError            5  try again later; uses up one attempt of the job
    │   └── OutageError           5  the archive is down; uses up no attempt
    │       └── GaveUpError       5  waited for the host as long as was allowed
    └── PermanentError            1  fail the job
        ├── NotFoundError         1  the archive has no such file (404, 410)
        └── QueryRefusedError     1  the archive works and rejects this query

The exit code applies if the error ends the command. A harvest catches transient and
permanent errors: it ends with 5 if a service was given up, and with 3 if everything is
settled and some jobs failed. Exit code 1 means a bug.

Some modules derive more errors from these, with the same reaction and exit code.
`GaveUpError` is in `harvester.transport.turn`.

A message says what happened, where, and what to do. If an archive has no image of a
target, that is an answer and not an error.

Messages may quote an archive, which can send any characters. Transient and permanent
errors escape all unprintable characters, so that a quote cannot control the terminal.
"""

from __future__ import annotations

from typing import Any, ClassVar

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
    """Base of all errors that the harvester reports itself."""

    #: Exit code of a command that this error ends.

    exit_code: ClassVar[int] = 1

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickle would call the constructor with `args`, but some take other facts.
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(
    kind: type[HarvesterError], words: tuple[Any, ...], facts: dict[str, Any]
) -> HarvesterError:
    error = kind.__new__(kind, *words)
    error.__dict__.update(facts)
    return error


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
    """The machine prevents the work: disk full, read-only, no file descriptors."""

    exit_code = 6


class BusyError(LocalError):
    """Another program has kept the ledger locked for too long."""

    exit_code = 5


def _printable(text: str) -> str:
    # Applying it twice is harmless: its output is printable.
    return "".join(
        mark if mark.isprintable() else mark.encode("unicode_escape").decode("ascii")
        for mark in text
    )


class TransientError(HarvesterError):
    """It may work later: the job is tried again, and the attempt is counted.

    ``reason`` is a short code; ``status`` shows it and ``retry --reason`` selects it.
    """

    exit_code = 5

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, _printable(message))
        self.reason = reason

    def __str__(self) -> str:
        return str(self.args[1])


class OutageError(TransientError):
    """The whole archive is in trouble, so the job keeps all its attempts."""


class PermanentError(HarvesterError):
    """Trying again cannot help; ``reason`` is a short code for the ledger."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, _printable(message))
        self.reason = reason

    def __str__(self) -> str:
        return str(self.args[1])


class NotFoundError(PermanentError):
    """The archive says that it has no such file (404 or 410)."""

    def __init__(self, message: str) -> None:
        super().__init__("not_found", message)


class QueryRefusedError(PermanentError):
    """The service works, and rejects this query."""

    def __init__(self, message: str) -> None:
        super().__init__("query_refused", message)


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return one error of a group: the first `HarvesterError`, or else the first."""
    found: BaseException = group.subgroup(HarvesterError) or group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


def blame_machine(error: Exception) -> None:
    """Raise a `LocalError` if an unexpected error comes from a failed system call.

    Libraries also raise `OSError` for a damaged file. Those have no error number,
    because no system call failed.
    """
    if isinstance(error, OSError) and error.errno is not None:
        msg = f"a system call failed on this machine: {error}. Repair that, then resume"
        raise LocalError(msg) from error
