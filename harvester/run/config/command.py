"""The command ``harvester config``: show, check and compare settings."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...settings.option_command import OfSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...places import Places
    from .origins import Setting

__all__ = ["config"]

#: Exit code if a resume would use other settings than the run has.
_DIFFERS = 3

_config_option = click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    help="Settings file, such as harvest.toml.",
)
_json_flag = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def config() -> None:
    """Show, check and compare settings.

    Settings come from defaults, a file, the environment and options. No archive is
    asked, and nothing is written.
    """


@config.command(cls=OfSettings, sections="RUN")
@_config_option
@_json_flag
@click.argument(
    "folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path)
)
def show(
    folder: Path | None, file: Path | None, *, as_json: bool, **flags: Any
) -> None:
    """Print each setting in effect, and where it comes from.

    With DIR, those with which `harvester resume DIR` works; otherwise those of a new
    run. Secrets are masked.
    """
    from ...settings.options import to_settings
    from .origins import Effective

    places = _run_in(folder) if folder else None
    listed = Effective.of(places, file, to_settings(flags)).listed()
    if as_json:
        click.echo(json.dumps([_to_json(one) for one in listed]))
    else:
        click.echo("\n".join(_lines(listed)))


@config.command()
@click.argument("source", metavar="FILE|DIR", type=click.Path(path_type=Path))
def validate(source: Path) -> None:
    """Check a settings FILE, or that of the run in DIR.

    The environment counts as well. Exit code 2: a name or a value cannot be used; the
    message lists all of them, with the most similar names.
    """
    from .origins import Effective

    if source.is_dir():
        Effective.of(_run_in(source), None, {})
    else:
        Effective.of(None, source, {})
    click.echo(f"{source}: all settings can be used.")


@config.command(cls=OfSettings, sections="RUN")
@_config_option
@_json_flag
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def diff(folder: Path, file: Path | None, *, as_json: bool, **flags: Any) -> None:
    """Tell what would change if the run in DIR were continued now.

    The environment, the options and --config are compared with the settings that the
    run has. Exit code 3: something would change; 2: the run cannot be continued so,
    because that would change the data set.
    """
    from ...settings.options import to_settings
    from .origins import Effective

    places = _run_in(folder)
    effective = Effective.of(places, file, to_settings(flags))
    changes = effective.changes(places)
    if as_json:
        told = [{**_to_json(one), "before": before} for one, before in changes]
        click.echo(json.dumps(told))
    else:
        click.echo("\n".join(_differences(changes)) or "Nothing would change.")
    if places.ledger.exists():
        from ..same_run import check_same_run

        check_same_run(effective.settings, places)
    sys.exit(_DIFFERS if changes else 0)


def _run_in(folder: Path) -> Places:
    from ...errors import InputError
    from ...places import Places

    places = Places(folder)
    if not places.settings.exists():
        msg = f"there is no run in {folder}: it has no {places.settings.name}"
        raise InputError(msg)
    return places


def _to_json(one: Setting) -> dict[str, Any]:
    return {"name": one.name, "value": one.value, "from": one.origin}


def _lines(listed: Iterable[Setting]) -> Iterator[str]:
    written = [(f"{one.name} = {_written(one.value)}", one.origin) for one in listed]
    width = min(48, max(len(line) for line, _ in written))
    for line, origin in written:
        yield f"{line:{width}}  # {origin}"


def _differences(changes: Iterable[tuple[Setting, Any]]) -> Iterator[str]:
    for one, before in changes:
        change = f"{_written(before)} -> {_written(one.value)}"
        yield f"{one.name}: {change}  # {one.origin}"


def _written(value: Any) -> str:
    # As TOML has it, which for these types is as JSON has it.
    return json.dumps(value, ensure_ascii=False)
