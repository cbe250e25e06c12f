"""Parts of a compressed file, and the blocks that may start in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..bz2_blocks import find_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..intervals import Span

__all__ = ["LackingError", "Packed"]


class LackingError(Exception):
    """Further bytes of the file must be fetched."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self.spans = tuple(spans)
        super().__init__(self.spans)


class Packed:
    """The bytes of a compressed file that were fetched.

    Parameters
    ----------
    total
        Length of the whole file in bytes.
    parts
        The bytes by their place in the file; no two of them touch each other.
    """

    def __init__(self, total: int, parts: Mapping[int, bytes]) -> None:
        self.total = total
        self.parts = dict(sorted(parts.items()))
        #: Bits of the file at which blocks may start, by the part in which they are.
        self.starts = {
            place: [8 * place + bit for bit in find_blocks(part)]
            for place, part in self.parts.items()
        }

    @property
    def held(self) -> list[Span]:
        """The spans of the parts."""
        return [(place, place + len(part)) for place, part in self.parts.items()]
