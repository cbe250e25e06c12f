"""Fetches the blocks that are expected to be wanted, before a frame's header is here.

The reply about the beginning of the file tells the length and the version of the file
in its head. With these the other ranges are asked for, while the first one comes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..cutouts.blocks.groups import (
    expected_groups,
    expected_start,
    groups_of,
    spans_ahead,
)
from ..cutouts.bz2_blocks import block_size
from ..cutouts.intervals import lacking
from ..transport.transport import RangeRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..archives.block_law import BlockLaw
    from ..cutouts.intervals import Span
    from ..models import HeldPart
    from ..transport.transport import ByteRange, RangeHead
    from .block_rounds import FetchPart

__all__ = ["BlocksAhead"]


@dataclass(frozen=True, slots=True)
class BlocksAhead:
    """The blocks of a frame that are expected to be wanted."""

    law: BlockLaw
    #: First and last number of each group of them beside block 0; None: unknown.
    groups: list[Span] | None = None
    #: Whether the HDUs behind the image are wanted.
    is_rest_wanted: bool = False

    @classmethod
    def of_rows(
        cls, law: BlockLaw, rows: Iterable[Span], *, is_rest_wanted: bool
    ) -> BlocksAhead:
        """Expect the blocks of some rows of the image."""
        return cls(law, expected_groups(law, rows), is_rest_wanted)

    async def fetch(self, fetch: FetchPart) -> tuple[ByteRange, dict[int, bytes]]:
        """Fetch the beginning of the file, and expected blocks as soon as possible.

        Returns
        -------
        ByteRange
            The beginning.
        dict
            All parts by their place. Those that the server refused are left out.

        Raises
        ------
        RangeRefusedError
            The server refuses the beginning.
        TransientError, PermanentError, LocalError
            As ``fetch`` raises them.
        """
        if self.groups is None:
            start = await fetch(0, self.law.first_request)
            return start, {0: start.body}
        try:
            return await self._fetch_expected(fetch, self.groups)
        except ExceptionGroup as failed:
            # The task group has cancelled the other tasks because of this error.
            raise failed.exceptions[0] from failed

    async def _fetch_expected(
        self, fetch: FetchPart, groups: list[Span]
    ) -> tuple[ByteRange, dict[int, bytes]]:
        rest = self.is_rest_wanted
        begun: asyncio.Future[RangeHead] = asyncio.Future()
        stop = expected_start(self.law, groups, is_rest_wanted=rest)
        async with asyncio.TaskGroup() as group:
            first = group.create_task(fetch(0, stop, on_head=partial(_set_once, begun)))
            head = await begun
            spans = spans_ahead(self.law, groups, head.total, is_rest_wanted=rest)
            others = [
                group.create_task(_fetch_if_given(fetch, gap, head.validator))
                for span in spans
                for gap in lacking(span, [(0, stop)])
            ]
        start = first.result()
        later = {at: part for task in others for at, part in task.result().items()}
        return start, {0: start.body} | later

    def count_vain(self, held: HeldPart) -> int:
        """Count the expected blocks that were not wanted, when all is proved."""
        law = self.law
        wanted = groups_of(law, block_size(law.magic), held.spans)
        needed = {0, law.blocks - 1} | _numbers(wanted)
        return len(_numbers(self.groups or []) - needed)


def _set_once(begun: asyncio.Future[RangeHead], head: RangeHead) -> None:
    # A reply that broke is sent for again, so that there is another head.
    if not begun.done():
        begun.set_result(head)


async def _fetch_if_given(
    fetch: FetchPart, span: Span, validator: str
) -> dict[int, bytes]:
    """Fetch a part; nothing if the server has another version of the file now."""
    try:
        part = await fetch(*span, validator=validator)
    except RangeRefusedError:
        return {}  # it is asked for again as a lacking part, and the error met there
    return {span[0]: part.body}


def _numbers(groups: Iterable[Span]) -> set[int]:
    return {number for low, high in groups for number in range(low, high + 1)}
