"""Asks MAST for the copies of files in the public bucket."""

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

#: Files in one request; MAST refuses more than 50.
_URIS = 40

#: URL of a file at MAST: the service, and the URI of the file.
_AT_MAST = re.compile(r"(.+)/api/v0\.1/Download/file\?uri=(mast:.+)")


class CopySampling:
    """Asks for the copies of a few files.

    Parameters
    ----------
    folder
        Folder in the bucket with the mission's public files, such as ``/hst/public``.
    """

    #: Takes three requests; fetching begins after the answers.
    most = 3 * _URIS
    #: The answers save requests for files that the bucket lacks.
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
        """Append for each file the addresses of its copies, from MAST's answer."""
        by_uri: dict[str, int] = {}
        base = ""
        for number, product in frames:
            if place := _AT_MAST.fullmatch(product.url):
                base, uri = place.groups()
                by_uri[uri] = number
        uris = list(by_uri)
        bucket = f"{official['s3']}/{BUCKET}"
        for start in range(0, len(uris), _URIS):
            answers = await _paths(transport, base, uris[start : start + _URIS])
            samples += [
                Sample(by_uri[uri], mirrors=mirrors)
                for uri, answer in answers.items()
                if uri in by_uri
                and (mirrors := self.copies(answer, bucket)) is not None
            ]

    def copies(self, answer: object, bucket: str) -> tuple[str, ...] | None:
        """Give the addresses in an answer; None if the answer is invalid."""
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
        # Import late: worker processes load this module, and need no network.
        from ..bridge import json_of

        return json_of(reply)
    except (TransientError, PermanentError) as error:
        _log.info("MAST did not tell the copies of some files: %s", error)
        return {}
