"""Decides who fetches frames, and opens what Dask workers need for it: a broker.

If the settings name no broker, this process is one for its workers. The accounts of the
hosts are those of the other harvests on this machine, so that all are counted together.
"""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ..settings.executor_choice import ExecutorChoice
from ..transport.secret_text import BROKER_SECRET, secret_of
from .frame_cuts import FrameCuts
from .transport_setup import fetch_terms, shared_folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from ..frames.store import FrameStore
    from ..settings.settings import Settings
    from .executors.executor import Executor
    from .frame_cuts import Cuts
    from .lane_plan import LanePlan
    from .worker_fetch.fetch_job import FetchTerms
    from .worker_fetch.told import Told

    Say = Callable[[str], None]
    #: Takes also what is called with messages for the user.
    CutsFor = Callable[[LanePlan, Say], Cuts]

__all__ = ["cuts_by_dask"]

_LOOPBACK = "127.0.0.1"


@asynccontextmanager
async def cuts_by_dask(
    settings: Settings, executor: Executor, frames: FrameStore, told: Told
) -> AsyncIterator[CutsFor]:
    """Give a function that tells how the frames of a lane are fetched and cut."""

    def here(plan: LanePlan, say: Say) -> FrameCuts:
        return FrameCuts(plan.spec, plan.root, frames=frames, cutter=executor, say=say)

    choice = ExecutorChoice.parse(settings.work.executor)
    if choice.kind == "processes":
        yield here
        return
    from .executors.dask.executor import DaskExecutor
    from .worker_fetch.worker_cuts import CutsByDask

    assert isinstance(executor, DaskExecutor)
    async with _terms(settings, choice) as terms:

        def there(plan: LanePlan, say: Say) -> CutsByDask:
            by_path = here(plan, say)
            return CutsByDask(plan, executor, by_path, terms=terms, told=told, say=say)

        yield there


@asynccontextmanager
async def _terms(
    settings: Settings, choice: ExecutorChoice
) -> AsyncIterator[FetchTerms]:
    from ..transport.broker.server import serving
    from ..transport.broker.signed_lines import new_nonce

    if where := settings.politeness.broker:
        yield fetch_terms(settings, *_known_broker(where))
        return
    async with AsyncExitStack() as stack:
        folder = shared_folder(settings) or Path(
            stack.enter_context(TemporaryDirectory(prefix="harvester-limits-"))
        )
        secret = new_nonce()
        listen = _own_address(choice), 0
        address = await stack.enter_async_context(
            serving(listen, secret=secret, folder=folder)
        )
        yield fetch_terms(settings, str(address), secret)


def _known_broker(where: str) -> tuple[str, str]:
    """Give address and secret, because workers may not share the disk of the file."""
    from ..transport.broker.address import BrokerAddress
    from ..transport.broker.signed_lines import NoBrokerError

    secret = secret_of(BROKER_SECRET)
    try:
        found = BrokerAddress.of(where, secret)
    except NoBrokerError:
        return where, secret  # the file comes later
    return str(found), found.secret


def _own_address(choice: ExecutorChoice) -> str:
    """Give the address of this machine on the way to the scheduler, thus to workers."""
    if choice.kind == "local":
        return _LOOPBACK
    host, _, port = choice.address.partition("://")[2].rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host.strip("[]"), int(port)))  # sends nothing
        except OSError:
            return _LOOPBACK  # the cluster says that it cannot be reached
        name: str = probe.getsockname()[0]
    return name
