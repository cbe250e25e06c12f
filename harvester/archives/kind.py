"""The seam: all that is special to an archive, behind one protocol.

Each archive is a folder with a module ``kind`` that holds an `ArchiveKind`. The rest
of the package asks the kind, and never compares the name of an archive.
`docs/add-an-archive.md` shows one from its first line to its first stamp.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ..catalogue.identifier_scheme import IdentifierScheme

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from pydantic import BaseModel

    from ..events import Listener
    from ..ledger.ledger import Ledger
    from ..models import Ask, CutoutSpec, Finding, Product, Sample, Survey
    from ..transport.transport import Transport

    #: Gives a card of the frame as text, empty where there is none.
    Lookup = Callable[[str], str]

__all__ = [
    "Archive",
    "ArchiveKind",
    "Costs",
    "Credit",
    "Fetch",
    "FileLayout",
    "Identifiers",
    "LocatorInputs",
    "Reading",
    "Sampling",
    "ServiceKind",
    "Token",
]


class Fetch(StrEnum):
    """How the frames of an archive are best fetched."""

    #: The whole file.
    WHOLE = "whole"
    #: A packed file, up to the last row that a stamp needs.
    BEGINNING = "beginning"
    #: A plain file, only the ranges of bytes that stamps need.
    RANGES = "ranges"


@dataclass(frozen=True, slots=True)
class Token:
    """A secret that opens more of a service's data to its owner."""

    #: Environment variable that holds it; with ``_FILE`` behind it, names its file.
    variable: str
    #: Archive and switch in its settings by which the token may leave the official
    #: host, such as ``("hst", "token_elsewhere")``.
    elsewhere: tuple[str, str]


@dataclass(frozen=True, slots=True)
class ServiceKind:
    """One service of an archive: its official address, and the manners it expects."""

    #: As ``--base-url`` and ``services.NAME`` spell it.
    name: str
    #: Official address.
    base: str
    #: Requests a second at most.
    rate: float = 5.0
    #: Queries and files in flight at most.
    queries: int = 2
    files: int = 4
    #: Seconds in which it must begin to answer a query.
    answer_s: float = 180
    #: Domains of the archive: its services may redirect to any host of these.
    domains: tuple[str, ...] = ()
    #: Bucket of the archive, if the service is an object store that others share.
    bucket: str = ""
    token: Token | None = None
    #: What a user may try if the service refuses everything.
    remedies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Credit:
    """What the archive asks of those who publish with its data."""

    #: Page with the sentence for the acknowledgements and the papers to cite.
    page: str
    #: What it asks for, in a few words.
    words: str


@dataclass(frozen=True, slots=True)
class LocatorInputs:
    """What an archive's locator works with."""

    transport: Transport
    ledger: Ledger
    #: The archive's section of the settings, of the type `ArchiveKind.section`.
    section: Any
    spec: CutoutSpec
    #: Addresses of the services, by name: the official ones, which go into products.
    official: Mapping[str, str]
    #: Addresses that are really asked, by name.
    asked: Mapping[str, str]
    #: Folder of the run for tables that an archive gives once.
    tables: Path
    listener: Listener


class Archive(Protocol):
    """Locates: finds the products that hold a galaxy."""

    name: str

    def recognise(
        self, survey: Survey, asks: Sequence[Ask]
    ) -> AsyncIterator[Sequence[Finding]]:
        """Give findings of those that no request is needed for, in batches."""
        ...

    def locate(
        self, survey: Survey, asks: Sequence[Ask]
    ) -> AsyncIterator[Sequence[Finding]]:
        """Give a finding for each ask, in batches as the archive answers.

        What was given by `recognise` is not asked about again.

        Raises
        ------
        OutageError, TransientError, PermanentError
            Those that were not given yet have no answer.
        """
        ...

    def may_relocate(self, identifier: str) -> bool:
        """Whether a target whose frame does not hold it is located again, by position.

        It is if its identifier named the frame. If its position did, the answer would
        be the same.
        """
        ...


class Sampling(Protocol):
    """Asks about a few frames to come, for a better bill."""

    #: Frames that are drawn for it.
    most: int
    #: Frames to come below which a run does not ask.
    worth_asking: int

    async def ask(
        self,
        transport: Transport,
        frames: Sequence[tuple[int, Product]],
        official: Mapping[str, str],
        samples: list[Sample],
    ) -> None:
        """Append what the archive says of the numbered products, as it comes."""
        ...


