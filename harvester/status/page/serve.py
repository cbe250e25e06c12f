"""Serves the page of some runs until the process is told to stop."""

from __future__ import annotations

import asyncio
import os
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import InputError
from ...ledger.file import need_ledger
from ...transport.account_file import state_folder
from ..console import print_line
from .page_token import kept_token
from .server import serving
from .shown_run import shown_runs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from ...places import Places
    from .address import ListenAddress
    from .page_token import PageToken

__all__ = ["serve_dashboard"]


def serve_dashboard(
    all_places: Sequence[Places],
    address: ListenAddress,
    *,
    allows_control: bool = False,
) -> None:
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
        asyncio.run(_serve_forever(all_places, address, allows_control=allows_control))


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


async def _serve_forever(
    all_places: Sequence[Places], address: ListenAddress, *, allows_control: bool
) -> None:
    path = _token_path()
    tokens: AbstractContextManager[PageToken | None] = nullcontext()
    if allows_control:
        tokens = kept_token(path)
    with tokens as token:
        async with serving(shown_runs(all_places), address, token) as real:
            print_line(f"Status page: {real.url}")
            if token is not None:
                token.announce(path)
            if warning := real.warning(controls=allows_control):
                print_line(warning, err=True)
            await asyncio.Event().wait()


def _token_path() -> Path:
    """Give a file of this process in the folder of the user's state."""
    folder = state_folder() or Path("/nonexistent")
    return folder.absolute() / f"page-{os.getpid()}" / "page.token"
