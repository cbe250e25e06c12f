"""The ledger against the disk, both ways."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .ledger.view import LedgerView

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .ledger.view import Stamp
    from .places import Places

__all__ = ["Findings", "verify"]


@dataclass(slots=True)
class Findings:
    """What is wrong on the disk."""

    checked: int = 0
    #: In the ledger and not on the disk.
    missing: list[Stamp] = field(default_factory=list)
    #: On the disk with other bytes than were written.
    changed: list[Stamp] = field(default_factory=list)
    #: On the disk and not in the ledger, relative to the output folder.
    orphans: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong; an orphan is only waste."""
        return not (self.missing or self.changed)

    @property
    def lost(self) -> list[Stamp]:
        """Stamps that have to be made again."""
        return self.missing + self.changed

    def to_json(self) -> dict[str, object]:
        """Give it for a script."""
        return {
            "checked": self.checked,
            "missing": [stamp.file_loc for stamp in self.missing],
            "changed": [stamp.file_loc for stamp in self.changed],
            "orphans": self.orphans,
        }

    def words(self) -> Iterator[str]:
        """Say it for a person, a line each."""
        yield from (f"missing: {stamp.file_loc}" for stamp in self.missing)
        yield from (f"changed: {stamp.file_loc}" for stamp in self.changed)
        yield from (f"not in the ledger: {name}" for name in self.orphans)
        yield f"{self.checked} stamps checked, {len(self.lost)} to be made again"


def verify(places: Places) -> Findings:
    """Read every stamp that the ledger knows and look for those it does not."""
    found = Findings()
    known = set()
    with LedgerView.open(places.ledger) as view:
        for stamp in view.stamps():
            found.checked += 1
            known.add(stamp.file_loc)
            _compare(places.out / stamp.file_loc, stamp, found)
    found.orphans = sorted(set(_stamp_files(places.out)) - known)
    return found


def _compare(path: Path, stamp: Stamp, found: Findings) -> None:
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        found.missing.append(stamp)
    else:
        if digest != stamp.sha256:
            found.changed.append(stamp)


def _stamp_files(out: Path) -> Iterator[str]:
    for folder, _, names in os.walk(out / "cutouts"):
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), out)  # noqa: PTH118 - a million files
