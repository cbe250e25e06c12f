"""Compares the stamps on disk with the ledger, in both directions.

Every stamp is read and hashed, thousands a second: that finds every change since it was
written. With ``deep`` astropy also reads each stamp, hundreds a second: that finds
stamps that were written wrongly.

The memory needed is some tens of bytes a stamp.
"""

from __future__ import annotations

import hashlib
import json
import os
from array import array
from dataclasses import dataclass, field
from itertools import compress, islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..ledger.view import LedgerView
from ..models import CutoutSpec, Plane, StampSize
from .on_all_cores import on_all_cores

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ..ledger.view import StampRow
    from ..places import Places

__all__ = ["Findings", "verify"]

#: Stamps in one batch.
_BATCH = 256

#: Batches that are checked in this process before others are started, because starting
#: processes takes longer than checking a few batches.
_ALONE = 8

_MISSING = "missing"
_CHANGED = "changed"


@dataclass(slots=True)
class Findings:
    """The differences between disk and ledger."""

    checked: int = 0
    #: Stamps in the ledger but not on disk.
    missing: list[StampRow] = field(default_factory=list)
    #: Stamps whose bytes differ from those that were written.
    changed: list[StampRow] = field(default_factory=list)
    #: Stamps with the right bytes that are not valid, each with the reason.
    unsound: list[tuple[StampRow, str]] = field(default_factory=list)
    #: Paths of files that are not in the ledger, relative to the output folder.
    orphans: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether all stamps are right; orphans only waste space."""
        return not self.lost

    @property
    def lost(self) -> list[StampRow]:
        """Stamps that must be made again."""
        return [*self.missing, *self.changed, *(stamp for stamp, _ in self.unsound)]

    def add(self, stamp: StampRow, problem: str) -> None:
        """Add a stamp to the list for its problem."""
        match problem:
            case "missing":
                self.missing.append(stamp)
            case "changed":
                self.changed.append(stamp)
            case flaw:
                self.unsound.append((stamp, flaw))

    def to_json(self) -> dict[str, object]:
        """Give the findings as JSON, for scripts."""
        return {
            "checked": self.checked,
            "missing": [stamp.file_loc for stamp in self.missing],
            "changed": [stamp.file_loc for stamp in self.changed],
            "unsound": {stamp.file_loc: flaw for stamp, flaw in self.unsound},
            "orphans": self.orphans,
        }

    def words(self, out: Path, *, repaired: bool = False) -> Iterator[str]:
        """Give the findings as lines of text, with what the user can do."""
        yield from (f"missing: {stamp.file_loc}" for stamp in self.missing)
        yield from (f"changed: {stamp.file_loc}" for stamp in self.changed)
        yield from (f"unsound: {one.file_loc}: {flaw}" for one, flaw in self.unsound)
        yield from (f"not in the ledger, left alone: {name}" for name in self.orphans)
        yield f"{self.checked} stamps checked, {len(self.lost)} to be made again"
        if self.lost and repaired:
            yield f"Their galaxies are pending again. Run: harvester resume {out}"
        elif self.lost:
            yield f"To make them again, run: harvester verify --repair {out}"


class Batch(NamedTuple):
    """Stamps to check, sent to another process."""

    out: str
    stamps: Sequence[StampRow]
    #: How stamps are cut, by survey, for the deep check; None: check only the bytes.
    specs: Mapping[int, CutoutSpec] | None


def verify(places: Places, *, deep: bool = False) -> Findings:
    """Check every stamp in the ledger, and find files that are not in it.

    A harvest may run at the same time; its new stamps do not count as orphans.
    """
    found = Findings()
    # List the disk before the ledger, so that every stamp on the list is in the ledger,
    # as pending or done.
    on_disk = _hashes(_files(places.out))
    with LedgerView.open(places.ledger) as view:
        known = array("q", map(hash, view.wanted_files()))
        specs = _specs(view) if deep else None
        for batch, problems in _checked(_batches(view, places.out, specs)):
            found.checked += len(batch.stamps)
            known.extend(hash(stamp.file_loc) for stamp in batch.stamps)
            for place, problem in problems:
                found.add(batch.stamps[place], problem)
    unknown = _without(on_disk, np.asarray(known, np.int64))
    if len(unknown):
        found.orphans = sorted(_named(places.out, unknown))
    return found


# -- the disk -----------------------------------------------------------------


def _files(out: Path) -> Iterator[list[str]]:
    """Give the files under the stamps' folder, relative to ``out``, by folder."""
    for folder, _, names in os.walk(out / "cutouts"):
        inside = os.path.relpath(folder, out)
        yield [f"{inside}/{name}" for name in names]


def _hashes(folders: Iterator[list[str]]) -> NDArray[np.int64]:
    # A hash takes eight bytes; a name would take about a hundred times that.
    hashes = array("q")
    for files in folders:
        hashes.extend(map(hash, files))
    return np.asarray(hashes, np.int64)


def _without(hashes: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.int64]:
    if not len(known):
        return hashes
    known.sort()  # in place, because numpy's set functions would copy it several times
    places = np.searchsorted(known, hashes)
    is_unknown: NDArray[np.bool_] = known.take(places, mode="clip") != hashes
    return hashes[is_unknown]


def _named(out: Path, unknown: NDArray[np.int64]) -> Iterator[str]:
    for files in _files(out):
        hashes = np.fromiter(map(hash, files), np.int64, len(files))
        yield from compress(files, np.isin(hashes, unknown))


# -- the ledger ---------------------------------------------------------------


def _specs(view: LedgerView) -> dict[int, CutoutSpec]:
    # Use the settings stored in the run: the user's current ones may differ.
    identity = json.loads(view.facts()["settings"])
    sizes = dict(pair.split("=") for pair in identity["size"].split())
    # Runs of before there were planes have the flux only.
    planes = tuple(map(Plane, identity.get("planes", Plane.FLUX).split(",")))
    return {
        number: CutoutSpec(
            StampSize.parse(sizes[survey.archive]), identity["mode"], planes
        )
        for number, survey in view.surveys().items()
    }


def _batches(
    view: LedgerView, out: Path, specs: Mapping[int, CutoutSpec] | None
) -> Iterator[Batch]:
    stamps = view.stamps()
    while some := list(islice(stamps, _BATCH)):
        yield Batch(str(out), some, specs)


def _checked(
    batches: Iterator[Batch],
) -> Iterator[tuple[Batch, list[tuple[int, str]]]]:
    """Check batches; on all cores if there are many of them."""
    for batch in islice(batches, _ALONE):
        yield batch, _check(batch)
    yield from on_all_cores(_check, batches)


# -- in a worker process ------------------------------------------------------


def _check(batch: Batch) -> list[tuple[int, str]]:
    """Give the problems in a batch, each with the index of its stamp."""
    problems = ((place, _problem(batch, one)) for place, one in enumerate(batch.stamps))
    return [(place, problem) for place, problem in problems if problem]


def _problem(batch: Batch, stamp: StampRow) -> str:
    try:
        with open(f"{batch.out}/{stamp.file_loc}", "rb") as file:  # noqa: PTH123 - a million files
            content = file.read()
    except OSError:
        return _MISSING
    if hashlib.sha256(content).hexdigest() != stamp.sha256:
        return _CHANGED
    if batch.specs is None:
        return ""
    from ..cutouts.soundness import Expected, find_flaw

    spec = batch.specs[stamp.survey]
    return find_flaw(content, Expected(stamp.ra, stamp.dec, stamp.coverage, spec))
