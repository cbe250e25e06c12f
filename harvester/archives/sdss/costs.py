"""What frames of SDSS cost, for the bill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...models import Plane

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ..costs import FileLayout

__all__ = ["SdssCosts"]

#: Sides of a frame in pixels, and width of a pixel in arcsec.
_SIDES = 2048, 1489
_PIXEL_ARCSEC = 0.396

#: Rows from a field to the next; and how far a galaxy is at least from the first and
#: the last row of its best field.
_STEP, _INSIDE = 1361, 64


class SdssCosts:
    """Costs of the compressed frames of the Science Archive Server."""

    query_service = "sdss-sky"
    file_service = "sdss-sas"
    mirror_service = ""
    #: Seven frames in u, g, r and i had 3.2 to 3.9 MB, compressed.
    typical_bytes = 3_600_000
    #: `bz2.decompress` took 0.45 to 0.5 s for a frame of 12.4 MB.
    decode_s = 0.48
    psf_side = 31
    layout: FileLayout | None = None

    def neighbours(self, side: int, stamps: int) -> float:
        """Give how many of both neighbours are needed, for galaxies anywhere."""
        over_an_edge = min(1.0, max(0.0, side / 2 - _INSIDE) / _STEP)
        return 2 * (1 - (1 - over_an_edge) ** stamps)

    def pixel_arcsec(self, instrument: str) -> float:
        """Give the width of a pixel in arcsec."""
        return _PIXEL_ARCSEC

    def field_arcsec(self, instrument: str) -> tuple[float, float]:
        """Give the sides of a field in arcsec, longer one first."""
        longer, shorter = _SIDES
        return longer * _PIXEL_ARCSEC, shorter * _PIXEL_ARCSEC

    def queries(
        self, unlocated: Sequence[int], lost: int, planes: Collection[Plane] = ()
    ) -> int:
        """Count the queries to come.

        Fewer if identifiers tell some of the fields, and for the PSF if targets share
        fields.
        """
        from .archive import FIELD_QUERIES, UPLOAD, choose_route
        from .psf_query import FIELDS_A_QUERY

        # Targets whose frame is missing will be looked up by position.
        fields, uploads = 0, -(-lost // UPLOAD)
        for targets in unlocated:
            if choose_route(targets, have_table=False) == "geometry":
                fields += FIELD_QUERIES
            else:
                uploads += -(-targets // UPLOAD)
        psf = (
            -(-(sum(unlocated) + lost) // FIELDS_A_QUERY) if Plane.PSF in planes else 0
        )
        # If no identifier tells a field, one query before the first upload asks for a
        # position that must be in every answer: see `crossid`.
        return fields + uploads + bool(uploads) + psf
