"""What the services of an archive will be asked for: requests, files and bytes.

Arithmetic on what is known of the frames to come. What is known only for a part of
them, or only as a rule, goes in as an expectation: loads are no whole numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..archives.sdss.archive import FIELD_QUERIES, UPLOAD, choose_route
from ..frames.prefix import expected_part

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..ledger.view import FrameGroup

__all__ = ["Load", "Priced", "SampleSummary", "hst_loads", "sdss_loads"]

#: Requests of MAST's listing: for its columns, for a count and for a list.
_LISTING_QUERIES = 3

#: Bytes of a frame of SDSS where neither the archive nor experience tells: seven in
#: u, g, r and i had 3.2 to 3.9 MB, compressed.
_TYPICAL_BYTES = 3_600_000

#: Fetched frames from which on experience counts more than anything else.
_ENOUGH = 20

#: Files that were looked for in the public bucket before there was a harvester, and
#: found: 15 of 15. What samples say of a share is weighed together with them.
_FOUND_BEFORE = 15


class Load(NamedTuple):
    """What one service is asked for."""

    requests: float = 0
    files: float = 0
    bytes: float = 0
    #: Where the bytes are known from.
    source: str = "listed"
    #: Frames whose axes are not known.
    guessed: int = 0


class Priced(NamedTuple):
    """Frames of HST that are alike in having a mirror or none, and their prices."""

    mirrored: bool
    frames: int
    #: By parts, from the mirror.
    requests: int
    bytes: int
    #: Bytes if they are fetched whole.
    whole: int
    #: Those whose axes are not known.
    guessed: int


class SampleSummary(NamedTuple):
    """What an archive said of a few of the frames to come."""

    asked: int = 0
    missing: int = 0
    #: Mean length in bytes of those that are there, if it was told.
    size: float | None = None

    @property
    def share_missing(self) -> float:
        """The part of other files that is expected to be missing."""
        return (self.missing + 0.5) / (self.asked + _FOUND_BEFORE + 1)


# -- SDSS ---------------------------------------------------------------------------


def sdss_loads(
    groups: Sequence[FrameGroup],
    *,
    unlocated: Iterable[int],
    fetched: int,
    fetched_bytes: int,
    samples: SampleSummary,
) -> dict[str, Load]:
    """Work out the loads of ``sdss-sky`` and ``sdss-sas``.

    Parameters
    ----------
    unlocated
        Targets of each survey that are not located yet.
    fetched, fetched_bytes
        Frames that came, and bytes that the files' host has sent for them.
    """
    # Whose frame is known to be missing will be looked up by position.
    lost = sum(group.missing * group.stamps for group in groups)
    queries = _queries(_uploads(lost), unlocated)
    frames = sum(group.frames for group in groups)
    missing = sum(group.missing for group in groups)
    if fetched >= _ENOUGH and fetched_bytes:
        size, source = (frames - missing) * fetched_bytes / fetched, "seen"
    else:
        each = samples.size or _TYPICAL_BYTES
        size = sum(_group_bytes(group, each) for group in groups)
        source = "sampled" if samples.size else "typical"
    return {
        "sdss-sky": Load(queries),
        "sdss-sas": Load(frames, frames - missing, size, source),
    }


def _group_bytes(group: FrameGroup, each: float) -> float:
    unsized = group.frames - group.sized
    return expected_part(group.stamps) * (group.size + unsized * each)


def _queries(uploads: int, unlocated: Iterable[int]) -> int:
    # Identifiers may still tell of some: then it is fewer.
    fields = 0
    for targets in unlocated:
        if choose_route(targets, have_table=False) == "geometry":
            fields += FIELD_QUERIES
        else:
            uploads += _uploads(targets)
    # The first upload is preceded by a query for a place that must be in its answer.
    return fields + uploads + bool(uploads)


def _uploads(targets: int) -> int:
    return -(-targets // UPLOAD)


# -- HST ----------------------------------------------------------------------------


def hst_loads(
    frames: Sequence[Priced], *, is_located: bool, samples: SampleSummary
) -> dict[str, Load]:
    """Work out the loads of ``mast`` and ``s3``: what the mirror lacks, MAST sends."""
    direct = [one for one in frames if not one.mirrored]
    copied = [one for one in frames if one.mirrored]
    count = sum(one.frames for one in copied)
    unsure = max(0, count - (samples.asked - samples.missing))
    lacking = samples.share_missing * unsure
    part = lacking / count if count else 0.0
    files = lacking + sum(one.frames for one in direct)
    whole = sum(one.whole for one in direct) + part * sum(one.whole for one in copied)
    queries = 0 if is_located else _LISTING_QUERIES
    return {
        "mast": Load(queries + files, files, whole, "footprints"),
        "s3": Load(
            lacking + (1 - part) * sum(one.requests for one in copied),
            count - lacking,
            (1 - part) * sum(one.bytes for one in copied),
            "footprints",
            sum(one.guessed for one in copied),
        ),
    }
