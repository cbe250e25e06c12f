"""What is special to HST at MAST: instruments, settings, and how images are fetched."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..kind import Credit, Fetch
from .costs import HstCosts
from .pixels import HstReading
from .sampling import CopySampling
from .services import MAST, S3

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


class _Hst:
    name = "hst"
    title = "HST"
    examples: tuple[str, ...] = ("hst:WFC3/IR:F160W",)
    default_survey = "hst:WFC3/IR:F160W"
    finest_arcsec = 0.04
    services: tuple[ServiceKind, ...] = (MAST, S3)
    section: type[BaseModel] = HstSection
    fetch = Fetch.RANGES
    # Fetch ranges only from the bucket: MAST's own replies have no ETag, so that a
    # changed file would not be noticed between two ranges.
    archive_gives_ranges = False
    sampling: Sampling | None = CopySampling("/hst/public")
    #: Catalogues do not use identifiers of MAST for galaxies.
    identifiers: Identifiers | None = None
    reading: Reading = HstReading()
    costs: Costs = HstCosts()
    credit = Credit(
        "https://archive.stsci.edu/publishing/mission-acknowledgements",
        "the HST acknowledgement, and the programs whose images were used",
    )

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

    def identity(self, section: HstSection) -> Mapping[str, str]:
        """Give whether stamps come from one image or from all."""
        return {"hst observations": section.observations}

    def keeps_all(self, section: HstSection) -> bool:
        """Whether the user asked for stamps from all images."""
        return section.observations == "all"

    def load(self) -> None:
        """Import the locator."""
        from . import archive, hst  # noqa: F401, PLC0415 - slow to import

    def open(self, inputs: LocatorInputs) -> Archive:
        """Make the locator."""
        from .archive import Mast  # noqa: PLC0415 - slow to import
        from .hst import HST  # noqa: PLC0415 - as above

        return Mast(
            inputs.transport,
            inputs.ledger,
            HST,
            bases=inputs.official,
            size=inputs.spec.size,
            observations=inputs.section.observations,
        )


KIND: ArchiveKind = _Hst()