class Reading(Protocol):
    """How the pixels of a frame are read and what they mean; used in the worker."""

    #: EXTNAME of the HDU with the science image, in capitals; empty: the primary HDU,
    #: and no HDU behind it is read.
    science: str
    #: EXTNAME of the HDU of the same shape whose zeros mean "no data"; empty: none.
    #: It may stand anywhere behind ``science``.
    weight: str
    #: Whether images may be compressed tile by tile (``.fits.fz``).
    may_be_tiled: bool

    def unit(self, text: Lookup) -> str:
        """Name the unit of the pixels; empty if unknown."""
        ...

    def exposure_s(self, text: Lookup) -> float | None:
        """Give the exposure time in seconds."""
        ...

    def zero_point(self, text: Lookup) -> float | None:
        """Give the AB magnitude of one unit of the pixels, None if unknown."""
        ...

    def cards(self, product: Product, text: Lookup) -> list[tuple[str, Any, str]]:
        """Give further cards for the stamps: keyword, value, comment."""
        ...

    def other_frame(self, product: Product, text: Lookup, *, is_empty: bool) -> str:
        """Say which other frame the header describes; empty if it is ``product``.

        ``is_empty``: no target lies in the frame, which makes a doubt weigh more.
        """
        ...


class FileLayout(NamedTuple):
    """Where images lie in a plain file, as far as a bill needs it."""

    #: Bytes of all headers before the science image, and of each further header.
    first_headers: int
    next_header: int
    #: Requests for the headers of a frame that is fetched by ranges: the first one
    #: holds those up to the science image, each further one a header that lies between
    #: it and the last image that is cut from.
    header_requests: int
    #: Places of the images that stamps are cut from, and images of the file, each of
    #: the science image's shape and four bytes a pixel.
    cut: tuple[int, ...]
    images: int


class Costs(Protocol):
    """What frames of the archive cost, for the bill."""

    #: Services that are asked where galaxies are, that send the files, and that give
    #: copies of them; the last is empty if there are none.
    query_service: str
    file_service: str
    mirror_service: str
    #: Bytes of a frame where neither the archive nor experience tells.
    typical_bytes: int
    #: CPU seconds on one core to decode a whole frame.
    decode_s: float
    #: Layout of plain files; None where files are packed.
    layout: FileLayout | None

    def pixel_arcsec(self, instrument: str) -> float:
        """Give the width of a pixel in arcsec."""
        ...

    def field_arcsec(self, instrument: str) -> tuple[float, float]:
        """Give the sides of one pointing in arcsec, longer one first."""
        ...

    def queries(self, unlocated: Sequence[int], lost: int) -> int:
        """Count the queries to come.

        Parameters
        ----------
        unlocated
            Targets of each survey that are not located yet.
        lost
            Targets whose frame is known to be missing.
        """
        ...


class Identifiers(IdentifierScheme, Protocol):
    """The archive's own identifiers: as the catalogue sees them, and their look-up."""

    async def look_up(
        self,
        transport: Transport,
        section: Any,  # noqa: ANN401 - the archive's own section
        ids: Sequence[str],
        listener: Listener,
    ) -> Mapping[str, tuple[float, float]]:
        """Ask the archive for positions, before a run has its ledger.

        Not called unless `can_look_up`.

        Parameters
        ----------
        section
            The archive's section of the settings, of the type `ArchiveKind.section`.
        ids
            Identifiers in decimal digits, each once.

        Returns
        -------
        Mapping
            Right ascension and declination by identifier, ICRS degrees; without those
            that the archive does not know.

        Raises
        ------
        TransientError, PermanentError
            The archive does not answer.
        """
        ...


class ArchiveKind(Protocol):
    """Everything that is special to an archive."""

    #: The word before the first colon of its surveys, such as ``sdss``.
    name: str
    #: As people write it, such as ``SDSS``.
    title: str
    #: Spellings of its surveys, for help and messages.
    examples: tuple[str, ...]
    #: What is harvested where a user names no survey; empty: nothing of this archive.
    default_survey: str
    #: Width of its finest common pixels in arcsec: the largest stamp of a given size.
    finest_arcsec: float
    services: tuple[ServiceKind, ...]
    #: The archive's section of the settings, a pydantic model.
    section: type[BaseModel]
    #: How frames are fetched, and whether the archive itself gives ranges of bytes
    #: as its mirrors do.
    fetch: Fetch
    archive_gives_ranges: bool
    reading: Reading
    costs: Costs
    sampling: Sampling | None
    credit: Credit

    @property
    def identifiers(self) -> Identifiers | None:
        """What the archive's own identifiers in a catalogue say; None: nothing."""
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
        """Give what of its section decides the data set, as words."""
        ...

    def keeps_all(self, section: Any) -> bool:  # noqa: ANN401 - the archive's own section
        """Whether a target gets a stamp of every product, not only of the best."""
        ...

    def open(self, inputs: LocatorInputs) -> Archive:
        """Make the locator."""
        ...
