"""The gallery of a run: a web page, its pictures and records, and contact sheets.

::

    OUT/gallery.html                                the page; it opens from disk
    OUT/gallery/chunks/0000/000012.{jpg,js}         pictures and records of 16 galaxies
    OUT/gallery/columns/*.js                        what the page filters by
    OUT/gallery/sheets/LABEL/CLASS-001.png          contact sheets
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from ...errors import InputError
from .drawing import chunk_count, draw_chunks
from .filters import count_stamps, write_filters
from .galaxies import GalaxyTable
from .page import write_page
from .sheets import SheetPlan, write_sheets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["GallerySummary", "write_gallery"]

#: The most classes that the user may have contact sheets of.
_MOST_CLASSES = 100


@dataclass(slots=True)
class GallerySummary:
    """What was written."""

    page: Path
    galaxies: int
    #: Chunks that were drawn, and those that were up to date.
    drawn: int = 0
    kept: int = 0
    #: Bytes of all files.
    size: int = 0
    sheets: list[Path] = field(default_factory=list)
    #: The label whose classes have sheets; empty if there is none with classes.
    sheet_label: str = ""
    #: Pages of sheets that were left out.
    more_sheets: int = 0


def write_gallery(
    out: Path,
    *,
    by: str = "",
    pages: int = 1,
    processes: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> GallerySummary:
    """Write the gallery of a run; only what has changed is drawn.

    Parameters
    ----------
    out
        The output folder of a run.
    by
        The label whose classes get contact sheets; empty: one that is chosen.
    pages
        The most contact sheets of a class; 0: none.
    processes
        That draw; 0: as many as cores.
    progress
        Gets the chunks done, and all of them.

    Raises
    ------
    InputError
        There is no manifest, the file is not a manifest, or no label ``by``, or that
        has too many classes for contact sheets.
    LocalError
        The files cannot be written.
    """
    table = GalaxyTable(out)
    if by:
        _check_label(table, by)
    summary = GallerySummary(out / "gallery.html", len(table))
    _draw(table, summary, processes, progress)
    labels, words, size = write_filters(table)
    summary.size += size
    summary.size += write_page(table, labels, words, count_stamps(table))
    if pages:
        _write_sheets(table, SheetPlan.choose(labels, by, pages), summary)
    return summary


def _check_label(table: GalaxyTable, name: str) -> None:
    if name not in table.labels:
        known = ", ".join(table.labels)
        msg = f"there is no label {name!r} in {table.out}: it has {known}"
        raise InputError(msg)
    classes = pc.count_distinct(table.label(name)).as_py()
    if classes > _MOST_CLASSES:
        msg = (
            f"--by {name}: it has {classes:,} different values, and each would get a "
            f"contact sheet. Choose a label with at most {_MOST_CLASSES} classes"
        )
        raise InputError(msg)


def _draw(
    table: GalaxyTable,
    summary: GallerySummary,
    processes: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    total = chunk_count(table)
    for done, result in enumerate(draw_chunks(table, processes), start=1):
        summary.drawn += result.is_new
        summary.kept += not result.is_new
        summary.size += result.size
        if progress:
            progress(done, total)


def _write_sheets(table: GalaxyTable, plan: SheetPlan, summary: GallerySummary) -> None:
    summary.sheet_label = plan.label
    for path, size in write_sheets(table, plan):
        summary.sheets.append(path)
        summary.size += size
    summary.more_sheets = plan.left_out
