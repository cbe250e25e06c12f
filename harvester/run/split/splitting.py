"""The work of ``harvester split``: the parts appear together, or not at all."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...dataset.stamps import atomic_write
from ...errors import InputError, LocalError
from ...events import Note, counted
from ...ledger.file import check_file, need_ledger, owned
from ...ledger.part_mark import PART
from ...ledger.upgrade import upgrade_ledger
from ...ledger.view import LedgerView
from ...places import Places
from ...settings.options import to_settings
from ...settings.settings import kept_settings, load_settings
from ..begin import begin, write_settings
from ..extend.finishing import finish_interrupted_extension
from .cutting import cut_run
from .parts import part_name, write_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ...events import Event
    from ...settings.settings import Settings
    from .cutting import By

    Say = Callable[[str], object]

__all__ = ["split_catalogue", "split_run", "words"]

#: The file that tells users what is where.
_CONTENTS = "split.json"


def split_run(
    source: Places, out: Path, parts: int, by: By, say: Say
) -> dict[str, Any]:
    """Split a run on which no harvest works; give what ``split.json`` tells.

    Raises
    ------
    InputError
        It cannot be split so; nothing was written.
    LockedError
        A harvest works on it.
    """
    need_ledger(source.ledger)
    finish_interrupted_extension(source)
    with owned(source.lock):
        check_file(source.ledger)
        upgrade_ledger(source.ledger)
        _refuse_part(source)
        with _new_folder(out) as folder:
            return _split(source, kept_settings(source), (folder, out), parts, by, say)


def split_catalogue(
    catalogue: Path,
    out: Path,
    parts: int,
    config: Path | None,
    flags: dict[str, Any],
    say: Say,
) -> dict[str, Any]:
    """Split a catalogue by the sky; give what ``split.json`` tells.

    What was understood of the catalogue is said. No archive is asked, unless the
    catalogue has no positions.

    Raises
    ------
    InputError
        The catalogue or the settings cannot be used.
    """

    def listener(event: Event) -> None:
        if isinstance(event, Note):
            # Each part has the rejected rows; the folder of the whole is temporary.
            say(event.text.replace(str(whole.out), str(out / part_name(0))))

    given = to_settings(flags)
    columns = {**given.get("catalogue", {}), "path": str(catalogue.absolute())}
    settings = load_settings(config, **{**given, "catalogue": columns})
    with _new_folder(out) as folder:
        whole = Places(folder / "whole")
        whole.out.mkdir()
        write_settings(settings, whole)
        begin(settings, whole, listener)
        told = _split(whole, settings, (folder, out), parts, "healpix", say)
        shutil.rmtree(whole.out)
    return told


def _refuse_part(source: Places) -> None:
    with LedgerView.open(source.ledger) as view:
        is_part = PART in view.facts()
    if is_part:
        msg = (
            f"{source.out} is a part of a run that was split already: merge the parts "
            "first, or split the run that they are of"
        )
        raise InputError(msg)


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """Give a folder that is renamed to ``out`` after the block; else it is removed."""
    if out.exists() or out.is_symlink():
        msg = f"{out} exists already: choose another folder for the parts"
        raise InputError(msg)
    new = out.absolute().with_name(f"{out.name}.part")
    try:
        # A killed split may have left one.
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        yield new
        new.rename(out)
    except OSError as error:
        msg = f"{out} cannot be written: {error.strerror}. Is the disk full?"
        raise LocalError(msg) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _split(
    whole: Places,
    settings: Settings,
    folders: tuple[Path, Path],
    parts: int,
    by: By,
    say: Say,
) -> dict[str, Any]:
    folder, out = folders
    cut = cut_run(whole.ledger, settings, parts, by)
    for note in cut.notes:
        say(note)
    write_parts(whole, cut.split, folder)
    told = {
        "split": cut.split.name,
        "source": _source(whole, settings, by),
        "parts": [
            {"folder": part_name(number), **one} for number, one in enumerate(cut.held)
        ],
    }
    with atomic_write(folder / _CONTENTS) as new:
        new.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return {"out": str(out), **told}


def _source(whole: Places, settings: Settings, by: By) -> dict[str, Any]:
    with LedgerView.open(whole.ledger) as view:
        facts, galaxies = view.facts(), view.count("target")
    return {
        "catalogue": facts["catalogue"],
        "catalogue_sha256": facts["catalogue sha256"],
        "settings": settings.identity(),
        "galaxies": galaxies,
        "by": by,
    }


def words(told: dict[str, Any]) -> Iterator[str]:
    """Say what was made, and how it is harvested."""
    out, parts = told["out"], told["parts"]
    galaxies = [part["galaxies"] for part in parts]
    yield (
        f"{out}: {counted(len(parts), 'part')} of {min(galaxies):,} to "
        f"{max(galaxies):,} galaxies."
    )
    yield f"Harvest each of them:    harvester resume {out}/{part_name(0)}"
    yield (
        "In a job array of SLURM: "
        f' harvester resume "$(printf \'{out}/part-%04d\' "$SLURM_ARRAY_TASK_ID")"'
    )
    yield f"Then make one run again: harvester merge {out} --out RUN"
