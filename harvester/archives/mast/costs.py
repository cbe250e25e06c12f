"""What images of the missions at MAST cost, for the bill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..costs import FileLayout
from .cameras import field_arcsec, pixel_arcsec
from .services import MAST, S3

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ...models import Plane

__all__ = ["HST_COSTS", "MissionCosts"]

#: Requests for a list of images: for its columns, the count and the list itself.
_LISTING_QUERIES = 3


@dataclass(slots=True)
class MissionCosts:
    """Costs of plain files of MAST, which have copies in the public bucket."""

    typical_bytes: int
    layout: FileLayout | None
    #: Gives the width in arcsec of the pixels of an instrument's images.
    pixels: Callable[[str], float]
    #: Gives the sides in arcsec of one pointing of an instrument, longer one first.
    fields: Callable[[str], tuple[float, float]]
    query_service: str = MAST.name
    file_service: str = MAST.name
    mirror_service: str = S3.name
    #: Files are not compressed: cutting 1 to 3 stamps took 0.01 s.
    decode_s: float = 0.01
    psf_side: int = 0

    def neighbours(self, side: int, stamps: int) -> float:
        """Give 0: no image continues another."""
        return 0.0

    def pixel_arcsec(self, instrument: str) -> float:
        """Give the width of a pixel in arcsec."""
        return self.pixels(instrument)

    def field_arcsec(self, instrument: str) -> tuple[float, float]:
        """Give the sides of one pointing in arcsec, longer one first."""
        return self.fields(instrument)

    def queries(
        self,
        unlocated: Sequence[int],
        lost: int,
        planes: Collection[Plane] = (),
    ) -> int:
        """Count the queries to come: one listing serves all targets."""
        return _LISTING_QUERIES if any(unlocated) else 0


HST_COSTS = MissionCosts(
    # SCI, WHT and CTX of WFC3/IR, 1060 x 960 pixels.
    typical_bytes=12_300_000,
    # PRIMARY has about 750 cards and SCI 80; WHT and CTX have fewer. The first request
    # covers the headers of PRIMARY and SCI, the second that of WHT. CTX is not used.
    layout=FileLayout(
        first_headers=24 * 2880,
        next_header=2 * 2880,
        header_requests=2,
        cut=(0, 1),
        images=3,
    ),
    pixels=pixel_arcsec,
    fields=field_arcsec,
)
