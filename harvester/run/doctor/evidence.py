"""The evidence file: each request of the probes and what came, to be sent in.

It has no secrets: addresses are without tokens and signatures, and headers that may
carry one are masked. Of a body only the hash and the length of its beginning are kept.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from yarl import URL

from ...dataset.stamps import atomic_write
from ...transport.address import shown
from .machine import versions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ...transport.sighting import Sighting
    from .findings import Diagnosis
    from .protocol import Asked

__all__ = ["evidence_of", "write_evidence"]

#: Version of the file's layout.
_LAYOUT = 1

_MASKED = "…"
_SECRET = re.compile(
    r"cookie|auth|token|secret|key|signature|credential|link|refresh", re.IGNORECASE
)
_ADDRESSES = frozenset({"location", "content-location"})


def evidence_of(
    findings: Sequence[Diagnosis], asked: Sequence[Asked]
) -> dict[str, Any]:
    """Give the content of the file."""
    return {
        "layout": _LAYOUT,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "findings": [one.to_json() for one in findings],
        "probes": [_probe(one) for one in asked],
    }


def write_evidence(path: Path, evidence: dict[str, Any]) -> None:
    """Write the file; it appears whole.

    Raises
    ------
    LocalError
        It cannot be written there.
    """
    with atomic_write(path) as new:
        new.write_text(json.dumps(evidence, indent=1, ensure_ascii=False), "utf-8")


def _probe(one: Asked) -> dict[str, Any]:
    return {
        "archive": one.archive,
        "service": one.service,
        "address": shown(one.address),
        "asked for": one.what,
        "differences": [asdict(difference) for difference in one.differences],
        "requests": [_request(sighting) for sighting in one.sightings],
    }


def _request(one: Sighting) -> dict[str, Any]:
    start = bytes(one.start)
    return {
        "method": one.method,
        "url": one.url,
        "headers": _safe(list(one.asked.items()), one.url),
        "sent": datetime.fromtimestamp(one.sent_at, UTC).isoformat(),
        "answer": {
            "status": one.status or None,
            "after_s": round(one.came_at - one.sent_at, 3) if one.status else None,
            "tls": dict(one.tls),
            "headers": _safe(one.headers, one.url),
            "bytes_read": one.read,
            "first_bytes": len(start),
            "first_bytes_sha256": hashlib.sha256(start).hexdigest() if start else None,
        },
        "trouble": one.trouble or None,
    }


def _safe(headers: Sequence[tuple[str, str]], url: str) -> list[list[str]]:
    """Give headers without secrets; a name may come several times."""
    return [[name, _safe_text(name.lower(), text, url)] for name, text in headers]


def _safe_text(name: str, text: str, url: str) -> str:
    if name in _ADDRESSES:
        return _safe_address(text, url)
    return _MASKED if _SECRET.search(name) else text


def _safe_address(text: str, url: str) -> str:
    # A relative address is completed, so that the names in its query can be read.
    try:
        return shown(URL(url).join(URL(text)))
    except ValueError:
        return _MASKED
