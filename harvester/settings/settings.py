"""Settings: defaults < TOML file < ``HARVESTER__X__Y`` environment < flags.

Only ``harvest`` and ``cli`` see the whole of it; everything else is handed what
it uses. `Settings.identity` is what decides the data set: it may not change
within a run. The rest (rates, workers, addresses) may.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tomli_w
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from ..errors import InputError
from ..models import CutoutSpec, StampSize, Survey
from ..transport.quiet_hours import QuietHours
from .base_urls import checked_base_url, same_base_urls
from .environment import refuse_unknown_variables

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SERVICES", "Settings", "load_settings"]

#: The finest pixels of an archive's common cameras, in arcsec.
_FINE_ARCSEC = {"sdss": 0.396, "hst": 0.04}

#: With this the names of environment variables begin.
_PREFIX = "HARVESTER__"

#: The services that are asked, with the address that each has at its archive.
SERVICES = {
    "mast": "https://mast.stsci.edu",
    "sdss-sky": "https://skyserver.sdss.org",
    "sdss-sas": "https://data.sdss.org/sas",
    "s3": "https://s3.amazonaws.com",
}


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


def _surveys(given: object) -> object:
    """Read the environment's spelling of a list: JSON, or words with blanks between."""
    if not isinstance(given, str):
        return given
    return json.loads(given) if given.lstrip().startswith("[") else given.split()


