"""The columns that positions are read from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .position_names import Statement

if TYPE_CHECKING:
    from .split_columns import SplitColumns

__all__ = ["PositionColumns"]


@dataclass(frozen=True, slots=True)
class PositionColumns:
    """The columns that positions are read from, and what their names state."""

    ra: str
    dec: str
    #: Less precise columns of the same positions; they do not become labels.
    shadowed: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    #: Unit and frame, as the names state them.
    ra_stated: Statement = field(default_factory=Statement)
    dec_stated: Statement = field(default_factory=Statement)
    #: The coordinate system of the names, such as ``galactic``; empty for equatorial.
    system: str = ""
    #: The columns of each coordinate, if it is split into several.
    split: tuple[SplitColumns, SplitColumns] | None = None

    @property
    def used(self) -> tuple[str, ...]:
        """All columns that hold positions, and so do not become labels."""
        parts = [name for each in self.split or () for name in each.names]
        return (self.ra, self.dec, *parts, *self.shadowed)
