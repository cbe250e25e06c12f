"""The work of ``harvester merge``: stamps first, then the ledger, then the manifest.

Nothing of it needs repair after a kill: called again, it takes up where it ended. The
ledger appears last and whole, so that no run is there before all its stamps are.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

from ...dataset.current_manifest import make_manifest
from ...dataset.shared_stamps import share_file, share_stamps, unfit_words
from ...dataset.stamps import atomic_write
from ...errors import InputError, LocalError, LockedError
from ...events import counted
from ...ledger.file import owned
from ...ledger.joining import join_ledgers
from ...ledger.part_mark import MERGED
from ...ledger.part_state import stamps_of, state_of
from ...ledger.view import LedgerView
from ...places import Places
from ...status.report import read_report, unsettled
from ...status.report_words import share_settled
from .found_parts import find_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .found_parts import FoundPart

__all__ = ["merge_parts", "words"]

#: The file that says, while parts are merged into a folder, which ones.
_MARKER = "merge.json"


def merge_parts(folders: Sequence[Path], out: Path) -> dict[str, Any]:
    """Merge the parts of a split run into one run; tell what came of it.

    Raises
    ------
    InputError
        The parts do not fit together, or ``out`` has something else.
    LockedError
        A harvest works on a part, or another command on ``out``.
    LocalError
        The disk is full or read-only.
    """
    parts = find_parts(folders)
    places = Places(out)
    merged = _merged(parts)
    _check_out(places, merged)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"folder {out} cannot be created: {error.strerror}."
        raise LocalError(msg) from error
    with owned(places.lock):
        is_new = not places.ledger.exists() or (out / _MARKER).exists()
        if is_new:
            _merge(parts, places, merged)
    report = read_report(places)
    return {
        "out": str(out),
        "parts": len(parts),
        "is_new": is_new,
        "unsettled": unsettled(report),
        "settled": share_settled(report),
    }


def _merged(parts: Sequence[FoundPart]) -> dict[str, Any]:
    """Give what is merged: which split, and a hash of how its parts stand."""
    states = "".join(one.known.state for one in parts).encode()
    mark = parts[0].mark
    state = hashlib.sha256(states).hexdigest()
    return {"split": mark.split, "parts": mark.parts, "state": state}


def _check_out(places: Places, merged: dict[str, Any]) -> None:
    """Refuse a folder that has anything but what this merge would make or has begun."""
    if places.ledger.exists():
        with LedgerView.open(places.ledger) as view:
            known = view.facts().get(MERGED)
        if known is None or json.loads(known) != merged:
            msg = (
                f"{places.out} has another run, or one that was merged when the parts "
                "stood otherwise: choose another folder with --out"
            )
            raise InputError(msg)
        return
    marker = places.out / _MARKER
    if marker.exists():
        if json.loads(marker.read_text("utf-8"))["split"] == merged["split"]:
            return
    elif not places.out.exists() or _is_empty(places):
        return
    msg = f"{places.out} has other files already: choose another folder with --out"
    raise InputError(msg)


def _is_empty(places: Places) -> bool:
    if not places.out.is_dir():
        return False
    return all(one.name == places.lock.name for one in places.out.iterdir())


def _merge(parts: Sequence[FoundPart], places: Places, merged: dict[str, Any]) -> None:
    _begin(places, merged)
    if not places.ledger.exists():
        for part in parts:
            _take_stamps(part, places)
        _take_files(parts[0], places)
        ledgers = [one.places.ledger for one in parts]
        _check_unchanged(parts)
        join_ledgers(places.ledger, ledgers, json.dumps(merged))
    make_manifest(places)
    (places.out / _MARKER).unlink()


def _begin(places: Places, merged: dict[str, Any]) -> None:
    """Say what is merged here; remove stamps of parts that stood otherwise."""
    marker = places.out / _MARKER
    if marker.exists() and json.loads(marker.read_text("utf-8")) != merged:
        shutil.rmtree(places.cutouts, ignore_errors=True)
    with atomic_write(marker) as new:
        new.write_text(json.dumps(merged), encoding="utf-8")


def _take_stamps(part: FoundPart, places: Places) -> None:
    unfit = share_stamps(part.places.out, places.out, stamps_of(part.places.ledger))
    if unfit:
        out = part.places.out
        msg = (
            f"{unfit_words(unfit, out)}. Run `harvester verify --repair {out}` and "
            f"`harvester resume {out}`, then merge again"
        )
        raise InputError(msg)


def _take_files(part: FoundPart, places: Places) -> None:
    share_file(part.places.labels, places.labels)
    share_file(part.places.rejects, places.rejects)
    # Those of the run that was split: the parts may have had a broker that is gone.
    with atomic_write(places.settings) as new:
        new.write_text(part.mark.before["settings"], encoding="utf-8")


def _check_unchanged(parts: Sequence[FoundPart]) -> None:
    for one in parts:
        if state_of(one.places.ledger) != one.known.state:
            msg = (
                f"a harvest has worked on {one.places.out} meanwhile: merge again when "
                "it has ended"
            )
            raise LockedError(msg)


def words(told: dict[str, Any]) -> Iterator[str]:
    """Say what was merged, and what can be done with it."""
    out = told["out"]
    if not told["is_new"]:
        yield f"{out} has been merged of these parts already."
    else:
        yield f"{out}: merged of {counted(told['parts'], 'part')}; {told['settled']}."
    if told["unsettled"]:
        yield f"To harvest what is left: harvester resume {out}"
    yield "Exports and galleries are made from it; those of parts are not merged."
