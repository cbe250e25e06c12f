"""The ledger against the disk, both ways.

Every stamp's bytes are read and hashed: that finds all that happened to a file since
it was written, at thousands of stamps a second. To look into each one with astropy as
well (``deep``) goes at hundreds a second, and finds what was written wrongly.

However many stamps there are, it takes some tens of bytes of memory for each.
"""

from __future__ import annotations

import hashlib
import json
import os
from array import array
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import compress, islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from pebble import CONSTS, ProcessPool

from ..cutouts.warm_up import warm_up
from ..ledger.view import LedgerView
from ..models import CutoutSpec, StampSize

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ..ledger.view import StampRow
    from ..places import Places

__all__ = ["Findings", "verify"]

#: Stamps that a process looks at at a time.
_BATCH = 256

#: Batches up to which other processes are not worth their start.
_ALONE = 8

#: Seconds between asking a process to end and ending it.
_LAST_WORDS_S = 0.1

_MISSING = "missing"
_CHANGED = "changed"


@dataclass(slots=True)
class Findings:
    """What is wrong on the disk."""

    checked: int = 0
    #: In the ledger and not on the disk.
    missing: list[StampRow] = field(default_factory=list)
    #: On the disk with other bytes than were written.
    changed: list[StampRow] = field(default_factory=list)
    #: With the bytes that were written, which are no proper stamp; and why.
    unsound: list[tuple[StampRow, str]] = field(default_factory=list)
    #: On the disk and not in the ledger, relative to the output folder.
    orphans: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong; an orphan is only waste."""
        return not self.lost

    @property
    def lost(self) -> list[StampRow]:
        """Stamps that have to be made again."""
        return [*self.missing, *self.changed, *(stamp for stamp, _ in self.unsound)]

    def add(self, stamp: StampRow, problem: str) -> None:
        """Sort a stamp by what is wrong with it."""
        match problem:
            case "missing":
                self.missing.append(stamp)
            case "changed":
                self.changed.append(stamp)
            case flaw:
                self.unsound.append((stamp, flaw))

    def to_json(self) -> dict[str, object]:
        """Give it for a script."""
        return {
            "checked": self.checked,
            "missing": [stamp.file_loc for stamp in self.missing],
            "changed": [stamp.file_loc for stamp in self.changed],
            "unsound": {stamp.file_loc: flaw for stamp, flaw in self.unsound},
            "orphans": self.orphans,
        }

    def words(self, out: Path, *, repaired: bool = False) -> Iterator[str]:
        """Say it for a person, a line each, and what is to be done."""
        yield from (f"missing: {stamp.file_loc}" for stamp in self.missing)
        yield from (f"changed: {stamp.file_loc}" for stamp in self.changed)
        yield from (f"unsound: {one.file_loc}: {flaw}" for one, flaw in self.unsound)
        yield from (f"not in the ledger, left alone: {name}" for name in self.orphans)
        yield f"{self.checked} stamps checked, {len(self.lost)} to be made again"
        if self.lost and repaired:
            yield f"They are to do again: harvester resume {out}"
        elif self.lost:
            yield f"Send them back to be made again: harvester verify --repair {out}"


class Batch(NamedTuple):
    """Stamps to look at, as they travel to another process."""

    out: str
    stamps: Sequence[StampRow]
    #: What the stamps of each survey should be like; None: only their bytes count.
    specs: Mapping[int, CutoutSpec] | None


def verify(places: Places, *, deep: bool = False) -> Findings:
    """Read every stamp that the ledger knows, and look for those it does not.

    A harvest may be going on: what it writes meanwhile is no orphan.
    """
    found = Findings()
    # First the disk: what is there by now was wanted, or done, before.
    on_disk = _hashes(_files(places.out))
    with LedgerView.open(places.ledger) as view:
        known = array("q", map(hash, view.wanted_files()))
        specs = _specs(view) if deep else None
        for batch, problems in _looked_at(_batches(view, places.out, specs)):
            found.checked += len(batch.stamps)
            known.extend(hash(stamp.file_loc) for stamp in batch.stamps)
            for place, problem in problems:
                found.add(batch.stamps[place], problem)
    strange = _without(on_disk, np.asarray(known, np.int64))
    if len(strange):
        found.orphans = sorted(_named(places.out, strange))
    return found


# -- what is on the disk ------------------------------------------------------


def _files(out: Path) -> Iterator[list[str]]:
    """Give the files under the stamps' folder, relative to ``out``, by folder."""
    for folder, _, names in os.walk(out / "cutouts"):
        inside = os.path.relpath(folder, out)
        yield [f"{inside}/{name}" for name in names]


def _hashes(folders: Iterator[list[str]]) -> NDArray[np.int64]:
    # Eight bytes a name: a million names themselves would be a hundred times that.
    hashes = array("q")
    for files in folders:
        hashes.extend(map(hash, files))
    return np.asarray(hashes, np.int64)


def _without(hashes: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.int64]:
    if not len(known):
        return hashes
    known.sort()  # in place: numpy's own set functions copy all of it several times
    places = np.searchsorted(known, hashes)
    is_strange: NDArray[np.bool_] = known.take(places, mode="clip") != hashes
    return hashes[is_strange]


def _named(out: Path, strange: NDArray[np.int64]) -> Iterator[str]:
    for files in _files(out):
        hashes = np.fromiter(map(hash, files), np.int64, len(files))
        yield from compress(files, np.isin(hashes, strange))


# -- what is in the ledger ----------------------------------------------------


def _specs(view: LedgerView) -> dict[int, CutoutSpec]:
    # As the run was begun: the settings of today may not even be here.
    identity = json.loads(view.facts()["settings"])
    sizes = dict(pair.split("=") for pair in identity["size"].split())
    return {
        number: CutoutSpec(StampSize.parse(sizes[survey.archive]), identity["mode"])
        for number, survey in view.surveys().items()
    }


def _batches(
    view: LedgerView, out: Path, specs: Mapping[int, CutoutSpec] | None
) -> Iterator[Batch]:
    stamps = view.stamps()
    while some := list(islice(stamps, _BATCH)):
        yield Batch(str(out), some, specs)


def _looked_at(
    batches: Iterator[Batch],
) -> Iterator[tuple[Batch, list[tuple[int, str]]]]:
    """Look at batches, on all cores if they are many, a few at a time."""
    for batch in islice(batches, _ALONE):
        yield batch, _look(batch)
    first = next(batches, None)
    if first is None:
        return
    cores = len(os.sched_getaffinity(0))
    # They do not listen when they are asked to end, see `cutouts.forkserver`.
    CONSTS.term_timeout = _LAST_WORDS_S
    pool = ProcessPool(max_workers=cores, context=warm_up())
    with ExitStack() as stack:
        stack.callback(pool.join)
        stack.callback(pool.stop)
        under_way = deque([(first, pool.schedule(_look, args=(first,)))])
        for batch in batches:
            under_way.append((batch, pool.schedule(_look, args=(batch,))))
            if len(under_way) > 2 * cores:
                done, task = under_way.popleft()
                yield done, task.result()
        for done, task in under_way:
            yield done, task.result()


# -- what a process does ------------------------------------------------------


def _look(batch: Batch) -> list[tuple[int, str]]:
    """Give the places of what is wrong in a batch, and the problems."""
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
    from ..cutouts.soundness import Expected, find_flaw  # noqa: PLC0415 - astropy

    spec = batch.specs[stamp.survey]
    return find_flaw(content, Expected(stamp.ra, stamp.dec, stamp.coverage, spec))
