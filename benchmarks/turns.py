"""The order of contestants in each round, so that none has an advantage."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")


def turns(contestants: Iterable[T], count: int) -> Iterator[list[T]]:
    """Give the order of each round: the first of one is the last of the next."""
    order = deque(contestants)
    for _ in range(count):
        yield list(order)
        order.rotate(-1)
