"""The folder of a run: made and owned while a command works on it."""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ..errors import InputError, LocalError, UnknownNameError
from ..ledger.file import owned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..places import Places

__all__ = ["run_folder"]


@contextmanager
def run_folder(places: Places) -> Iterator[None]:
    """Make the folder of a run and own it while the block runs.

    A new run that is refused before it has a stamp, because of its catalogue or an
    unknown filter, leaves nothing behind: the next try may be made with the same folder
    and other options.

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
        is_new = not places.ledger.exists()
        try:
            yield
        except InputError as error:
            # What was located may have cost requests: it is kept for a resume, unless
            # this run can never be of use.
            is_useless = isinstance(error, UnknownNameError)
            has_begun = places.ledger.exists() and not is_useless
            if is_new and not has_begun and not places.cutouts.exists():
                _take_back(places)
            raise


def _take_back(places: Places) -> None:
    # Only what a run writes before its first stamp: the user's files may be here too.
    for folder in (places.scratch, places.frames):
        shutil.rmtree(folder, ignore_errors=True)
    ledger = places.ledger
    logs = [ledger.with_name(f"{ledger.name}-{log}") for log in ("wal", "shm")]
    written = (places.settings, places.labels, places.rejects, places.lock)
    with suppress(OSError):
        for path in (ledger, *logs, *written):
            path.unlink(missing_ok=True)
        # Tables of an archive stay: they took requests.
        places.out.rmdir()
