"""Which blocks hold wanted bytes, and where they are expected in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..bz2_blocks import block_size
from ..intervals import joined

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...archives.block_law import BlockLaw
    from ..intervals import Span

__all__ = [
    "GAP",
    "MOST_BEYOND",
    "expected_groups",
    "expected_start",
    "groups_of",
    "is_counted",
    "spans_ahead",
]

#: Last block up to which all blocks are fetched and counted, instead of proved with the
#: last one of the file, which costs about as many bytes.
_COUNTED = 2

#: Bytes by which all blocks together may hold more than usual. In real frames they are
#: at most 6; many zero pixels make them more.
MOST_BEYOND = 64

#: Bytes between two spans that are fetched for the sake of one request less.
GAP = 60_000


def groups_of(law: BlockLaw, length: int, wanted: Iterable[Span]) -> list[Span]:
    """Give the first and last number of each group of blocks with wanted bytes.

    Blocks may begin up to `MOST_BEYOND` bytes behind their usual place. Block 0 is not
    among them, because it is always needed.

    Parameters
    ----------
    length
        Bytes that block 0 holds.
    wanted
        Bytes of the unpacked file.
    """
    size = block_size(law.magic)
    found = [
        (
            max(1, 1 + (start - length - MOST_BEYOND) // size),
            1 + (stop - 1 - length) // size,
        )
        for start, stop in wanted
        if stop > length
    ]
    # The last block holds more than the others would: all that follows.
    within = [(low, min(high, law.blocks - 1)) for low, high in found]
    return joined(within, 1)


def is_counted(groups: list[Span], *, is_rest_wanted: bool) -> bool:
    """Whether all blocks up to the last wanted one are fetched, and no other."""
    return (
        not is_rest_wanted and max((high for _, high in groups), default=0) <= _COUNTED
    )


def expected_groups(law: BlockLaw, rows: Iterable[Span]) -> list[Span]:
    """Give the groups of blocks in which rows of the image are expected.

    Parameters
    ----------
    rows
        First row and the one behind the last; those outside of the image are left out.
    """
    inside = ((max(0, start), min(stop, law.rows)) for start, stop in rows)
    wanted = [
        (law.header + law.row * start, law.header + law.row * stop)
        for start, stop in inside
        if start < stop
    ]
    # The first block holds half a row more than its size: the blanks of the header.
    return groups_of(law, block_size(law.magic), wanted)


def expected_start(law: BlockLaw, groups: list[Span], *, is_rest_wanted: bool) -> int:
    """Give the bytes of the first request, if these groups are expected to be wanted.

    It reaches behind the last wanted block if that is one of the first. How long blocks
    are is not known yet: each gets the room of the first one.
    """
    is_all = is_counted(groups, is_rest_wanted=is_rest_wanted)
    last = max((high for _, high in groups), default=0) if is_all else 0
    return (1 + last) * law.first_request


def spans_ahead(
    law: BlockLaw, groups: list[Span], total: int, *, is_rest_wanted: bool
) -> list[Span]:
    """Give the bytes to fetch beside the first request: wanted blocks and the last one.

    Parameters
    ----------
    total
        Length of the compressed file in bytes.
    """
    if is_counted(groups, is_rest_wanted=is_rest_wanted):
        return []
    last, second = law.blocks - 1, law.second(total)
    spans = [
        (
            max(0, round(law.start(low, second, total)) - law.slack),
            min(total, round(law.start(high + 1, second, total)) + law.slack),
        )
        for low, high in (*groups, (last, last))
    ]
    return joined(spans, GAP)
