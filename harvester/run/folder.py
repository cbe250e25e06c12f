"""The folder of a run: created, and locked while a command works on it."""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ..errors import InputError, LocalError, UnknownNameError
from ..ledger.file import owned
from ..places import need_no_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..places import Places

__all__ = ["run_folder"]


@contextmanager
def run_folder(places: Places) -> Iterator[None]:
    """Create the folder of a run, and lock the run while the block runs.

    If the catalogue or the name of a filter makes a new run impossible before it has a
    stamp, its files are removed. So the user can try again with other options and the
    same folder.

    Raises
    ------
    InputError
        It was made of the URL of an object store.
    LocalError
        The folder cannot be created or written.
    LockedError
        Another process owns the run.
    """
    need_no_url(places.out)
    try:
        places.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"folder {places.out} cannot be created: {error.strerror}."
        raise LocalError(msg) from error
    with owned(places.lock):
        is_new = not places.ledger.exists()
        try:
            yield
        except InputError as error:
            # Locating may have used requests, so a ledger is kept for a resume, unless
            # a name in the settings does not exist and the run can never work.
            is_useless = isinstance(error, UnknownNameError)
            has_begun = places.ledger.exists() and not is_useless
            if is_new and not has_begun and not places.cutouts.exists():
                _remove_new_run(places)
            raise


def _remove_new_run(places: Places) -> None:
    # Only the files that a run writes before its first stamp: the user may have files
    # of their own in the folder.
    for folder in (places.scratch, places.frames):
        shutil.rmtree(folder, ignore_errors=True)
    ledger = places.ledger
    logs = [ledger.with_name(f"{ledger.name}-{log}") for log in ("wal", "shm")]
    written = (places.settings, places.labels, places.rejects, places.lock)
    with suppress(OSError):
        for path in (ledger, *logs, *written):
            path.unlink(missing_ok=True)
        # Keep the tables of an archive, because they used requests.
        places.out.rmdir()
