"""Makes the command line options that set settings.

A field of a section with ``option`` in its extra becomes an option; the description of
the field is the help. Options that do not belong to one field (``--survey``,
``--size``, ``--base-url``) are defined here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click

from ..errors import InputError
from .settings import SERVICES, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic.fields import FieldInfo

__all__ = [
    "ASKING",
    "EXTENDING",
    "MANNERS",
    "READING",
    "RUN",
    "options_of",
    "to_settings",
]

#: Sections with options for reading a catalogue.
READING = ("catalogue",)

#: Sections with options that may differ each time a run is resumed.
MANNERS = ("services", "politeness", "work", "store")

#: Sections with options that decide which archives are asked, and where.
ASKING = ("surveys", "services", "politeness")

#: Sections with options for adding to a run.
EXTENDING = ("surveys", *READING)

#: All sections with options.
RUN = tuple(dict.fromkeys(("surveys", *Settings.model_fields)))

#: Stands between section and field in the name of a parameter.
_SEPARATOR = "__"


def options_of(sections: tuple[str, ...]) -> list[click.Option]:
    """Make the options of these sections, in this order."""
    return [option for name in sections for option in _options(name)]


def _options(section: str) -> Iterator[click.Option]:
    if section in _SPECIAL:
        yield _SPECIAL[section]()
    model = Settings.model_fields[section].annotation
    for name, field in getattr(model, "model_fields", {}).items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and "option" in extra:
            yield _option(f"{section}{_SEPARATOR}{name}", str(extra["option"]), field)


def _option(parameter: str, flag: str, field: FieldInfo) -> click.Option:
    kind = field.annotation
    words = field.description or ""
    if kind is bool:
        return click.Option([flag, parameter], is_flag=True, default=None, help=words)
    if get_origin(kind) is Literal:
        choices = [one for one in get_args(kind) if one]
        return click.Option([flag, parameter], type=click.Choice(choices), help=words)
    if field.default and kind is int:
        words = f"{words.removesuffix('.')} ({field.default})."
    return click.Option([flag, parameter], type=kind, help=words)


# -- options that do not belong to one field -------------------------------------------


def _survey() -> click.Option:
    examples = ", ".join(
        Settings.model_fields["surveys"].get_default(call_default_factory=True)
    )
    return click.Option(
        ["--survey", "surveys"],
        multiple=True,
        metavar="SURVEY",
        help=f"Archive and bands to harvest; repeat it for more. Default: {examples}.",
    )


def _size() -> click.Option:
    return click.Option(
        ["--size", "sizes"],
        multiple=True,
        metavar="[ARCHIVE=]SIZE",
        callback=_pairs,
        help="Side of the stamps: 40px, 15.84arcsec, 2arcmin. ARCHIVE= sets it for one "
        "archive.",
    )


def _base_url() -> click.Option:
    return click.Option(
        ["--base-url", "base_urls"],
        metavar="SERVICE=URL",
        multiple=True,
        callback=_addresses,
        help="Use another address for a service; repeat it for further addresses, used "
        "if the first is down. "
        f"Services: {', '.join(SERVICES)}.",
    )


_SPECIAL = {"surveys": _survey, "cutout": _size, "services": _base_url}


def _pairs(
    _context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, str]:
    """Read options NAME=VALUE; a size without a name holds for all archives."""
    read = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals and parameter.name != "sizes":
            msg = f"{text!r} is not NAME=VALUE"
            raise click.BadParameter(msg)
        read[name if equals else ""] = value if equals else name
    return read


def _addresses(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, str | list[str]]:
    """Read options SERVICE=URL; a repeated service gets a further address."""
    read: dict[str, str | list[str]] = {}
    for text in texts:
        ((name, url),) = _pairs(context, parameter, (text,)).items()
        before = read.get(name, [])
        before = [before] if isinstance(before, str) else before
        read[name] = [*before, url] if before else url
    return read


# -- from options to settings ----------------------------------------------------------


def to_settings(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the given options into settings.

    Raises
    ------
    InputError
        ``--base-url`` names an unknown service.
    """
    given: dict[str, Any] = {}
    for parameter, value in flags.items():
        section, is_field, name = parameter.partition(_SEPARATOR)
        if is_field and value is not None:
            given.setdefault(section, {})[name] = value
    if surveys := flags.get("surveys"):
        given["surveys"] = list(surveys)
    sizes = dict(flags.get("sizes") or {})
    if every := sizes.pop("", None):
        given.setdefault("cutout", {})["size"] = every
    if sizes:
        given.setdefault("cutout", {})["sizes"] = sizes
    for service, url in (flags.get("base_urls") or {}).items():
        section = given.setdefault("services", {})
        section[_service_key(service)] = {"base_url": url}
    return given


def _service_key(name: str) -> str:
    if name not in SERVICES:
        msg = (
            f"--base-url: there is no service {name!r}. Services: {', '.join(SERVICES)}"
        )
        raise InputError(msg)
    return name.replace("-", "_")
