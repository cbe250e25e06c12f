"""The sections of the settings that apply to all archives."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from ..archives.registry import kinds
from ..dataset.object_store.address import StoreAddress
from ..errors import InputError
from ..models import DEFAULT_PLANES, Plane, StampSize
from ..transport.quiet_hours import QuietHours
from .base_urls import checked_base_url
from .executor_choice import checked_executor
from .webhook_address import checked_webhook

__all__ = [
    "CatalogueSection",
    "CutoutSection",
    "LimitsSection",
    "NotifySection",
    "PolitenessSection",
    "Section",
    "ServiceSection",
    "StoreSection",
    "WatchSection",
    "WorkSection",
]


def _size(text: str) -> str:
    try:
        return str(StampSize.parse(text))
    except InputError as error:
        raise ValueError(error) from error


def _quiet(text: str) -> str:
    try:
        return str(QuietHours.parse(text)) if text else ""
    except InputError as error:
        raise ValueError(error) from error


def _planes(text: str) -> str:
    """Give the planes in their order, always with the flux."""
    names = {name.strip().lower() for name in text.split(",")} - {""}
    if unknown := sorted(names - set(Plane)):
        msg = f"there is no plane {unknown[0]!r}. Planes: {', '.join(Plane)}"
        raise ValueError(msg)
    return ",".join(one for one in Plane if one is Plane.FLUX or one in names)


def _option(flag: str, default: Any, words: str, **limits: Any) -> Any:
    """Make a field that is also an option of the command line."""
    return Field(
        default=default,
        description=words,
        json_schema_extra={"option": flag},
        **limits,
    )


def _store(text: str) -> str:
    try:
        return str(StoreAddress.parse(text)) if text else ""
    except InputError as error:
        raise ValueError(error) from error


def _addresses(given: str | list[str]) -> str | list[str]:
    if isinstance(given, str):
        return checked_base_url(given)
    if not all(given):
        msg = "an address in the list is empty"
        raise ValueError(msg)
    return [checked_base_url(one) for one in given]


def _broker(text: str) -> str:
    """Give HOST:PORT, or the absolute path of an address file."""
    if not text:
        return ""
    # Few harvests have a broker.
    from ..transport.broker.address import is_address

    path = Path(text)
    if is_address(text) or path.is_absolute():
        return text
    if "/" not in text and not path.exists():
        msg = f"{text!r} is neither HOST:PORT of a broker nor an address file"
        raise ValueError(msg)
    return str(path.absolute())


Addresses = Annotated[str | list[str], AfterValidator(_addresses)]
BrokerText = Annotated[str, AfterValidator(_broker)]
WebhookText = Annotated[str, AfterValidator(checked_webhook)]
SizeText = Annotated[str, AfterValidator(_size)]
PlanesText = Annotated[str, AfterValidator(_planes)]
StoreText = Annotated[str, AfterValidator(_store)]
QuietText = Annotated[str, AfterValidator(_quiet)]
ExecutorText = Annotated[str, AfterValidator(checked_executor)]


class Section(BaseModel):
    """A section of the settings; it refuses unknown names.

    A field with ``option`` in its extra is also an option of the command line, with the
    description as its help: see `harvester.settings.options`.
    """

    model_config = ConfigDict(extra="forbid")


class CatalogueSection(Section):
    """How the catalogue is read."""

    #: Absolute path of the file.
    path: str = ""
    # Columns to use instead of those found in the file, by name or number from 1.
    id: str = _option("--id", "", "Column of the identifiers: name or number.")
    ra: str = _option("--ra", "", "Column of the right ascensions: name or number.")
    dec: str = _option("--dec", "", "Column of the declinations: name or number.")
    table: str = _option(
        "--table", "", "Table to read if the file has several: name or number."
    )
    delimiter: str = _option(
        "--delimiter",
        "",
        "Delimiter of the fields of a text table: , ; | tab or blank.",
    )
    # For files that state no unit or frame, or a wrong one.
    unit: Literal["", "deg", "hour", "rad"] = _option(
        "--unit", "", "Unit of the positions (hour: of the right ascensions)."
    )
    frame: str = _option(
        "--frame",
        "",
        "Frame of the positions: icrs, fk5, fk4, galactic, ecliptic.",
    )


class CutoutSection(Section):
    """How stamps are cut."""

    #: For all archives. The default is the sky of 40 pixels of 0.396 arcsec.
    size: SizeText = "15.84arcsec"
    #: For single archives: ``{hst = "124px"}``.
    sizes: dict[str, SizeText] = Field(default_factory=dict)
    mode: Literal["partial", "trim"] = _option(
        "--mode",
        "partial",
        "At an edge of the frame: fill with NaN (partial), or cut less (trim).",
    )
    #: In the order of `Plane`, with commas.
    planes: PlanesText = _option(
        "--planes",
        ",".join(DEFAULT_PLANES),
        "Images of each stamp: flux, ivar, mask, psf.",
    )
    complete: bool = _option(
        "--complete/--no-complete",
        default=True,
        words="Take rows beyond the edge of a frame from the frame that continues it.",
    )
    large: bool = _option(
        "--large", default=False, words="Allow stamps above 1024 px or 180 arcsec."
    )

    @field_validator("sizes")
    @classmethod
    def _known_archives(cls, sizes: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(sizes.keys() - kinds().keys()):
            msg = f"there is no archive {unknown[0]!r}. Archives: {', '.join(kinds())}"
            raise ValueError(msg)
        return sizes


class ServiceSection(Section):
    """Limits and address of one service."""

    #: Another address, such as a sandbox or a mirror; empty: that of the archive. Of a
    #: list, the first address that is up is used; if all are down, the last is awaited.
    base_url: Addresses = ""
    #: At most this many requests a second.
    rate: float = Field(default=5.0, gt=0)
    #: At most this many queries in flight.
    queries: int = Field(default=2, ge=1)
    #: At most this many files in flight.
    files: int = Field(default=4, ge=1)
    #: Seconds until the answer to a query must begin.
    answer_s: float = Field(default=180, gt=0)
    #: Hours of the day without requests; empty: those of ``politeness``.
    quiet: QuietText = ""

    def addresses(self, official: str) -> list[str]:
        """Return the addresses to use, in this order."""
        given = [self.base_url] if isinstance(self.base_url, str) else self.base_url
        return [one.rstrip("/") for one in given if one] or [official]


class PolitenessSection(Section):
    """Contact, patience, and limits shared by the harvests of a machine."""

    #: Sent in the User-Agent of each request.
    contact: str = _option(
        "--contact", "", "Mail address or web page at which an archive can reach you."
    )
    #: Hours of the day without requests: ``08:00-18:00`` in the time zone of this
    #: machine, or ``08:00-18:00 UTC``; empty: none.
    quiet: QuietText = ""
    #: Tries of one request that count as one attempt of its job.
    tries: int = Field(default=4, ge=1)
    #: Attempts of a job before it fails.
    attempts: int = Field(default=5, ge=1)
    #: Seconds of outage after which a service is given up; the run ends with code 5.
    patience_s: float = Field(default=7200, gt=0)
    #: Seconds after which a service that refuses every request is given up: code 5.
    refusal_patience_s: float = Field(default=60, gt=0)
    #: Whether all harvests of this machine share one limit for each host.
    shared: bool = True
    #: Folder of the shared limits; empty: the state folder of the user.
    state_dir: str = ""
    #: The broker that several machines ask before each request, in place of the shared
    #: limits of this machine; empty: none.
    broker: BrokerText = _option(
        "--broker",
        "",
        "Ask the broker at HOST:PORT before each request, or at the address in this "
        "file: one limit for several machines.",
    )
    #: Longest wait in seconds before a job is tried again.
    longest_backoff_s: float = Field(default=300, gt=0)


#: Seconds after which the archives end a query.
_QUERY_S = 600


class LimitsSection(Section):
    """Limits of time and size for a request."""

    #: Seconds for DNS, TCP and TLS.
    connect_s: float = Field(default=15, gt=0)
    #: Seconds from then to the headers of a file; queries: ``services.NAME.answer_s``.
    answer_s: float = Field(default=180, gt=0)
    #: Longest pause in seconds between two pieces of the body.
    silence_s: float = Field(default=60, gt=0)
    #: Seconds for the whole body.
    total_s: float = Field(default=900, gt=0)
    #: A body slower than this many bytes a second for ``floor_window_s`` is given up.
    floor_bytes_per_s: float = Field(default=10_000, ge=0)
    floor_window_s: float = Field(default=30, gt=0)
    #: Seconds for which a server may still work on a query that was given up here. For
    #: so long the query counts as in flight.
    works_on_s: float = Field(default=_QUERY_S, ge=0)
    #: Largest size in bytes of a file, and of an answer to a query.
    file_bytes: int = Field(default=512 * 2**20, gt=0)
    reply_bytes: int = Field(default=64 * 2**20, gt=0)


class NotifySection(Section):
    """Whom to tell when a harvest ends or is in trouble."""

    #: Address to which messages are posted as JSON. It often is a secret, so it is
    #: never written to the settings of a run: set it in the environment.
    webhook: WebhookText = Field(
        default="", exclude=True, repr=False, json_schema_extra={"secret": True}
    )
    #: File that has this address, in place of it.
    webhook_file: str = ""
    #: Of which occasions messages are sent.
    events: list[Literal["finish", "stall", "breaker"]] = ["finish", "stall", "breaker"]
    #: Whether a harvest that ends writes its report, and the message has its path.
    report: bool = False


class WorkSection(Section):
    """Resources of this machine that a harvest may use."""

    processes: int = _option(
        "--processes", 0, "Number of cutting processes; 0: as many as cores.", ge=0
    )
    #: Seconds after which a cutting process that hangs is ended.
    cut_limit_s: float = Field(default=120, gt=0)
    #: Largest size in bytes of the cache of fetched frames on disk.
    frame_cache_bytes: int = Field(default=2_000_000_000, ge=0)
    #: Largest memory in bytes of a cutting process.
    process_memory_bytes: int = Field(default=2 << 30, ge=256 << 20)
    executor: ExecutorText = _option(
        "--executor",
        "processes",
        "Where frames are cut: processes, dask:local, dask:local:4 or dask://HOST:PORT.",
    )
    #: How a Dask worker gets at a frame: from a disk that it shares with this machine
    #: (``path``), or by fetching it itself (``workers``); ``auto``: by path if it can.
    frames_by: Literal["auto", "path", "workers"] = "auto"
    #: Most bytes of frames and stamps that Dask workers have in hand at a time.
    outstanding_bytes: int = Field(default=512 << 20, ge=1 << 20)


class WatchSection(Section):
    """When a run that is watched (``--watch``) looks for something new."""

    #: Seconds after which galaxies without an image are looked up again.
    again_s: float = Field(default=86_400, gt=0)
    #: Seconds after which what an outage has left is tried again.
    retry_s: float = Field(default=600, gt=0)
    #: Seconds between two looks at the catalogue and the folder.
    look_s: float = Field(default=10, gt=0)
    #: Seconds for which a file must not have changed before it is read.
    still_s: float = Field(default=30, ge=0)
    #: Seconds for which a harvest is left alone; after that new rows interrupt it.
    busy_s: float = Field(default=600, ge=0)
    #: Folder whose files are added as catalogues; empty: none.
    folder: str = ""


class StoreSection(Section):
    """The object store to which a run sends what it makes; keys are never in here."""

    #: A URL such as ``s3://bucket/prefix``, set by ``--out``; empty: none.
    url: StoreText = ""
    endpoint: str = _option(
        "--endpoint",
        "",
        "With a URL as --out: address of the store, unless it is the cloud's own.",
    )
    #: Stamps that are sent at a time.
    at_once: int = Field(default=16, ge=1)
