"""In which rows of a frame targets lie, estimated before its header is here.

An estimate only decides what is fetched first, and in which way. Where the rows really
are is read from the header of each frame, so a wrong estimate costs some bytes or
another request, and changes no pixel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..models import Product

__all__ = ["RowEstimate", "RowForecast", "SeenRow"]


class SeenRow(NamedTuple):
    """A row that the header of a frame has told."""

    #: ICRS degrees.
    ra: float
    dec: float
    #: The row of that position; the centre of the first one is 0.
    row: float
    #: Position angle of the direction in which rows are counted, degrees east of north.
    orientation: float


class RowEstimate(NamedTuple):
    """The rows in which targets are expected."""

    #: The centre of the first row is 0.
    rows: tuple[float, ...]
    #: Rows by which nearly all of them are wrong at most.
    error: float


class RowForecast(Protocol):
    """Estimates rows, and learns from the frames that were fetched."""

    def learn(self, product: Product, seen: SeenRow) -> None:
        """Keep what the header of a product told."""
        ...

    def estimate(
        self, product: Product, ra: Sequence[float], dec: Sequence[float]
    ) -> RowEstimate | None:
        """Estimate the rows of positions in a frame; None if nothing is known.

        Parameters
        ----------
        ra, dec
            ICRS degrees, ``(n,)`` each.
        """
        ...
