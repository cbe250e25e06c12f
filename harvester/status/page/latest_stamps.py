"""The stamps that were written last, found by the dates of folders and files.

The ledger does not keep when a stamp was written. A folder's date changes when a file
appears in it, so only the newest folders are looked into; each has at most a thousand
files.
"""

from __future__ import annotations

import heapq
import os
from contextlib import suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from ...archives.registry import kinds
from ...ledger.browsing import BrowsingView

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ...ledger.browsing import LandedStamp
    from ...models import Survey
    from .shown_run import ShownRun

__all__ = ["latest_stamps"]

#: Stamps that are shown.
_SHOWN = 24


class _Dated(NamedTuple):
    """A file or folder and when it was changed (Unix seconds)."""

    at: float
    #: Relative to the folder of the run, with slashes.
    path: str


def latest_stamps(run: ShownRun) -> list[dict[str, Any]]:
    """Give the stamps that landed last, the newest first.

    Files that the ledger does not know yet are left out: their stamps may be written
    again.
    """
    files = _newest_files(run.places.out, _SHOWN)
    if not files:
        return []
    with BrowsingView.open(run.places.ledger) as view:
        surveys = view.surveys()
        found = [(one.at, _find(view, surveys, one.path)) for one in files]
    return [
        _described(stamp, surveys[stamp.survey], at)
        for at, stamp in found
        if stamp is not None
    ]


def _newest_files(out: Path, most: int) -> list[_Dated]:
    newest: list[_Dated] = []
    for folder in sorted(_folders(out), reverse=True):
        # Files are written to a new name: no file is newer than its folder's date.
        if len(newest) == most and folder.at < newest[-1].at:
            break
        newest = heapq.nlargest(most, [*newest, *_entries(out, folder.path, ".fits")])
    return newest


def _folders(out: Path) -> Iterator[_Dated]:
    for archive in _entries(out, "cutouts"):
        for band in _entries(out, archive.path):
            yield from _entries(out, band.path)


def _entries(out: Path, folder: str, ending: str = "") -> Iterator[_Dated]:
    """Give the folders in a folder, or the files with an ending; links are none."""
    with suppress(OSError), os.scandir(out / folder) as entries:
        for entry in entries:
            is_file = entry.is_file(follow_symlinks=False)
            is_wanted = is_file if ending else entry.is_dir(follow_symlinks=False)
            if is_wanted and entry.name.endswith(ending):
                # It may be gone: a stamp is replaced while it is looked at.
                with suppress(OSError):
                    at = entry.stat(follow_symlinks=False).st_mtime
                    yield _Dated(at, f"{folder}/{entry.name}")


def _find(
    view: BrowsingView, surveys: dict[int, Survey], path: str
) -> LandedStamp | None:
    _, archive, band, *_ = PurePosixPath(path).parts
    stem, _, rank = PurePosixPath(path).stem.rpartition("@")
    stems = (stem, f"{stem}@{rank}") if stem else (rank,)
    for number, survey in surveys.items():
        if survey.archive == archive and band in survey.bands:
            for one in stems:
                if found := view.landed(number, one, path):
                    return found
    return None


def _described(stamp: LandedStamp, survey: Survey, at: float) -> dict[str, Any]:
    kind = kinds().get(survey.archive)
    return {
        "target": stamp.target,
        "survey": stamp.survey,
        "band": stamp.band,
        "product": stamp.product,
        "id": stamp.id,
        "name": f"{kind.title if kind else survey.archive} {stamp.band}",
        "coverage": round(stamp.coverage, 3),
        "at": round(at, 1),
    }
