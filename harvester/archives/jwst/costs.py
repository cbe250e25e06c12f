"""What mosaics of JWST cost: large files, of which only byte ranges are fetched."""

from __future__ import annotations

from ..costs import FileLayout
from ..mast.costs import MissionCosts
from .instruments import field_arcsec, pixel_arcsec

__all__ = ["JWST_COSTS"]

#: Indices of images in a file with SCI, ERR, CON, WHT and three variances; and their
#: number.
_SCI, _ERR, _WHT, _IMAGES = 0, 1, 3, 7

JWST_COSTS = MissionCosts(
    # The mosaics of one program had 0.8 GB (long channel) to 7.7 GB (short).
    typical_bytes=2_000_000_000,
    # In a real mosaic the headers of PRIMARY and SCI had about 30 kB: the first
    # request covers them. Three more cover the headers of ERR, CON and WHT.
    layout=FileLayout(
        first_headers=12 * 2880,
        next_header=2 * 2880,
        header_requests=4,
        cut=(_SCI, _WHT),
        images=_IMAGES,
        errors=_ERR,
        # Each row of a stamp is a request: one mosaic keeps the bucket busy.
        at_once=16,
    ),
    pixels=pixel_arcsec,
    fields=field_arcsec,
)
