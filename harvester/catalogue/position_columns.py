"""The columns that positions are taken from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .position_names import Statement

if TYPE_CHECKING:
    from .split_columns import SplitColumns

__all__ = ["PositionColumns"]


@dataclass(frozen=True, slots=True)
class PositionColumns:
    """The columns that positions are taken from, and what their names say."""

    ra: str
    dec: str
    #: Less exact columns of the same positions: no labels either.
    shadowed: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    #: What the names say of unit and frame.
    ra_stated: Statement = field(default_factory=Statement)
    dec_stated: Statement = field(default_factory=Statement)
    #: The system that the names are of, such as ``galactic``; empty: equatorial.
    system: str = ""
    #: Where each coordinate is in several columns.
    split: tuple[SplitColumns, SplitColumns] | None = None

    @property
    def used(self) -> tuple[str, ...]:
        """All columns that are no labels because of this."""
        parts = [name for each in self.split or () for name in each.names]
        return (self.ra, self.dec, *parts, *self.shadowed)
