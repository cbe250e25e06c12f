"""Files that are other ones than before: a fault of the archive, not of the network.

A file is replaced before its ranges are looked at, so each range, its place and the
length are those of the new file, as after a new version was put in its place.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import hdrs

from .damage import bomb_for, cut_off, remade, rewrite_cards
from .exchange import body_of
from .files import Replacement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from .faults import Fault

    Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

__all__ = ["other_file", "without_range"]

#: Replaced files that a fault keeps, because each of them takes a second to make.
_KEPT = 8


def _remade(fault: Fault, body: bytes) -> Replacement:
    return Replacement(remade(body), is_quiet=fault.value == "quiet")


def _cut_off(fault: Fault, body: bytes) -> Replacement:
    return Replacement(cut_off(body, fault.number(0.5)), is_quiet=False)


def _card(fault: Fault, body: bytes) -> Replacement:
    cards = fault.value or "NAXIS1=1000000,NAXIS2=1000000"
    return Replacement(rewrite_cards(body, cards), is_quiet=True)


def _packed_bomb(fault: Fault, body: bytes) -> Replacement:
    return Replacement(bomb_for(body, int(fault.number(2048))), is_quiet=True)


_MAKERS: dict[str, Callable[[Fault, bytes], Replacement]] = {
    "remade": _remade,
    "cut-off": _cut_off,
    "card": _card,
    "packed-bomb": _packed_bomb,
}
#: Faults that change any file that is held as a whole; the others only packed ones.
_OF_ANY_FILE = {"remade", "cut-off"}
_METHODS = {hdrs.METH_GET, hdrs.METH_HEAD}


def without_range(request: web.Request, method: str | None = None) -> web.Request:
    """Copy a request so that it asks for a whole file, perhaps with another method."""
    headers = request.headers.copy()
    for name in (hdrs.RANGE, hdrs.IF_RANGE, hdrs.IF_NONE_MATCH):
        headers.popall(name, None)
    return request.clone(headers=headers, method=method or request.method)


async def other_file(
    fault: Fault, request: web.Request, answer: Answer
) -> Replacement | None:
    """Make the file that is to be served instead of the one that is asked for.

    None if the fault replaces no file, or not this one.
    """
    if fault.kind not in _MAKERS or request.method not in _METHODS:
        return None
    whole = body_of(await answer(without_range(request, hdrs.METH_HEAD)))
    if not whole or not (fault.kind in _OF_ANY_FILE or whole.startswith(b"BZh")):
        return None
    return await _replaced(fault, request.path, whole)


async def _replaced(fault: Fault, path: str, whole: bytes) -> Replacement:
    kept = fault.replaced
    if path not in kept:
        kept[path] = await asyncio.to_thread(_MAKERS[fault.kind], fault, whole)
    while len(kept) > _KEPT:
        kept.pop(next(iter(kept)))
    return kept[path]
