"""How the stamps of an archive are presented: order of bands, links, demonstration."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Shown"]


class Shown(Protocol):
    """The part of `ArchiveKind` that pictures and the demonstration read."""

    #: Survey of the demonstration, in whose sandbox the archive must be; empty: none.
    demo_survey: str

    def wavelength_nm(self, instrument: str, band: str) -> float | None:
        """Give the wavelength of a band, to sort by; ``instrument`` may be empty."""
        ...

    def page(self, ra: float, dec: float, product_url: str) -> str:
        """Give the archive's own page of a position in ICRS degrees; "" if none."""
        ...