AddressText = Annotated[str, AfterValidator(checked_base_url)]
SizeText = Annotated[str, AfterValidator(_size)]
QuietText = Annotated[str, AfterValidator(_quiet)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CatalogueSection(_Section):
    """Where the targets are."""

    #: The file, as an absolute path.
    path: str = ""
    #: Columns that overrule the guess, by name or by number from 1.
    id: str = ""
    ra: str = ""
    dec: str = ""
    #: Of several tables in the file the one to read, by name or by number from 1.
    table: str = ""
    #: What separates the fields of a text table.
    delimiter: str = ""
    #: Unit and frame of the positions, where the file states none or a wrong one.
    unit: Literal["", "deg", "hour", "rad"] = ""
    frame: str = ""


class CutoutSection(_Section):
    """How stamps are cut."""

    #: For every survey: the tutorial's 40 px of SDSS on the sky.
    size: SizeText = "15.84arcsec"
    #: For one archive instead: ``{hst = "124px"}``.
    sizes: dict[Literal["sdss", "hst"], SizeText] = Field(default_factory=dict)
    mode: Literal["partial", "trim"] = "partial"
    #: Whether stamps of more than 1024 px or 180 arcsec are meant.
    large: bool = False


class SdssSection(_Section):
    """What is asked of SDSS."""

    release: int = Field(default=17, ge=12)
    #: Folder in which the table of all fields is kept for every run; empty: the
    #: user's cache folder, or the run's own folder if that cannot be written.
    cache_dir: str = ""


class HstSection(_Section):
    """What is asked of MAST."""

    #: The deepest image that holds the whole stamp, or all of them.
    observations: Literal["best", "all"] = "best"
    #: Whether ``MAST_API_TOKEN`` goes to ``services.mast.base_url`` as well, by TLS or
    #: on this machine.
    token_elsewhere: bool = False


class ServiceSection(_Section):
    """Manners towards one service, and where it is."""

    #: Another address for it (a sandbox, a mirror); empty: the archive's own.
    base_url: AddressText = ""
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


#: Seconds that SkyServer gives a query, and that astroquery gives one of MAST.
_ARCHIVES_OWN_S = 600


class ServicesSection(_Section):
    """The published or customary limits; SkyServer: 60 queries a minute."""

    mast: ServiceSection = ServiceSection(rate=5, answer_s=_ARCHIVES_OWN_S)
    sdss_sky: ServiceSection = ServiceSection(
        rate=1, queries=1, files=1, answer_s=_ARCHIVES_OWN_S
    )
    sdss_sas: ServiceSection = ServiceSection(rate=10)
    s3: ServiceSection = ServiceSection(rate=50, files=16)

    def named(self, name: str) -> ServiceSection:
        """Give the section of a service by its name, such as ``sdss-sky``."""
        section: ServiceSection = getattr(self, name.replace("-", "_"))
        return section


class PolitenessSection(_Section):
    """How patient, and who is asking."""

    #: An address at which an archive can reach the user; goes into the User-Agent.
    contact: str = ""
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
    #: Longest wait in seconds before a job is tried again.
    longest_backoff_s: float = Field(default=300, gt=0)


class LimitsSection(_Section):
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
    works_on_s: float = Field(default=_ARCHIVES_OWN_S, ge=0)
    #: Bytes of the largest file, and of the largest answer to a query.
    file_bytes: int = Field(default=512 * 2**20, gt=0)
    reply_bytes: int = Field(default=64 * 2**20, gt=0)


class WorkSection(_Section):
    """What this machine gives."""

    #: Cutting processes; 0: one for each core.
    processes: int = Field(default=0, ge=0)
    #: Seconds after which a cutting process that hangs is ended.
    cut_limit_s: float = Field(default=120, gt=0)
    #: Bytes of fetched frames that are kept on disk at most.
    frame_cache_bytes: int = Field(default=2_000_000_000, ge=0)
    #: Bytes of memory that a cutting process may ask for.
    process_memory_bytes: int = Field(default=2 << 30, ge=256 << 20)


class Settings(BaseSettings):
    """All settings of a run."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        nested_model_default_partial_update=True,
    )

    surveys: Annotated[list[str], NoDecode, BeforeValidator(_surveys)] = [
        "sdss:r",
        "hst:WFC3/IR:F160W",
    ]
    catalogue: CatalogueSection = CatalogueSection()
    cutout: CutoutSection = CutoutSection()
    sdss: SdssSection = SdssSection()
    hst: HstSection = HstSection()
    services: ServicesSection = ServicesSection()
    politeness: PolitenessSection = PolitenessSection()
    limits: LimitsSection = LimitsSection()
    work: WorkSection = WorkSection()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - its signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the file, which ``load_settings`` hands over, below the environment."""
        assert isinstance(init_settings, InitSettingsSource)
        assert isinstance(env_settings, EnvSettingsSource)
        given = dict(init_settings.init_kwargs)
        file = given.pop("file", {})
        return (
            InitSettingsSource(settings_cls, given),
            env_settings,
            InitSettingsSource(settings_cls, file),
        )

    def parsed_surveys(self) -> list[Survey]:
        """Give the surveys, those of one instrument put together.

        Two that would write the same file are refused.
        """
        merged: dict[tuple[str, str], Survey] = {}
        for text in self.surveys:
            new = Survey.parse(text)
            old = merged.get((new.archive, new.instrument))
            bands = dict.fromkeys((*(old.bands if old else ()), *new.bands))
            merged[new.archive, new.instrument] = Survey(
                new.archive, new.instrument, tuple(bands)
            )
        surveys = list(merged.values())
        _refuse_same_band_twice(surveys)
        return surveys

    def spec(self, archive: str) -> CutoutSpec:
        """Give the stamps' size and mode for one archive."""
        sizes = {str(name): size for name, size in self.cutout.sizes.items()}
        size = sizes.get(archive, self.cutout.size)
        return CutoutSpec(StampSize.parse(size), self.cutout.mode)

    def identity(self) -> dict[str, str]:
        """Give what decides the data set, as words: equal means the same run."""
        surveys = self.parsed_surveys()
        columns = self.catalogue.model_dump(exclude={"path"})
        archives = sorted({survey.archive for survey in surveys})
        return {
            "surveys": " ".join(sorted(str(survey) for survey in surveys)),
            "size": " ".join(f"{name}={self.spec(name).size}" for name in archives),
            "mode": self.cutout.mode,
            "sdss release": str(self.sdss.release),
            "hst observations": self.hst.observations,
            "columns": ", ".join(f"{k}={v}" for k, v in columns.items() if v),
        }

    def identity_hash(self) -> str:
        """Give a SHA-256 of the identity."""
        text = json.dumps(self.identity(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def to_toml(self) -> str:
        """Write all effective settings as a file that ``--config`` reads back."""
        return tomli_w.dumps(self.model_dump(mode="json"))


def _refuse_same_band_twice(surveys: list[Survey]) -> None:
    seen: dict[tuple[str, str], Survey] = {}
    for survey in surveys:
        for band in survey.bands:
            other = seen.setdefault((survey.archive, band), survey)
            if other is not survey:
                msg = (
                    f"surveys {other} and {survey} would both write the stamps of "
                    f"{survey.archive} {band}: put them into two runs."
                )
                raise InputError(msg)


def load_settings(file: Path | None = None, **flags: Any) -> Settings:  # noqa: ANN401 - what the flags hold is checked by the model
    """Put defaults, a TOML file, the environment and flags together.

    Raises
    ------
    InputError
        A value or a name is wrong; every one of them is named.
    """
    refuse_unknown_variables(_PREFIX, Settings.model_fields)
    try:
        settings = Settings(file=_read(file) if file else {}, **flags)  # type: ignore[call-arg] # taken out again by settings_customise_sources
    except ValidationError as error:
        raise InputError(_sentence(error)) from error
    except SettingsError as error:
        msg = f"settings of the environment that cannot be used: {error}."
        raise InputError(msg) from error
    settings.parsed_surveys()
    _refuse_same_address_twice(settings)
    _refuse_large(settings)
    return settings


def _refuse_large(settings: Settings) -> None:
    for archive in {survey.archive for survey in settings.parsed_surveys()}:
        size = settings.spec(archive).size
        if size.is_large and not settings.cutout.large:
            side = size.pixels(_FINE_ARCSEC[archive])
            msg = (
                f"stamps of {size} are large: those of {archive} have up to {side:,} x "
                f"{side:,} pixels, {4 * side**2 / 1e6:,.0f} MB each. If that is meant, "
                "say --large (cutout.large = true)."
            )
            raise InputError(msg)


def _refuse_same_address_twice(settings: Settings) -> None:
    urls = {name: settings.services.named(name).base_url for name in SERVICES}
    if same := same_base_urls(urls):
        one, other, url = same
        msg = (
            f"services {one} and {other} were both given the address {url}: each has "
            "an address of its own."
        )
        raise InputError(msg)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"settings file {file} cannot be read: {error.strerror}."
        raise InputError(msg) from error
    except (ValueError, RecursionError) as error:
        msg = f"settings file {file} is not TOML: {error}."
        raise InputError(msg) from error


def _sentence(error: ValidationError) -> str:
    # What our own checks say is a sentence without pydantic's word before it.
    lines = [
        f"  {'.'.join(map(str, one['loc']))}: "
        + one["msg"].removeprefix("Value error, ")
        for one in error.errors()
    ]
    return "\n".join(["settings that cannot be used:", *lines])
