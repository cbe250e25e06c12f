"""Intervals of whole numbers, such as rows of an image or bytes of a file."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    #: First number, and the one behind the last.
    Span = tuple[int, int]

__all__ = ["joined", "lacking", "merged"]


def merged(spans: Iterable[Span]) -> list[Span]:
    """Give the same bytes as few spans, in order; those that touch become one."""
    return joined(spans, 0)


def joined(spans: Iterable[Span], gap: int) -> list[Span]:
    """Give spans in order, and those as one that are at most ``gap`` bytes apart."""
    found: list[Span] = []
    for start, stop in sorted(spans):
        if found and start <= found[-1][1] + gap:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    return found


def lacking(span: Span, held: Iterable[Span]) -> list[Span]:
    """Give the parts of a span that no held one has."""
    start, stop = span
    known = [(0, start), *merged(held), (stop, stop)]
    gaps = [
        (max(start, before[1]), min(stop, after[0]))
        for before, after in pairwise(known)
    ]
    return [gap for gap in gaps if gap[0] < gap[1]]
