"""How much of a compressed frame its stamps need: by their rows, or as a mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

from ..cutouts.blocks.groups import expected_groups, is_counted

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..archives.block_law import BlockLaw
    from ..cutouts.intervals import Span

__all__ = ["TOUCHED", "WantedPart"]

#: Part of a frame's blocks that the rows of one galaxy touch: one, and at a third of
#: all places two.
TOUCHED = 1.33


class WantedPart(NamedTuple):
    """How much of a compressed frame some stamps need."""

    #: Part of the file up to the end of the last block with wanted rows.
    end: float
    #: Blocks with wanted rows beside the first and the last one, and the groups of
    #: them that are fetched by a request each.
    touched: float
    groups: float
    #: Whether the last block is fetched, to prove the places of others: 0 or 1.
    proof: float = 1.0
    #: Part of the file over which the nearer of its ends has to reach, to hold all
    #: wanted blocks; None: not known.
    reach: float | None = None

    @classmethod
    def mean(cls, blocks: int, galaxies: int) -> Self:
        """Give the mean over galaxies at random places."""
        end = min(1.0, galaxies / (galaxies + 1) + 0.5 / blocks)
        # Two galaxies may need the same blocks.
        others = blocks - 1
        touched = others * (1 - (1 - TOUCHED / others) ** galaxies)
        return cls(end, touched, min(touched / TOUCHED, others / 2))

    @classmethod
    def of_rows(
        cls, law: BlockLaw, rows: Collection[Span], *, is_rest_wanted: bool
    ) -> Self:
        """Give it for rows of the image."""
        groups = expected_groups(law, rows)
        number = max((high for _, high in groups), default=0)
        end = (1 + number) / law.blocks
        first = min((low for low, _ in groups), default=0)
        reach = min(end, 1 - first / law.blocks)
        if is_counted(groups, is_rest_wanted=is_rest_wanted):
            return cls(end, number, 0, proof=0, reach=reach)
        others = [(low, min(high, law.blocks - 2)) for low, high in groups]
        touched = sum(1 + high - low for low, high in others if low <= high)
        apart = sum(high < law.blocks - 2 for _, high in groups)
        return cls(end, touched, apart, reach=reach)
