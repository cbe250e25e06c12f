"""The protocol between an archive and the rest of the package.

Each archive is a folder with a module ``kind`` that holds an `ArchiveKind`. The rest
of the package calls the kind, and never compares the name of an archive. ``costs``,
``credit`` and ``shown`` have parts of the protocol that are read apart from it.
``docs/add-an-archive.md`` shows step by step how an archive is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..catalogue.identifier_scheme import IdentifierScheme
from .costs import Costs, FileLayout, Sampling
from .credit import Credit, Credited
from .fetch import Fetch, Way
from .shown import Shown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from pydantic import BaseModel

    from ..events import Listener
    from ..ledger.ledger import Ledger
    from ..models import Ask, CutoutSpec, Finding, Product, Survey
    from ..transport.transport import Transport
    from .block_law import BlockLaw
    from .probe import ProbeInputs, ProbeStep
    from .reading import Reading

__all__ = [
    "Archive",
    "ArchiveKind",
    "Costs",
    "Credit",
    "Credited",
    "Fetch",
    "FileLayout",
    "Identifiers",
    "LocatorInputs",
    "Sampling",
    "ServiceKind",
    "Shown",
    "Token",
    "Way",
    "probe_steps",
]


@dataclass(frozen=True, slots=True)
class Token:
    """A secret that gives its owner access to more data of a service."""

    #: Environment variable that holds it; the variable with ``_FILE`` appended may name
    #: a file that holds it.
    variable: str
    #: Archive and boolean setting that allow the token to be sent to another host than
    #: the official one, such as ``("hst", "token_elsewhere")``.
    elsewhere: tuple[str, str]


@dataclass(frozen=True, slots=True)
class ServiceKind:
    """One service of an archive: its official address and its request limits."""

    #: As ``--base-url`` and ``services.NAME`` spell it.
    name: str
    #: Official address.
    base: str
    #: Requests a second at most.
    rate: float = 5.0
    #: Queries and files in flight at most.
    queries: int = 2
    files: int = 4
    #: Seconds within which it must begin to answer a query.
    answer_s: float = 180
    #: Domains of the archive; its services may redirect to any host in them.
    domains: tuple[str, ...] = ()
    #: Bucket of the archive, if the service is an object store with many owners.
    bucket: str = ""
    token: Token | None = None
    #: What a user may try if the service refuses every request.
    remedies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LocatorInputs:
    """What `ArchiveKind.open` gets to make a locator."""

    transport: Transport
    ledger: Ledger
    #: The archive's section of the settings, of the type `ArchiveKind.section`.
    section: Any
    spec: CutoutSpec
    #: Official addresses of the services, by name; product addresses are made of them.
    official: Mapping[str, str]
    #: Addresses that requests really go to, by name.
    asked: Mapping[str, str]
    #: Folder of the run for tables that are fetched only once.
    tables: Path
    listener: Listener


class Archive(Protocol):
    """The locator of an archive: finds the products that show a galaxy."""

    name: str

    def recognise(
        self, survey: Survey, asks: Sequence[Ask]
    ) -> AsyncIterator[Sequence[Finding]]:
        """Give the findings that need no request, in batches."""
        ...

    def locate(
        self, survey: Survey, asks: Sequence[Ask]
    ) -> AsyncIterator[Sequence[Finding]]:
        """Give a finding for each ask, in batches as the archive answers.

        Targets that `recognise` has found are not among the asks.

        Raises
        ------
        OutageError, TransientError, PermanentError
            There is no answer for the asks without a finding so far.
        """
        ...

    async def describe(
        self, survey: Survey, products: Sequence[Product]
    ) -> Mapping[str, str]:
        """Give what the archive tells of products that stamps need: JSON, by name.

        It becomes `Product.facts`. If the archive does not answer now, this is said to
        the user, and products are left out: their stamps are made without it.
        """
        ...

    def may_relocate(self, identifier: str) -> bool:
        """Whether a target whose frame does not show it is located again, by position.

        True if its identifier named the frame. If its position did, locating it again
        would give the same frame.
        """
        ...


class Identifiers(IdentifierScheme, Protocol):
    """The archive's own identifiers in a catalogue, and their look-up."""

    async def look_up(
        self,
        transport: Transport,
        section: Any,  # noqa: ANN401 - the archive's own section
        ids: Sequence[str],
        listener: Listener,
    ) -> Mapping[str, tuple[float, float]]:
        """Ask the archive for positions, before the run has a ledger.

        Called only if `can_look_up`.

        Parameters
        ----------
        section
            The archive's section of the settings, of the type `ArchiveKind.section`.
        ids
            Identifiers in decimal digits, each once.

        Returns
        -------
        Mapping
            Right ascension and declination by identifier, ICRS degrees. Identifiers
            that the archive does not know are left out.

        Raises
        ------
        TransientError, PermanentError
            The archive does not answer.
        """
        ...


