"""What mosaics of JWST cost: large files, of which only byte ranges are fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..kind import FileLayout
from ..mast.costs import LISTING_QUERIES
from .instruments import field_arcsec, pixel_arcsec

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["JwstCosts"]

#: Indices of images in a file with SCI, ERR, CON, WHT and three variances; and their
#: number.
_SCI, _WHT, _IMAGES = 0, 3, 7


class JwstCosts:
    """Costs of mosaics."""

    query_service = "mast"
    file_service = "mast"
    mirror_service = "s3"
    #: The mosaics of one program had 0.8 GB (long channel) to 7.7 GB (short).
    typical_bytes = 2_000_000_000
    #: The file is not compressed.
    decode_s = 0.01
    #: In a real mosaic the headers of PRIMARY and SCI had about 30 kB: the first
    #: request covers them. Three more cover the headers of ERR, CON and WHT.
    layout: FileLayout | None = FileLayout(
        first_headers=12 * 2880,
        next_header=2 * 2880,
        header_requests=4,
        cut=(_SCI, _WHT),
        images=_IMAGES,
    )

    def pixel_arcsec(self, instrument: str) -> float:
        """Give the width of a mosaic's pixels in arcsec."""
        return pixel_arcsec(instrument)

    def field_arcsec(self, instrument: str) -> tuple[float, float]:
        """Give the sides of one pointing in arcsec, longer one first."""
        return field_arcsec(instrument)

    def queries(self, unlocated: Sequence[int], lost: int) -> int:  # noqa: ARG002 - the protocol's signature
        """Count the queries to come: one listing serves all targets."""
        return LISTING_QUERIES if any(unlocated) else 0
