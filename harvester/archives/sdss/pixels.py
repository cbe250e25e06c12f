"""The pixels of an SDSS frame, and the check that its header describes that frame."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..cards import first_number, iso_date
from ..reading import PointSpread
from .atomic_time import utc_of
from .detectors import WELL_COUNTS, detector

if TYPE_CHECKING:
    from ...models import Product
    from ..reading import Lookup, Noise, OpenFrame

__all__ = ["SdssReading"]

#: AB magnitude of one nanomaggy, by its definition (3.631 micro-Jansky).
_NANOMAGGY = 22.5

#: Band, run, camera column and field in the name of a frame.
_NAME = re.compile(r"frame-([ugriz])-(\d{6})-(\d)-(\d{4})\.fits")

#: Band, camera column and run that name a CCD and its time.
_CCD = re.compile(r"[ugriz] [1-6] \d{1,6}")

#: The detectors of the bands see a field one after the other, two frames apart. FRAME
#: in the header may exceed the field in the file's name by this number.
_FRAMES_LATE = {"r": 0, "i": 2, "u": 4, "z": 6, "g": 8}


class SdssReading:
    """Reads the primary image, in nanomaggies."""

    science = ""
    weight = ""
    error = ""
    may_be_tiled = False

    def unit(self, text: Lookup) -> str:
        """Name the unit of the pixels: nanomaggy if the header has none."""
        return text("BUNIT") or "nanomaggy"

    def date_obs(self, text: Lookup) -> str:
        """Give when the exposure of the first row began, ISO 8601 in UTC.

        The camera reads out row by row while the sky drifts over it, so each row has
        its own time; the last one is 39 s later. Without the time of the first row
        this is the date alone.
        """
        read_out, exposure = first_number(text, "TAI"), self.exposure_s(text)
        if read_out is None or exposure is None:
            return iso_date(text)
        return utc_of(read_out - exposure) or iso_date(text)

    def saturation(self, text: Lookup) -> float | None:
        """Give the value of a pixel in which the CCD was nearly full.

        NMGY is the mean calibration of the frame; that of a column differs from it by a
        few percent. The sky, of some hundred counts, is left out.
        """
        calibration = first_number(text, "NMGY")
        if calibration is None or calibration <= 0 or self.zero_point(text) is None:
            return None
        return WELL_COUNTS * calibration

    def corr_noise(self, text: Lookup) -> float | None:
        """Give 1: frames are not resampled, so the noise of pixels is independent."""
        return 1.0

    def noise(self, frame: OpenFrame, text: Lookup) -> Noise | None:
        """Read the noise from calib and sky of the frame, behind its image.

        None if the header does not name the CCD, if the frame lacks one of them, or if
        its pixels have another unit.
        """
        band, camcol, run = (text(keyword) for keyword in ("FILTER", "CAMCOL", "RUN"))
        is_known = _CCD.fullmatch(f"{band} {camcol} {run}")
        if not is_known or self.zero_point(text) is None:
            return None
        from .noise import read_noise

        return read_noise(frame, detector(band, int(camcol), int(run)))

    def point_spread(self, product: Product, text: Lookup) -> PointSpread | None:
        """Make it from the fit that SkyServer gave for this field and band."""
        from .psf import PsfFit

        fit = PsfFit.read(product.facts)
        if fit is None:
            return None
        source = f"SkyServer, Field.psfWidth_{product.band}: effective width"
        return PointSpread(fit.width_arcsec, source, fit.stamp())

    def exposure_s(self, text: Lookup) -> float | None:
        """Give the exposure time in seconds, which is text in these headers."""
        return first_number(text, "EXPTIME")

    def zero_point(self, text: Lookup) -> float | None:
        """Give the AB magnitude of one nanomaggy; None for pixels of another unit."""
        return _NANOMAGGY if self.unit(text).lower() == "nanomaggy" else None

    def cards(self, product: Product, text: Lookup) -> list[tuple[str, Any, str]]:
        """Give run, camera column, field and rerun.

        The field comes from the file's name, because FRAME is larger in some bands.
        """
        found = [
            ("RUN", text("RUN"), "imaging run"),
            ("CAMCOL", text("CAMCOL"), "camera column"),
            ("FIELD", _field_of(product) or text("FRAME"), "field of the run"),
            ("RERUN", text("RERUN"), "version of the reduction"),
        ]
        return [
            (keyword, int(value) if value.isdecimal() else value, comment)
            for keyword, value, comment in found
            if value
        ]

    def other_frame(self, product: Product, text: Lookup, *, is_empty: bool) -> str:
        """Compare run, camera column, field and band with the name of the frame."""
        match = _NAME.match(product.name)
        if match is None or not _is_other_field(text, *match.groups()):
            return ""
        return (
            f"band {text('FILTER')} run {text('RUN')} camera column {text('CAMCOL')} "
            f"frame {text('FRAME')}"
        )


def _field_of(product: Product) -> str:
    """Give the field in the name of a frame; empty if there is none."""
    match = _NAME.match(product.name)
    return match[4] if match else ""


def _is_other_field(text: Lookup, band: str, run: str, column: str, field: str) -> bool:
    fields = {int(field), int(field) + _FRAMES_LATE[band]}
    return (
        text("FILTER") not in {"", band}
        or _differs(text("RUN"), {int(run)})
        or _differs(text("CAMCOL"), {int(column)})
        or _differs(text("FRAME"), fields)
    )


def _differs(value: str, known: set[int]) -> bool:
    """Whether the header has a number that is not among the expected ones."""
    return value.isdecimal() and int(value) not in known
