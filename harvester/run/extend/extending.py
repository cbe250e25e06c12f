"""The work of ``harvester extend``, and of a harvest that takes new rows by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ...errors import InputError
from ...events import Note
from ...ledger.file import need_ledger, owned
from ...ledger.view import LedgerView
from ...settings.options import to_settings
from ...settings.settings import load_run_settings
from ..begin import scratch_folder
from ..memory import release_free_memory
from ..same_run import catalogue_sha256, taken_catalogues
from .apply import extend_run
from .finishing import finish_interrupted_extension
from .planned import Addition, planned_extension

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...events import Event, Listener
    from ...places import Places
    from ...settings.settings import Settings

__all__ = ["addition_of", "extend_stopped", "is_taken", "take_catalogue"]


def addition_of(catalogue: Path | None, flags: dict[str, Any]) -> Addition:
    """Read what is to be added from the options of the command.

    Raises
    ------
    InputError
        Nothing is to be added, or there is no such catalogue.
    """
    given = to_settings(flags)
    reading, surveys = given.get("catalogue", {}), given.get("surveys", [])
    if catalogue is None and not surveys:
        msg = "nothing is to be added: give a CATALOGUE, or --survey"
        raise InputError(msg)
    if catalogue is None and reading:
        msg = f"--{next(iter(reading))} is for reading a CATALOGUE, and none is given"
        raise InputError(msg)
    if catalogue is not None and not catalogue.exists():
        msg = f"there is no catalogue at {catalogue}"
        raise InputError(msg)
    return Addition(catalogue, surveys, reading, flags["removed"], flags["add_near"])


def extend_stopped(
    places: Places,
    addition: Addition,
    *,
    say: Callable[[str], object],
    dry_run: bool,
) -> dict[str, Any]:
    """Extend a run that no harvest works on; give what was understood and done.

    Parameters
    ----------
    say
        Gets each sentence before anything is changed.

    Raises
    ------
    InputError
        It is doubtful what is to be added.
    LockedError
        A harvest works on the run.
    """
    need_ledger(places.ledger)
    catalogue = addition.catalogue
    if catalogue and addition.removed == "keep" and is_taken(places, catalogue):
        say(f"{catalogue}: the run has all of it already.")
        addition = replace(addition, catalogue=None)
    if dry_run:
        settings = load_run_settings(places)
        with (
            TemporaryDirectory(prefix="harvester-") as scratch,
            planned_extension(
                settings, places, addition, Path(scratch), _to(say)
            ) as found,
        ):
            for sentence in found.words():
                say(sentence)
            return _told(places, found.to_json(), dry_run=True)
    finish_interrupted_extension(places)
    with owned(places.lock):
        settings = load_run_settings(places)
        return _told(places, _extend(settings, places, addition, say), dry_run=False)


def is_taken(places: Places, catalogue: Path) -> bool:
    """Tell whether a run was begun with a file of this content, or has taken it.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    with LedgerView.open(places.ledger) as view:
        facts = view.facts()
    known = {one["sha256"] for one in taken_catalogues(facts)}
    return catalogue_sha256(catalogue) in known | {facts["catalogue sha256"]}


def _told(places: Places, found: dict[str, Any], *, dry_run: bool) -> dict[str, Any]:
    return {"out": str(places.out), "dry_run": dry_run, **found}


def take_catalogue(
    settings: Settings,
    places: Places,
    catalogue: Path,
    listener: Listener,
    *,
    becomes: bool,
) -> dict[str, Any]:
    """Add the new galaxies of a file to a run; only its owner may call this.

    ``becomes``: whether it is the catalogue of the run from then on, if it has all of
    its galaxies.

    Raises
    ------
    InputError
        The file cannot be used, or something is doubtful.
    """

    def say(sentence: str) -> None:
        listener(Note(sentence))

    return _extend(settings, places, Addition(catalogue, becomes=becomes), say)


def _extend(
    settings: Settings, places: Places, addition: Addition, say: Callable[[str], object]
) -> dict[str, Any]:
    with (
        scratch_folder(places) as scratch,
        planned_extension(settings, places, addition, scratch, _to(say)) as found,
    ):
        for sentence in found.words():
            say(sentence)
        if found.changes_run or found.grown:
            extend_run(found, places)
        told = found.to_json()
    release_free_memory()
    return told


def _to(say: Callable[[str], object]) -> Listener:
    def listen(event: Event) -> None:
        if isinstance(event, Note):
            say(event.text)

    return listen
