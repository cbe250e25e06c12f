"""The whole sandbox: four archives on loopback, each on its own port.

`serve` runs it as a service, `Sandbox` inside an event loop, `run_in_thread` beside
synchronous code such as astroquery's.
"""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

from . import mast, sas, skyserver
from .breakages import KINDS
from .byte_ranges import RangeSupport
from .catalogue import write_catalogue
from .crossid import UploadLimits
from .faults import SERVICES, Faults
from .front import Front
from .hst_listed import HstListed
from .jwst.archive import JwstArchive
from .jwst.mosaic import Size
from .kept_files import KeptFiles
from .line import Line
from .photo import SyntheticPhoto
from .real_frames import RealFrames
from .sky import Sky
from .stats import RateLimit, Stats
from .store import SandboxFrameStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from .photo import PhotoCatalogue

__all__ = ["Sandbox", "SandboxOptions", "run_in_thread", "serve"]

#: Seconds that open requests have to finish when the sandbox stops.
_GRACE_S = 0.2
#: Longest request line and header; SkyServer refuses shorter addresses than that.
_LINE_LIMIT = 65_536


def _published_rates() -> dict[str, RateLimit]:
    """Give the rate limit of SkyServer; the other archives publish none."""
    return {"sdss-sky": RateLimit(per_minute=60, gap=1.0)}


@dataclass(frozen=True, kw_only=True)
class SandboxOptions:
    """What the sandbox contains and how it behaves."""

    seed: int = 1
    #: Galaxies, and about how many of them share an SDSS field.
    targets: int = 200
    per_field: float = 14
    #: Galaxies in each HST image, and every galaxy is in one; 0: HST sees some
    #: galaxies only, in small groups.
    per_image: int = 0
    hst_images: bool = True
    #: HST images that MAST does not have at first: ``POST /_observe`` brings the next.
    hst_later: int = 0
    #: JWST saw the same groups as HST, in mosaics of this size: ``small`` or ``real``;
    #: ``None``: MAST has nothing of JWST.
    jwst: str | None = None
    #: MAST's downloads of JWST have entity tags; there is no report of real ones.
    mast_etags: bool = False
    host: str = "127.0.0.1"
    #: First of four ports; 0 takes any that are free.
    port: int = 0
    #: Written once all ports listen: a JSON object from service to address.
    ready_file: Path | None = None
    #: Where the galaxies are listed, before the ready file is written.
    catalogue: Path | None = None
    #: Seconds before an answer, by service, or by ``query`` and ``file``.
    latency: Mapping[str, float] = field(default_factory=dict)
    #: MB per second of each connection; 0: no limit.
    bandwidth: float = 0.0
    #: MB per second of all connections together; 0: no limit.
    line: float = 0.0
    #: What the Science Archive Server does with ranges: ``none``, ``one``, ``several``.
    sas_ranges: str = "several"
    #: A folder of real SDSS frames that replace the synthetic ones.
    frames: Path | None = None
    faults: tuple[str, ...] = ()
    #: Refuse queries above the rate limit instead of only counting them.
    strict: bool = False
    limits: UploadLimits = field(default_factory=UploadLimits)
    rates: Mapping[str, RateLimit] = field(default_factory=_published_rates)


