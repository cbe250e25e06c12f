"""What is special to SDSS: bands, services, settings, how frames are fetched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from ...models import Plane
from ..kind import Fetch, ServiceKind, Way
from .blocks.law import SdssBlocks
from .costs import SdssCosts
from .credit import CAVEATS, credit_of
from .pixels import SdssReading
from .sampling import LengthSampling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...models import Product, Survey
    from ..block_law import BlockLaw
    from ..costs import Costs, Sampling
    from ..credit import Credit
    from ..kind import Archive, ArchiveKind, Identifiers, LocatorInputs
    from ..probe import ProbeInputs, ProbeStep
    from ..reading import Reading
    from .field_cache import FieldCache

__all__ = ["KIND", "SdssSection", "field_cache"]

_BANDS = "ugriz"

#: Mean wavelengths of the filters in nanometres, as the survey states them.
_WAVELENGTHS_NM = {"u": 355.1, "g": 468.6, "r": 616.6, "i": 748.0, "z": 893.2}

_RELEASE_IN_URL = re.compile(r"/(dr\d+)/")

#: Seconds that SkyServer gives a query.
_QUERY_S = 600

_DOMAINS = ("sdss.org",)
_REMEDIES = ("another sdss.release",)


class SdssSection(BaseModel):
    """Settings of the archive SDSS."""

    model_config = ConfigDict(extra="forbid")

    release: int = Field(
        default=17,
        ge=12,
        description="SDSS data release.",
        json_schema_extra={"option": "--sdss-release"},
    )
    way: Way = Field(
        default=Way.AUTO,
        description="How frames are fetched: auto, ranges, stream, early, whole.",
    )
    #: Folder that keeps the table of all fields for every run. Empty: the user's cache
    #: folder, or the folder of the run if that is not writable.
    cache_dir: str = ""


class _Sdss:
    name = "sdss"
    title = "SDSS"
    examples: tuple[str, ...] = ("sdss:r", "sdss:u,g,r,i,z")
    default_survey = "sdss:r"
    #: Three bands make a picture in colour.
    demo_survey = "sdss:g,r,i"
    finest_arcsec = 0.396
    services: tuple[ServiceKind, ...] = (
        # SkyServer publishes a limit of 60 queries a minute.
        ServiceKind(
            "sdss-sky",
            "https://skyserver.sdss.org",
            rate=1,
            queries=1,
            files=1,
            answer_s=_QUERY_S,
            domains=_DOMAINS,
            remedies=_REMEDIES,
        ),
        ServiceKind(
            "sdss-sas",
            "https://data.sdss.org/sas",
            rate=10,
            domains=_DOMAINS,
            remedies=_REMEDIES,
        ),
    )
    section: type[BaseModel] = SdssSection
    fetch = Fetch.BEGINNING
    blocks: BlockLaw | None = SdssBlocks()
    has_neighbours = True
    gets_new_images = False
    archive_gives_ranges = False
    sampling: Sampling | None = LengthSampling()
    reading: Reading = SdssReading()
    costs: Costs = SdssCosts()
    credit = credit_of(SdssSection().release)
    caveats: tuple[str, ...] = CAVEATS

    def credit_of(self, identity: Mapping[str, str]) -> Credit:
        """Give the acknowledgement of the phase of SDSS that made the release."""
        return credit_of(int(identity.get("sdss release", SdssSection().release)))

    @property
    def identifiers(self) -> Identifiers:
        """The object identifiers of SDSS, which name run, camcol and field."""
        from .identifiers import IDENTIFIERS

        return IDENTIFIERS

    def checked(self, survey: Survey) -> Survey:
        """Give a survey with its bands in lower case."""
        bands = tuple(dict.fromkeys(band.lower() for band in survey.bands))
        if survey.instrument:
            msg = f"SDSS has no instrument {survey.instrument!r}, only bands"
            raise ValueError(msg)
        if wrong := [band for band in bands if band not in _BANDS]:
            msg = f"SDSS has the bands u, g, r, i, z, not {', '.join(wrong)}"
            raise ValueError(msg)
        return type(survey)(survey.archive, "", bands)

    def identity(self, section: SdssSection) -> Mapping[str, str]:
        """Give the release: pixels differ between releases."""
        return {"sdss release": str(section.release)}

    def neighbour(self, product: Product, step: int) -> Product | None:
        """Give the next or previous field of the run: they share 128 rows."""
        from .names import neighbour

        return neighbour(product, step)

    def keeps_all(self, section: SdssSection) -> bool:
        """Only the best field is used: where the galaxy is farthest from an edge."""
        return False

    def way(self, section: SdssSection) -> Way:
        """Give the way that the user has set."""
        return section.way

    def wavelength_nm(self, instrument: str, band: str) -> float | None:
        """Give the mean wavelength of a band in nanometres."""
        return _WAVELENGTHS_NM.get(band)

    def page(self, ra: float, dec: float, product_url: str) -> str:
        """Give the page of SkyServer about the object next to a position."""
        release = _RELEASE_IN_URL.search(product_url)
        named = release[1] if release else f"dr{SdssSection().release}"
        query = f"explore/summary?ra={ra:.6f}&dec={dec:.6f}"
        return f"https://skyserver.sdss.org/{named}/VisualTools/{query}"

    def probe(self, inputs: ProbeInputs) -> Sequence[ProbeStep]:
        """Give the questions about a known field and its frame."""
        from .known import SdssProbe

        return SdssProbe(inputs).steps()

    def load(self) -> None:
        """Import the locator."""
        from . import archive, field_cache  # noqa: F401 - slow to import

    def open(self, inputs: LocatorInputs) -> Archive:
        """Make the locator."""
        from .archive import Sdss

        return Sdss(
            inputs.transport,
            base=inputs.official["sdss-sas"],
            release=inputs.section.release,
            cache=field_cache(
                inputs.section, inputs.official, inputs.asked, inputs.tables
            ),
            listener=inputs.listener,
            has_psf=Plane.PSF in inputs.spec.planes,
        )


def field_cache(
    section: SdssSection,
    official: Mapping[str, str],
    asked: Mapping[str, str],
    tables: Path,
) -> FieldCache:
    """Give the cache of the table of all fields, for the user or for this run."""
    from .field_cache import FieldCache, shared_folder

    source = asked["sdss-sky"]
    folders = [Path(section.cache_dir)] if section.cache_dir else []
    # A table from the sandbox or a mirror must not serve runs with the real archive.
    is_official = source == official["sdss-sky"]
    if not folders and is_official and (shared := shared_folder()):
        folders = [shared]
    return FieldCache([*folders, tables], release=section.release, source=source)


KIND: ArchiveKind = _Sdss()
