"""The folder of a run: made and owned while a command works on it."""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from .errors import InputError, LocalError
from .ledger.file import owned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .places import Places

__all__ = ["run_folder"]


@contextmanager
def run_folder(places: Places) -> Iterator[None]:
    """Make the folder of a run and own it while the block runs.

    A run that cannot begin, because its catalogue is refused, leaves nothing behind:
    the next try may be made with the same folder and other options.

    Raises
    ------
    LocalError
        The folder cannot be made or written.
    LockedError
        Another process owns the run.
    """
    try:
        places.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"folder {places.out} cannot be made: {error.strerror}."
        raise LocalError(msg) from error
    with owned(places.lock):
        try:
            yield
        except InputError:
            if not places.ledger.exists():
                _take_back(places)
            raise


def _take_back(places: Places) -> None:
    # Only what a run writes before its ledger: the folder may hold the user's files.
    shutil.rmtree(places.scratch, ignore_errors=True)
    with suppress(OSError):
        for path in (places.settings, places.labels, places.rejects, places.lock):
            path.unlink(missing_ok=True)
        places.out.rmdir()
