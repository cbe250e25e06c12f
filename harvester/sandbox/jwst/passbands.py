"""The JWST filters of the sandbox, as rows, file names and headers spell them."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PASSBANDS", "JwstPassband"]


class JwstPassband(NamedTuple):
    """A filter, or a filter with a pupil in front of it."""

    #: As the archive lists it; the names of a pair are separated by a semicolon.
    filters: str
    #: As file names spell it; the order of a pair is another one there.
    elements: str
    #: The FILTER and PUPIL cards.
    filter: str
    pupil: str
    #: Key of `mosaic.CAMERAS`.
    camera: str
    #: Ends of the band in nm.
    em_min: float
    em_max: float
    #: AB magnitudes of early and of late galaxies minus those in r.
    colours: tuple[float, float]
    #: Width of the point-spread function, arcsec.
    fwhm: float
    #: MJy/sr for one count a second.
    photmjsr: float

    @property
    def instrument(self) -> str:
        """The instrument, as current rows spell it."""
        return _INSTRUMENTS[self.camera]

    @property
    def is_paired(self) -> bool:
        """Whether the band is that of a filter in the pupil wheel."""
        return ";" in self.filters


_INSTRUMENTS = {
    "SHORT": "NIRCAM/IMAGE",
    "LONG": "NIRCAM/IMAGE",
    "MIRI": "MIRI/IMAGE",
    "NIRISS": "NIRISS/IMAGE",
}


def _clear(
    name: str,
    camera: str,
    band: tuple[float, float],
    colours: tuple[float, float],
    fwhm: float,
    photmjsr: float,
) -> JwstPassband:
    elements = name.lower() if camera == "MIRI" else f"clear-{name.lower()}"
    pupil = "" if camera == "MIRI" else "CLEAR"
    return JwstPassband(
        name, elements, name, pupil, camera, *band, colours, fwhm, photmjsr
    )


#: Name of the band -> passband. NIRISS has an F200W of its own.
PASSBANDS = {
    "F200W": _clear("F200W", "SHORT", (1755, 2227), (-1.55, -1.05), 0.066, 1.99),
    "F150W": _clear("F150W", "SHORT", (1331, 1668), (-1.55, -1.05), 0.050, 2.12),
    "F150W2": _clear("F150W2", "SHORT", (1007, 2380), (-1.5, -1.0), 0.050, 0.82),
    "F444W": _clear("F444W", "LONG", (3881, 4982), (-0.8, -0.6), 0.145, 0.391),
    "F405N": JwstPassband(
        *("F405N;F410M", "f410m-f405n", "F410M", "F405N", "LONG", 4028.0, 4074.0),
        *((-0.9, -0.7), 0.136, 12.9),
    ),
    "F770W": _clear("F770W", "MIRI", (6600, 8700), (0.2, -0.4), 0.269, 0.309),
    "NIRISS F200W": _clear(
        "F200W", "NIRISS", (1751, 2226), (-1.55, -1.05), 0.075, 1.62
    ),
}
