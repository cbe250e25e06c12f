"""What is known of the stamps of one frame: place, scale, unit, time, noise, PSF."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from ..models import Plane, StampFacts

if TYPE_CHECKING:
    from ..archives.reading import Lookup, Noise, PointSpread, Reading
    from ..models import FrameJob
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
        return cls(common, spread if has_image else None)

    def facts(self, stamp: Stamp) -> StampFacts:
        """Give the facts of one stamp."""
        row, column = stamp.place.origin
        y, x = stamp.place.centre
        height, width = stamp.planes.flux.shape
        return replace(
            self.common,
            x=round(x - column, 4),
            y=round(y - row, 4),
            nx=width,
            ny=height,
            x0=column,
            y0=row,
            orientation=round(stamp.place.orientation, 4),
        )


def _significant(value: float) -> float:
    """Round to eight digits, more than a zero point has."""
    return float(f"{value:.8g}")
