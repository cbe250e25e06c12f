"""Reads the catalogue of a new run, and creates its ledger, labels and rejects.

Only the process that does it imports this module: Arrow, and astropy for most formats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..archives.registry import identifiers
from ..catalogue.reader import open_catalogue
from ..dataset.manifest import write_labels
from ..dataset.rejects import write_rejects
from ..errors import LocalError
from ..events import Note, counted
from ..ledger.file import create_ledger
from .same_run import ID_COLUMN

if TYPE_CHECKING:
    from pathlib import Path

    from ..catalogue.id_lists import LookUp
    from ..catalogue.reader import Catalogue
    from ..events import Listener
    from ..places import Places
    from .new_run import NewRun

__all__ = ["create_run"]


def create_run(
    new: NewRun, places: Places, listener: Listener, look_up: LookUp
) -> None:
    """Read the catalogue and create the run; the ledger appears complete or not at all.

    Temporary files stay in ``places.scratch``. ``look_up`` gives the positions of
    identifiers; it is called for a catalogue that has no positions.

    Raises
    ------
    InputError
        The catalogue cannot be read.
    LocalError
        The output folder cannot be written.
    HarvesterError
        As ``look_up`` raises them.
    """
    with open_catalogue(
        new.catalogue,
        new.options,
        schemes=identifiers(),
        scratch=_make_folder(places.scratch),
        look_up=look_up,
    ) as catalogue:
        for note in catalogue.notes:
            listener(Note(note))
        if catalogue.rejects:
            listener(Note(_rejected(len(catalogue.rejects), places)))
        _create(new, places, catalogue)


def _rejected(count: int, places: Places) -> str:
    rows = counted(count, "row")
    return f"{rows} of the catalogue rejected; the reasons are in {places.rejects}"


def _make_folder(scratch: Path) -> Path:
    try:
        scratch.mkdir()
    except OSError as error:
        msg = f"folder {scratch} cannot be created: {error.strerror}."
        raise LocalError(msg) from error
    return scratch


def _create(new: NewRun, places: Places, catalogue: Catalogue) -> None:
    rejects = [(r.line, r.id, r.reason) for r in catalogue.rejects]
    write_labels(places.labels, catalogue.labels())
    write_rejects(places, rejects)
    create_ledger(
        places.ledger,
        targets=catalogue.targets(),
        rejects=rejects,
        surveys=new.surveys,
        facts={
            **new.facts,
            "catalogue sha256": catalogue.sha256,
            ID_COLUMN: catalogue.understanding.id,
        },
    )
