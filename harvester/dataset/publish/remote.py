"""The protocol between a destination and the rest of publishing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["Remote", "SentFile", "Stored", "divided"]


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file of the data set."""

    #: Path relative to the data set, with ``/``.
    name: str
    path: Path
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What a destination has of the data set."""

    #: Names of the files that are there with the same content.
    same: frozenset[str]
    #: Names of files that the destination has besides those of the data set.
    others: tuple[str, ...]


class Remote(Protocol):
    """A destination that a data set is sent to.

    Its methods raise `InputError` if the user may not write there, `TransientError` if
    the destination cannot be reached or limits the requests for too long, and
    `PermanentError` if it refuses what is sent.
    """

    #: Address that people open in a browser, or that programs read from.
    address: str

    def prepare(self) -> None:
        """Make the data set or check the bucket, so that files can be sent."""
        ...

    def stored(self, files: Sequence[SentFile]) -> Stored:
        """Compare what is there with the files of the data set."""
        ...

    def send(self, files: Sequence[SentFile], sent: Callable[[SentFile], None]) -> None:
        """Send files in this order; call ``sent`` after each.

        After a kill at any moment, what was sent counts as `stored` or is recognised by
        the destination and not sent again.
        """
        ...

    def remove(self, names: Sequence[str]) -> None:
        """Remove files of an earlier edition."""
        ...

    def pin(self, files: Sequence[SentFile]) -> Mapping[str, str]:
        """Give the revision of each file, by name; `fetch` reads exactly that."""
        ...

    def fetch(self, name: str, revision: str, target: Path) -> None:
        """Download a file as it was at a revision.

        Raises
        ------
        PermanentError
            There is no such file, or it arrives incomplete.
        """
        ...


def divided(
    files: Sequence[SentFile], most: int, size: int, largest: int | None = None
) -> Iterator[list[SentFile]]:
    """Divide files into groups of at most ``most`` files and about ``size`` bytes.

    Files of more than ``largest`` bytes do not count as bytes.
    """
    group: list[SentFile] = []
    total = 0
    for file in files:
        if len(group) == most or (group and total >= size):
            yield group
            group, total = [], 0
        group.append(file)
        total += file.size if largest is None or file.size <= largest else 0
    if group:
        yield group
