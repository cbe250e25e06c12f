"""The command ``ctl``: tells a harvest at work to pause, go on, retry, or slow down."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from ...places import Places
from .retry_options import retry_details, retry_options
from .verbs import Verb, nearest_verb

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ctl"]

_RUN = "HARVESTER_RUN"

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class _RunFolder(click.Path):
    """The folder of a run; the shell completes the commands in its place, too."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem[str]]:
        verbs = [CompletionItem(str(v)) for v in Verb if v.startswith(incomplete)]
        return [*super().shell_complete(ctx, param, incomplete), *verbs]


class _Verbs(click.Group):
    """The folder may be left out; a command that does not exist has a nearest one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] in self.commands:
            args = [os.environ.get(_RUN) or ".", *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands and not ctx.resilient_parsing:
            near = nearest_verb(args[0])
            meant = f" Did you mean {near}?" if near else ""
            msg = f"there is no command {args[0]!r}.{meant} Commands: {', '.join(Verb)}"
            raise click.UsageError(msg, ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=_Verbs)
@click.argument("folder", metavar="[DIR]", type=_RunFolder(path_type=Path))
@click.pass_context
def ctl(ctx: click.Context, folder: Path) -> None:
    """Tell the harvest at work on DIR what to do.

    The default DIR is $HARVESTER_RUN, or else the working directory. Only the user of
    the harvest and root may do this, on its machine or inside its container. Exit code
    5: no harvest is at work.
    """
    ctx.obj = Places(folder)


@ctl.command()
@_json
@click.pass_obj
def pause(places: Places, /, *, as_json: bool) -> None:
    """Send no new request until `resume`.

    What is under way is finished and stored. The pause ends with the harvest at the
    latest: a harvest that is begun later works.
    """
    _tell(places, Verb.PAUSE, {}, as_json=as_json)


@ctl.command()
@_json
@click.pass_obj
def resume(places: Places, /, *, as_json: bool) -> None:
    """End a pause."""
    _tell(places, Verb.RESUME, {}, as_json=as_json)


@ctl.command()
@retry_options
@_json
@click.pass_obj
def retry(places: Places, /, *, as_json: bool, **options: Any) -> None:
    """Take failed galaxies up again.

    The harvest tries them without a restart.
    """
    _tell(places, Verb.RETRY, retry_details(options), as_json=as_json)


@ctl.command()
@click.argument("host")
@click.argument("rate", type=float, metavar="N")
@_json
@click.pass_obj
def rate(places: Places, /, host: str, rate: float, *, as_json: bool) -> None:
    """Send HOST at most N requests a second.

    HOST is named as `harvester status` does. The rate holds at once, also for other
    harvests of this machine, until this harvest ends. It cannot be more than the
    archive allows.
    """
    _tell(places, Verb.RATE, {"host": host, "rate": rate}, as_json=as_json)


@ctl.command()
@_json
@click.pass_obj
def status(places: Places, /, *, as_json: bool) -> None:
    """Tell whether it is paused, its requests under way, and the rate of each host."""
    _tell(places, Verb.STATUS, {}, as_json=as_json)


def _tell(
    places: Places, verb: Verb, details: Mapping[str, Any], *, as_json: bool
) -> None:
    import asyncio

    from .client import ask_harvest

    answer = asyncio.run(ask_harvest(places, verb, details))
    if as_json:
        click.echo(json.dumps(answer))
        return
    click.echo(answer["words"])
    if verb is Verb.STATUS:
        for host, one in answer["rates"].items():
            allowed, most = one["allowed"], one["most"]
            click.echo(f"{host}: {allowed:g} requests/s (at most {most:g})")
