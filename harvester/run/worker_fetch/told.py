"""Where the reports of workers go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...models import Product

__all__ = ["Told"]


@dataclass(frozen=True, slots=True)
class Told:
    """Is called with what workers report, for the ledger."""

    #: Host, requests and bytes.
    traffic: Callable[[str, int, int], None]
    #: A product, and in which way it came.
    way: Callable[[Product, str], None]
