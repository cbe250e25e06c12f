"""The start of a run: a process of its own reads the catalogue.

It takes the memory of a long catalogue with it when it ends. Meanwhile this process can
import what a harvest needs. Archives are only asked from here: if a catalogue has no
positions, the other process asks this one to look them up.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import parent_process
from typing import TYPE_CHECKING, Any

from ..cutouts.warm_up import warm_up
from ..dataset.stamps import atomic_write
from ..errors import HarvesterError, LocalError
from ..importing import IMPORTING
from .new_run import NewRun

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

    from ..catalogue.id_lists import LookUp
    from ..events import Listener
    from ..places import Places
    from ..settings.settings import Settings

__all__ = ["begin", "remove_scratch", "scratch_folder", "write_settings"]


@dataclass(frozen=True, slots=True)
class _Unplaced:
    """A question of the process that reads: the positions of identifiers."""

    archive: str
    ids: Sequence[str]


def begin(settings: Settings, places: Places, listener: Listener) -> None:
    """Read the catalogue and create the run; the ledger appears complete or not at all.

    Raises
    ------
    InputError
        The catalogue cannot be read.
    LocalError
        The output folder cannot be written, or the process that reads was killed.
    TransientError
        It has no positions, and the archive cannot be asked for them now.
    """

    def look_up(archive: str, ids: Sequence[str]) -> Mapping[str, tuple[float, float]]:
        with IMPORTING:
            from .identifier_positions import positions_of
        return positions_of(settings, listener)(archive, ids)

    try:
        with _reader(NewRun.of(settings), places) as reader:
            _follow(reader, listener, look_up)
    except (EOFError, ConnectionError) as error:
        msg = (
            "the process that reads the catalogue was killed, perhaps because memory "
            "ran out. Run the command again"
        )
        raise LocalError(msg) from error
    finally:
        remove_scratch(places)


@contextmanager
def _reader(new: NewRun, places: Places) -> Iterator[Connection[Any, Any]]:
    """Start the process that reads; it is killed at the end of the block."""
    context = warm_up()
    ours, its = context.Pipe()
    process = context.Process(target=_read, args=(new, places, its))
    with ours:
        with its:
            process.start()
        try:
            yield ours
        finally:
            process.kill()
            process.join()


def _follow(reader: Connection[Any, Any], listener: Listener, look_up: LookUp) -> None:
    """Pass on what the process that reads tells, until it is through."""
    while (told := reader.recv()) is not None:
        match told:
            case Exception():
                raise told
            case _Unplaced(archive, ids):
                reader.send(_positions(look_up, archive, ids))
            case event:
                listener(event)


def _positions(
    look_up: LookUp, archive: str, ids: Sequence[str]
) -> Mapping[str, tuple[float, float]] | HarvesterError:
    try:
        return look_up(archive, ids)
    except HarvesterError as error:
        return error


# -- in the process that reads -------------------------------------------------------


def _read(new: NewRun, places: Places, parent: Connection[Any, Any]) -> None:
    # The parent decides what a signal to all processes of a terminal means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with IMPORTING:
        from .create_run import create_run

    def look_up(archive: str, ids: Sequence[str]) -> Mapping[str, tuple[float, float]]:
        parent.send(_Unplaced(archive, ids))
        answer = parent.recv()
        if isinstance(answer, HarvesterError):
            raise answer
        found: Mapping[str, tuple[float, float]] = answer
        return found

    try:
        create_run(new, places, parent.send, look_up)
    except HarvesterError as error:
        parent.send(error)
    except Exception:  # noqa: BLE001 - the parent raises it
        parent.send(RuntimeError(f"reading the catalogue: {traceback.format_exc()}"))
    else:
        parent.send(None)


def _end_with_parent() -> None:
    # An orphan could create the ledger while another command owns the folder.
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


# -- the files of a run ----------------------------------------------------------------


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


def write_settings(settings: Settings, places: Places) -> None:
    """Write the settings in effect into the folder of the run."""
    with atomic_write(places.settings) as new:
        new.write_text(settings.to_toml(), encoding="utf-8")
