"""What images of HST cost, for the bill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..kind import FileLayout
from .cameras import field_arcsec, pixel_arcsec
from .services import MAST, S3

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LISTING_QUERIES", "HstCosts"]

#: Requests for a list of images: for its columns, the count and the list itself.
LISTING_QUERIES = 3


class HstCosts:
    """Costs of drizzled files of MAST, which have copies in the public bucket."""

    query_service = MAST.name
    file_service = MAST.name
    mirror_service = S3.name
    #: SCI, WHT and CTX of WFC3/IR, 1060 x 960 pixels.
    typical_bytes = 12_300_000
    #: Files are not compressed: cutting 1 to 3 stamps took 0.01 s.
    decode_s = 0.01
    #: PRIMARY has about 750 cards and SCI 80; WHT and CTX have fewer. The first request
    #: covers the headers of PRIMARY and SCI, the second that of WHT. CTX is not used.
    layout: FileLayout | None = FileLayout(
        first_headers=24 * 2880,
        next_header=2 * 2880,
        header_requests=2,
        cut=(0, 1),
        images=3,
    )

    def pixel_arcsec(self, instrument: str) -> float:
        """Give the width of a camera's drizzled pixels in arcsec."""
        return pixel_arcsec(instrument)

    def field_arcsec(self, instrument: str) -> tuple[float, float]:
        """Give the sides of one pointing in arcsec, longer one first."""
        return field_arcsec(instrument)

    def queries(self, unlocated: Sequence[int], lost: int) -> int:  # noqa: ARG002 - the protocol's signature
        """Count the queries to come: one listing serves all targets."""
        return LISTING_QUERIES if any(unlocated) else 0
