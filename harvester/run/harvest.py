"""The composition root: opens all parts from the settings, closes them in reverse."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ..archives.registry import kind_of
from ..archives.sampling import sample_once
from ..dataset.current_manifest import make_manifest
from ..errors import HarvesterError, first_of
from ..events import Began, Ended, guarded
from ..ledger.in_thread import in_thread
from ..ledger.ledger import Ledger
from ..settings.settings import SERVICES, webhook_of
from ..status.notify import notifying
from ..status.report import read_report, unsettled
from ..status.report_words import share_settled
from ..status.run_watch import RunWatch, watched
from ..transport.webhook import Webhook
from .control.harvest_control import HarvestControl
from .control.server import taking_commands
from .dask_cuts import cuts_by_dask
from .disk import disk_notes
from .kept_facts import keep_begin, keep_bill, keep_if_settled
from .lane import Lane
from .learned import kept_learned
from .made_parts import MadeParts
from .orchestrator import Orchestrator
from .outlet import NOWHERE
from .report.at_end import report_at_end
from .transport_setup import (
    asked_hosts,
    make_transport,
    shared_folder,
    start_notes,
)
from .worker_fetch.told import Told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from ..archives.kind import ArchiveKind
    from ..events import Event, Listener
    from ..frames.store import FrameStore
    from ..places import Places
    from ..settings.settings import Settings
    from ..status.report import Report
    from .dask_cuts import CutsFor
    from .executors.executor import Executor
    from .lane import Located
    from .outlet import Outlet
    from .sending.service import Sending

__all__ = [
    "Outcome",
    "harvest",
    "make_manifest",
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a harvest ended."""

    report: Report
    #: Why services of archives were given up in this run.
    troubles: list[HarvesterError]


async def harvest(
    settings: Settings,
    places: Places,
    *,
    listener: Listener,
    started: Callable[[Orchestrator], None],
    locate_only: bool = False,
) -> Outcome:
    """Work on a run until all jobs are settled or given up, or it is stopped.

    Parameters
    ----------
    started
        Called with the orchestrator as soon as that can be stopped.

    Raises
    ------
    HarvesterError
        The disk, the ledger or the settings ended the harvest early.
    """
    listener = guarded(listener)
    webhook = "" if locate_only else webhook_of(settings)
    post = Webhook(webhook).post if webhook else None
    try:
        async with notifying(places, post, settings.notify.events) as notifier:
            listener = _both(listener, notifier.listener)
            with notifier.telling_end() as ended:
                outcome = await _work(
                    settings, places, listener, started, locate_only=locate_only
                )
                wants_file = post is not None and settings.notify.report
                file = await report_at_end(places) if wants_file else ""
                ended(outcome.report, [str(one) for one in outcome.troubles], file)
                return outcome
    except BaseExceptionGroup as group:
        error = first_of(group)
        listener(Ended(str(error), is_error=True))
        raise error from group


def _both(one: Listener, other: Listener) -> Listener:
    second = guarded(other)

    def call(event: Event) -> None:
        one(event)
        second(event)

    return call


async def _work(
    settings: Settings,
    places: Places,
    listener: Listener,
    started: Callable[[Orchestrator], None],
    *,
    locate_only: bool,
) -> Outcome:
    async with _orchestrator(settings, places, listener, is_plan=locate_only) as (
        orchestrator,
        cutter,
    ):
        # With nothing to cut, the processes are not needed.
        report = await in_thread(read_report, places)
        if not locate_only and unsettled(report):
            cutter.start()
        started(orchestrator)
        listener(Began(share_settled(report)))
        await orchestrator.run(locate_only=locate_only)
    report = await in_thread(read_report, places)
    listener(Ended(share_settled(report)))
    return Outcome(report, orchestrator.troubles)


def _when_located(made: MadeParts, *, is_plan: bool) -> Located:
    """Give what is done once the galaxies of an archive are located."""

    async def located(archive: str) -> Coroutine[Any, Any, None] | None:
        ledger, places = made.ledger, made.places
        rest = await sample_once(
            kind_of(archive),
            places.ledger,
            transport=made.transport,
            ledger=ledger,
            official=SERVICES,
            is_plan=is_plan,
        )
        await keep_bill(ledger, places, made.settings, archive, is_plan=is_plan)
        return rest

    return located


