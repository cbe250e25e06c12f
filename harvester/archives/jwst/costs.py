"""What mosaics of JWST cost: they are large, and cut by ranges of bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..kind import FileLayout
from ..mast.costs import LISTING_QUERIES
from .instruments import field_arcsec, pixel_arcsec

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["JwstCosts"]

#: Images of a file in the order SCI, ERR, CON, WHT and three variances.
_SCI, _WHT, _IMAGES = 0, 3, 7


class JwstCosts:
    """Costs of mosaics."""

    query_service = "mast"
    file_service = "mast"
    mirror_service = "s3"
    #: The mosaics of one program had 0.8 GB (long channel) to 7.7 GB (short).
    typical_bytes = 2_000_000_000
    #: A plain file: nothing is unpacked.
    decode_s = 0.01
    #: Headers of PRIMARY and SCI took some 30 kB in a real mosaic: they come with the
    #: first request, then ERR, CON and WHT.
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
        """Count the queries of one listing, if there is one to come."""
        return LISTING_QUERIES if any(unlocated) else 0
