"""The order in which the pictures show the bands of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...archives.registry import kinds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..opened.band_names import Band

__all__ = ["by_wavelength"]


def by_wavelength(bands: Sequence[Band]) -> list[Band]:
    """Sort the bands of each survey by wavelength; surveys stay in their order.

    Bands whose wavelength is not known come last.
    """
    surveys = list(dict.fromkeys(survey for survey, _ in bands))

    def place(band: Band) -> tuple[int, float]:
        kind = kinds().get(band[0])
        length = kind.wavelength_nm("", band[1]) if kind else None
        return surveys.index(band[0]), float("inf") if length is None else length

    return sorted(bands, key=place)
