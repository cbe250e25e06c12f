"""What differs between the missions whose images MAST has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping, Sequence

    from ...sky.selection import Candidate

    Row = Mapping[str, Any]

__all__ = ["Mission"]


@dataclass(frozen=True, slots=True)
class Mission:
    """How MAST lists the images of one mission, and which files are worth cutting."""

    #: The archive's name in surveys and products.
    archive: str
    #: MAST's name of the mission.
    collection: str
    #: Criteria that each of its images meets, beside the collection.
    criteria: Mapping[str, Any]
    #: Spellings of an instrument in MAST's rows.
    spellings: Callable[[str], Sequence[str]]
    #: Gives the bands that an image counts for, from its list of filters.
    bands_of: Callable[[str], set[str]]
    #: URI of a file that stamps are cut from; group 1 is its name.
    file: re.Pattern[str]
    #: Whether a product's row is the file of the observation of this ``obs_id``.
    is_file: Callable[[Row, str], bool]
    #: Key in the public bucket of a file of an observation; empty if no rule tells it.
    key: Callable[[str, str], str]
    #: Coarsest pixels of its cameras, arcsec: turns pixels into a margin on the sky.
    coarsest_arcsec: float
    #: Sides in arcsec of one pointing of an instrument, longer one first.
    field_arcsec: Callable[[str], tuple[float, float]]
    #: Filters by instrument, as the handbooks list them.
    filters: Mapping[str, Sequence[str]]
    #: Filters by instrument of which there must be images, or MAST has not answered.
    daily: Mapping[str, str]
    #: Of images that hold a target those that do not show the same exposures twice.
    distinct: Callable[[list[Candidate]], list[Candidate]] = list

    def is_used(self, instrument: str, band: str) -> bool:
        """Whether there must be images in a filter: it is in daily use."""
        return band in self.daily.get(instrument, "").split()

    def images(self, instrument: str = "", bands: Sequence[str] = ()) -> dict[str, Any]:
        """Give the criteria of images: of the mission, a camera, in some filters."""
        criteria: dict[str, Any] = {
            "obs_collection": self.collection,
            **self.criteria,
            "instrument_name": list(self.spellings(instrument)) if instrument else [],
            "filters": list(bands),
            "dataproduct_type": "image",
            "calib_level": [3],
        }
        return {name: value for name, value in criteria.items() if value}
