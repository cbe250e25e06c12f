"""Sandboxes that all contestants of a benchmark share, and their counts."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HARVESTER = (sys.executable, "-m", "harvester")

#: Latency in seconds, as from another continent.
LATENCY_S = {"query": 0.15, "file": 0.3}

#: Statuses of replies with a file or a range of it.
_HAD = {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}

#: Seconds that a sandbox may take to be ready.
_READY_S = 900


@dataclass(frozen=True)
class Running:
    """A sandbox, its catalogue, and the file with its addresses."""

    urls: dict[str, str]
    catalogue: Path
    ready: Path

    def flags(self) -> list[str]:
        """Give the options that send the harvester to it."""
        return [f"--base-url={name}={url}" for name, url in self.urls.items()]

    def reset(self) -> None:
        """Reset its counts."""
        self._ask("mast", "/_reset", "POST")

    def limit(self, line: float) -> None:
        """Limit all connections together to so many MB/s; 0: no limit."""
        self._ask("mast", "/_line", "POST", json.dumps(line).encode())

    def stats(self) -> dict[str, dict[str, Any]]:
        """Give its counts by service."""
        found: dict[str, dict[str, Any]] = json.loads(self._ask("mast", "/_stats"))
        return found

    def visits(self, service: str) -> list[dict[str, Any]]:
        """Give the requests to a service, in the order in which they arrived."""
        found: list[dict[str, Any]] = json.loads(self._ask(service, "/_log"))
        return found

    def found(self, service: str) -> list[str]:
        """Give the addresses of a service that were served, whole or in part."""
        base, visits = self._base(service), self.visits(service)
        return sorted({base + v["path"] for v in visits if v["status"] in _HAD})

    def files(self) -> set[str]:
        """Name the frames that were requested and served, at any address."""
        return {
            unquote(url).rpartition("/")[2]
            for service in ("sdss-sas", "s3", "mast")
            for url in self.found(service)
            if service != "mast" or "Download/file" in url
        }

    def _base(self, service: str) -> str:
        return self.urls[service].removesuffix("/sas")

    def _ask(
        self, service: str, path: str, method: str = "GET", body: bytes | None = None
    ) -> bytes:
        url = self._base(service) + path
        request = urllib.request.Request(url, body, method=method)
        with urllib.request.urlopen(request, timeout=60) as reply:
            answer: bytes = reply.read()
        return answer


@contextmanager
def sky(
    folder: Path, *options: str, latency_s: dict[str, float] = LATENCY_S
) -> Iterator[Running]:
    """Serve a sky during the block, with options of the sandbox's command."""
    folder.mkdir(parents=True)
    ready, catalogue = folder / "ready.json", folder / "galaxies.fits.gz"
    command = [*HARVESTER, "sandbox", "--exit-with-stdin"]
    command += ["--ready-file", str(ready), "--catalogue", str(catalogue), *options]
    command += [f"--latency={kind}={seconds}" for kind, seconds in latency_s.items()]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + _READY_S
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit("the sandbox did not start")
            time.sleep(0.05)
        yield Running(json.loads(ready.read_text()), catalogue, ready)
    finally:
        process.terminate()
        process.wait()
