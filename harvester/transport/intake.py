"""Takes the body of a reply into memory, or into a file that appears whole.

One object serves all tries of a call, so that a file can be resumed where it broke.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import threading
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

import aiohttp
from multidict import CIMultiDict

from ..errors import LocalError, OutageError, PermanentError, TransientError
from .address import shown

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
    from pathlib import Path

    from .body import Body

__all__ = [
    "Buffer",
    "Download",
    "Enough",
    "PartialFile",
    "Reply",
    "disk_trouble_named",
    "is_html",
    "validator_of",
]

#: Bytes that are collected before they are written, in a thread.
_BATCH = 2**20

#: The same if the file may be ended early: smaller, as half a batch on average is
#: fetched for nothing.
_SMALL_BATCH = 2**16

_HTML = re.compile(
    rb"(\xef\xbb\xbf)?\s*<(!doctype html|html|head|body|!--)", re.IGNORECASE
)
_RANGE = re.compile(r"bytes ([0-9]{1,19})-[0-9]{1,19}/([0-9]{1,19}|\*)")
_PARTIAL = 206


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that was read into memory."""

    status: int
    #: As sent, without those about the compression of ``body``; names in any case.
    headers: Mapping[str, str]
    body: bytes
    #: Where it came from in the end.
    url: str


@dataclass(frozen=True, slots=True)
class Download:
    """A file that was fetched and verified, or its beginning if that was enough."""

    size: int
    #: Of the bytes as they were sent, hexadecimal.
    sha256: str
    #: As the archive stated it; empty if it did not.
    etag: str
    #: Where it came from in the end.
    url: str
    #: False: only the beginning was fetched, and it was not verified.
    is_whole: bool = True
    #: Length of the whole file in bytes; None if the server did not state it.
    total: int | None = None
    #: The last bytes of the file, if they were asked for and came.
    tail: bytes = b""
    #: Whether the server sends several ranges; None: this reply does not tell.
    gives_several: bool | None = None
    #: False: it says that it sends no ranges at all.
    gives_ranges: bool = True


class Enough(Protocol):
    """Sees the bytes of a file as they come, and says when the rest is not needed.

    It is called in threads, never by two at the same time.
    """

    def restart(self) -> None:
        """Forget what came so far: the file comes again from the beginning."""

    def add(self, data: bytes) -> bool:
        """Take the next bytes; say whether they are enough. It must not raise."""


def is_html(start: bytes) -> bool:
    """Whether these first bytes are those of a web page."""
    return _HTML.match(start[:512]) is not None


class Buffer:
    """Takes a reply into memory."""

    def __init__(self, cap: int, check: Callable[[Reply], None] | None) -> None:
        self._cap = cap
        self._check = check or _refuse_html
        self._reply: Reply | None = None

    def headers(self) -> Mapping[str, str]:
        """Ask for nothing special."""
        return {}

    async def take(self, response: aiohttp.ClientResponse, body: Body) -> None:
        """Read the whole body."""
        content = b"".join([chunk async for chunk in body.chunks(self._cap)])
        headers = CIMultiDict(response.headers)
        headers.popall("Transfer-Encoding", None)
        if headers.popall("Content-Encoding", None):
            headers.popall("Content-Length", None)
        self._reply = Reply(response.status, headers, content, str(response.url))

    def out_of_range(self, what: str) -> TransientError:
        """Give the error; a range is never asked for here."""
        return TransientError(reason="bad_range", message=what)

    async def finish(self) -> Reply:
        """Give the reply, if the check accepts it."""
        assert self._reply is not None
        await asyncio.to_thread(self._check, self._reply)
        return self._reply


def refuse_text(reply: Reply) -> None:
    """Refuse the headers of a reply that is text where a file should be.

    Raises
    ------
    OutageError
        It is text or JSON.
    """
    kind = reply.headers.get("Content-Type", "")
    if kind.startswith("text/") or "json" in kind:
        raise OutageError(
            "words", f"{shown(reply.url)} answered with text in place of a file"
        )


def _refuse_html(reply: Reply) -> None:
    if is_html(reply.body):
        raise _html(reply.url)


def _html(url: str) -> OutageError:
    msg = f"{shown(url)} answered with a web page: the archive is out of order"
    return OutageError(reason="html", message=msg)


