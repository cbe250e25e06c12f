"""The options of ``retry`` and ``ctl retry``: which jobs are tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["retry_details", "retry_options"]

_OPTIONS = (
    click.option(
        "--reason",
        default="*",
        metavar="PATTERN",
        help="Only failures with such a reason, for example 'http_*'.",
    ),
    click.option(
        "--survey",
        "surveys",
        multiple=True,
        metavar="SURVEY",
        help="Only of this survey, as `harvester status` names it, or of this archive. "
        "Repeatable.",
    ),
    click.option(
        "--id",
        "ids",
        multiple=True,
        metavar="ID",
        help="Only this galaxy, as the catalogue spells it. Repeatable.",
    ),
    click.option(
        "--better",
        is_flag=True,
        help="Instead of failed galaxies, retry those whose stamp is from a "
        "second-best image because the best was not available. Their stamp stays until "
        "a better one is made.",
    ),
    click.option(
        "--limit",
        type=click.IntRange(min=1),
        metavar="N",
        help="At most N failed galaxies, to see whether they work now.",
    ),
)


def retry_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def retry_details(options: dict[str, Any]) -> dict[str, Any]:
    """Give the options as the JSON of `Verb.RETRY`.

    Raises
    ------
    click.UsageError
        Two of them exclude each other.
    """
    if options["better"] and options["limit"]:
        msg = "--limit goes with failed galaxies: leave it or --better out"
        raise click.UsageError(msg)
    return {name: options[name] for name in ("reason", "better", "limit")} | {
        name: list(options[name]) for name in ("surveys", "ids")
    }
