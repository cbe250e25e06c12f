"""The files from which a run that is watched takes new galaxies.

They are read only: a file that cannot be used stays where it is, is told in the log and
by ``status``, and is looked at again when it changes.
"""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import HarvesterError, LedgerError, LocalError, TransientError
from ...events import Note
from ...ledger.looking_again import REFUSED, keep_refused
from ...ledger.view import LedgerView
from .still_files import StillFiles, files_in

if TYPE_CHECKING:
    from ...events import Listener
    from ...places import Places
    from ...settings.settings import Settings

__all__ = ["DroppedFiles"]

_log = logging.getLogger(__name__)


class DroppedFiles:
    """Finds files with new galaxies, and adds them to the run."""

    def __init__(self, settings: Settings, places: Places) -> None:
        self._settings = settings
        self._places = places
        self._still = StillFiles(settings.watch.still_s)
        self._catalogue = Path(settings.catalogue.path)
        folder = settings.watch.folder
        self._folder = Path(folder) if folder else None
        #: Files that were not taken, and why.
        self._refused: dict[str, str] = {}
        #: Files that an archive was needed for, and when they are tried again.
        self._later: dict[Path, float] = {}

    def look(self) -> list[Path]:
        """Give the files that have appeared or changed and are complete."""
        now = time.monotonic()
        for path in [path for path, at in self._later.items() if now >= at]:
            del self._later[path]
            self._still.forget(path)
        in_folder = files_in(self._folder) if self._folder else []
        still = self._still.look(dict.fromkeys((self._catalogue, *in_folder)))
        # At first the catalogue of the run itself is among them: nothing is to be
        # interrupted for it.
        return [path for path in still if not self._is_known(path)]

    def _is_known(self, path: Path) -> bool:
        from ..extend.extending import is_taken

        # What cannot be read is told by `take`.
        with suppress(HarvesterError):
            return is_taken(self._places, path)
        return False

    def take(self, paths: list[Path], listener: Listener) -> int:
        """Add the galaxies of files to the run; tell how many were added.

        Only the owner of the run may call this.

        Raises
        ------
        LocalError, LedgerError
            The disk or the ledger prevents it, whatever is in the files.
        """
        added = sum(self._take(path, listener) for path in paths)
        self._keep_refused()
        return added

    def _take(self, path: Path, listener: Listener) -> int:
        from ..extend.extending import is_taken, take_catalogue

        self._refused.pop(str(path), None)
        is_catalogue = path == self._catalogue
        try:
            if is_taken(self._places, path):
                return 0
            found = take_catalogue(
                self._settings, self._places, path, listener, becomes=is_catalogue
            )
        except (LocalError, LedgerError):
            raise
        except TransientError as error:
            self._refuse(path, f"{error} It is tried again", listener)
            self._later[path] = time.monotonic() + self._settings.watch.retry_s
        except HarvesterError as error:
            self._refuse(path, str(error), listener)
        except Exception as error:  # noqa: BLE001 - no file may end the service
            _log.exception("%s: a bug of harvester", path)
            self._refuse(path, f"unexpected {type(error).__name__}", listener)
        else:
            return int(found["added"])
        return 0

    def _refuse(self, path: Path, why: str, listener: Listener) -> None:
        why = why.removeprefix(f"{path}: ")
        self._refused[str(path)] = why
        listener(Note(f"{path} is not taken: {why}", is_warning=True))

    def _keep_refused(self) -> None:
        self._refused = {n: why for n, why in self._refused.items() if Path(n).exists()}
        with LedgerView.open(self._places.ledger) as view:
            kept = json.loads(view.facts().get(REFUSED, "{}"))
        if kept != self._refused:
            keep_refused(self._places.ledger, self._refused)
