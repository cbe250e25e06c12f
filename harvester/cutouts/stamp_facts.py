"""What is known of the stamps of one frame: place, scale, unit, time, noise, PSF."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from ..models import Plane, StampFacts
from .quality import find_flags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..archives.reading import Lookup, Noise, PointSpread, Reading
    from ..models import FrameJob, Neighbour
    from .astrometry import Astrometry
    from .pixels import Stamp

__all__ = ["FrameScience"]

#: AB magnitude of one nanojansky: 23.9 for a microjansky, and three powers of ten.
_NANOJANSKY = 31.4


@dataclass(frozen=True, slots=True)
class FrameScience:
    """What all stamps of a frame have in common, and what follows for each of them."""

    #: The facts of the frame; those of single stamps are not set.
    common: StampFacts
    point_spread: PointSpread | None
    #: Whether the stamps have the plane MASK.
    has_mask: bool

    @classmethod
    def of(
        cls,
        job: FrameJob,
        look_up: Lookup,
        sky: Astrometry,
        reading: Reading,
        noise: Noise | None,
    ) -> Self:
        """Collect the facts of a frame from its header and its archive."""
        zero = reading.zero_point(look_up)
        spread = reading.point_spread(job.product, look_up)
        common = StampFacts(
            pixel_scale=round(sky.scale_arcsec, 6),
            flipped=sky.is_flipped,
            unit=reading.unit(look_up),
            zero_point=zero,
            to_njy=None
            if zero is None
            else _significant(10 ** ((_NANOJANSKY - zero) / 2.5)),
            exposure_s=reading.exposure_s(look_up),
            date_obs=reading.date_obs(look_up),
            psf_fwhm=spread and spread.fwhm_arcsec,
            psf_source=spread.source if spread else "",
            corr_noise=reading.corr_noise(look_up),
            noise_source=noise.source if noise else "",
            parent=job.parent,
        )
        has_image = Plane.PSF in job.spec.planes
        has_mask = Plane.MASK in job.spec.planes
        return cls(common, spread if has_image else None, has_mask)

    def facts(self, stamp: Stamp, filled: Sequence[Neighbour] = ()) -> StampFacts:
        """Give the facts of one stamp, of which ``filled`` have filled some rows."""
        row, column = stamp.place.origin
        y, x = stamp.place.centre
        y, x = round(y - row, 4), round(x - column, 4)
        flux, _, bits = stamp.planes
        height, width = flux.shape
        return replace(
            self.common,
            x=x,
            y=y,
            nx=width,
            ny=height,
            x0=column,
            y0=row,
            orientation=round(stamp.place.orientation, 4),
            flags=" ".join(find_flags(flux, bits, (x, y), stamp.side)),
            filled_from=" ".join(one.product.name for one in filled),
            filled_parent=" ".join(one.parent for one in filled),
        )


def _significant(value: float) -> float:
    """Round to eight digits, more than a zero point has."""
    return float(f"{value:.8g}")
