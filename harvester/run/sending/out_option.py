"""The words ``--out URL`` and ``--work FOLDER``: which folder a run in a store has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ...errors import InputError
from ...places import Places

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.shell_completion import CompletionItem

__all__ = ["FOLDER_OR_STORE", "ChosenRun", "choose_run", "work_option"]


class _FolderOrStore(click.ParamType[Path | str]):
    """A folder, as a `Path`, or the address of an object store, as text."""

    name = "folder"

    def convert(
        self,
        value: object,
        _parameter: click.Parameter | None,
        _ctx: click.Context | None,
    ) -> Path | str:
        """Keep an address as it was written: as a path it would lose a slash."""
        from ...dataset.object_store.address import is_store_url

        text = str(value)
        return text if is_store_url(text) else Path(text)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete the names of folders."""
        return click.Path(file_okay=False).shell_complete(ctx, param, incomplete)


FOLDER_OR_STORE = _FolderOrStore()

work_option: Callable[[Any], Any] = click.option(
    "--work",
    type=click.Path(path_type=Path),
    help="With the address of a store: the folder of the run on this machine. Default: "
    "named after the address, in the working directory.",
)


class ChosenRun(NamedTuple):
    """A run: its folder, and the address of its store in one spelling, or empty."""

    places: Places
    url: str

    @property
    def settings(self) -> dict[str, str]:
        """Give the parameter of `to_settings` that names the store."""
        return {"store__url": self.url} if self.url else {}


def choose_run(out: Path | str, work: Path | None) -> ChosenRun:
    """Tell which folder a run has, and say so if it is not the one that was named.

    Raises
    ------
    InputError
        The address cannot be used, or the folder is of a run with another store.
    """
    if isinstance(out, Path):
        if work is not None:
            msg = "--work goes with a URL: otherwise --out is the folder of the run"
            raise click.UsageError(msg)
        return ChosenRun(Places(out), "")
    from ...dataset.object_store.address import StoreAddress
    from ...dataset.object_store.opening import need_library

    address = StoreAddress.parse(out)
    need_library(str(address))
    places = Places(work or Path(address.folder_name))
    _need_same_store(places, str(address))
    if work is None:
        click.echo(f"{address}: the run itself is in {places.out}", err=True)
    return ChosenRun(places, str(address))


def _need_same_store(places: Places, url: str) -> None:
    from ...settings.settings import read_file

    if not places.settings.exists():
        return
    known = read_file(places.settings).get("store", {}).get("url", "")
    if known and known != url:
        msg = (
            f"the run in {places.out} goes to {known}, not to {url}. Name another "
            "folder with --work"
        )
        raise InputError(msg)
