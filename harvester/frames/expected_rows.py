"""In which rows of a frame stamps are expected, before the frame is here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from ..archives.registry import kind_of
from ..archives.row_forecast import SeenRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..archives.kind import ArchiveKind
    from ..archives.row_forecast import RowForecast
    from ..cutouts.intervals import Span
    from ..models import CutoutSpec, Product, Receipt, Wanted

__all__ = ["ExpectedRows", "RowForecasts", "spans_of"]

#: Most rows of error with which blocks are fetched before the header is here. A block
#: has 110 rows: with an error of 10 rows one of eleven frames lacks a block then, or
#: gets one too many.
_CLOSE = 15.0


class ExpectedRows(NamedTuple):
    """The rows in which the stamps of a frame are expected."""

    #: First row of each stamp, and the one behind its last.
    spans: tuple[Span, ...]
    #: Rows by which they may be wrong.
    error: float

    @property
    def with_error(self) -> list[Span]:
        """Give the spans with the rows by which they may be wrong."""
        error = math.ceil(self.error)
        return [(start - error, stop + error) for start, stop in self.spans]

    @property
    def are_close(self) -> bool:
        """Whether they are known well enough to fetch their blocks."""
        return self.error <= _CLOSE


class RowForecasts:
    """Estimates rows for each archive, and learns from the stamps that were cut."""

    def __init__(self) -> None:
        self._forecasts: dict[str, RowForecast | None] = {}

    def learn(
        self, product: Product, wanted: Iterable[Wanted], receipts: Iterable[Receipt]
    ) -> None:
        """Learn from the receipts of stamps in a frame."""
        forecast = self._of(product.archive)
        places = {one.target: one for one in wanted}
        for receipt in receipts if forecast else ():
            seen = _seen(places[receipt.target], receipt)
            if forecast and seen:
                forecast.learn(product, seen)
                return  # one stamp tells as much as several

    def expect(
        self, product: Product, wanted: Sequence[Wanted], spec: CutoutSpec
    ) -> ExpectedRows | None:
        """Estimate the rows of stamps; None if nothing is known."""
        forecast = self._of(product.archive)
        if forecast is None:
            return None
        ra, dec = [one.ra for one in wanted], [one.dec for one in wanted]
        found = forecast.estimate(product, ra, dec)
        if found is None:
            return None
        spans = spans_of(kind_of(product.archive), found.rows, spec)
        return ExpectedRows(spans, found.error)

    def _of(self, archive: str) -> RowForecast | None:
        if archive not in self._forecasts:
            law = kind_of(archive).blocks
            self._forecasts[archive] = law.forecast() if law else None
        return self._forecasts[archive]


def spans_of(
    kind: ArchiveKind, rows: Iterable[float], spec: CutoutSpec
) -> tuple[Span, ...]:
    """Give the first row of stamps, and the one behind the last, by their middles."""
    side = spec.size.pixels(kind.costs.pixel_arcsec(""))
    firsts = [math.ceil(row - side / 2) for row in rows]
    return tuple((first, first + side) for first in firsts)


def _seen(wanted: Wanted, receipt: Receipt) -> SeenRow | None:
    facts = receipt.facts
    if facts is None or facts.y is None or facts.y0 is None:
        return None
    if facts.orientation is None:
        return None
    row = facts.y0 + facts.y
    return SeenRow(wanted.ra, wanted.dec, row, facts.orientation)
