"""Reads the next part of a data set while the one before it is written."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["read_ahead"]

_Part = TypeVar("_Part")
_Read = TypeVar("_Read")


def read_ahead(
    parts: Iterable[_Part], read: Callable[[_Part], _Read]
) -> Iterator[_Read]:
    """Give what ``read`` gives for each part, in order.

    While the caller works with one part, a thread reads the next: two are in memory.
    """
    with ThreadPoolExecutor(1) as reader:
        coming = None
        for part in parts:
            here, coming = coming, reader.submit(read, part)
            if here:
                yield here.result()
        if coming:
            yield coming.result()
