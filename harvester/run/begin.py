"""The start of a run: read the catalogue and create the ledger from it."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__
from ..archives.registry import identifiers
from ..catalogue.options import ReadOptions
from ..catalogue.reader import open_catalogue
from ..dataset.manifest import write_labels
from ..dataset.stamps import atomic_write
from ..errors import InputError, LocalError
from ..events import Note, counted
from ..ledger.file import create_ledger
from ..ledger.view import LedgerView
from .identifier_positions import positions_of
from .memory import release_free_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..catalogue.reader import Catalogue
    from ..events import Listener
    from ..places import Places
    from ..settings.settings import Settings

__all__ = ["begin", "check_same_run", "remove_scratch", "write_settings"]


def begin(settings: Settings, places: Places, listener: Listener) -> None:
    """Read the catalogue and create the run; the ledger appears complete or not at all.

    Raises
    ------
    InputError
        The catalogue cannot be read.
    LocalError
        The output folder cannot be written.
    TransientError
        It has no positions, and the archive cannot be asked for them now.
    """
    columns = settings.catalogue
    with (
        _scratch(places) as scratch,
        open_catalogue(
            Path(columns.path),
            ReadOptions(**columns.model_dump(exclude={"path"})),
            schemes=identifiers(),
            scratch=scratch,
            look_up=positions_of(settings, listener),
        ) as catalogue,
    ):
        for note in catalogue.notes:
            listener(Note(note))
        if catalogue.rejects:
            listener(Note(_rejected(len(catalogue.rejects), places)))
        _begin(settings, places, catalogue)
    release_free_memory()


def _rejected(count: int, places: Places) -> str:
    rows = counted(count, "row")
    return f"{rows} of the catalogue rejected; the reasons are in {places.rejects}"


@contextmanager
def _scratch(places: Places) -> Iterator[Path]:
    try:
        places.scratch.mkdir()
    except OSError as error:
        msg = f"folder {places.scratch} cannot be created: {error.strerror}."
        raise LocalError(msg) from error
    try:
        yield places.scratch
    finally:
        remove_scratch(places)


def remove_scratch(places: Places) -> None:
    """Remove the temporary files of reading the catalogue, also of a killed process."""
    shutil.rmtree(places.scratch, ignore_errors=True)


def _begin(settings: Settings, places: Places, catalogue: Catalogue) -> None:
    rejects = [(r.line, r.id, r.reason) for r in catalogue.rejects]
    write_labels(places.labels, catalogue.labels())
    _write_rejects(places, rejects)
    create_ledger(
        places.ledger,
        targets=catalogue.targets(),
        rejects=rejects,
        surveys=settings.parsed_surveys(),
        facts={
            "catalogue": settings.catalogue.path,
            "catalogue sha256": catalogue.sha256,
            "settings": json.dumps(settings.identity(), sort_keys=True),
            "settings sha256": settings.identity_hash(),
            "made by": f"harvester {__version__}",
        },
    )


def _write_rejects(places: Places, rejects: list[tuple[int, str, str]]) -> None:
    rows = [
        json.dumps(dict(zip(("line", "id", "reason"), r, strict=True))) for r in rejects
    ]
    with atomic_write(places.rejects) as new:
        new.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def write_settings(settings: Settings, places: Places) -> None:
    """Write the settings in effect into the folder of the run."""
    with atomic_write(places.settings) as new:
        new.write_text(settings.to_toml(), encoding="utf-8")


def check_same_run(settings: Settings, places: Places) -> None:
    """Refuse to continue a run with settings that would change the data set.

    Raises
    ------
    InputError
        The catalogue file or a setting differs; the message says which.
    """
    with LedgerView.open(places.ledger) as view:
        facts = view.facts()
    remedy = (
        "Choose another folder with --out, or continue the run as it was started: "
        f"harvester resume {places.out}"
    )
    before = json.loads(facts["settings"])
    differing = [
        f"{name} was {before.get(name)!r} and is now {value!r}"
        for name, value in settings.identity().items()
        if before.get(name) != value
    ]
    if differing:
        msg = (
            "this run was started with other settings: "
            f"{'; '.join(differing)}. {remedy}"
        )
        raise InputError(msg)
    catalogue = Path(settings.catalogue.path)
    # The run no longer needs the file, so it may be missing, but it may not differ.
    if catalogue.exists() and _sha256(catalogue) != facts["catalogue sha256"]:
        msg = (
            f"this run was started with another catalogue ({facts['catalogue']}); the "
            f"content of {catalogue} differs. {remedy}"
        )
        raise InputError(msg)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        msg = f"catalogue {path} cannot be read: {error.strerror}."
        raise InputError(msg) from error
