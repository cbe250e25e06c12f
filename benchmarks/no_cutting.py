"""Functions that stand in for cutting: workers must be able to import them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from harvester.cutouts.stamp_file import StampFolder
from harvester.cutouts.unwritten import StampBytes, UnwrittenCut
from harvester.models import Cut, FrameJob, Receipt, StampFacts

__all__ = ["no_cut", "no_cut_unwritten", "ready_cut", "ready_cut_unwritten"]

#: Bytes of a stamp of 40 x 40 pixels with a mask.
_STAMP = os.urandom(17_280)
_SHA256 = hashlib.sha256(_STAMP).hexdigest()


def no_cut(job: FrameJob) -> Cut:
    """Return a receipt for each stamp; write nothing."""
    facts = StampFacts(x=19.5, y=19.5, nx=40, ny=40, unit="nanomaggy")
    return Cut(
        [
            Receipt(
                *(one.target, "", one.file_loc, _SHA256, len(_STAMP), 1.0, (40, 40)),
                facts=facts,
            )
            for one in job.wanted
        ]
    )


def no_cut_unwritten(job: FrameJob) -> UnwrittenCut:
    """Return the same as from a worker, without stamps to write."""
    return UnwrittenCut(no_cut(job), (), b"")


def ready_cut(job: FrameJob) -> Cut:
    """Write a ready stamp for each galaxy, as the process pool does."""
    with StampFolder(Path(job.root)) as folder:
        for one in job.wanted:
            folder.write(one.file_loc, _STAMP)
    return no_cut(job)


def ready_cut_unwritten(job: FrameJob) -> UnwrittenCut:
    """Return a ready stamp for each galaxy, as a Dask worker does."""
    place = StampBytes()
    for one in job.wanted:
        place.write(one.file_loc, _STAMP)
    return place.of(no_cut(job))
