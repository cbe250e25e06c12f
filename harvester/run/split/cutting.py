"""Cuts the galaxies of a run into parts: by the frames they share, or by the sky."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from ...dataset.export.selection.healpix import healpix_29
from ...errors import InputError
from ...events import counted
from ...ledger.file import open_to_read
from ...ledger.frame_needs import count_unlocated, read_needs, read_positions
from ...ledger.parting import known_before
from .dealing import deal
from .frame_groups import FramePairs, group_by_frames
from .parts import RunSplit
from .sky_groups import count_near, group_by_sky, largest_diagonal_deg

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ...ledger.frame_needs import RunPositions
    from ...settings.settings import Settings

    By = Literal["frames", "healpix"]

__all__ = ["CutRun", "cut_run"]


class CutRun(NamedTuple):
    """A run that is cut into parts."""

    split: RunSplit
    #: What each part holds, as in ``split.json``.
    held: list[dict[str, Any]]
    #: What a user should know of the cut.
    notes: list[str]


def cut_run(ledger: Path, settings: Settings, parts: int, by: By) -> CutRun:
    """Cut a run into parts, the same ones each time.

    Parameters
    ----------
    by
        ``frames``: no frame is needed by two parts. ``healpix``: parts are apart on the
        sky as far as there are gaps.

    Raises
    ------
    InputError
        There are not so many groups of galaxies that may be apart, or the frames are
        not known yet.
    """
    with closing(open_to_read(ledger)) as db:
        positions = read_positions(db)
        made_of = {
            "by": by,
            "parts": parts,
            **_identity(dict(db.execute("SELECT key, value FROM run").fetchall())),
        }
        before = {**known_before(db), "settings": settings.to_toml()}
        cut = _by_frames if by == "frames" else _by_sky
        part, held, notes = cut(db, positions, settings, parts)
    split = RunSplit(positions.number, part, parts, made_of, before)
    return CutRun(split, held, notes)


def _identity(facts: Mapping[str, str]) -> dict[str, str]:
    names = ("catalogue sha256", "settings sha256")
    return {name: facts[name] for name in names}


def _by_frames(
    db: sqlite3.Connection, positions: RunPositions, settings: Settings, parts: int
) -> tuple[NDArray[np.int64], list[dict[str, Any]], list[str]]:
    if count := count_unlocated(db):
        msg = (
            f"the images of {counted(count, 'galaxy', 'galaxies')} are not known yet, "
            "so the run cannot be split by frames. Locate them first: harvester resume "
            "DIR --locate-only. Or split it by the sky: --by healpix"
        )
        raise InputError(msg)
    needs = read_needs(db)
    specs = {s.archive: settings.spec(s.archive) for s in settings.parsed_surveys()}
    groups = group_by_frames(positions.number, needs, specs)
    _check_count(parts, len(groups.work), "groups of galaxies that share frames")
    rank, work = _in_sky_order(positions, groups.group, groups.work)
    part = deal(work, parts)[rank]
    _, galaxies = np.unique(part, return_counts=True)
    held = [
        {"galaxies": int(count), **_frames_of(groups.wanted, part, number)}
        for number, count in enumerate(galaxies)
    ]
    return part, held, _spare_notes(groups.spare, part)


def _in_sky_order(
    positions: RunPositions, group: NDArray[np.int64], work: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Give the rank along the sky of each galaxy's group, and the work by rank."""
    first = np.full(len(work), np.iinfo(np.int64).max)
    np.minimum.at(first, group, healpix_29(positions.ra, positions.dec))
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[group], work[order]


def _frames_of(
    wanted: FramePairs, part: NDArray[np.int64], number: int
) -> dict[str, int]:
    is_own = part[wanted.galaxy] == number
    files = np.unique(wanted.file[is_own])
    return {"frames": len(files), "stamps": int(is_own.sum())}


def _spare_notes(spare: FramePairs, part: NDArray[np.int64]) -> list[str]:
    pairs = np.unique(np.stack([spare.file, part[spare.galaxy]]), axis=1)
    _, parts = np.unique(pairs[0], return_counts=True)
    if not (shared := int((parts > 1).sum())):
        return []
    frames = counted(shared, "frame")
    note = f"{frames} may be fetched twice, but only if better ones cannot be had."
    return [note]


def _by_sky(
    _db: sqlite3.Connection, positions: RunPositions, settings: Settings, parts: int
) -> tuple[NDArray[np.int64], list[dict[str, Any]], list[str]]:
    apart = largest_diagonal_deg(settings.parsed_surveys())
    groups = group_by_sky(positions.ra, positions.dec, apart)
    _check_count(parts, len(groups.work), "cells of the sky with galaxies")
    part = deal(groups.work, parts, groups.fitness)[groups.group]
    _, galaxies = np.unique(part, return_counts=True)
    near = count_near(positions.ra, positions.dec, part, apart)
    return part, [{"galaxies": int(n)} for n in galaxies], [_near_note(near, apart)]


def _near_note(near: int, apart_deg: float) -> str:
    size = f"the diagonal of the largest frame, {apart_deg * 60:.1f} arcmin"
    if not near:
        return f"No two galaxies of different parts are nearer than {size}."
    return (
        f"{counted(near, 'galaxy is', 'galaxies are')} nearer to one of another part "
        f"than {size}: in each band at most so many frames may be fetched twice. To "
        "fetch none twice: `harvester plan CATALOGUE --out RUN`, then split RUN."
    )


def _check_count(parts: int, most: int, what: str) -> None:
    if parts > most:
        msg = f"--into {parts}: there are {most:,} {what}, so at most {most:,} parts"
        raise InputError(msg)
