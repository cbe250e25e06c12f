"""Asks SDSS for the sizes of a few files."""

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
    """Asks for the lengths of a few frames, which only the bill uses."""

    #: One request a frame; fetching begins after the answers.
    most = 3
    #: Below this number of frames the extra requests are not worth it.
    worth_asking = 100

    async def ask(
        self,
        transport: Transport,
        frames: Sequence[tuple[int, Product]],
        official: Mapping[str, str],
        samples: list[Sample],
    ) -> None:
        """Append the length of each frame in bytes; 0 if the frame does not exist."""

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
        _log.info("the length of a sampled file is not known: %s", error)
        return None
    length = reply.headers.get("Content-Length", "")
    is_page = "html" in reply.headers.get("Content-Type", "")
    return int(length) if length.isdecimal() and int(length) and not is_page else None
