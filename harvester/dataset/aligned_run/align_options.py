"""What a user chooses about an alignment."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AlignOptions"]


@dataclass(frozen=True, slots=True)
class AlignOptions:
    """How to align: as in `harvester.dataset.align.align`."""

    #: A band such as ``SURVEY:r``, ``north`` or ``grid``.
    to: str = "north"
    #: ``exact``, ``bilinear`` or ``adaptive``.
    how: str = "exact"
    #: Width of a new pixel, arcsec; None: that of the first band.
    pixel_scale: float | None = None
    #: Such as ``40px`` or ``15arcsec``; None: that of the first band.
    size: str | None = None
    #: Whether bands are moved so that the centres of a galaxy agree.
    register: bool = True
