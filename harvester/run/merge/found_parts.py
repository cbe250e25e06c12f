"""Finds the parts that are to be merged, and refuses what does not fit together."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from ...errors import InputError, LockedError
from ...ledger.file import need_ledger, owned, owner_of
from ...ledger.part_mark import WORKED, PartMark
from ...ledger.part_state import PartState, read_part
from ...ledger.view import LedgerView
from ...places import Places
from ...status.running import Life, read_running
from ..extend.finishing import finish_interrupted_extension

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = ["FoundPart", "find_parts"]

#: Numbers of parts named in a message.
_SHOWN = 10


class FoundPart(NamedTuple):
    """A part that is there and on which no harvest works."""

    places: Places
    mark: PartMark
    known: PartState


def find_parts(folders: Sequence[Path]) -> list[FoundPart]:
    """Give all parts of one split, in their order.

    Parameters
    ----------
    folders
        Those of parts, or that of a split, which has all its parts.

    Raises
    ------
    InputError
        A part is missing, given twice, of another split, or was made otherwise than
        the others.
    LockedError
        A harvest works on a part.
    """
    found = [_read(Places(folder)) for folder in _expanded(folders)]
    if not found:
        msg = f"there are no parts in {', '.join(map(str, folders))}"
        raise InputError(msg)
    found.sort(key=lambda one: one.mark.number)
    _check_whole(found)
    for one in found[1:]:
        _check_alike(found[0], one)
    _check_versions(found)
    return found


def _expanded(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        if (folder / "split.json").exists():
            yield from sorted(folder.glob("part-*"))
        else:
            yield folder


def _read(places: Places) -> FoundPart:
    need_ledger(places.ledger)
    _refuse_working(places)
    finish_interrupted_extension(places)
    with owned(places.lock):
        known = read_part(places.ledger)
    mark = PartMark.of(known.facts)
    if mark is None:
        msg = (
            f"{places.out} is no part of a split run: it was not made by `harvester "
            "split`. Name the folder of the split, or the folders of all its parts"
        )
        raise InputError(msg)
    if (known.targets, known.targets_sha256) != (mark.targets, mark.targets_sha256):
        msg = (
            f"{places.out} has other galaxies than when the run was split. Add "
            "galaxies to the merged run, and harvest this part again as it was split"
        )
        raise InputError(msg)
    return FoundPart(places, mark, known)


def _refuse_working(places: Places) -> None:
    """Refuse a part on which a harvest works, on another machine, too."""
    with LedgerView.open(places.ledger) as view:
        facts = view.facts()
    now = time.time()
    running = read_running(facts, owner_of(places.lock), now)
    if running and running.life is not Life.DEAD:
        msg = f"{places.out}: {running.words(now)}. Wait for it or stop it"
        raise LockedError(msg)


def _check_whole(found: Sequence[FoundPart]) -> None:
    first = found[0]
    for one in found:
        if one.mark.split != first.mark.split:
            msg = (
                f"{one.places.out} and {first.places.out} are parts of different "
                "splits: name the parts of one"
            )
            raise InputError(msg)
    for one, other in pairwise(found):
        if one.mark.number == other.mark.number:
            msg = (
                f"part {one.mark.number} is given twice: {one.places.out} and "
                f"{other.places.out}. Leave one of them out"
            )
            raise InputError(msg)
    numbers = {one.mark.number for one in found}
    missing = [str(n) for n in range(first.mark.parts) if n not in numbers]
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        msg = (
            f"of {first.mark.parts} parts these are missing: "
            f"{', '.join(missing[:_SHOWN])}{more}. Name their folders, too; parts that "
            "are not finished may be merged as they are"
        )
        raise InputError(msg)


def _check_alike(first: FoundPart, other: FoundPart) -> None:
    names = ("catalogue sha256", "settings", "made by")
    before, now = first.known.facts, other.known.facts
    for name in names:
        if before.get(name) != now.get(name):
            msg = (
                f"{first.places.out} and {other.places.out} were made otherwise: "
                f"{_difference(name, before.get(name, ''), now.get(name, ''))}. "
                "Harvest the parts again as they were split"
            )
            raise InputError(msg)


def _difference(name: str, one: str, other: str) -> str:
    if name != "settings":
        return f"{name} {one!r}, and {other!r}"
    before, now = json.loads(one), json.loads(other)
    return "; ".join(
        f"{key} {before.get(key)!r}, and {now.get(key)!r}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    )


def _check_versions(found: Sequence[FoundPart]) -> None:
    """Refuse parts on which different versions of the harvester have worked."""
    worked: dict[str, Places] = {}
    for one in found:
        for key in one.known.facts:
            if key.startswith(WORKED):
                worked.setdefault(key.removeprefix(WORKED), one.places)
    if len(worked) > 1:
        listed = ", ".join(f"{version} on {p.out}" for version, p in worked.items())
        msg = (
            f"different versions of the harvester worked on the parts: {listed}. "
            "Stamps may differ: split again, and harvest all parts with one version"
        )
        raise InputError(msg)
