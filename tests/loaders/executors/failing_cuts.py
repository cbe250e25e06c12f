"""Functions for Dask workers to run, which must be able to import them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from harvester.cutouts.unwritten import StampBytes
from harvester.errors import TransientError
from harvester.models import Cut, Receipt

#: The galaxy at fault.
CULPRIT = 13


def _wants_culprit(job):
    return any(one.target == CULPRIT for one in job.wanted)


def cut_all(job):
    """Return a stamp of a few bytes for each galaxy."""
    place = StampBytes()
    receipts = []
    for one in job.wanted:
        written = place.write(one.file_loc, f"stamp {one.target}".encode())
        receipts.append(
            Receipt(one.target, "", one.file_loc, written.sha256, written.size)
        )
    return place.of(Cut(receipts, needed=7))


def cut_until_culprit(job):
    """Kill this process if the culprit is wanted."""
    if _wants_culprit(job):
        os.kill(os.getpid(), signal.SIGKILL)
    return cut_all(job)


def cut_hanging(job):
    """Hang if the culprit is wanted."""
    while _wants_culprit(job):
        time.sleep(0.01)
    return cut_all(job)


def cut_slowly(job):
    """Say that it has begun, and take two seconds."""
    Path(job.path).with_name("begun").touch()
    time.sleep(2)
    return cut_all(job)


def cut_alone(job):
    """Fail if another process is in this function at the same time."""
    place = Path(job.path).with_name("alone")
    place.touch(exist_ok=False)
    time.sleep(0.2)
    place.unlink()
    return cut_all(job)


def cut_corrupt(_job):
    """Report a corrupt frame."""
    raise TransientError("corrupt", "the CRC of block 3 is wrong")


def cut_damaged(job):
    """Return other bytes than the receipts tell of."""
    place = StampBytes()
    place.write(job.wanted[0].file_loc, b"other")
    return place.of(cut_all(job).cut)
