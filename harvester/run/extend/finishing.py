"""The last step of an extension: the files of a run become what its ledger says.

If an extension is interrupted before it, the next command that works on the run does
it. This module imports little, because every start of a harvest needs it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from ...dataset.rejects import write_rejects
from ...dataset.stamps import atomic_write
from ...ledger.file import owned
from ...ledger.growth import UNFINISHED, forget_unfinished
from ...ledger.view import LedgerView

if TYPE_CHECKING:
    from ...places import Places

__all__ = ["finish_extension", "finish_interrupted_extension"]


def finish_extension(places: Places) -> None:
    """Bring the files of a run to what its ledger says; only its owner may call this.

    Raises
    ------
    LocalError
        A file cannot be written.
    """
    with LedgerView.open(places.ledger) as view:
        text, rejects = view.facts().get(UNFINISHED), view.rejects()
    if text is None:
        return
    left = json.loads(text)
    with atomic_write(places.settings) as new:
        new.write_text(left["settings"], encoding="utf-8")
    write_rejects(places, rejects)
    for stamp in left["stamps"]:
        with suppress(FileNotFoundError):
            (places.out / stamp).unlink()
    forget_unfinished(places.ledger)


def finish_interrupted_extension(places: Places) -> None:
    """Finish an extension that was interrupted, if there is one.

    Raises
    ------
    LockedError
        Another process owns the run.
    """
    if not places.ledger.exists():
        return
    with LedgerView.open(places.ledger) as view:
        is_unfinished = UNFINISHED in view.facts()
    if is_unfinished:
        with owned(places.lock):
            finish_extension(places)
