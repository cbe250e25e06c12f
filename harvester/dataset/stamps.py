"""The data set on disk: the paths of stamps, and how files are written.

::

    OUT/cutouts/<archive>/<band>/<prefix>/<stem>.fits
    OUT/manifest.parquet, OUT/manifest.csv, OUT/labels.parquet
    OUT/harvest.toml, OUT/ledger.sqlite
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ..errors import LocalError
from ..ledger.file import durable_rename

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..models import Product, Survey, Target

__all__ = [
    "atomic_write",
    "file_loc",
    "remove_parts",
]

#: Most stamps in one folder; larger folders are slow to list.
_PER_FOLDER = 1000


def file_loc(survey: Survey, target: Target, product: Product, rank: int) -> str:
    """Give the path of a stamp relative to the output folder.

    ``rank`` numbers the stamps of a target in a band, from 0. It is above 0 only if the
    user asks for all observations; then it is part of the name.
    """
    prefix = f"{target.number // _PER_FOLDER:04d}"
    more = f"@{rank}" if rank else ""
    name = f"{target.stem}{more}.fits"
    return f"cutouts/{survey.archive}/{product.band}/{prefix}/{name}"


def remove_parts(out: Path) -> None:
    """Remove the partial stamps that a killed process has left.

    A partial stamp is overwritten only if its galaxy is cut again, so it could stay for
    ever. Call this only while holding the lock of the run. It takes a second for a
    million stamps.
    """
    for part in _parts(str(out / "cutouts")):
        # `harvester verify` reports files that cannot be removed.
        with suppress(OSError):
            os.unlink(part)  # noqa: PTH108 - it is a str


def _parts(folder: str) -> Iterator[str]:
    # Do not follow links: they may lead outside the output folder.
    if os.path.islink(folder):  # noqa: PTH114 - there may be thousands
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".fits.part"):
                yield entry.path
            elif not entry.name.endswith(".fits"):
                yield from _parts(entry.path)


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; rename it to ``path`` after the block.

    If the block raises, ``path`` keeps its old content.

    Raises
    ------
    LocalError
        The file cannot be written.
    """
    new = path.with_name(path.name + ".part")
    try:
        # Remove an existing link first, so that the writer does not follow it.
        new.unlink(missing_ok=True)
        new.touch(exist_ok=False)
        yield new
        durable_rename(new, path)
    except OSError as error:
        msg = (
            f"{path} cannot be written: {error.strerror}. Check the free space and the "
            "permissions of its folder"
        )
        raise LocalError(msg) from error
    finally:
        # In a read-only folder the temporary file cannot be removed either.
        with suppress(OSError):
            new.unlink()
