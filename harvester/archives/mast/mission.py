"""The differences between the missions at MAST, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping, Sequence

    from ...sky.selection import Candidate

    Row = Mapping[str, Any]

__all__ = ["KnownImage", "Mission"]


@dataclass(frozen=True, slots=True)
class KnownImage:
    """An image that MAST has listed, as it was then."""

    #: Name of the observation, and of its combined file.
    obs_id: str
    name: str
    #: Bytes of the file.
    size: int
    #: Camera and filter of the images that a stand-in is asked for instead.
    instrument: str
    band: str
    #: Whether MAST itself sends byte ranges; None: not known.
    archive_gives_ranges: bool | None = None


@dataclass(frozen=True, slots=True)
class Mission:
    """How MAST lists the images of one mission, and which of its files are cut."""

    #: The archive's name in surveys and products.
    archive: str
    #: MAST's name of the mission.
    collection: str
    #: Criteria that all of its images meet, beside the collection.
    criteria: Mapping[str, Any]
    #: Gives the spellings of an instrument in MAST's rows.
    spellings: Callable[[str], Sequence[str]]
    #: Gives the bands of an image, from the text in its column ``filters``.
    bands_of: Callable[[str], set[str]]
    #: URI of a file that stamps are cut from; group 1 is its name.
    file: re.Pattern[str]
    #: Whether a product's row is the combined file of the observation ``obs_id``.
    is_file: Callable[[Row, str], bool]
    #: Gives the key in the public bucket, from the name of a file and its ``obs_id``;
    #: empty if no rule is known.
    key: Callable[[str, str], str]
    #: Largest pixel width of its cameras in arcsec: converts pixels into a margin.
    coarsest_arcsec: float
    #: Gives the sides in arcsec of one pointing of an instrument, longer one first.
    field_arcsec: Callable[[str], tuple[float, float]]
    #: Filters by instrument, as the handbooks list them.
    filters: Mapping[str, Sequence[str]]
    #: Common filters by instrument: an empty list for one of them is an error.
    common: Mapping[str, str]
    #: Removes images that show the same exposures as another image of the target.
    distinct: Callable[[list[Candidate]], list[Candidate]] = list

    def is_common(self, instrument: str, band: str) -> bool:
        """Whether a filter is so common that there must be images in it."""
        return band in self.common.get(instrument, "").split()

    def images(self, instrument: str = "", bands: Sequence[str] = ()) -> dict[str, Any]:
        """Give the query criteria for images of an instrument in some bands."""
        criteria: dict[str, Any] = {
            "obs_collection": self.collection,
            **self.criteria,
            "instrument_name": list(self.spellings(instrument)) if instrument else [],
            "filters": list(bands),
            "dataproduct_type": "image",
            "calib_level": [3],
        }
        return {name: value for name, value in criteria.items() if value}
