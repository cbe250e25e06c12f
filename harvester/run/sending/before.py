"""What is asked of a store before a new run begins: a write, and that it is free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...dataset.object_store.address import StoreAddress
from ...dataset.object_store.opening import need_library
from ..own_loop import run_in_own_loop
from .claim import need_unclaimed

if TYPE_CHECKING:
    from ...places import Places
    from ...settings.settings import Settings

__all__ = ["try_store"]


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
    run_in_own_loop(lambda: _try(settings))


async def _try(settings: Settings) -> None:
    from ...dataset.object_store.objects import Objects

    address = StoreAddress.parse(settings.store.url)
    objects = await Objects.open(address, endpoint=settings.store.endpoint)
    await need_unclaimed(objects)
