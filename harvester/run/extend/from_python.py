"""``harvester.extend``: add to a run from Python."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, get_args

from ...errors import InputError
from ...places import Places
from ...status.console import print_line
from ..given_catalogue import write_table
from .extending import addition_of, extend_stopped
from .extension import Removed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Pathlike = str | os.PathLike[str]

__all__ = ["extend"]


def extend(
    out: Pathlike,
    catalogue: object = None,
    /,
    *,
    surveys: Sequence[str] | None = None,
    removed: Removed = "keep",
    add_near: bool = False,
    reading: Mapping[str, Any] | None = None,
    dry_run: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Add galaxies, surveys or bands to a run; `resume` then harvests what is new.

    >>> more = {"OBJID": [587732591714893851], "RA": [150.1], "DEC": [2.2]}
    >>> harvester.extend("zoo", more, dry_run=True, progress=False)["added"]
    1

    Parameters
    ----------
    out
        The folder of the run. No harvest may be at work on it.
    catalogue
        As for `run`: a file or a table. It may have all galaxies of the run or only
        new ones. A table adds what is new, and the run keeps its own catalogue.
    surveys
        Such as ``"hst:WFC3/IR:F160W"``; bands are added to those of the run.
    removed
        What becomes of galaxies that a file of all galaxies lacks: ``"keep"``, or
        ``"drop"``, which removes them with their stamps.
    add_near
        Whether new identifiers at positions of the run are added, even if most are.
    reading
        How the catalogue is read, such as ``{"id": "objid"}``; otherwise as the run's.
    dry_run
        Whether only to tell.
    progress
        Whether to print what was understood.

    Returns
    -------
    dict
        What ``harvester extend --json`` prints: ``added``, ``dropped``,
        ``added_bands``, ``catalogue``, ``words``.

    Raises
    ------
    InputError
        Nothing is to be added, or it is doubtful what.
    LockedError
        A harvest works on the run.
    """
    if removed not in get_args(Removed):
        msg = f"removed is 'keep' or 'drop', and not {removed!r}"
        raise InputError(msg)
    listed = [surveys] if isinstance(surveys, str) else surveys
    flags = {f"catalogue__{name}": value for name, value in (reading or {}).items()}
    flags |= {"surveys": listed, "removed": removed, "add_near": add_near}
    with _as_file(catalogue) as path:
        addition = addition_of(path, flags)
        if path is not None and not isinstance(catalogue, str | os.PathLike):
            addition = replace(addition, becomes=False)
        say = print_line if progress else _say_nothing
        return extend_stopped(Places(Path(out)), addition, say=say, dry_run=dry_run)


def _say_nothing(_sentence: str) -> None:
    """Print nothing."""


@contextmanager
def _as_file(catalogue: object) -> Iterator[Path | None]:
    """Give the path of a catalogue; a table is in a file while the block runs."""
    if catalogue is None:
        yield None
    elif isinstance(catalogue, str | os.PathLike):
        yield Path(catalogue)
    else:
        with TemporaryDirectory(prefix="harvester-") as folder:
            path = Path(folder) / "given-catalogue.parquet"
            write_table(catalogue, path)
            yield path
