"""The lengths of headers, learned from the files of a run.

Files of one kind have headers of similar length. The length up to the image gives the
size of the first request, so that one request is enough for most files, and few bytes
are fetched in vain. The length of the header between image and weights gives the place
of the weights before that header has come. Until files have come, the typical lengths
are used that the archive's `FileLayout` states.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ..archives.registry import kind_of
from .spans import FIRST, HEADER, REQUEST

if TYPE_CHECKING:
    from ..archives.costs import FileLayout
    from ..models import Product
    from .range_plan import Plan

__all__ = ["HeaderSizes", "LearnedHeaders"]

#: Files that are remembered of each kind.
_FILES = 16

#: The last files that must agree in the length of the header of the weights, if as many
#: are known. A wrong length costs the rows of the weights twice.
_AGREE = 3


class HeaderSizes:
    """The lengths of headers of one kind of file.

    Parameters
    ----------
    layout
        The typical layout of the archive's files; None: nothing is known of them.
    """

    def __init__(self, layout: FileLayout | None = None) -> None:
        self._layout = layout
        #: Offset of the first pixel of each file.
        self._before: deque[int] = deque(maxlen=_FILES)
        #: Length of the header of the weights; None: another HDU follows the image.
        self._weight: deque[int | None] = deque(maxlen=_AGREE)

    @property
    def first(self) -> int:
        """Give the bytes of the first request that cost least for the last files."""
        usual = self._layout.first_headers if self._layout else FIRST
        return min(self._before, key=self._cost, default=usual)

    @property
    def next(self) -> int:
        """Give the bytes of a request for the header of a further image."""
        if self.weight or self._layout is None or not self._layout.weights_follow:
            return self.weight or HEADER
        return self._layout.next_header

    @property
    def weight(self) -> int | None:
        """Give the length of the header of the weights; None: it cannot be assumed."""
        same = set(self._weight)
        return self._weight[0] if len(same) == 1 else None

    def learn(self, planned: Plan) -> None:
        """Remember the headers of a file."""
        if planned.first_pixel:
            self._before.append(planned.first_pixel)
            self._weight.append(planned.weight_header)

    def _cost(self, size: int) -> int:
        further = sum(before > size for before in self._before)
        return size * len(self._before) + further * (HEADER + REQUEST)


class LearnedHeaders:
    """The lengths of headers by kind of file."""

    def __init__(self) -> None:
        self._sizes: dict[tuple[str, str, str], HeaderSizes] = {}

    def of(self, product: Product) -> HeaderSizes:
        """Give those of files like this one: same archive, band and end of the name."""
        ending = product.name.rpartition("_")[2]
        key = product.archive, product.band, ending
        if key not in self._sizes:
            self._sizes[key] = HeaderSizes(kind_of(product.archive).costs.layout)
        return self._sizes[key]
