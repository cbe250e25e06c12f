"""One run as the page shows it. All methods read; they run in one thread."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...ledger.browsing import BrowsingView

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ...places import Places

__all__ = ["ShownRun", "shown_runs"]

#: Galaxies of a group of failures in one answer.
_GALAXIES = 50


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run on the page."""

    #: Place on the page, from 0.
    number: int
    places: Places
    #: Tells the runs of the page apart.
    name: str

    @staticmethod
    def command(*words: str) -> str:
        """Write a command of harvester as one types it into a shell."""
        return shlex.join(["harvester", *words])

    @property
    def folder(self) -> str:
        """Its folder, as a command of any working directory names it."""
        return str(self.places.out.absolute())

    def failures(self, survey: int, reason: str, after: int) -> dict[str, Any]:
        """Give some galaxies of one group of failures, those after a target.

        Raises
        ------
        HarvesterError
            The ledger cannot be read.
        """
        with BrowsingView.open(self.places.ledger) as view:
            found = view.failed_targets(survey, reason, after, _GALAXIES)
        galaxies = [
            {"id": one.id, "ra": one.ra, "dec": one.dec, "attempts": one.attempts}
            for one in found
        ]
        more = found[-1].number if len(found) == _GALAXIES else None
        return {"galaxies": galaxies, "more": more}


def shown_runs(all_places: Sequence[Places]) -> list[ShownRun]:
    """Give runs a number, and as a name as much of the path as tells them apart."""
    folders = [one.out.absolute() for one in all_places]
    return [
        ShownRun(number, places, _short_name(folders[number], folders))
        for number, places in enumerate(all_places)
    ]


def _short_name(folder: Path, folders: Sequence[Path]) -> str:
    parts = folder.parts
    for length in range(1, len(parts)):
        tail = parts[-length:]
        if sum(other.parts[-length:] == tail for other in folders) == 1:
            return "/".join(tail)
    return str(folder)
