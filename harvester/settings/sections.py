"""The sections of the settings that hold for every archive."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from ..archives.registry import kinds
from ..errors import InputError
from ..models import StampSize
from ..transport.quiet_hours import QuietHours
from .base_urls import checked_base_url

__all__ = [
    "CatalogueSection",
    "CutoutSection",
    "LimitsSection",
    "PolitenessSection",
    "Section",
    "ServiceSection",
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


def _option(flag: str, default: Any, words: str, **limits: Any) -> Any:  # noqa: ANN401 - as pydantic's Field
    """Make a field that is an option of the command line as well."""
    return Field(
        default=default,
        description=words,
        json_schema_extra={"option": flag},
        **limits,
    )


def _addresses(given: str | list[str]) -> str | list[str]:
    if isinstance(given, str):
        return checked_base_url(given)
    if not all(given):
        msg = "an address in the list is empty"
        raise ValueError(msg)
    return [checked_base_url(one) for one in given]


Addresses = Annotated[str | list[str], AfterValidator(_addresses)]
SizeText = Annotated[str, AfterValidator(_size)]
QuietText = Annotated[str, AfterValidator(_quiet)]


class Section(BaseModel):
    """A section of the settings; a name that it does not know is refused.

    A field with ``option`` in its extra is an option of the command line too, with the
    description as its help: see `harvester.settings.options`.
    """

    model_config = ConfigDict(extra="forbid")


class CatalogueSection(Section):
    """Where the targets are."""

    #: The file, as an absolute path.
    path: str = ""
    # Columns that overrule what the file says, by name or by number from 1.
    id: str = _option("--id", "", "Column of the identifiers, name or number.")
    ra: str = _option("--ra", "", "Column of the right ascensions, name or number.")
    dec: str = _option("--dec", "", "Column of the declinations, name or number.")
    table: str = _option("--table", "", "Of several tables, one: name or number.")
    delimiter: str = _option(
        "--delimiter",
        "",
        "What separates the fields of a text table: , ; | tab or blank.",
    )
    # Where the file states no unit or frame, or a wrong one.
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

    #: For every survey: the tutorial's 40 px of SDSS on the sky.
    size: SizeText = "15.84arcsec"
    #: For one archive instead: ``{hst = "124px"}``.
    sizes: dict[str, SizeText] = Field(default_factory=dict)
    mode: Literal["partial", "trim"] = _option(
        "--mode",
        "partial",
        "At an edge: NaN outside (partial), or a smaller stamp (trim).",
    )
    large: bool = _option(
        "--large", default=False, words="Stamps above 1024 px or 180 arcsec are meant."
    )

    @field_validator("sizes")
    @classmethod
    def _known_archives(cls, sizes: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(sizes.keys() - kinds().keys()):
            msg = f"there is no archive {unknown[0]!r}, only {', '.join(kinds())}"
            raise ValueError(msg)
        return sizes


class ServiceSection(Section):
    """Manners towards one service, and where it is."""

    #: Another address for it (a sandbox, a mirror); empty: the archive's own. Of a list
    #: the first that is up is asked, and the last is waited for.
    base_url: Addresses = ""
    #: Requests a second at most.
    rate: float = Field(default=5.0, gt=0)
    #: Queries in flight at most.
    queries: int = Field(default=2, ge=1)
    #: Files in flight at most.
    files: int = Field(default=4, ge=1)
    #: Seconds that it may take to begin its answer to a query.
    answer_s: float = Field(default=180, gt=0)
    #: Hours of the day in which it is not asked; empty: those of ``politeness``.
    quiet: QuietText = ""

    def addresses(self, official: str) -> list[str]:
        """Give the addresses that are asked, in this order."""
        given = [self.base_url] if isinstance(self.base_url, str) else self.base_url
        return [one.rstrip("/") for one in given if one] or [official]


class PolitenessSection(Section):
    """How patient, and who is asking."""

    #: Goes into the User-Agent of each request.
    contact: str = _option(
        "--contact", "", "Mail or page at which an archive can reach you."
    )
    #: Hours of the day in which nothing is asked: ``08:00-18:00`` by the clock of this
    #: machine, or ``08:00-18:00 UTC``; empty: none.
    quiet: QuietText = ""
    #: Tries of one request before its job pays an attempt.
    tries: int = Field(default=4, ge=1)
    #: Attempts of a job before it is given up.
    attempts: int = Field(default=5, ge=1)
    #: Seconds of outage that a run sits out before it ends with exit code 5.
    patience_s: float = Field(default=7200, gt=0)
    #: Seconds after which an archive that refuses every request is given up: exit 5.
    refusal_patience_s: float = Field(default=60, gt=0)
    #: Whether all harvests of this machine share one limit for each host.
    shared: bool = True
    #: Folder in which they keep it; empty: the user's state folder.
    state_dir: str = ""
    #: Longest wait in seconds before a job is tried again.
    longest_backoff_s: float = Field(default=300, gt=0)


#: Seconds that the archives give a query of theirs.
_QUERY_S = 600


class LimitsSection(Section):
    """How long an exchange may take, and how much may come of it."""

    #: Seconds to find a host and shake hands.
    connect_s: float = Field(default=15, gt=0)
    #: Seconds from there to the head of a file; queries: ``services.NAME.answer_s``.
    answer_s: float = Field(default=180, gt=0)
    #: Seconds without a single byte of the body.
    silence_s: float = Field(default=60, gt=0)
    #: Seconds for the body, all in all.
    total_s: float = Field(default=900, gt=0)
    #: Bytes a second below which a body is given up, after ``floor_window_s``.
    floor_bytes_per_s: float = Field(default=10_000, ge=0)
    floor_window_s: float = Field(default=30, gt=0)
    #: Seconds for which a server may go on with a query that was given up here: its
    #: place among the queries in flight is not given to another one before.
    works_on_s: float = Field(default=_QUERY_S, ge=0)
    #: Bytes of the largest file, and of the largest answer to a query.
    file_bytes: int = Field(default=512 * 2**20, gt=0)
    reply_bytes: int = Field(default=64 * 2**20, gt=0)


class WorkSection(Section):
    """What this machine gives."""

    processes: int = _option(
        "--processes", 0, "Cutting processes; 0: one for each core.", ge=0
    )
    #: Seconds after which a cutting process that hangs is ended.
    cut_limit_s: float = Field(default=120, gt=0)
    #: Bytes of fetched frames that are kept on disk at most.
    frame_cache_bytes: int = Field(default=2_000_000_000, ge=0)
    #: Bytes of memory that a cutting process may ask for.
    process_memory_bytes: int = Field(default=2 << 30, ge=256 << 20)
