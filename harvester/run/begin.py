"""The start of a run: read the catalogue and create the ledger from it."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..archives.registry import identifiers
from ..catalogue.options import ReadOptions
from ..catalogue.reader import open_catalogue
from ..dataset.manifest import write_labels
from ..dataset.rejects import write_rejects
from ..dataset.stamps import atomic_write
from ..errors import InputError, LocalError
from ..events import Note, counted
from ..ledger.file import create_ledger
from ..ledger.view import LedgerView
from .identifier_positions import positions_of
from .memory import release_free_memory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..catalogue.reader import Catalogue
    from ..events import Listener
    from ..places import Places
    from ..settings.settings import Settings

__all__ = [
    "ID_COLUMN",
    "TAKEN",
    "begin",
    "catalogue_sha256",
    "check_same_run",
    "check_same_settings",
    "identity_facts",
    "remove_scratch",
    "scratch_folder",
    "taken_catalogues",
    "write_settings",
]

#: Keys among the facts of a run: the column of its identifiers (empty: they are made of
#: the positions), and, as JSON, the catalogues that were added to it.
ID_COLUMN, TAKEN = "id column", "taken catalogues"


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
        scratch_folder(places) as scratch,
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
def scratch_folder(places: Places) -> Iterator[Path]:
    """Give an empty folder for temporary files, and remove it after the block.

    A killed process may have left one. Only the owner of the run may call this.

    Raises
    ------
    LocalError
        It cannot be created.
    """
    remove_scratch(places)
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
    write_rejects(places, rejects)
    create_ledger(
        places.ledger,
        targets=catalogue.targets(),
        rejects=rejects,
        surveys=settings.parsed_surveys(),
        facts={
            "catalogue": settings.catalogue.path,
            "catalogue sha256": catalogue.sha256,
            ID_COLUMN: catalogue.understanding.id,
            **identity_facts(settings),
            "made by": f"harvester {__version__}",
        },
    )


def identity_facts(settings: Settings) -> dict[str, str]:
    """Give the facts of a run that tell which settings decide its stamps."""
    return {
        "settings": json.dumps(settings.identity(), sort_keys=True),
        "settings sha256": settings.identity_hash(),
    }


def write_settings(settings: Settings, places: Places) -> None:
    """Write the settings in effect into the folder of the run."""
    with atomic_write(places.settings) as new:
        new.write_text(settings.to_toml(), encoding="utf-8")


def check_same_run(
    settings: Settings, places: Places, *, may_grow: bool = False
) -> None:
    """Refuse to continue a run with settings that would change the data set.

    ``may_grow``: rows that its catalogue has got since are added later.

    Raises
    ------
    InputError
        The catalogue file or a setting differs; the message says which.
    """
    check_same_settings(settings, places)
    with LedgerView.open(places.ledger) as view:
        facts = view.facts()
    catalogue = Path(settings.catalogue.path)
    if may_grow and str(catalogue) == facts["catalogue"]:
        return
    taken = {one["sha256"] for one in taken_catalogues(facts)}
    known = {facts["catalogue sha256"], *taken}
    # The run no longer needs the file, so it may be missing, but it may not differ.
    if catalogue.exists() and catalogue_sha256(catalogue) not in known:
        msg = (
            f"this run was started with another catalogue ({facts['catalogue']}); the "
            f"content of {catalogue} differs. To add its galaxies to the run: "
            f"harvester extend {places.out} {catalogue}. {_remedy(places)}"
        )
        raise InputError(msg)


def check_same_settings(settings: Settings, places: Places) -> None:
    """Refuse settings that would change the stamps of a run.

    Raises
    ------
    InputError
        A setting differs; the message says which.
    """
    with LedgerView.open(places.ledger) as view:
        before = json.loads(view.facts()["settings"])
    differing = [
        f"{name} was {before.get(name)!r} and is now {value!r}"
        for name, value in settings.identity().items()
        if before.get(name) != value
    ]
    if differing:
        adds = f"To add surveys or bands: harvester extend {places.out} --survey ... "
        msg = (
            "this run was started with other settings: "
            f"{'; '.join(differing)}. "
            f"{adds if differing[0].startswith('surveys ') else ''}{_remedy(places)}"
        )
        raise InputError(msg)


def _remedy(places: Places) -> str:
    return (
        "Choose another folder with --out, or continue the run as it was started: "
        f"harvester resume {places.out}"
    )


def taken_catalogues(facts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Give ``path``, ``sha256`` and ``added`` of the catalogues of a run that grew."""
    found: list[dict[str, Any]] = json.loads(facts.get(TAKEN, "[]"))
    return found


def catalogue_sha256(path: Path) -> str:
    """Give the hash of a catalogue file, by which a run knows it.

    Raises
    ------
    InputError
        It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        msg = f"catalogue {path} cannot be read: {error.strerror}."
        raise InputError(msg) from error
