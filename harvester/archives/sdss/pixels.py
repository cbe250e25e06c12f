"""The pixels of an SDSS frame, and the check that its header describes that frame."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..cards import first_number, iso_date

if TYPE_CHECKING:
    from ...models import Product
    from ..reading import Lookup, Noise, OpenFrame, PointSpread

__all__ = ["SdssReading"]

#: AB magnitude of one nanomaggy, by its definition (3.631 micro-Jansky).
_NANOMAGGY = 22.5

#: Band, run, camera column and field in the name of a frame.
_NAME = re.compile(r"frame-([ugriz])-(\d{6})-(\d)-(\d{4})\.fits")

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
        """Give the start of the observation, ISO 8601 in UTC; empty if unknown."""
        return iso_date(text)

    def saturation(self, text: Lookup) -> float | None:  # noqa: ARG002 - the protocol's signature
        """Give None: the level is not known."""
        return None

    def corr_noise(self, text: Lookup) -> float | None:  # noqa: ARG002 - as above
        """Give None: the factor is not known."""
        return None

    def noise(self, frame: OpenFrame, text: Lookup) -> Noise | None:  # noqa: ARG002 - as above
        """Give None: the noise is not known."""
        return None

    def point_spread(self, product: Product, text: Lookup) -> PointSpread | None:  # noqa: ARG002 - as above
        """Give None: it is not known."""
        return None

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

    def other_frame(self, product: Product, text: Lookup, *, is_empty: bool) -> str:  # noqa: ARG002 - the protocol's signature
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
