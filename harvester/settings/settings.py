"""Settings: defaults < TOML file < environment ``HARVESTER__X__Y`` < options.

Of two sources the right one overrides the left one. `Settings.identity` has the
settings that decide the data set; they may not change within a run. The others (rates,
workers, addresses) may.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from typing import TYPE_CHECKING, Annotated, Any

import tomli_w
from pydantic import BeforeValidator, Field, ValidationError, create_model
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from ..archives.registry import default_surveys, kind_of, kinds, read_survey, services
from ..errors import InputError
from ..models import CutoutSpec, Plane, StampSize, Survey
from .base_urls import same_base_urls
from .environment import refuse_unknown_variables
from .problems import problems_of
from .sections import (
    CatalogueSection,
    CutoutSection,
    LimitsSection,
    NotifySection,
    PolitenessSection,
    Section,
    ServiceSection,
    StoreSection,
    WatchSection,
    WorkSection,
)
from .webhook_address import read_webhook, refuse_archive

if TYPE_CHECKING:
    from pathlib import Path

    from ..archives.kind import ServiceKind
    from ..places import Places

__all__ = [
    "PREFIX",
    "SERVICES",
    "Settings",
    "kept_settings",
    "load_run_settings",
    "load_settings",
    "of_older_run",
    "read_file",
    "webhook_of",
]

#: The official address of each service, by its name.
SERVICES = {name: service.base for name, service in services().items()}

#: Prefix of the environment variables.
PREFIX = "HARVESTER__"


def _surveys(given: object) -> object:
    """Read a list as the environment spells it: JSON, or words between blanks."""
    if not isinstance(given, str):
        return given
    return json.loads(given) if given.lstrip().startswith("[") else given.split()


class _Services(Section):
    """The services of all archives, with the limits that the archives ask for."""

    def named(self, name: str) -> ServiceSection:
        """Return the section of a service by its name, as ``--base-url`` spells it."""
        section: ServiceSection = getattr(self, _key(name))
        return section


def _key(service: str) -> str:
    return service.replace("-", "_")


def _section_of(service: ServiceKind) -> ServiceSection:
    return ServiceSection(
        rate=service.rate,
        queries=service.queries,
        files=service.files,
        answer_s=service.answer_s,
    )


if TYPE_CHECKING:
    ServicesSection = _Services
else:
    ServicesSection = create_model(
        "ServicesSection",
        __base__=_Services,
        **{
            _key(name): (ServiceSection, _section_of(service))
            for name, service in services().items()
        },
    )


class _Settings(BaseSettings):
    """All settings of a run; each archive adds a section of its name."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        nested_model_default_partial_update=True,
    )

    surveys: Annotated[list[str], NoDecode, BeforeValidator(_surveys)] = Field(
        default_factory=default_surveys
    )
    catalogue: CatalogueSection = CatalogueSection()
    cutout: CutoutSection = CutoutSection()
    services: ServicesSection = ServicesSection()
    politeness: PolitenessSection = PolitenessSection()
    limits: LimitsSection = LimitsSection()
    work: WorkSection = WorkSection()
    notify: NotifySection = NotifySection()
    watch: WatchSection = WatchSection()
    store: StoreSection = StoreSection()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - its signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the file from ``load_settings`` below the environment in priority."""
        assert isinstance(init_settings, InitSettingsSource)
        assert isinstance(env_settings, EnvSettingsSource)
        given = dict(init_settings.init_kwargs)
        file = given.pop("file", {})
        if given.pop("alone", False):
            return (InitSettingsSource(settings_cls, file),)
        return (
            InitSettingsSource(settings_cls, given),
            env_settings,
            InitSettingsSource(settings_cls, file),
        )

    def parsed_surveys(self) -> list[Survey]:
        """Return the surveys, with all bands of one instrument merged.

        Raises
        ------
        InputError
            A name is unknown, or two surveys would write the same files.
        """
        merged: dict[tuple[str, str], Survey] = {}
        for text in self.surveys:
            new = read_survey(text)
            old = merged.get((new.archive, new.instrument))
            bands = dict.fromkeys((*(old.bands if old else ()), *new.bands))
            merged[new.archive, new.instrument] = Survey(
                new.archive, new.instrument, tuple(bands)
            )
        surveys = list(merged.values())
        _refuse_same_band_twice(surveys)
        return surveys

    def archive(self, name: str) -> Any:
        """Return the section of an archive."""
        return getattr(self, name)

    def spec(self, archive: str) -> CutoutSpec:
        """Return size and mode of the stamps of an archive."""
        sizes = {str(name): size for name, size in self.cutout.sizes.items()}
        size = sizes.get(archive, self.cutout.size)
        planes = tuple(Plane(name) for name in self.cutout.planes.split(","))
        complete = self.cutout.complete and self.cutout.mode == "partial"
        return CutoutSpec(
            StampSize.parse(size),
            self.cutout.mode,
            planes,
            complete=complete and kind_of(archive).has_neighbours,
        )

    def identity(self) -> dict[str, str]:
        """Return the settings that decide the data set; they identify a run."""
        surveys = self.parsed_surveys()
        columns = self.catalogue.model_dump(exclude={"path"})
        archives = sorted({survey.archive for survey in surveys})
        return {
            "surveys": " ".join(sorted(str(survey) for survey in surveys)),
            "size": " ".join(f"{name}={self.spec(name).size}" for name in archives),
            "mode": self.cutout.mode,
            **self._planes(),
            **self._complete(archives),
            **self._identity_of(archives),
            "columns": ", ".join(f"{k}={v}" for k, v in columns.items() if v),
        }

    def _planes(self) -> dict[str, str]:
        # Runs of before there were planes have the flux only, and no such entry.
        planes = self.cutout.planes
        return {} if planes == Plane.FLUX else {"planes": planes}

    def _complete(self, archives: list[str]) -> dict[str, str]:
        # Runs of before this was possible have no such entry.
        completed = [name for name in archives if self.spec(name).complete]
        return {"complete": " ".join(completed)} if completed else {}

    def _identity_of(self, archives: list[str]) -> dict[str, str]:
        return {
            name: value
            for archive in archives
            for name, value in kind_of(archive).identity(self.archive(archive)).items()
        }

    def identity_hash(self) -> str:
        """Return the SHA-256 of the identity."""
        text = json.dumps(self.identity(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def to_toml(self) -> str:
        """Return all settings in effect as TOML that ``--config`` can read."""
        return tomli_w.dumps(self.model_dump(mode="json"))


if TYPE_CHECKING:
    Settings = _Settings
else:
    Settings = create_model(
        "Settings",
        __base__=_Settings,
        **{
            name: (kind.section, Field(default_factory=kind.section))
            for name, kind in kinds().items()
        },
    )


def _refuse_same_band_twice(surveys: list[Survey]) -> None:
    seen: dict[tuple[str, str], Survey] = {}
    for survey in surveys:
        for band in survey.bands:
            other = seen.setdefault((survey.archive, band), survey)
            if other is not survey:
                msg = (
                    f"surveys {other} and {survey} would both write the stamps of "
                    f"{survey.archive} {band}: harvest them in two runs."
                )
                raise InputError(msg)


def load_run_settings(places: Places, **flags: Any) -> Settings:
    """Load the settings of a run that exists.

    Raises
    ------
    InputError
        As `load_settings`.
    """
    if lacking := of_older_run(places):
        flags["cutout"] = {**lacking["cutout"], **flags.get("cutout", {})}
    return load_settings(places.settings, **flags)


def of_older_run(places: Places) -> dict[str, Any]:
    """Give the settings that a run had before they existed; empty if none."""
    cutout = read_file(places.settings).get("cutout", {})
    # Begun before there were planes or completed stamps: its other stamps have the flux
    # only, and end at the edges of their frames.
    before = {"planes": str(Plane.FLUX), "complete": False}
    lacking = {name: value for name, value in before.items() if name not in cutout}
    return {"cutout": lacking} if lacking else {}


def kept_settings(places: Places) -> Settings:
    """Load the settings that a run was worked on with last, without the environment.

    Raises
    ------
    InputError
        The file of the run cannot be used.
    """
    kept = read_file(places.settings)
    for section, values in of_older_run(places).items():
        kept[section] = {**values, **kept.get(section, {})}
    try:
        return Settings(file=kept, alone=True)  # type: ignore[call-arg] # as in load_settings
    except ValidationError as error:
        raise InputError(problems_of(error, Settings)) from error


def load_settings(file: Path | None = None, **flags: Any) -> Settings:
    """Load the settings from defaults, a TOML file, the environment and options.

    Raises
    ------
    InputError
        Values or names are wrong; the message lists all of them.
    """
    refuse_unknown_variables(PREFIX, Settings.model_fields)
    try:
        settings = Settings(file=read_file(file) if file else {}, **flags)  # type: ignore[call-arg] # taken out again by settings_customise_sources
    except ValidationError as error:
        raise InputError(problems_of(error, Settings)) from error
    except SettingsError as error:
        msg = f"settings in the environment that cannot be used: {error}."
        raise InputError(msg) from error
    settings.parsed_surveys()
    _refuse_same_address_twice(settings)
    _refuse_large(settings)
    webhook_of(settings)
    return settings


def webhook_of(settings: Settings) -> str:
    """Give the address of the webhook; empty if there is none.

    Raises
    ------
    InputError
        It cannot be read, or is that of an archive.
    """
    notify = settings.notify
    webhook = read_webhook(notify.webhook, notify.webhook_file)
    if webhook:
        known = services().values()
        addresses = [
            address
            for one in known
            for address in (
                one.base,
                *settings.services.named(one.name).addresses(one.base),
            )
        ]
        domains = [domain for one in known for domain in one.domains]
        refuse_archive(webhook, addresses, domains)
    return webhook


def _refuse_large(settings: Settings) -> None:
    for archive in {survey.archive for survey in settings.parsed_surveys()}:
        size = settings.spec(archive).size
        if size.is_large and not settings.cutout.large:
            side = size.pixels(kind_of(archive).finest_arcsec)
            msg = (
                f"stamps of {size} are large: those of {archive} have up to {side:,} x "
                f"{side:,} pixels, {4 * side**2 / 1e6:,.0f} MB each. To allow that, "
                "give --large (cutout.large = true)."
            )
            raise InputError(msg)


def _refuse_same_address_twice(settings: Settings) -> None:
    urls = [
        (name, url)
        for name in services()
        for url in settings.services.named(name).addresses("")
    ]
    if same := same_base_urls(urls):
        one, other, url = same
        msg = (
            f"services {one} and {other} were both given the address {url}, but each "
            "service needs its own."
        )
        raise InputError(msg)


def read_file(file: Path) -> dict[str, Any]:
    """Read a settings file, without checking the names in it.

    Raises
    ------
    InputError
        It cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"settings file {file} cannot be read: {error.strerror}."
        raise InputError(msg) from error
    except (ValueError, RecursionError) as error:
        msg = f"settings file {file} is not TOML: {error}."
        raise InputError(msg) from error