@asynccontextmanager
async def _orchestrator(
    settings: Settings, places: Places, listener: Listener, *, is_plan: bool
) -> AsyncIterator[tuple[Orchestrator, Executor]]:
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(Ledger.open(places.ledger))
        transport = await stack.enter_async_context(
            await make_transport(settings, ledger, places.out)
        )
        made = MadeParts(settings, places, listener, ledger, transport)
        for text in (*start_notes(settings), *disk_notes(places.out)):
            made.say(text)
        store = await _store(stack, made, is_plan=is_plan)
        cutter = made.executor()
        frames = await made.frames(cutter)
        await stack.enter_async_context(cutter)
        watch = RunWatch(
            ledger,
            listener,
            hosts={kind.name: asked_hosts(settings, kind) for kind in _used(settings)},
            store=store.states if store else list,
            load=lambda: (cutter.cutting, cutter.processes),
            is_plan=is_plan,
        )
        told = Told(ledger.count_traffic, made.count_way)
        cuts = await stack.enter_async_context(
            cuts_by_dask(settings, cutter, frames, told)
        )
        located = _when_located(made, is_plan=is_plan)
        lanes = _lanes(made, frames, cuts, watch.listener, located, store or NOWHERE)
        orchestrator = Orchestrator(lanes, has_stamps=places.cutouts.exists)
        ledger.keep_troubles([])
        if not is_plan:
            await keep_begin(ledger, places)
        async with _at_work(made, watch, orchestrator):
            yield orchestrator, cutter
            if store:
                await store.finish(orchestrator.stopped)
                await keep_if_settled(ledger, places)
                await store.conclude(orchestrator.stopped)
        left = store.left() if store else []
        ledger.keep_troubles([*map(str, orchestrator.troubles), *left])
        if await keep_if_settled(ledger, places):
            await frames.clear()


def _used(settings: Settings) -> list[ArchiveKind]:
    """Give the archives of the surveys, each once."""
    names = dict.fromkeys(survey.archive for survey in settings.parsed_surveys())
    return [kind_of(name) for name in names]


async def _store(
    stack: AsyncExitStack, made: MadeParts, *, is_plan: bool
) -> Sending | None:
    """Open the object store that stamps are sent to, if there is one."""
    if is_plan or not made.settings.store.url:
        return None
    # Runs without a store start without this import.
    from .sending.service import sending

    opened = sending(made.settings, made.places, made.ledger, made.listener)
    return await stack.enter_async_context(opened)


def _lanes(
    made: MadeParts,
    frames: FrameStore,
    cuts: CutsFor,
    listener: Listener,
    located: Located,
    outlet: Outlet,
) -> list[Lane]:
    lanes = []
    for kind in _used(made.settings):
        plan, down_s = made.plan(kind, outlet), made.transport.down_s
        lane = Lane(
            kind.open(made.inputs(kind)),
            plan,
            ledger=made.ledger,
            frames=frames,
            listener=listener,
            located=located,
            down_s=partial(down_s, SERVICES[kind.costs.query_service]),
            cuts=cuts(plan, partial(_say_for, made, kind)),
        )
        lanes.append(lane)
    return lanes


def _say_for(made: MadeParts, kind: ArchiveKind, text: str) -> None:
    made.say(f"{kind.name}: {text}")


@asynccontextmanager
async def _at_work(
    made: MadeParts, watch: RunWatch, orchestrator: Orchestrator
) -> AsyncIterator[None]:
    """Let users see and steer a harvest, and keep what it learns of hosts."""
    ledger, transport, places = made.ledger, made.transport, made.places
    control = HarvestControl(
        orchestrator, transport, ledger=ledger, watch=watch, places=places
    )
    async with (
        watched(watch, transport, places),
        kept_learned(ledger, transport.speeds, shared_folder(made.settings)),
        taking_commands(control, watch, places),
    ):
        yield
