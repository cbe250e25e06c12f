"""What is special to JWST at MAST: instruments, settings, how mosaics are fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..kind import Credit, Fetch
from ..mast.sampling import CopySampling
from ..mast.services import MAST, S3
from .costs import JwstCosts
from .instruments import FILTERS
from .pixels import JwstReading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...models import Survey
    from ..kind import (
        Archive,
        ArchiveKind,
        Costs,
        Identifiers,
        LocatorInputs,
        Reading,
        Sampling,
        ServiceKind,
    )

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


class _Jwst:
    name = "jwst"
    title = "JWST"
    examples: tuple[str, ...] = ("jwst:NIRCAM/IMAGE:F200W",)
    default_survey = ""
    finest_arcsec = 0.031
    services: tuple[ServiceKind, ...] = (MAST, S3)
    section: type[BaseModel] = JwstSection
    fetch = Fetch.RANGES
    # Files of several GB are never fetched whole, and some are not in the bucket.
    archive_gives_ranges = True
    reading: Reading = JwstReading()
    costs: Costs = JwstCosts()
    sampling: Sampling | None = CopySampling("/jwst/public")
    identifiers: Identifiers | None = None
    credit = Credit(
        "https://archive.stsci.edu/publishing/mission-acknowledgements",
        "the JWST acknowledgement, and the programs whose images were used",
    )

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

    def identity(self, section: JwstSection) -> Mapping[str, str]:
        """Give whether stamps come from one mosaic or from all."""
        return {"jwst observations": section.observations}

    def keeps_all(self, section: JwstSection) -> bool:
        """Whether the user asked for stamps from all mosaics."""
        return section.observations == "all"

    def load(self) -> None:
        """Import the locator."""
        from ..mast import archive  # noqa: F401, PLC0415 - slow to import
        from . import mission  # noqa: F401, PLC0415 - as above

    def open(self, inputs: LocatorInputs) -> Archive:
        """Make the locator."""
        from ..mast.archive import Mast  # noqa: PLC0415 - slow to import
        from .mission import JWST  # noqa: PLC0415 - as above

        return Mast(
            inputs.transport,
            inputs.ledger,
            JWST,
            bases=inputs.official,
            size=inputs.spec.size,
            observations=inputs.section.observations,
        )


KIND: ArchiveKind = _Jwst()
