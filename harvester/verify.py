"""The ledger against the disk, both ways."""

from __future__ import annotations

import hashlib
import os
from array import array
from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np

from .ledger.view import LedgerView

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

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
    known = array("q")
    with LedgerView.open(places.ledger) as view:
        for stamp in view.stamps():
            found.checked += 1
            known.append(hash(stamp.file_loc))
            _compare(places.out / stamp.file_loc, stamp, found)
    found.orphans = sorted(_orphans(places.out, np.unique(known)))
    return found


def _orphans(out: Path, known: NDArray[np.int64]) -> Iterator[str]:
    # Eight bytes a name: a million names themselves would be a hundred times that.
    for folder, _, names in os.walk(out / "cutouts"):
        files = [os.path.relpath(os.path.join(folder, name), out) for name in names]  # noqa: PTH118 - a million files
        hashes = np.fromiter(map(hash, files), np.int64, len(files))
        places = np.searchsorted(known, hashes)
        is_known = known.take(places, mode="clip") == hashes if len(known) else []
        yield from compress(files, np.logical_not(is_known))


def _compare(path: Path, stamp: Stamp, found: Findings) -> None:
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        found.missing.append(stamp)
    else:
        if digest != stamp.sha256:
            found.changed.append(stamp)
