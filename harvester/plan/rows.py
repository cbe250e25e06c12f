"""In which rows of compressed frames the galaxies of the bill are expected."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..archives.registry import kind_of
from ..frames.expected_rows import spans_of
from ..models import Product

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..archives.kind import ArchiveKind
    from ..cutouts.intervals import Span
    from ..ledger.view import FrameGroup, FrameTargets, LedgerView
    from ..models import CutoutSpec

    #: Rows of the stamps of one frame; empty: they may be anywhere.
    Rows = tuple[Span, ...]

__all__ = ["with_rows"]

#: Most frames of a survey, with one number of galaxies, whose rows are estimated: their
#: mean cost is then known within a few percent.
_MOST = 200


def with_rows(view: LedgerView, specs: Mapping[str, CutoutSpec]) -> list[FrameGroup]:
    """Give the frames to come, with the rows of some of them, evenly over all."""
    groups = view.frames_to_come()
    sizes: Counter[tuple[int, int]] = Counter()
    for group in groups:
        sizes[group.survey, group.stamps] += group.frames
    found: dict[tuple[int, int], list[Rows]] = {}
    for number, survey in view.surveys().items():
        kind = kind_of(survey.archive)
        if kind.blocks is None:
            continue
        for frame in _evenly(view.targets_to_come(number), number, sizes):
            rows = _rows(kind, frame, specs[survey.archive])
            if rows:
                found.setdefault((number, len(frame.ra)), []).append(rows)
    return [
        group._replace(rows=tuple(found.get((group.survey, group.stamps), ())))
        for group in groups
    ]


def _evenly(
    frames: Iterator[FrameTargets], number: int, sizes: Mapping[tuple[int, int], int]
) -> Iterator[FrameTargets]:
    seen: dict[int, int] = {}
    for frame in frames:
        stamps = len(frame.ra)
        place = seen[stamps] = seen.get(stamps, -1) + 1
        if place % -(-sizes.get((number, stamps), 1) // _MOST) == 0:
            yield frame


def _rows(kind: ArchiveKind, frame: FrameTargets, spec: CutoutSpec) -> Rows:
    assert kind.blocks is not None
    product = Product(kind.name, frame.name, frame.band, "")
    found = kind.blocks.forecast().estimate(product, frame.ra, frame.dec)
    return spans_of(kind, found.rows, spec) if found else ()
