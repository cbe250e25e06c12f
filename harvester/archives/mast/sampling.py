"""Asks MAST which files the public bucket has."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...errors import PermanentError, TransientError
from ...models import Sample
from .services import BUCKET

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...models import Product
    from ...transport.transport import Transport

__all__ = ["CopySampling"]

_log = logging.getLogger(__name__)

#: Files that MAST is asked about in one request; it refuses more than 50.
_URIS = 40

#: An address at MAST: its service, and the file's own URI.
_AT_MAST = re.compile(r"(.+)/api/v0\.1/Download/file\?uri=(mast:.+)")


class CopySampling:
    """Asks where copies of a few files are.

    Parameters
    ----------
    folder
        Of the bucket, under which the mission's public files lie, such as
        ``/hst/public``.
    """

    #: Three requests; the first frames wait for the answers.
    most = 3 * _URIS
    #: The answers spare requests to a bucket that lacks an image.
    worth_asking = 1

    def __init__(self, folder: str) -> None:
        self._key = re.compile(rf"{re.escape(folder)}/[A-Za-z0-9_./-]+")

    async def ask(
        self,
        transport: Transport,
        frames: Sequence[tuple[int, Product]],
        official: Mapping[str, str],
        samples: list[Sample],
    ) -> None:
        """Append the copies of each file, as MAST names them."""
        by_uri: dict[str, int] = {}
        base = ""
        for number, product in frames:
            if place := _AT_MAST.fullmatch(product.url):
                base, uri = place.groups()
                by_uri[uri] = number
        uris = list(by_uri)
        bucket = f"{official['s3']}/{BUCKET}"
        for start in range(0, len(uris), _URIS):
            told = await _paths(transport, base, uris[start : start + _URIS])
            samples += [
                Sample(by_uri[uri], mirrors=mirrors)
                for uri, answer in told.items()
                if uri in by_uri
                and (mirrors := self.copies(answer, bucket)) is not None
            ]

    def copies(self, answer: object, bucket: str) -> tuple[str, ...] | None:
        """Give the copies that an answer names, none if there are none.

        None if the answer makes no sense.
        """
        match answer:
            case {"status_code": 404}:
                return ()
            case {"status_code": 200, "path": str(key)} if self._key.fullmatch(key):
                return None if ".." in key else (f"{bucket}{key}",)
        return None


async def _paths(
    transport: Transport, base: str, uris: Sequence[str]
) -> Mapping[str, Any]:
    words = "&".join(f"uri={quote(uri, safe='/:')}" for uri in uris)
    try:
        reply = await transport.query("GET", f"{base}/api/v0.1/path_lookup/?{words}")
        # The kind of archive needs no network: worker processes load it, too.
        from ..bridge import json_of  # noqa: PLC0415 - requests and aiohttp take 0.4 s

        return json_of(reply)
    except (TransientError, PermanentError) as error:
        _log.info("where the copies of some files are is not known: %s", error)
        return {}