class PartialFile:
    """Takes a reply into ``<path>.part``, which becomes ``path`` when it is whole.

    Disk work runs in threads, which cannot be cancelled: a lock and the number of the
    reply keep a late thread from writing into the file of a later reply.
    """

    def __init__(
        self,
        path: Path,
        cap: int,
        same_corrupt: int,
        check: Callable[[Path], None] | None,
        enough: Enough | None = None,
    ) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        self._cap = cap
        self._check = check
        self._enough = enough
        self._batch = _SMALL_BATCH if enough else _BATCH
        self._corrupt: list[str] = []
        self._same_corrupt = same_corrupt
        self._lock = threading.Lock()
        self._reply = 0
        self._file: BinaryIO | None = None
        self._size = 0
        self._is_over = False
        self._etag = self._url = ""
        self.restart()

    def headers(self) -> Mapping[str, str]:
        """Ask for the missing bytes only, if the file is certainly the same."""
        headers = {"Accept-Encoding": "identity"}
        if self._size and self._validator:
            headers["Range"] = f"bytes={self._size}-"
            headers["If-Range"] = self._validator
        return headers

    async def take(self, response: aiohttp.ClientResponse, body: Body) -> None:
        """Write the body to disk, after what is there or from the beginning.

        It stops reading when ``enough`` says so; then the connection is closed.
        """
        self._begin(response)
        await self._read(body.chunks(self._cap - self._size))
        if self._is_enough:
            return
        if self._total is not None and self._size != self._total:
            msg = f"{shown(self._url)}: {self._size} bytes came, not {self._total}"
            raise TransientError(reason="truncated", message=msg)

    async def _read(self, chunks: AsyncGenerator[bytes]) -> None:
        """Write what comes, until it is enough."""
        batch = bytearray()
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    batch += chunk
                    if len(batch) >= self._batch and await self._write(batch):
                        return
        except (aiohttp.ClientError, TransientError):
            # The body broke, but what came is good: the next try goes on from here.
            if not await self._write(batch):
                raise
        await self._write(batch)

    def out_of_range(self, what: str) -> TransientError:
        """Start again: the file has become shorter than what came of it."""
        self.restart()
        return TransientError(reason="bad_range", message=what)

    def restart(self) -> None:
        """Forget what came so far."""
        with self._lock:
            self._reply += 1
            self._size = 0
            self._sha256 = hashlib.sha256()
            self._is_enough = False
            if self._enough:
                self._enough.restart()
            self._close()
        self._total: int | None = None
        self._validator = ""

    async def finish(self) -> Download:
        """Check the file and rename it."""
        await asyncio.to_thread(self._seal)
        is_whole = self._is_whole()
        try:
            if self._check is not None and is_whole:
                await asyncio.to_thread(self._check, self._part)
        except TransientError as error:
            sha256 = self._sha256.hexdigest()
            self.restart()
            self._note_corrupt(sha256, error)
            raise
        await asyncio.to_thread(self._rename)
        sha256 = self._sha256.hexdigest()
        return Download(
            self._size, sha256, self._etag, self._url, is_whole, self._total
        )

    def _is_whole(self) -> bool:
        return not self._is_enough or self._size == self._total

    async def aclose(self) -> None:
        """Remove the file unless it is finished."""
        await asyncio.to_thread(self._discard)

    def _begin(self, response: aiohttp.ClientResponse) -> None:
        with self._lock:
            self._reply += 1
        self._url, self._etag = str(response.url), response.headers.get("ETag", "")
        if response.status == _PARTIAL:
            if not self._fits(response):
                self.restart()
                msg = f"{shown(self._url)} sent a range that was not asked for"
                raise TransientError(reason="bad_range", message=msg)
            return
        self._begin_file(response, response.content_length)

    def _begin_file(self, response: aiohttp.ClientResponse, total: int | None) -> None:
        """Begin again, with a file of a length; None: the server does not say."""
        self.restart()
        # Of a compressed body the length counts the compressed bytes.
        if response.headers.get("Content-Encoding", "identity") == "identity":
            self._total = total
            self._validator = validator_of(response.headers)
        self._check_cap()

    def _check_cap(self) -> None:
        if (self._total or 0) > self._cap:
            msg = f"{shown(self._url)} has {self._total} bytes, over {self._cap}"
            raise PermanentError(reason="too_large", message=msg)

    def _fits(self, response: aiohttp.ClientResponse) -> bool:
        """Whether a range goes on exactly where we are, in the same file."""
        match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if not match or not self._size or int(match[1]) != self._size:
            return False
        if self._total is None and match[2] != "*":
            self._total = int(match[2])
        same_length = match[2] in {"*", str(self._total)}
        validator = validator_of(response.headers)
        return same_length and validator in {"", self._validator}

    async def _write(self, batch: bytearray) -> bool:
        data = bytes(batch)
        batch.clear()
        await asyncio.to_thread(self._append, data, self._reply)
        return self._is_enough

    def _append(self, data: bytes, reply: int) -> None:
        if not self._size and is_html(data):
            raise _html(self._url)
        with self._lock, disk_trouble_named(self._part):
            if self._is_over or reply != self._reply:
                return
            if self._file is None:
                self._file = _open(self._part)
            self._file.write(data)
            self._sha256.update(data)
            self._size += len(data)
            self._is_enough = self._enough is not None and self._enough.add(data)

    def _seal(self) -> None:
        with self._lock, disk_trouble_named(self._part):
            self._close()

    def _rename(self) -> None:
        with self._lock, disk_trouble_named(self._path):
            if not self._is_over:
                self._part.replace(self._path)

    def _discard(self) -> None:
        with self._lock:
            self._is_over = True
            with suppress(OSError):
                self._close()
            with suppress(OSError):
                self._part.unlink(missing_ok=True)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _note_corrupt(self, sha256: str, error: TransientError) -> None:
        """Give up a file that arrives with the same damage every time."""
        if isinstance(error, OutageError):
            return
        self._corrupt.append(sha256)
        if self._corrupt.count(sha256) >= self._same_corrupt:
            msg = f"{shown(self._url)} came {self._same_corrupt} times alike: {error}"
            raise PermanentError(reason="corrupt_at_source", message=msg) from error


def _open(part: Path) -> BinaryIO:
    # Never through a symbolic link that was put in its place.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(part, flags, 0o644), "wb")


def validator_of(headers: Mapping[str, str]) -> str:
    """Give the text that differs between versions of a file: ETag or date; or ''."""
    etag = headers.get("ETag", "")
    if etag and not etag.startswith("W/"):
        return etag
    return headers.get("Last-Modified", "")


@contextmanager
def disk_trouble_named(path: Path) -> Iterator[None]:
    """Turn an error of the disk into ours, with the path and what to do."""
    try:
        yield
    except OSError as error:
        msg = (
            f"cannot write {path}: {error.strerror}. Make room on that disk or allow "
            "writing there, then resume"
        )
        raise LocalError(msg) from error
