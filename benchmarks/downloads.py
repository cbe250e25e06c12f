"""The speed of downloads: the harvester's transport beside curl and aria2c."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from contest import compete, our_contestant
from skies import sky
from turns import turns

from harvester import __version__
from harvester.cutouts.frame_file import verify_frame
from harvester.transport.transport import Manners, Service, Transport

if TYPE_CHECKING:
    from pathlib import Path

    from contest import Sky
    from skies import Running

#: Files in flight, for all of them.
AT_ONCE = 4


def download_rounds(
    where: Sky, count: int, folder: Path
) -> tuple[dict[str, list[float]], int]:
    """Let all fetch the frames of a sky in turn, from a warm sandbox without latency.

    Returns
    -------
    tuple
        Seconds by contestant, and the bytes of all files.
    """
    seconds: dict[str, list[float]] = {}
    with sky(folder / "sky", *where.options(), latency_s={}) as running:
        urls = _frames(running, where, folder)
        contestants = {"harvester, checked": _ours}
        if shutil.which("curl"):
            contestants["curl --parallel"] = _curl
        if shutil.which("aria2c"):
            contestants["aria2c"] = _aria2c
        for order in turns(contestants, count):
            for name in order:
                out = folder / "files"
                shutil.rmtree(out, ignore_errors=True)
                out.mkdir()
                began = time.perf_counter()
                contestants[name](urls, out)
                seconds.setdefault(name, []).append(time.perf_counter() - began)
        sizes = [path.stat().st_size for path in out.iterdir()]
    if len(sizes) != len(urls):
        sys.exit(f"{name} fetched {len(sizes)} of {len(urls)} files")
    return seconds, sum(sizes)


def _frames(running: Running, where: Sky, folder: Path) -> list[str]:
    """Give the addresses that a harvest requests; this warms the sandbox too."""
    compete(running, our_contestant(running, where.survey), folder / "warm")
    return running.found("sdss-sas")


def _ours(urls: list[str], out: Path) -> None:
    asyncio.run(_fetch_all(urls, out))


async def _fetch_all(urls: list[str], out: Path) -> None:
    base = urls[0].partition("/sas")[0]
    manners = Manners(rate=10_000, slots={"file": AT_ONCE})
    service = Service("sdss-sas", base, base, manners)
    async with (
        Transport([service], version=__version__) as transport,
        asyncio.TaskGroup() as group,
    ):
        for number, url in enumerate(urls):
            path = out / f"{number}.fits.bz2"
            group.create_task(transport.download(url, path, check=verify_frame))


def _curl(urls: list[str], out: Path) -> None:
    command = [
        "curl",
        "--no-progress-meter",
        "--fail",
        "--parallel",
        "--remote-name-all",
    ]
    command += ["--parallel-max", str(AT_ONCE), "--output-dir", str(out), *urls]
    subprocess.run(command, check=True)


def _aria2c(urls: list[str], out: Path) -> None:
    command = ["aria2c", "--quiet", "--dir", str(out), "--split", "1"]
    command += ["--max-concurrent-downloads", str(AT_ONCE), "--input-file", "-"]
    subprocess.run(command, input="\n".join(urls), text=True, check=True)
