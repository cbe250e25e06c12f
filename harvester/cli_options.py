"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "AT_LEAST_ONE",
    "catalogue_options",
    "folder_argument",
    "json_flag",
    "manner_options",
    "pairs",
]

_SERVICES = ("mast", "sdss-sky", "sdss-sas", "s3")


def pairs(
    _context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, str]:
    """Read options NAME=VALUE; one without a name is for all."""
    read = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals and parameter.name != "size":
            msg = f"{text!r} is not NAME=VALUE"
            raise click.BadParameter(msg)
        read[name if equals else ""] = value if equals else name
    return read


folder_argument = click.argument(
    "folder",
    envvar="HARVESTER_RUN",
    default=".",
    type=click.Path(path_type=Path),
)

AT_LEAST_ONE = click.IntRange(min=1)

json_flag = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

#: How a harvest is done, which may change from start to start.
_MANNER_OPTIONS = (
    click.option(
        "--base-url",
        "base_urls",
        metavar="SERVICE=URL",
        multiple=True,
        callback=pairs,
        help=f"Ask another address. Services: {', '.join(_SERVICES)}.",
    ),
    click.option("--contact", help="Mail or page an archive can complain to."),
    click.option("--processes", type=int, help="Cutting processes (all cores)."),
    click.option(
        "--locate-only", is_flag=True, help="Find the images, but fetch none."
    ),
    json_flag,
)


def manner_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of how a harvest is done."""
    for option in reversed(_MANNER_OPTIONS):
        command = option(command)
    return command


#: How a catalogue is to be read, where it does not say so itself.
_CATALOGUE_OPTIONS = (
    click.option("--id", "catalogue_id", help="Column of the identifiers."),
    click.option(
        "--ra", "catalogue_ra", help="Column of the right ascensions, name or number."
    ),
    click.option(
        "--dec", "catalogue_dec", help="Column of the declinations, name or number."
    ),
    click.option(
        "--table", "catalogue_table", help="Of several tables, one: name or number."
    ),
    click.option(
        "--delimiter",
        "catalogue_delimiter",
        help="What separates the fields of a text table: , ; | tab or blank.",
    ),
    click.option(
        "--unit",
        "catalogue_unit",
        type=click.Choice(["deg", "hour", "rad"]),
        help="Unit of the positions (hour: of the right ascensions).",
    ),
    click.option(
        "--frame",
        "catalogue_frame",
        help="Frame of the positions: icrs, fk5, fk4, galactic, ecliptic.",
    ),
)


def catalogue_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of how a catalogue is read."""
    for option in reversed(_CATALOGUE_OPTIONS):
        command = option(command)
    return command
