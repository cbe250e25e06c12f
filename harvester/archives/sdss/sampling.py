"""Asks SDSS how long a few files are."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ...errors import NotFoundError, PermanentError, TransientError
from ...models import Sample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...models import Product
    from ...transport.transport import Transport

__all__ = ["LengthSampling"]

_log = logging.getLogger(__name__)


class LengthSampling:
    """Asks for the length of a few frames: it serves nothing but the bill."""

    #: A request each; the first frames wait for the answers.
    most = 3
    #: So the questions are no more than a few in a hundred requests.
    worth_asking = 100

    async def ask(
        self,
        transport: Transport,
        frames: Sequence[tuple[int, Product]],
        official: Mapping[str, str],  # noqa: ARG002 - the protocol's signature
        samples: list[Sample],
    ) -> None:
        """Append the length of each frame that is there, 0 for one that is not."""

        async def ask(number: int, product: Product) -> None:
            size = await _length(transport, product.url)
            if size is not None:
                samples.append(Sample(number, size))

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