class Sandbox:
    """The stand-in archives; they are served inside the context.

    Raises
    ------
    ValueError
        A fault, a latency, a bandwidth, the size of JWST mosaics or the number of later
        HST images is invalid, there is no room for so many galaxies, or the folder
        holds no frame.
    """

    def __init__(self, options: SandboxOptions) -> None:
        self.options = options
        _check_names(options.latency)
        if not options.bandwidth >= 0:
            msg = f"bandwidth {options.bandwidth} is not a number of MB per second"
            raise ValueError(msg)
        self._line = Line(options.line * 1e6)
        self.stats = Stats({name: options.rates.get(name) for name in SERVICES})
        self.faults = Faults(options.seed, KINDS)
        self.faults.switch_on(options.faults)
        #: Service -> address, once entered.
        self.urls: dict[str, str] = {}
        #: What was left out of the folder of frames, and why.
        self.notes: list[str] = []
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exits:
            await self._open(exits)
            self._exits = exits.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    async def _open(self, exits: AsyncExitStack) -> None:
        options = self.options
        self.sky = await asyncio.to_thread(self._make_sky)
        kept = KeptFiles.of_environment(repr(self._sky_options()))
        store = exits.enter_context(SandboxFrameStore(kept=kept))
        routes = await asyncio.to_thread(self._routes, store)
        for place, service in enumerate(SERVICES):
            port = options.port + place if options.port else 0
            await self._listen(exits, service, routes[service], port)
        if options.catalogue:
            await asyncio.to_thread(write_catalogue, self.sky, options.catalogue)
        if options.ready_file:
            _write_whole(options.ready_file, json.dumps(self.urls, indent=1))
            exits.callback(options.ready_file.unlink, missing_ok=True)

    def _make_sky(self) -> Sky:
        return Sky.make(**self._sky_options())

    def _sky_options(self) -> dict[str, Any]:
        options = self.options
        return {
            "seed": options.seed,
            "targets": options.targets,
            "per_field": options.per_field,
            "per_image": options.per_image,
            "hst_images": options.hst_images,
            "jwst": Size(options.jwst) if options.jwst else None,
        }

    def _routes(self, store: SandboxFrameStore) -> dict[str, list[web.RouteDef]]:
        photo, frames = self._sdss(store)
        hst = HstListed(self.sky.observations, self.options.hst_later)
        jwst = None
        if self.sky.jwst:
            jwst = JwstArchive(self.sky, mast_etags=self.options.mast_etags)
        return {
            "mast": mast.routes(self.sky, store, hst=hst, jwst=jwst),
            "sdss-sky": skyserver.routes(photo, self.options.limits),
            "sdss-sas": sas.routes(frames, RangeSupport(self.options.sas_ranges)),
            "s3": mast.s3_routes(self.sky, store, hst=hst, jwst=jwst),
        }

    def _sdss(self, store: SandboxFrameStore) -> tuple[PhotoCatalogue, sas.FrameSource]:
        if self.options.frames is None:
            return SyntheticPhoto(self.sky), sas.SyntheticFrames(self.sky, store)
        real = RealFrames(self.options.frames)
        self.notes = real.notes
        if not real.fields:
            msg = f"there is no SDSS frame in {self.options.frames}"
            raise ValueError(msg)
        return real, real

    async def _listen(
        self,
        exits: AsyncExitStack,
        service: str,
        routes: list[web.RouteDef],
        port: int,
    ) -> None:
        front = Front(
            service,
            self.stats,
            self.faults,
            latency=self.options.latency,
            is_strict=self.options.strict,
            bandwidth=self.options.bandwidth * 1e6,
            line=self._line,
        )
        runner = web.AppRunner(
            front.application(routes),
            access_log=None,
            handler_cancellation=True,
            max_line_size=_LINE_LIMIT,
            max_field_size=_LINE_LIMIT,
            shutdown_timeout=_GRACE_S,
        )
        await runner.setup()
        exits.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, self.options.host, port)
        await site.start()
        self.urls[service] = _address(runner, service)


def _check_names(latency: Mapping[str, float]) -> None:
    known = {*SERVICES, "query", "file"}
    if unknown := latency.keys() - known:
        msg = f"latency of {', '.join(unknown)}: known are {', '.join(sorted(known))}"
        raise ValueError(msg)


def _address(runner: web.AppRunner, service: str) -> str:
    host, port = runner.addresses[0][:2]
    suffix = "/sas" if service == "sdss-sas" else ""
    return f"http://{host}:{port}{suffix}"


def _write_whole(path: Path, text: str) -> None:
    # A process that waits for this file must never read half of it.
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    part.replace(path)


async def serve(
    options: SandboxOptions, *, tell: Callable[[Sandbox], None] | None = None
) -> None:
    """Serve until SIGTERM, SIGINT or cancellation; ``tell`` is called when ready."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with Sandbox(options) as sandbox:
            if tell:
                tell(sandbox)
            await stop.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@contextmanager
def run_in_thread(options: SandboxOptions) -> Iterator[Sandbox]:
    """Serve from another thread while the block runs."""
    runner = _SandboxRunner(Sandbox(options))
    thread = threading.Thread(target=runner.run, name="sandbox", daemon=True)
    thread.start()
    try:
        yield runner.wait_until_ready()
    finally:
        runner.stop()
        thread.join()


class _SandboxRunner:
    """A sandbox with an event loop of its own."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._is_settled = threading.Event()
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leave = asyncio.Event()

    def run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 # raised by wait_until_ready
            self._error = error
        finally:
            self._is_settled.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with self._sandbox:
            self._is_settled.set()
            await self._leave.wait()

    def wait_until_ready(self) -> Sandbox:
        self._is_settled.wait()
        if self._error is not None:
            raise self._error
        return self._sandbox

    def stop(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._leave.set)