class ArchiveKind(Credited, Shown, Protocol):
    """Everything that is special to an archive.

    `Credited` is what it asks of a publication, `Shown` how its stamps are presented.
    """

    #: The word before the first colon of its surveys, such as ``sdss``.
    name: str
    #: Its name in messages, such as ``SDSS``.
    title: str
    #: Examples of its surveys, for help and messages.
    examples: tuple[str, ...]
    #: Survey that is harvested if the user names none; empty: none of this archive.
    default_survey: str
    #: Width of its smallest common pixels in arcsec. A stamp of a given angle has the
    #: most pixels there.
    finest_arcsec: float
    services: tuple[ServiceKind, ...]
    #: The archive's section of the settings, a pydantic model.
    section: type[BaseModel]
    #: How frames are fetched, and whether the archive itself serves byte ranges as
    #: its mirrors do.
    fetch: Fetch
    archive_gives_ranges: bool
    #: How compressed frames are packed in blocks, if their places can be proved.
    blocks: BlockLaw | None
    #: Whether frames continue each other on one grid of pixels, so that `neighbour`
    #: may give one.
    has_neighbours: bool
    #: Whether it publishes more images of the sky all the time, so that a galaxy
    #: without one may get one. If not, a run that is watched does not look again.
    gets_new_images: bool
    reading: Reading
    costs: Costs
    sampling: Sampling | None

    @property
    def identifiers(self) -> Identifiers | None:
        """The archive's own identifiers in a catalogue; None if they tell nothing."""
        ...

    def checked(self, survey: Survey) -> Survey:
        """Give a survey in the archive's own spelling.

        Raises
        ------
        ValueError
            The archive has no such instrument or band; the message says which.
        """
        ...

    def identity(self, section: Any) -> Mapping[str, str]:  # noqa: ANN401 - the archive's own section
        """Give the settings that decide which stamps are made, by name, as text."""
        ...

    def neighbour(self, product: Product, step: int) -> Product | None:
        """Give the frame that continues another one on the same grid of pixels.

        It shares rows with that frame. Whether it exists need not be known: that the
        archive does not have it is an answer.

        Parameters
        ----------
        step
            1: behind the last row of ``product``; -1: before its first.
        """
        ...

    def keeps_all(self, section: Any) -> bool:  # noqa: ANN401 - the archive's own section
        """Whether a target gets a stamp from every product, not only from the best."""
        ...

    def way(self, section: Any) -> Way:  # noqa: ANN401 - the archive's own section
        """Give the way in which a user wants compressed frames to be fetched."""
        ...

    def probe(self, inputs: ProbeInputs) -> Sequence[ProbeStep]:
        """Give the questions with which `harvester doctor` examines the archive.

        They ask for one known product, and compare what comes with our notes. They may
        be none. A kind without this method, or one that inherits from `ArchiveKind`,
        has a default: each service is asked for its own address once.
        """
        from .probe import reach_steps

        return reach_steps(inputs, [one.name for one in self.services])

    def load(self) -> None:
        """Import what `open` needs; called in a thread, because that takes long."""
        ...

    def open(self, inputs: LocatorInputs) -> Archive:
        """Make the locator."""
        ...


def probe_steps(kind: ArchiveKind, inputs: ProbeInputs) -> Sequence[ProbeStep]:
    """Give the questions of an archive, or the default if its package has none."""
    own = getattr(kind, "probe", None)
    return own(inputs) if own else ArchiveKind.probe(kind, inputs)
