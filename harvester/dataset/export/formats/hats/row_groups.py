"""Says where the row groups of a Parquet file end.

A row group ends where a hash of an identifier says. If rows are added or removed, the
groups elsewhere keep their rows and so their bytes: stores that keep equal chunks once
get few new ones. Groups of a fixed number of rows would all change.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["FACTS", "PIXELS", "GroupSizes", "row_groups"]

#: Bytes of pixels in a row group, before compression.
_MOST_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class GroupSizes:
    """Rows of a row group."""

    fewest: int
    #: The mean, but for ``fewest`` and ``most``.
    mean: int
    most: int


#: Of tables with pixels: viewers and samplers read a whole group for one row.
PIXELS = GroupSizes(8, 100, 500)

#: Of tables without. In groups of 100 rows a table of 40 columns is three times as
#: large and takes fifteen times as long to read.
FACTS = GroupSizes(1_000, 10_000, 50_000)


def row_groups(
    ids: Sequence[str], sizes: GroupSizes, row_bytes: int = 0
) -> list[slice]:
    """Divide rows into groups.

    Parameters
    ----------
    ids
        The identifier of each row.
    row_bytes
        Bytes of pixels of a row; a group has 100 MB at most.
    """
    most = min(sizes.most, max(1, _MOST_BYTES // max(row_bytes, 1)))
    ends = _with_full_tail(list(_ends(ids, sizes, most)), len(ids), sizes.fewest, most)
    return [slice(a, b) for a, b in zip([0, *ends], [*ends, len(ids)], strict=True)]


def _with_full_tail(ends: list[int], rows: int, fewest: int, most: int) -> list[int]:
    """Change the last end if the rows after it are too few for a group."""
    if not ends or rows - ends[-1] >= fewest:
        return ends
    others = ends[:-1]
    before = others[-1] if others else 0
    if rows - before <= most:
        return others
    return [*others, max(rows - fewest, before + 1)]


def _ends(ids: Sequence[str], sizes: GroupSizes, most: int) -> Iterator[int]:
    start = 0
    for row, one in enumerate(ids):
        size = row - start
        if size >= most or (size >= sizes.fewest and _ends_here(one, sizes.mean)):
            yield row
            start = row


def _ends_here(identifier: str, mean: int) -> bool:
    digest = hashlib.blake2b(identifier.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % mean == 0
