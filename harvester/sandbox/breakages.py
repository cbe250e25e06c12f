"""What each kind of fault does to a request: one coroutine a kind."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import formatdate
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from .damage import bomb_for, flip_bit, rewrite_cards
from .exchange import Exchange, body_of
from .replaced_files import other_file, without_range

if TYPE_CHECKING:
    from .faults import Fault

__all__ = ["KINDS", "befall"]

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
_Replace = Callable[["Fault", Exchange], Awaitable[web.StreamResponse]]
_Break = Callable[["Fault", Exchange, web.Response], Awaitable[web.StreamResponse]]

#: Default length of a silence in seconds: longer than any client waits.
_FOREVER = 86_400.0
#: SkyServer's real answer, with status 200, to a client above its rate limit.
_LIMIT = "ERROR: Maximum 60 queries allowed per minute. Rejected query."
_MAINTENANCE = (
    "<html><head><title>Scheduled maintenance</title></head><body>\n"
    "<h1>The archive is down for maintenance</h1>\n</body></html>\n"
)


def page(status: int, text: str, **headers: str) -> web.Response:
    """Make an HTML page."""
    body = f"<html><body><h1>{status} {text}</h1>\n</body></html>\n"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(
        text=body, status=status, content_type="text/html", headers=named
    )


async def befall(
    fault: Fault, exchange: Exchange, answer: Answer
) -> web.StreamResponse:
    """Apply a fault to a request. The response that comes back may be sent already."""
    if replace := _REPLACING.get(fault.kind):
        return await replace(fault, exchange)
    if fault.kind == "ignore-range":
        return await answer(without_range(exchange.request))
    if other := await other_file(fault, exchange.request, answer):
        with other.serving():
            return await answer(exchange.request)
    response = await answer(exchange.request)
    if fault.kind not in _BREAKING:
        return response
    is_bodiless = exchange.request.method == hdrs.METH_HEAD or not body_of(response)
    if is_bodiless or not isinstance(response, web.Response):
        return response
    return await _BREAKING[fault.kind](fault, exchange, response)


# --- instead of an answer


async def _status(fault: Fault, _exchange: Exchange) -> web.StreamResponse:
    status = int(fault.number(503))
    headers = {}
    if fault.retry_after:
        headers["Retry_After"] = _retry_after(fault.retry_after)
    return page(status, "The archive is busy", **headers)


def _retry_after(text: str) -> str:
    """Turn ``date4`` into the HTTP date 4 seconds from now; keep all else."""
    seconds = text.removeprefix("date")
    if seconds == text:
        return text
    return formatdate(time.time() + float(seconds), usegmt=True)


async def _not_found(_fault: Fault, _exchange: Exchange) -> web.StreamResponse:
    return page(404, "Not Found")


async def _html(_fault: Fault, _exchange: Exchange) -> web.StreamResponse:
    return web.Response(text=_MAINTENANCE, content_type="text/html")


async def _words(fault: Fault, _exchange: Exchange) -> web.StreamResponse:
    text = fault.value or _LIMIT
    kind = "application/json" if text.startswith(("{", "[")) else "text/plain"
    return web.Response(text=text, content_type=kind)


async def _redirect(fault: Fault, exchange: Exchange) -> web.StreamResponse:
    place = fault.value or exchange.request.raw_path
    return page(302, "Found", Location=place)


async def _down(_fault: Fault, exchange: Exchange) -> web.StreamResponse:
    return exchange.reset()


async def _hang(fault: Fault, _exchange: Exchange) -> web.StreamResponse:
    await asyncio.sleep(fault.number(_FOREVER))
    return page(504, "Gateway Time-out")


async def _endless(_fault: Fault, exchange: Exchange) -> web.StreamResponse:
    await exchange.begin(web.Response(), length=None)
    while True:
        await exchange.write(bytes(1 << 16))


async def _bomb(fault: Fault, exchange: Exchange) -> web.StreamResponse:
    """Send a few kilobytes that unpack to ``value`` MiB (default 1024) of zeros."""
    like = web.Response(content_type="application/json")
    await exchange.begin(like, length=None, Content_Encoding="deflate")
    packer = zlib.compressobj(9)
    for _ in range(int(fault.number(1024))):
        await exchange.write(packer.compress(bytes(1 << 20)))
        # Compressing a MiB takes milliseconds: let the event loop serve other requests.
        await asyncio.sleep(0)
    await exchange.write(packer.flush())
    return await exchange.finish()


# --- an answer that is sent wrongly


def _part(fault: Fault, body: bytes) -> bytes:
    """Give the part of a body that is sent: ``value`` of it, by default half."""
    return body[: int(len(body) * fault.number(0.5))]


async def _reset(
    fault: Fault, exchange: Exchange, response: web.Response
) -> web.StreamResponse:
    body = body_of(response)
    await exchange.begin(response, length=len(body))
    await exchange.write(_part(fault, body))
    return exchange.reset()


async def _truncate(
    fault: Fault, exchange: Exchange, response: web.Response
) -> web.StreamResponse:
    body = body_of(response)
    await exchange.begin(response, length=len(body))
    await exchange.write(_part(fault, body))
    return exchange.close()


async def _short(
    fault: Fault, exchange: Exchange, response: web.Response
) -> web.StreamResponse:
    part = _part(fault, body_of(response))
    await exchange.begin(response, length=len(part))
    await exchange.write(part)
    return await exchange.finish()


async def _long(
    fault: Fault, exchange: Exchange, response: web.Response
) -> web.StreamResponse:
    body = body_of(response)
    part = _part(fault, body)
    await exchange.begin(response, length=len(part))
    await exchange.write(part)
    # aiohttp refuses to send more than Content-Length: write to the transport.
    if exchange.request.transport is not None:
        exchange.request.transport.write(body[len(part) :])
    return exchange.close()


async def _no_length(
    fault: Fault, exchange: Exchange, response: web.Response
) -> web.StreamResponse:
    body = body_of(response)
    await exchange.begin(response, length=None)
    await exchange.write(_part(fault, body) if fault.value else body)
    return await exchange.finish()


async def _unterminated(
    fault: Fault, exchange: Exchange, response: web.Response
) -> web.StreamResponse:
    await exchange.begin(response, length=None)
    await exchange.write(_part(fault, body_of(response)))
    return exchange.close()


async def _stall(
    fault: Fault, exchange: Exchange, response: web.Response
) -> web.StreamResponse:
    body = body_of(response)
    await exchange.begin(response, length=len(body))
    await exchange.write(body[: len(body) // 2])
    await asyncio.sleep(fault.number(_FOREVER))
    await exchange.write(body[len(body) // 2 :])
    return await exchange.finish()


async def _trickle(
    fault: Fault, exchange: Exchange, response: web.Response
) -> web.StreamResponse:
    body = body_of(response)
    await exchange.begin(response, length=len(body))
    async for piece in _dripping(body, fault.number(50.0)):
        await exchange.write(piece)
    return await exchange.finish()


async def _dripping(body: bytes, rate: float) -> AsyncIterator[bytes]:
    step = max(1, int(rate / 20))
    for start in range(0, len(body), step):
        yield body[start : start + step]
        await asyncio.sleep(step / rate)


async def _bitflip(
    fault: Fault, _exchange: Exchange, response: web.Response
) -> web.StreamResponse:
    # By default in the middle of the body, which is in the data, not in a header.
    response.body = flip_bit(body_of(response), fault.number(0.5))
    return response


async def _card(
    fault: Fault, _exchange: Exchange, response: web.Response
) -> web.StreamResponse:
    cards = fault.value or "NAXIS1=1000000,NAXIS2=1000000"
    response.body = await asyncio.to_thread(rewrite_cards, body_of(response), cards)
    return response


async def _packed_bomb(
    fault: Fault, _exchange: Exchange, response: web.Response
) -> web.StreamResponse:
    size = int(fault.number(2048))
    response.body = await asyncio.to_thread(bomb_for, body_of(response), size)
    return response


async def _swap(
    fault: Fault, exchange: Exchange, response: web.Response
) -> web.StreamResponse:
    path, own = exchange.request.raw_path, body_of(response)
    others = [body for other, body in fault.passed.items() if other != path]
    # Only this body and the last one of another path are needed: drop the rest.
    fault.passed.clear()
    fault.passed.update({path: own})
    if others:
        response.body = others[-1]
    return response


async def _new_etag(
    _fault: Fault, _exchange: Exchange, response: web.Response
) -> web.StreamResponse:
    response.headers[hdrs.ETAG] = f'"{time.monotonic_ns():x}"'
    return response


async def _bad_range(
    _fault: Fault, _exchange: Exchange, response: web.Response
) -> web.StreamResponse:
    length = len(body_of(response))
    response.headers[hdrs.CONTENT_RANGE] = f"bytes 1-{length}/{length + 1}"
    return response


_REPLACING: dict[str, _Replace] = {
    "status": _status,
    "notfound": _not_found,
    "html": _html,
    "words": _words,
    "redirect": _redirect,
    "down": _down,
    "hang": _hang,
    "endless": _endless,
    "bomb": _bomb,
}
_BREAKING: dict[str, _Break] = {
    "reset": _reset,
    "truncate": _truncate,
    "short": _short,
    "long": _long,
    "no-length": _no_length,
    "unterminated": _unterminated,
    "stall": _stall,
    "trickle": _trickle,
    "bitflip": _bitflip,
    "card": _card,
    "packed-bomb": _packed_bomb,
    "swap": _swap,
    "new-etag": _new_etag,
    "bad-range": _bad_range,
}
#: Every kind of fault, with a sentence for ``--help`` and the documentation.
KINDS = {
    "slow": "answer VALUE seconds late (default 1)",
    "status": "answer with status VALUE (default 503), a page, and retry_after",
    "notfound": "answer 404",
    "html": "answer 200 with a maintenance page",
    "words": "answer 200 with the text or JSON VALUE (default: SkyServer's limit)",
    "redirect": "answer 302 to VALUE (default: to itself)",
    "down": "drop the connection before any answer",
    "hang": "say nothing for VALUE seconds (default: for ever)",
    "endless": "send zeros until the client leaves",
    "bomb": "send a compressed body of VALUE MiB (default 1024)",
    "reset": "break the connection (RST) after VALUE of the body (default 0.5)",
    "truncate": "close the connection after VALUE of the body (default 0.5)",
    "short": "send only VALUE of the body (default 0.5) and call it the whole",
    "long": "announce VALUE of the body's length (default 0.5) and send all of it",
    "no-length": "send without Content-Length, whole or only VALUE of the body",
    "unterminated": "chunked, closed after VALUE of the body (default 0.5)",
    "stall": "fall silent in the middle for VALUE seconds (default: for ever)",
    "trickle": "send VALUE bytes a second (default 50)",
    "bitflip": "flip one bit, VALUE of the way into the body (default 0.5)",
    "card": "send FITS with other cards, VALUE (default NAXIS1=1000000,NAXIS2=1000000)",
    "packed-bomb": "send a small bz2 file that unpacks to VALUE MiB (default 2048)",
    "swap": "send the body that went by just before at another address",
    "remade": "serve a new version of the file: images doubled; VALUE quiet: old ETag",
    "cut-off": "serve VALUE of the file (default 0.5) as if it were all of it",
    "new-etag": "give the file a new ETag each time",
    "bad-range": "state a wrong Content-Range",
    "ignore-range": "send the whole file where a range was asked",
}
_OF_FILES = {"ignore-range", "remade", "cut-off"}
assert KINDS.keys() == {"slow"} | _OF_FILES | _REPLACING.keys() | _BREAKING.keys()
