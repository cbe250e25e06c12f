"""What is special to HST at MAST: instruments, settings, and how images are fetched."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from .costs import HST_COSTS
from .hst import HST
from .mission import KnownImage
from .mission_kind import MissionKind
from .pixels import HstReading
from .sampling import CopySampling

if TYPE_CHECKING:
    from ...models import Survey
    from ..costs import Costs, Sampling
    from ..kind import ArchiveKind
    from ..reading import Reading

__all__ = ["KIND", "HstSection"]

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")


class HstSection(BaseModel):
    """Settings of the archive HST."""

    model_config = ConfigDict(extra="forbid")

    observations: Literal["best", "all"] = Field(
        default="best",
        description="Of several HST images: the best, or all.",
        json_schema_extra={"option": "--observations"},
    )
    #: Whether ``MAST_API_TOKEN`` is also sent to another ``services.mast.base_url``, if
    #: that uses TLS or is on this machine.
    token_elsewhere: bool = False


class _Hst(MissionKind):
    name = "hst"
    title = "HST"
    mission = HST
    # As MAST listed it on 3 August 2026.
    known = KnownImage(
        "j8cka1040", "j8cka1041_drz.fits", 15_963_840, "WFC3/IR", "F160W"
    )
    acknowledgement = (
        "This research is based on observations made with the NASA/ESA Hubble Space "
        "Telescope obtained from the Space Telescope Science Institute, which is "
        "operated by the Association of Universities for Research in Astronomy, Inc., "
        "under NASA contract NAS 5-26555."
    )
    resampled = "Drizzling"
    examples: tuple[str, ...] = ("hst:WFC3/IR:F160W",)
    default_survey = "hst:WFC3/IR:F160W"
    demo_survey = "hst:WFC3/IR:F160W"
    finest_arcsec = 0.04
    section: type[BaseModel] = HstSection
    # Files have some 12 MB: what the bucket lacks is fetched whole.
    archive_gives_ranges = False
    sampling: Sampling | None = CopySampling("/hst/public")
    reading: Reading = HstReading()
    costs: Costs = HST_COSTS

    def checked(self, survey: Survey) -> Survey:
        """Give a survey in capitals, as in the replies of MAST."""
        if not survey.instrument:
            msg = "HST surveys need an instrument and a filter"
            raise ValueError(msg)
        instrument = survey.instrument.upper()
        bands = tuple(dict.fromkeys(band.upper() for band in survey.bands))
        for word in (*instrument.split("/"), *bands):
            if not _WORD.fullmatch(word):
                msg = f"{word!r} is not the name of an instrument or filter"
                raise ValueError(msg)
        return type(survey)(survey.archive, instrument, bands)


KIND: ArchiveKind = _Hst()
