"""Writes the folders of the parts, each of which ``harvester resume`` harvests."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ...dataset.shared_stamps import share_file, share_stamps, unfit_words
from ...errors import InputError
from ...ledger.part_mark import PartMark
from ...ledger.parting import write_part
from ...places import Places

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["RunSplit", "part_name", "write_parts"]


class RunSplit(NamedTuple):
    """How a run is cut into parts."""

    #: Numbers of all galaxies, ascending, and the part of each.
    number: NDArray[np.int64]
    part: NDArray[np.int64]
    parts: int
    #: What decides the split, for its name: source, options.
    made_of: Mapping[str, Any]
    before: Mapping[str, Any]

    @property
    def name(self) -> str:
        """A hash of what decides the split and of which galaxies are where."""
        text = json.dumps(self.made_of, sort_keys=True).encode()
        arrays = self.number.astype("<i8").tobytes(), self.part.astype("<i8").tobytes()
        return hashlib.sha256(b"".join((text, *arrays))).hexdigest()

    def marks(self) -> Iterator[tuple[NDArray[np.int64], PartMark]]:
        """Give the numbers of the galaxies of each part, and its mark."""
        name = self.name
        for part in range(self.parts):
            own = self.number[self.part == part]
            digest = hashlib.sha256(own.astype("<i8").tobytes()).hexdigest()
            yield own, PartMark(name, part, self.parts, len(own), digest, self.before)


def part_name(number: int) -> str:
    """Give the name of the folder of a part."""
    return f"part-{number:04d}"


def write_parts(whole: Places, split: RunSplit, folder: Path) -> None:
    """Write the folder of each part into ``folder``.

    Only the owner of the run ``whole`` may call this.

    Raises
    ------
    InputError
        A stamp of the run is not as its ledger says.
    LocalError
        The disk is full or read-only.
    """
    for numbers, mark in split.marks():
        part = Places(folder / part_name(mark.number))
        part.out.mkdir()
        stamps = write_part(whole.ledger, part.ledger, numbers, mark)
        _share_stamps(whole, part, stamps)
        for file in _common_files(whole):
            share_file(file, part.out / file.relative_to(whole.out.absolute()))


def _common_files(whole: Places) -> list[Path]:
    out = whole.out.absolute()
    given = [whole.settings, whole.labels, whole.rejects]
    tables = (out / whole.tables.name).rglob("*")
    files = [out / one.name for one in given] + sorted(tables)
    return [one for one in files if one.is_file()]


def _share_stamps(whole: Places, part: Places, stamps: list[tuple[str, str]]) -> None:
    unfit = share_stamps(whole.out, part.out, stamps)
    if unfit:
        out = whole.out
        msg = f"{unfit_words(unfit, out)}. Run `harvester verify --repair {out}` first"
        raise InputError(msg)
