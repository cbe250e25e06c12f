"""One stamp of a data set; its file is read when the first plane is asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ...errors import InputError
from ...models.planes import Bit
from ..stamp_reader import read_stamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from astropy.io.fits import Header
    from astropy.nddata import CCDData
    from astropy.wcs import WCS
    from numpy.typing import NDArray

    from ..stamp_reader import StampPlanes

__all__ = ["HarvestedStamp"]


class HarvestedStamp:
    """A stamp with its planes, its header and its row of the manifest.

    All planes are ``(ny, nx)`` in the byte order of the machine, the first row at the
    bottom as in FITS. A plane that the run did not keep is None.
    """

    def __init__(self, out: Path, record: Mapping[str, Any]) -> None:
        self._out = out
        #: The row of the manifest: coverage, pixel scale, unit, zero point, labels, ...
        self.record = record
        #: The FITS file.
        self.path = out / str(record["file_loc"])

    @cached_property
    def planes(self) -> StampPlanes:
        """All planes as they are in the file.

        Raises
        ------
        LocalError
            The file is missing or damaged: ``harvester verify`` lists all such files.
        """
        return read_stamp(self.path)

    def replaced(self, planes: StampPlanes, record: Mapping[str, Any]) -> Self:
        """Give a stamp with other planes, such as resampled ones."""
        other = type(self)(self._out, record)
        # It takes the place of what would be read.
        other.planes = planes
        return other

    @property
    def flux(self) -> NDArray[np.float32]:
        """Pixel values in ``record["unit"]``; NaN where there is none."""
        return self.planes.flux

    @property
    def ivar(self) -> NDArray[np.float32] | None:
        """Inverse variance in 1/unit^2; 0 where there is no value."""
        return self.planes.ivar

    @property
    def mask(self) -> NDArray[np.uint8] | None:
        """Bits of `harvester.models.planes.Bit`; see ``good`` for one truth value."""
        return self.planes.mask

    @property
    def good(self) -> NDArray[np.bool_]:
        """Whether each pixel can be used; without a mask, where flux has a value."""
        if self.mask is None:
            return np.isfinite(self.flux)
        good: NDArray[np.bool_] = (self.mask & int(Bit.GOOD)) != 0
        return good

    @property
    def psf(self) -> NDArray[np.float32] | None:
        """The point spread function: its sum is 1, its sides are odd."""
        return self.planes.psf

    @property
    def header(self) -> Header:
        """The header of the flux."""
        return self.planes.header

    @cached_property
    def wcs(self) -> WCS:
        """World coordinates of the pixels."""
        from astropy.wcs import WCS  # tables are read without it

        return WCS(self.header, naxis=2)

    def to_ccddata(self) -> CCDData:
        """Give the stamp as astropy has it.

        Its mask is true where a pixel is *bad*, which is astropy's meaning. The
        uncertainty is an inverse variance, or None if the run did not keep it.

        Raises
        ------
        InputError
            The unit of the pixels is not stated or not known; astropy requires one.
        """
        from astropy.nddata import CCDData, InverseVariance

        from ..pixel_unit import read_unit

        text = self.record.get("unit") or self.header.get("BUNIT")
        if not text:
            msg = f"the stamp {self.path} does not tell the unit of its pixels"
            raise InputError(msg)
        unit = read_unit(str(text))
        known = None if self.ivar is None else InverseVariance(self.ivar, unit=unit**-2)
        return CCDData(
            self.flux,
            unit=unit,
            mask=~self.good,
            uncertainty=known,
            wcs=self.wcs,
            meta=dict(self.record),
        )

    def __repr__(self) -> str:
        named = " ".join(str(self.record[key]) for key in ("id_str", "survey", "band"))
        return f"<stamp {named}>"
