"""Asks about a sample of the frames to come: whether the files exist, and their size.

The answers improve the bill. A run sends each archive at most three such requests,
once. If a request fails, the bill is only less exact.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

from ..ledger.in_thread import in_thread
from ..ledger.view import LedgerView

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..ledger.ledger import Ledger
    from ..models import Product, Sample
    from ..transport.transport import Transport
    from .costs import Sampling
    from .kind import ArchiveKind

__all__ = ["sample_once"]

_log = logging.getLogger(__name__)

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
) -> None:
    """Ask an archive about a few of the frames to come, unless it was asked before.

    Parameters
    ----------
    path
        The ledger, once all targets are located; before that nothing is asked.
    official
        Official addresses of the services, by name.
    is_plan
        The bill is all that is wanted, so that it is worth asking about few frames too.
    """
    sampling = kind.sampling
    if sampling is None:
        return
    least = 1 if is_plan else sampling.worth_asking
    frames = await in_thread(_drawn, kind.name, sampling, path, least)
    if not frames:
        return
    samples: list[Sample] = []
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await sampling.ask(transport, frames, official, samples)
    except TimeoutError:
        _log.info(
            "%s: no answer within %.0f s about a sample of files; the bill uses "
            "typical sizes",
            kind.name,
            _PATIENCE_S,
        )
    sizes = [one.size for one in samples if one.size]
    summary = {
        "asked": len(samples),
        "missing": sum(one.is_missing for one in samples),
        "size": round(sum(sizes) / len(sizes)) if sizes else None,
    }
    await ledger.keep_samples(kind.name, samples, json.dumps(summary))


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
