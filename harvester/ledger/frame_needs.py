"""Which galaxies of a run need which frames, as arrays, for cutting it into parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..models import Survey
from ..states import State
from .moves import read_product

if TYPE_CHECKING:
    import sqlite3

    from numpy.typing import NDArray

    from ..models import Product

__all__ = [
    "FrameNeeds",
    "NeededFrame",
    "RunPositions",
    "count_unlocated",
    "read_needs",
    "read_positions",
]

_PAIR = np.dtype([("target", "i8"), ("product", "i8")])
_PLACE = np.dtype([("number", "i8"), ("ra", "f8"), ("dec", "f8")])


class RunPositions(NamedTuple):
    """All galaxies of a run in the order of their numbers; ICRS degrees."""

    number: NDArray[np.int64]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]


class NeededFrame(NamedTuple):
    """A product that stamps are, were or could be cut of."""

    number: int
    survey: Survey
    product: Product


class FrameNeeds(NamedTuple):
    """Pairs of target and product, by their numbers, and the products of them."""

    #: The stamp is wanted, is done, or could not be cut.
    needed: NDArray[np.void]
    #: Of them those that are still wanted.
    wanted: NDArray[np.void]
    #: The product is asked for only if a better one cannot be had.
    spare: NDArray[np.void]
    frames: list[NeededFrame]


def read_positions(db: sqlite3.Connection) -> RunPositions:
    """Give the galaxies of a run."""
    rows = db.execute("SELECT number, ra, dec FROM target ORDER BY number")
    found = np.fromiter(rows, _PLACE)
    return RunPositions(found["number"], found["ra"], found["dec"])


def count_unlocated(db: sqlite3.Connection) -> int:
    """Count the galaxies whose frames are not known yet, in the survey with most."""
    (count,) = db.execute(
        "SELECT coalesce(max(count), 0) FROM tally WHERE what = ?", (State.PENDING,)
    ).fetchone()
    return int(count)


def read_needs(db: sqlite3.Connection) -> FrameNeeds:
    """Give what the located jobs of a run need."""
    return FrameNeeds(
        _pairs(db, "state <> 'spare'"),
        _pairs(db, "state = 'wanted'"),
        _pairs(db, "state = 'spare'"),
        _frames(db),
    )


def _pairs(db: sqlite3.Connection, condition: str) -> NDArray[np.void]:
    rows = db.execute(f"SELECT target, product FROM cutout WHERE {condition}")  # noqa: S608 - constants
    return np.fromiter(rows, _PAIR)


def _frames(db: sqlite3.Connection) -> list[NeededFrame]:
    names = db.execute("SELECT number, name FROM survey").fetchall()
    surveys = {number: Survey.parse(name) for number, name in names}
    rows = db.execute(
        """
        SELECT number, survey, name, band, url, mirrors, size, facts
        FROM product
        WHERE number IN (SELECT product FROM cutout)
        ORDER BY number
        """
    )
    return [
        NeededFrame(number, surveys[survey], read_product(surveys[survey], row))
        for number, survey, *row in rows
    ]
