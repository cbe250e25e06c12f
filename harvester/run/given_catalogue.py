"""The catalogue given by a program: the path of a file, or a table in memory."""

from __future__ import annotations

import filecmp
import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..places import Places

__all__ = ["kept", "path_of", "write_table"]

#: Name of the file in the folder of the run that keeps a catalogue from memory.
_KEPT = "given-catalogue.parquet"


def path_of(catalogue: object, places: Places) -> Path:
    """Return the file of a catalogue; a table in memory will be written to it.

    Raises
    ------
    InputError
        The file does not exist.
    """
    if not isinstance(catalogue, str | os.PathLike):
        return places.out / _KEPT
    path = Path(catalogue)
    if not path.exists():
        known = places.ledger.exists()
        remedy = f". The run does not need it: harvester.resume({str(places.out)!r})"
        msg = f"there is no catalogue at {path}{remedy if known else ''}"
        raise InputError(msg)
    return path


@contextmanager
def kept(catalogue: object, places: Places) -> Iterator[None]:
    """Write a catalogue in memory to a file; remove it if the run is refused.

    Only the owner of the run may call this.

    Raises
    ------
    InputError
        It is not a table, or the run was started with another one.
    """
    if isinstance(catalogue, str | os.PathLike):
        yield
        return
    file = places.out / _KEPT
    is_new = not places.ledger.exists()
    was_there = file.exists() and not is_new
    _keep(catalogue, file, may_replace=is_new)
    try:
        yield
    except InputError:
        has_begun = is_new and places.cutouts.exists()
        if not (was_there or has_begun):
            file.unlink(missing_ok=True)
        raise


def write_table(catalogue: object, file: Path) -> None:
    """Write a table in memory to a Parquet file, every value as it is.

    Raises
    ------
    InputError
        It is not a table.
    """
    from pyarrow import parquet

    from ..catalogue.in_memory import to_arrow

    parquet.write_table(to_arrow(catalogue), file)


def _keep(catalogue: object, file: Path, *, may_replace: bool) -> None:
    from ..dataset.stamps import atomic_write

    if may_replace or not file.exists():
        with atomic_write(file) as new:
            write_table(catalogue, new)
        return
    with TemporaryDirectory(dir=file.parent, prefix="harvester-") as scratch:
        new = Path(scratch) / _KEPT
        write_table(catalogue, new)
        if not filecmp.cmp(new, file, shallow=False):
            msg = (
                f"this run was started with another catalogue ({file}) than the given "
                "table. Choose another folder, or continue the run as it was started: "
                f"harvester.resume({str(file.parent)!r})"
            )
            raise InputError(msg)
