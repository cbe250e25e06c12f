"""A few questions before the first image: which files are there, and how long.

They make the bill better and nothing else: at most three requests an archive, once in
a run, and whatever goes wrong with them is left at not knowing.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..errors import NotFoundError, PermanentError, TransientError
from ..ledger.view import LedgerView
from ..models import Sounding
from .bridge import json_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ..ledger.ledger import Ledger
    from ..models import Product
    from ..transport.transport import Transport

    Numbered = tuple[int, Product]

__all__ = ["sound_once"]

_log = logging.getLogger(__name__)

#: Requests for one archive: the first frames wait for their answers.
_MOST = 3

#: Files that MAST is asked about in one request; it refuses more than 50.
_URIS = 40

#: Frames to come of each archive from which on a harvest asks about some of them. What
#: MAST says spares requests to a bucket that lacks an image. What SDSS says of lengths
#: serves nothing but the bill: it should cost no more than a few requests in a hundred.
_WORTH_ASKING = {"hst": 1, "sdss": 100}

#: Seconds that the answers may take: an archive that is slow or down now is not
#: waited for, its frames are only billed more roughly.
_PATIENCE_S = 20.0

#: An address at MAST: its service, and the file's own URI.
_AT_MAST = re.compile(r"(.+)/api/v0\.1/Download/file\?uri=(mast:.+)")

#: A key of the bucket, as MAST names it.
_KEY = re.compile(r"/hst/public/[A-Za-z0-9_./-]+")


async def sound_once(
    archive: str,
    path: Path,
    *,
    transport: Transport,
    ledger: Ledger,
    bucket: str,
    is_plan: bool = False,
) -> None:
    """Ask an archive about a few of the frames to come, unless it was asked before.

    Parameters
    ----------
    path
        The ledger, once all targets are located; before that nothing is asked.
    bucket
        Official address under which MAST's copies are.
    is_plan
        The bill is all that is wanted, so that it is worth asking about few frames too.
    """
    least = 1 if is_plan else _WORTH_ASKING[archive]
    frames = await asyncio.to_thread(_drawn, archive, path, least)
    if not frames:
        return
    soundings: list[Sounding] = []
    try:
        async with asyncio.timeout(_PATIENCE_S):
            if archive == "sdss":
                await _measure(transport, frames, soundings)
            else:
                await _look_up(transport, frames, bucket, soundings)
    except TimeoutError:
        _log.info("%s: no answer about frames to come in time", archive)
    sizes = [one.size for one in soundings if one.size]
    summary = {
        "asked": len(soundings),
        "missing": sum(one.is_missing for one in soundings),
        "size": round(sum(sizes) / len(sizes)) if sizes else None,
    }
    await ledger.keep_soundings(archive, soundings, json.dumps(summary))


def _drawn(archive: str, path: Path, least: int) -> list[Numbered]:
    most = _MOST if archive == "sdss" else _MOST * _URIS
    with LedgerView.open(path) as view:
        numbers = [n for n, one in view.surveys().items() if one.archive == archive]
        unlocated = view.unlocated()
        if f"soundings {archive}" in view.facts() or any(
            unlocated.get(number) for number in numbers
        ):
            return []
        to_come = (g.frames for g in view.frames_to_come() if g.survey in numbers)
        if sum(to_come) < least:
            return []
        share = max(1, most // len(numbers))
        drawn = [one for n in numbers for one in view.sample_to_come(n, share)]
    return drawn[:most]


# -- SDSS: the length of some files -----------------------------------------------


async def _measure(
    transport: Transport, frames: Sequence[Numbered], soundings: list[Sounding]
) -> None:
    async def ask(number: int, product: Product) -> None:
        size = await _length(transport, product.url)
        if size is not None:
            soundings.append(Sounding(number, size))

    async with asyncio.TaskGroup() as group:
        for number, product in frames:
            group.create_task(ask(number, product))


async def _length(transport: Transport, url: str) -> int | None:
    try:
        reply = await transport.query("HEAD", url, kind="file")
    except NotFoundError:
        return 0
    except (TransientError, PermanentError) as error:
        _log.info("its length is not known: %s", error)
        return None
    length = reply.headers.get("Content-Length", "")
    is_page = "html" in reply.headers.get("Content-Type", "")
    return int(length) if length.isdecimal() and int(length) and not is_page else None


# -- MAST: which files the public bucket has ----------------------------------------


async def _look_up(
    transport: Transport,
    frames: Sequence[Numbered],
    bucket: str,
    soundings: list[Sounding],
) -> None:
    by_uri: dict[str, int] = {}
    base = ""
    for number, product in frames:
        if place := _AT_MAST.fullmatch(product.url):
            base, uri = place.groups()
            by_uri[uri] = number
    uris = list(by_uri)
    for start in range(0, len(uris), _URIS):
        told = await _paths(transport, base, uris[start : start + _URIS])
        soundings += [
            Sounding(by_uri[uri], mirrors=mirrors)
            for uri, answer in told.items()
            if uri in by_uri and (mirrors := _mirrors(answer, bucket)) is not None
        ]


async def _paths(
    transport: Transport, base: str, uris: Sequence[str]
) -> Mapping[str, Any]:
    words = "&".join(f"uri={quote(uri, safe='/:')}" for uri in uris)
    try:
        reply = await transport.query("GET", f"{base}/api/v0.1/path_lookup/?{words}")
        return json_of(reply)
    except (TransientError, PermanentError) as error:
        _log.info("where the copies of some files are is not known: %s", error)
        return {}


def _mirrors(answer: object, bucket: str) -> tuple[str, ...] | None:
    """Give the copies that an answer names: none is an answer too, nonsense is not."""
    match answer:
        case {"status_code": 404}:
            return ()
        case {"status_code": 200, "path": str(key)} if _KEY.fullmatch(key):
            return None if ".." in key else (f"{bucket}/stpubdata{key}",)
    return None
