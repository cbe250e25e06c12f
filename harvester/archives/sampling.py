"""Asks about a sample of the frames to come: whether the files exist, and their size.

The answers improve the bill. A run sends each archive at most three such requests,
once. If a request fails, the bill is only less exact. A run asks about a few frames
before it fetches any; the others are asked about while it fetches.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from ..ledger.in_thread import in_thread
from ..ledger.view import LedgerView

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from pathlib import Path

    from ..ledger.ledger import Ledger
    from ..models import Product, Sample
    from ..transport.transport import Transport
    from .costs import Sampling
    from .kind import ArchiveKind

__all__ = ["sample_once"]

_log = logging.getLogger(__name__)

#: Frames that are asked about before the first one is fetched: one request to MAST.
_AT_FIRST = 40

#: Seconds that the answers may take. The run does not wait longer for an archive that
#: is slow or down; its bill is then less exact.
_PATIENCE_S = 20.0


async def sample_once(
    kind: ArchiveKind,
    path: Path,
    *,
    transport: Transport,
    ledger: Ledger,
    official: Mapping[str, str],
    is_plan: bool = False,
) -> Coroutine[Any, Any, None] | None:
    """Ask an archive about a few of the frames to come, unless it was asked before.

    Parameters
    ----------
    path
        The ledger, once all targets are located; before that nothing is asked.
    official
        Official addresses of the services, by name.
    is_plan
        The bill is all that is wanted, so that it is worth asking about few frames too,
        and about all of the sample at once.

    Returns
    -------
    Coroutine or None
        Asks about the rest of the sample; run it beside other work. None: there is
        none.
    """
    sampling = kind.sampling
    if sampling is None:
        return None
    least = 1 if is_plan else sampling.worth_asking
    frames = await in_thread(_drawn, kind.name, sampling, path, least)
    if not frames:
        return None
    sample = _DrawnSample(kind.name, sampling, transport, ledger, official)
    at_first = len(frames) if is_plan else _AT_FIRST
    await sample.ask(frames[:at_first])
    return sample.ask(frames[at_first:]) if frames[at_first:] else None


class _DrawnSample:
    """Asks about the frames of one archive, and keeps the answers."""

    def __init__(
        self,
        archive: str,
        sampling: Sampling,
        transport: Transport,
        ledger: Ledger,
        official: Mapping[str, str],
    ) -> None:
        self._archive = archive
        self._sampling = sampling
        self._transport = transport
        self._ledger = ledger
        self._official = official
        self._samples: list[Sample] = []

    async def ask(self, frames: Sequence[tuple[int, Product]]) -> None:
        """Ask about some frames; give up after a while."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._sampling.ask(
                    self._transport, frames, self._official, self._samples
                )
        except TimeoutError:
            _log.info(
                "%s: no answer within %.0f s about a sample of files; the bill uses "
                "typical sizes",
                self._archive,
                _PATIENCE_S,
            )
        summary = json.dumps(self._summary())
        await self._ledger.keep_samples(self._archive, self._samples, summary)

    def _summary(self) -> dict[str, int | None]:
        sizes = [one.size for one in self._samples if one.size]
        return {
            "asked": len(self._samples),
            "missing": sum(one.is_missing for one in self._samples),
            "size": round(sum(sizes) / len(sizes)) if sizes else None,
        }


def _drawn(
    archive: str, sampling: Sampling, path: Path, least: int
) -> list[tuple[int, Product]]:
    with LedgerView.open(path) as view:
        numbers = [n for n, one in view.surveys().items() if one.archive == archive]
        unlocated = view.unlocated()
        if f"samples {archive}" in view.facts() or any(
            unlocated.get(number) for number in numbers
        ):
            return []
        to_come = (g.frames for g in view.frames_to_come() if g.survey in numbers)
        if sum(to_come) < least:
            return []
        share = max(1, sampling.most // len(numbers))
        drawn = [one for n in numbers for one in view.sample_to_come(n, share)]
    return drawn[: sampling.most]
