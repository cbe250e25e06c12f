"""Puts the stamps of one run into the folder of another, and checks their bytes.

A stamp is never changed, only replaced by another file. So two folders of one file
system may have it by a hard link, which takes no room and no time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import LocalError
from ..events import counted
from .on_all_cores import on_all_cores

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["UnfitStamp", "share_file", "share_stamps", "unfit_words"]

#: Stamps in one batch, and batches that are worth no other process.
_BATCH, _ALONE = 256, 8

#: Stamps named in a message.
_SHOWN = 3


class UnfitStamp(NamedTuple):
    """A stamp that is not as the ledger says: it is missing, or its bytes differ."""

    file_loc: str
    problem: str


class _Batch(NamedTuple):
    """Stamps, each its path in the run and its hash, and the folders of two runs."""

    source: str
    target: str
    stamps: Sequence[tuple[str, str]]


def share_stamps(
    source: Path, target: Path, stamps: Iterable[tuple[str, str]]
) -> list[UnfitStamp]:
    """Put stamps of the run ``source`` into the folder ``target``; give the unfit ones.

    What is there already with the right bytes stays, so that it can be done again after
    a kill. All of it is on disk afterwards.

    Parameters
    ----------
    stamps
        Path in the run and SHA-256 of each.

    Raises
    ------
    LocalError
        A file cannot be written, or a worker process was killed.
    """
    rest = iter(stamps)
    batches = iter(lambda: list(islice(rest, _BATCH)), [])
    work = (_Batch(str(source), str(target), some) for some in batches)
    few = [(one, _share(one)) for one in islice(work, _ALONE)]
    unfit = [
        one for _, found in chain(few, on_all_cores(_share, work)) for one in found
    ]
    _flush_folders(target / "cutouts")
    return unfit


def unfit_words(unfit: Sequence[UnfitStamp], out: Path) -> str:
    """Say which stamps of a run are unfit."""
    count = counted(len(unfit), "stamp")
    named = ", ".join(f"{one.file_loc} ({one.problem})" for one in unfit[:_SHOWN])
    verb = "is" if len(unfit) == 1 else "are"
    return f"{count} of {out} {verb} not as its ledger says: {named}"


def share_file(source: Path, target: Path) -> None:
    """Link a file to another path, or copy it to another file system.

    Raises
    ------
    LocalError
        The target cannot be written.
    """
    new = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        _link_or_copy(str(source), str(new))
        new.rename(target)
    except OSError as error:
        msg = f"{target} cannot be written: {error.strerror}. Is the disk full?"
        raise LocalError(msg) from error


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or one without links
        with open(source, "rb") as old, open(target, "wb") as new:  # noqa: PTH123 - a million files
            shutil.copyfileobj(old, new)
            new.flush()
            os.fsync(new.fileno())


def _flush_folders(cutouts: Path) -> None:
    for folder, _, _ in os.walk(cutouts):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# -- in a worker process -------------------------------------------------------------


def _share(batch: _Batch) -> list[UnfitStamp]:
    found = (_share_one(batch, *stamp) for stamp in batch.stamps)
    return [one for one in found if one is not None]


def _share_one(batch: _Batch, file_loc: str, sha256: str) -> UnfitStamp | None:
    source, target = f"{batch.source}/{file_loc}", f"{batch.target}/{file_loc}"
    if _hash(target) == sha256:
        return None
    found = _hash(source)
    if found != sha256:
        return UnfitStamp(file_loc, "changed" if found else "missing")
    share_file(Path(source), Path(target))
    # A copy may have failed in silence; a link is the same file.
    is_right = Path(source).samefile(target) or _hash(target) == sha256
    return None if is_right else UnfitStamp(file_loc, "copied wrongly")


def _hash(path: str) -> str:
    """Give the hash of a file; empty if it cannot be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a million files
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
