"""What is special to JWST at MAST: instruments, settings, how mosaics are fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..mast.mission import KnownImage
from ..mast.mission_kind import MissionKind
from ..mast.sampling import CopySampling
from .costs import JWST_COSTS
from .instruments import FILTERS
from .mission import JWST
from .pixels import JwstReading

if TYPE_CHECKING:
    from ...models import Survey
    from ..costs import Costs, Sampling
    from ..kind import ArchiveKind
    from ..reading import Reading

__all__ = ["KIND", "JwstSection"]


class JwstSection(BaseModel):
    """Settings of the archive JWST."""

    model_config = ConfigDict(extra="forbid")

    #: "best": the deepest mosaic that covers the whole stamp. "all": one mosaic of
    #: each program.
    observations: Literal["best", "all"] = Field(
        default="best",
        description="Of several JWST mosaics: the best, or all.",
        json_schema_extra={"option": "--jwst-observations"},
    )


class _Jwst(MissionKind):
    name = "jwst"
    title = "JWST"
    mission = JWST
    # As MAST listed it in October 2026.
    known = KnownImage(
        "jw02736-o001_t001_nircam_clear-f200w",
        "jw02736-o001_t001_nircam_clear-f200w_i2d.fits",
        1_762_162_560,
        "NIRCAM/IMAGE",
        "F200W",
        archive_gives_ranges=True,
    )
    acknowledgement = (
        "This work is based on observations made with the NASA/ESA/CSA James Webb "
        "Space Telescope. The data were obtained from the Mikulski Archive for Space "
        "Telescopes at the Space Telescope Science Institute, which is operated by the "
        "Association of Universities for Research in Astronomy, Inc., under NASA "
        "contract NAS 5-03127 for JWST."
    )
    resampled = "Resampling"
    examples: tuple[str, ...] = ("jwst:NIRCAM/IMAGE:F200W",)
    default_survey = ""
    demo_survey = ""
    finest_arcsec = 0.031
    section: type[BaseModel] = JwstSection
    # Files of several GB are never fetched whole, and some are not in the bucket.
    archive_gives_ranges = True
    reading: Reading = JwstReading()
    costs: Costs = JWST_COSTS
    sampling: Sampling | None = CopySampling("/jwst/public")

    def checked(self, survey: Survey) -> Survey:
        """Give a survey in capitals, and add ``/IMAGE`` to its instrument if needed."""
        instrument = survey.instrument.upper()
        if instrument and "/" not in instrument:
            instrument = f"{instrument}/IMAGE"
        if instrument not in FILTERS:
            msg = f"JWST has the instruments {', '.join(FILTERS)}, not {instrument!r}"
            raise ValueError(msg)
        bands = tuple(dict.fromkeys(band.upper() for band in survey.bands))
        if wrong := [band for band in bands if band not in FILTERS[instrument]]:
            known = ", ".join(FILTERS[instrument])
            msg = f"{instrument} has the filters {known}, not {wrong[0]}"
            raise ValueError(msg)
        return type(survey)(survey.archive, instrument, bands)


KIND: ArchiveKind = _Jwst()
