"""Options of the command line that are settings: each is described in its field only.

A field of a section that names an ``option`` in its extra becomes an option, with the
field's description as help. Options that are no single field (``--survey``, ``--size``,
``--base-url``) are here as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click

from ..errors import InputError
from .settings import SERVICES, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic.fields import FieldInfo

__all__ = ["MANNERS", "READING", "RUN", "options_of", "to_settings"]

#: Sections whose options tell how a catalogue is read.
READING = ("catalogue",)

#: Sections whose options may change from start to start.
MANNERS = ("services", "politeness", "work")

#: Every section that has options.
RUN = tuple(dict.fromkeys(("surveys", *Settings.model_fields)))

#: Between a section and its field in the name of a parameter.
_IN = "__"


def options_of(sections: tuple[str, ...]) -> list[click.Option]:
    """Make the options of these sections, in that order."""
    return [option for name in sections for option in _options(name)]


def _options(section: str) -> Iterator[click.Option]:
    if section in _SPECIAL:
        yield _SPECIAL[section]()
    model = Settings.model_fields[section].annotation
    for name, field in getattr(model, "model_fields", {}).items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and "option" in extra:
            yield _option(f"{section}{_IN}{name}", str(extra["option"]), field)


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


# -- options that are no single field -------------------------------------------------


def _survey() -> click.Option:
    examples = ", ".join(
        Settings.model_fields["surveys"].get_default(call_default_factory=True)
    )
    return click.Option(
        ["--survey", "surveys"],
        multiple=True,
        metavar="SURVEY",
        help=f"What is asked of an archive, again for each; by default {examples}.",
    )


def _size() -> click.Option:
    return click.Option(
        ["--size", "sizes"],
        multiple=True,
        metavar="[ARCHIVE=]SIZE",
        callback=_pairs,
        help="Side of the stamps: 40px, 15.84arcsec, 2arcmin; with ARCHIVE= for one.",
    )


def _base_url() -> click.Option:
    return click.Option(
        ["--base-url", "base_urls"],
        metavar="SERVICE=URL",
        multiple=True,
        callback=_addresses,
        help="Ask another address; given again, the next one if that is down. "
        f"Services: {', '.join(SERVICES)}.",
    )


_SPECIAL = {"surveys": _survey, "cutout": _size, "services": _base_url}


def _pairs(
    _context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, str]:
    """Read options NAME=VALUE; a size without a name is for all archives."""
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
    """Read options SERVICE=URL; a service that is named again has a further address."""
    read: dict[str, str | list[str]] = {}
    for text in texts:
        ((name, url),) = _pairs(context, parameter, (text,)).items()
        before = read.get(name, [])
        before = [before] if isinstance(before, str) else before
        read[name] = [*before, url] if before else url
    return read


# -- back to settings ----------------------------------------------------------------


def to_settings(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the options that were given into the settings that they overrule.

    Raises
    ------
    InputError
        ``--base-url`` names no service.
    """
    given: dict[str, Any] = {}
    for parameter, value in flags.items():
        section, is_field, name = parameter.partition(_IN)
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
        msg = f"--base-url: there is no service {name!r}, only {', '.join(SERVICES)}"
        raise InputError(msg)
    return name.replace("-", "_")
