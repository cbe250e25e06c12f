"""The options of ``--watch``, for the commands that harvest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_watch", "watch_options"]


def watch_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a run that stays after it is settled."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option(
        "--watch",
        is_flag=True,
        envvar="HARVESTER_WATCH",
        help="Stay when all is settled: harvest rows that are added to the catalogue, "
        "and look again, once a day, for images of galaxies that have none.",
    ),
    # Named as `harvester.settings.options` names the options of a section.
    click.option(
        "--watch-folder",
        "watch__folder",
        envvar="HARVESTER_WATCH_FOLDER",
        metavar="FOLDER",
        help="With --watch: add the galaxies of every file that is put into FOLDER.",
    ),
)


def check_watch(flags: dict[str, Any]) -> None:
    """Refuse options of ``--watch`` that would do nothing; make the folder absolute.

    Raises
    ------
    InputError
        There is no such folder, or an option does not go with the others.
    """
    folder = flags.get("watch__folder")
    if flags.get("watch") and flags.get("locate_only"):
        msg = "--watch goes with harvesting: leave it or --locate-only out"
        raise InputError(msg)
    if not folder:
        return
    if not flags.get("watch"):
        msg = "--watch-folder is for --watch: add that"
        raise InputError(msg)
    if not Path(folder).is_dir():
        msg = f"--watch-folder: there is no folder {folder}"
        raise InputError(msg)
    flags["watch__folder"] = str(Path(folder).absolute())
