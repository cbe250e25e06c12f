"""``--align``: the stamps that are exported are aligned first, beside the export.

They are kept until the export is complete, so that a kill does not cost them; then they
are removed. What was chosen is checked before anything is aligned.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ...errors import InputError
from ...places import Places
from ..aligned_run.align_run import align_run, checked_options
from ..opened.galaxies import Galaxies
from .selection.axes import axes_of, chosen_axes
from .selection.distinct import distinct
from .selection.snapshot import take_snapshot
from .selection.starter import starter_rows

if TYPE_CHECKING:
    from pathlib import Path

    from ..aligned_run.align_options import AlignOptions
    from .options import ExportOptions
    from .selection.snapshot import Snapshot

__all__ = ["AlignedSource", "checked_alignment"]


def checked_alignment(
    root: Path, snapshot: Snapshot, options: ExportOptions
) -> AlignOptions | None:
    """Give how to align, with the survey's name for a band; None: not at all.

    Raises
    ------
    InputError
        There is no such band; the message has those that there are.
    """
    if options.align is None:
        return None
    try:
        return checked_options(Galaxies(root, snapshot.manifest), options.align)
    except InputError as error:
        msg = f"--align {options.align.to}: {error}; or north, or grid"
        raise InputError(msg) from error


class AlignedSource:
    """The aligned stamps of an export, in a folder beside it.

    Parameters
    ----------
    final
        The folder of the export.
    """

    def __init__(self, final: Path) -> None:
        self.root = final.with_name(f"{final.name}.aligned")

    def make(
        self,
        root: Path,
        snapshot: Snapshot,
        options: ExportOptions,
        *,
        quiet: bool,
    ) -> tuple[Snapshot, tuple[str, ...]]:
        """Align the stamps that are exported; give their manifest, and notes.

        Raises
        ------
        InputError
            An option is wrong, or reproject is not installed.
        LocalError
            A stamp cannot be read or written.
        """
        assert options.align is not None
        data = Galaxies(root, _rows(snapshot, options))
        found = align_run(
            data,
            self.root,
            options.align,
            source_sha256=snapshot.sha256,
            dates=snapshot.dates,
            only=_wanted(snapshot, options.starter),
            replace=True,
            quiet=quiet,
        )
        return take_snapshot(Places(self.root)), tuple(found.notes())

    def remove(self) -> None:
        """Remove the aligned stamps: the export has them."""
        shutil.rmtree(self.root, ignore_errors=True)


def _rows(snapshot: Snapshot, options: ExportOptions) -> pa.Table:
    """Give the rows of the bands to export, and of the band to align to."""
    to = options.align.to if options.align else ""
    axes = chosen_axes(axes_of(snapshot.manifest), options.bands)
    names = [f"{axis.survey}:{axis.band}" for axis in axes]
    table = snapshot.manifest
    of_row = pc.binary_join_element_wise(table["survey"], table["band"], ":")
    return table.filter(pc.is_in(of_row, pa.array([*names, to])))


def _wanted(snapshot: Snapshot, starter: int | None) -> frozenset[int] | None:
    """Give the targets of a small edition."""
    if starter is None:
        return None
    table = snapshot.manifest
    first = table.group_by("target", use_threads=False).aggregate([("id_str", "first")])
    names = list(distinct(first["id_str_first"].to_pylist()))
    chosen = set(starter_rows(names, starter).tolist())
    targets = first["target"].to_pylist()
    return frozenset(target for place, target in enumerate(targets) if place in chosen)
