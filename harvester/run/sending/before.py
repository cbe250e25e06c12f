"""What is asked of a store before a new run begins: a write, and that it is free."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...dataset.object_store.address import StoreAddress
from ...dataset.object_store.opening import need_library
from ...errors import InputError
from ..own_loop import run_in_own_loop

if TYPE_CHECKING:
    from ...places import Places
    from ...settings.settings import Settings

__all__ = ["need_apart", "try_store"]


def try_store(settings: Settings, places: Places) -> None:
    """Write to the store of a new run, so that a wrong key costs nothing else.

    Raises
    ------
    InputError
        The library is not installed, the store refuses, or it has another run.
    OutageError
        It cannot be reached.
    """
    if not settings.store.url or places.ledger.exists():
        return
    need_library(f"sending to {settings.store.url}")
    need_apart(settings.store.url, places)
    run_in_own_loop(lambda: _try(settings))


def need_apart(url: str, places: Places) -> None:
    """Refuse a store on disk that is the folder of the run, or has it, or is in it.

    Raises
    ------
    InputError
        The copy of the ledger would be written over the ledger.
    """
    address = StoreAddress.parse(url)
    if address.scheme != "file":
        return
    store, run = Path(f"/{address.prefix}").resolve(), places.out.resolve()
    if store.is_relative_to(run) or run.is_relative_to(store):
        msg = (
            f"{url} and the folder of the run, {run}, must lie apart: name another "
            "folder with --work"
        )
        raise InputError(msg)


async def _try(settings: Settings) -> None:
    from ...dataset.object_store.objects import Objects
    from .claim import need_unclaimed

    address = StoreAddress.parse(settings.store.url)
    objects = await Objects.open(address, endpoint=settings.store.endpoint)
    await need_unclaimed(objects)
