"""What the archives of all missions at MAST have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..credit import Credit
from ..kind import Fetch, Way
from .filters import nominal_nm
from .services import MAST, S3

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...models import Product
    from ..block_law import BlockLaw
    from ..kind import Archive, Identifiers, LocatorInputs, ServiceKind
    from ..probe import ProbeInputs, ProbeStep
    from .mission import KnownImage, Mission

__all__ = ["MissionKind"]

_REQUESTS = (
    "Name the programs whose images were used; the column `product` has the images.",
    "Make a DOI of the images: https://archive.stsci.edu/publishing/doi",
)


class MissionKind:
    """Base of the kinds: a subclass adds its mission, grammar, pixels and costs.

    Its section of the settings has ``observations``: ``best`` or ``all``.
    """

    name: str
    title: str
    mission: Mission
    #: Sentences for the acknowledgements of a publication.
    acknowledgement: str
    #: Why the noise of neighbouring pixels is correlated.
    resampled: str
    #: An image that is known to exist.
    known: KnownImage
    services: tuple[ServiceKind, ...] = (MAST, S3)
    fetch = Fetch.RANGES
    blocks: BlockLaw | None = None
    has_neighbours = False
    gets_new_images = True
    #: Catalogues do not use identifiers of MAST for galaxies.
    identifiers: Identifiers | None = None

    @property
    def caveats(self) -> tuple[str, ...]:
        """The noise of resampled pixels is correlated."""
        text = (
            f"{self.resampled} correlates the noise of neighbouring {self.title} "
            "pixels: the noise of an area of many pixels is larger than `ivar` says, "
            "by the factor `corr_noise`."
        )
        return (text,)

    @property
    def credit(self) -> Credit:
        """What MAST asks of a publication with data of the mission."""
        return Credit(
            "https://archive.stsci.edu/publishing/mission-acknowledgements",
            f"the {self.title} acknowledgement, and the programs whose images were "
            "used",
            self.acknowledgement,
            _REQUESTS,
        )

    def credit_of(self, identity: Mapping[str, str]) -> Credit:
        """Give the same for every run: no setting changes it."""
        return self.credit

    def identity(self, section: Any) -> Mapping[str, str]:  # noqa: ANN401 - the archive's own section
        """Give whether stamps come from one image or from all."""
        return {f"{self.name} observations": section.observations}

    def neighbour(self, product: Product, step: int) -> Product | None:
        """Give None: images of MAST do not continue each other on one grid."""
        return None

    def keeps_all(self, section: Any) -> bool:  # noqa: ANN401 - as above
        """Whether the user asked for stamps from all images."""
        return bool(section.observations == "all")

    def way(self, section: Any) -> Way:  # noqa: ANN401 - the protocol's signature
        """Files are not compressed: there is only one way."""
        return Way.AUTO

    def wavelength_nm(self, instrument: str, band: str) -> float | None:
        """Give the wavelength that the name of a filter states, in nanometres.

        It is within a tenth of the pivot wavelength, which is enough to sort by.
        """
        return nominal_nm(self.name, instrument, band)

    def page(self, ra: float, dec: float, product_url: str) -> str:
        """Give the portal of MAST at a position: every observation of it."""
        portal = "https://mast.stsci.edu/portal/Mashup/Clients/Mast/Portal.html"
        return f"{portal}?searchQuery={ra:.6f}%20{dec:.6f}"

    def probe(self, inputs: ProbeInputs) -> Sequence[ProbeStep]:
        """Give the questions about a known image, at MAST and in the bucket."""
        from .known import MissionProbe

        return MissionProbe(self.mission, self.known, inputs).steps()

    def load(self) -> None:
        """Import the locator."""
        from . import archive  # noqa: F401 - slow to import

    def open(self, inputs: LocatorInputs) -> Archive:
        """Make the locator."""
        from .archive import Mast

        return Mast(
            inputs.transport,
            inputs.ledger,
            self.mission,
            bases=inputs.official,
            size=inputs.spec.size,
            observations=inputs.section.observations,
        )
