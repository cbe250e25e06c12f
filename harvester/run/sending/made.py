"""Sends what other commands make of a run: exports, gallery, report, manifest.

Only what is in the folder of the run is sent. Of an export that is made anew the files
of the earlier edition are removed in the store before its list of files is sent.
"""

from __future__ import annotations

import asyncio
from functools import partial, wraps
from typing import TYPE_CHECKING

import click

from ...errors import first_of
from ...events import counted
from ...places import Places

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .run_files import RunFiles

__all__ = ["and_sent", "send_made"]

#: Files that are sent at a time.
_AT_ONCE = 16

#: Seconds for which a store that is down is asked again.
_PATIENCE_S = 600.0

#: Folders and files of a run that other commands make, relative to it.
_SINGLE = ("manifest.parquet", "manifest.csv", "report.html", "targets.reg")
_GALLERY = ("gallery.html", "gallery")


def and_sent(command: click.Command) -> click.Command:
    """Have a command send what it has made, if its run has an object store."""
    work = command.callback
    assert work is not None

    @wraps(work)
    def call(folder: Path, **options: object) -> object:
        result = work(folder=folder, **options)
        if sent := send_made(Places(folder)):
            click.echo(sent, err=True)
        return result

    command.callback = call
    return command


def send_made(places: Places) -> str:
    """Send what was made of a run; say what, empty: the run has no store.

    Raises
    ------
    InputError
        The store refuses, or has another run.
    OutageError
        It cannot be reached for too long.
    """
    from ...dataset.object_store.opening import need_library
    from ..own_loop import run_in_own_loop
    from .checking import store_of

    url, endpoint = store_of(places)
    if not url:
        return ""
    need_library(f"sending to {url}")
    try:
        return run_in_own_loop(partial(_send, places, url, endpoint))
    except BaseExceptionGroup as group:
        raise first_of(group) from group


async def _send(places: Places, url: str, endpoint: str) -> str:
    from ...dataset.object_store.address import StoreAddress
    from ...dataset.object_store.objects import Objects
    from ...ledger.outbox import Outbox
    from .claim import kept_identifier
    from .run_files import RunFiles
    from .store_outage import StoreOutage

    run = kept_identifier(places)
    if not run:
        return f"nothing was sent to {url} yet: harvester resume {places.out} does"
    outage = StoreOutage(url, _PATIENCE_S)
    address = StoreAddress.parse(url)
    objects = await outage.outlast(lambda: Objects.open(address, endpoint=endpoint))
    with Outbox.open(places.outbox) as outbox:
        files = RunFiles(objects, outbox, outage, places, run)
        await files.send_mark()
        sent = 0
        for first, last in _groups(places.out):
            sent += await _all_of(files, first)
            await files.remove_others(last, [*first, last])
            sent += await files.send([last])
    return f"{url}: {counted(sent, 'file')} sent"


async def _all_of(files: RunFiles, names: list[str]) -> int:
    waiting, sent = iter(names), 0

    async def some() -> None:
        nonlocal sent
        for name in waiting:
            sent += await files.send([name])

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(some())
    return sent


def _groups(out: Path) -> Iterator[tuple[list[str], str]]:
    """Give files that belong together, each group with the one that is sent last."""
    from ...dataset.export.checksums import CHECKSUMS

    for name in _SINGLE:
        if (out / name).exists():
            yield [], name
    page, folder = _GALLERY
    if (out / page).exists():
        yield list(_below(out, out / folder)), page
    # An export without its list, or under another name, is not complete.
    for listed in sorted(out.glob(f"exports/*/{CHECKSUMS}")):
        if listed.parent.suffix == ".part":
            continue
        names = set(_below(out, listed.parent))
        last = listed.relative_to(out).as_posix()
        yield sorted(names - {last}), last


def _below(out: Path, folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".part":
            yield path.relative_to(out).as_posix()
