"""Serves the page of some runs until the process is told to stop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from ...errors import InputError
from ...ledger.file import need_ledger
from ..console import print_line
from .server import serving
from .shown_run import shown_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...places import Places
    from .address import ListenAddress

__all__ = ["serve_dashboard"]


def serve_dashboard(all_places: Sequence[Places], address: ListenAddress) -> None:
    """Serve the page until Ctrl-C or a signal.

    Raises
    ------
    InputError
        A folder has no run, or is named twice.
    LocalError
        The address cannot be used.
    """
    _check(all_places)
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve_forever(all_places, address))


def _check(all_places: Sequence[Places]) -> None:
    seen = set()
    for places in all_places:
        if (folder := places.out.resolve()) in seen:
            msg = f"{places.out} is named twice"
            raise InputError(msg)
        seen.add(folder)
        # A run that is still reading its catalogue has settings, but no ledger yet.
        if not places.settings.exists():
            need_ledger(places.ledger)


async def _serve_forever(all_places: Sequence[Places], address: ListenAddress) -> None:
    async with serving(shown_runs(all_places), address) as real:
        print_line(f"Status page: {real.url}")
        if warning := real.warning():
            print_line(warning, err=True)
        await asyncio.Event().wait()
