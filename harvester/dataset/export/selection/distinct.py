"""Makes identifiers distinct, because a catalogue may have one in several rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["distinct"]


def distinct(ids: Sequence[str]) -> Iterator[str]:
    """Make identifiers distinct: the second row with an identifier gets ``_2``."""
    taken, times = set(ids), dict.fromkeys(ids, 0)
    for one in ids:
        times[one] += 1
        name = one
        while times[one] > 1 and (name := f"{one}_{times[one]}") in taken:
            times[one] += 1
        taken.add(name)
        yield name
