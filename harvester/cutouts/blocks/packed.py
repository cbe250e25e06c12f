"""Parts of a compressed file, and the blocks that may start in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..bz2_blocks import find_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
        The bytes by their place in the file.
    known
        Bits at which blocks start in the first part, if they are known.
    """

    def __init__(
        self, total: int, parts: Mapping[int, bytes], known: Sequence[int] = ()
    ) -> None:
        self.total = total
        self.parts = _merged(parts)
        is_known = known and self.parts[0] is parts[0]
        #: Bits of the file at which blocks may start, by the part in which they are.
        self.starts = {
            place: list(known)
            if is_known and place == 0
            else [8 * place + bit for bit in find_blocks(part)]
            for place, part in self.parts.items()
        }

    @property
    def held(self) -> list[Span]:
        """The spans of the parts."""
        return [(place, place + len(part)) for place, part in self.parts.items()]


def _merged(parts: Mapping[int, bytes]) -> dict[int, bytes]:
    """Give the parts in order; those that touch each other become one."""
    found: dict[int, bytes] = {}
    start = end = -1
    for place, part in sorted(parts.items()):
        if place == end:
            found[start] += part
        else:
            start = place
            found[start] = part
        end = place + len(part)
    return found
