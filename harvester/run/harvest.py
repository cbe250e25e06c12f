"""The composition root: opens all parts from the settings, closes them in reverse."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..archives.kind import LocatorInputs
from ..archives.registry import kind_of
from ..archives.sampling import sample_once
from ..dataset.current_manifest import make_manifest
from ..errors import HarvesterError, first_of
from ..events import Began, Ended, Note, guarded
from ..frames.store import FrameStore
from ..frames.ways import Ways
from ..ledger.in_thread import in_thread
from ..ledger.ledger import Ledger
from ..ledger.part_mark import WORKED
from ..ledger.run_dates import BEGAN, SETTLED, RunDates, utc_now
from ..ledger.view import LedgerView
from ..plan.bill import read_bill, totals
from ..settings.settings import SERVICES, webhook_of
from ..states import State
from ..status.notify import notifying
from ..status.report import read_report, unsettled
from ..status.report_words import share_settled
from ..status.run_watch import RunWatch, watched
from ..transport.webhook import Webhook
from .control.harvest_control import HarvestControl
from .control.server import taking_commands
from .dask_cuts import cuts_by_dask
from .disk import check_room, disk_notes
from .executors.chosen import make_executor, most_at_once
from .executors.executor_limits import ExecutorLimits
from .lane import Lane, LanePlan
from .lane_plan import lane_workers
from .learned import kept_learned
from .orchestrator import Orchestrator
from .outlet import NOWHERE
from .report.at_end import report_at_end
from .transport_setup import (
    allowance,
    asked_hosts,
    chosen_ways,
    make_transport,
    shared_folder,
    start_notes,
)
from .worker_fetch.told import Told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from ..archives.kind import ArchiveKind
    from ..events import Event, Listener
    from ..models import Product
    from ..places import Places
    from ..settings.settings import Settings
    from ..status.report import Report
    from ..transport.transport import Transport
    from .executors.executor import Executor
    from .lane import Located
    from .outlet import Outlet

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


def _when_located(
    settings: Settings,
    places: Places,
    ledger: Ledger,
    transport: Transport,
    *,
    is_plan: bool,
) -> Located:
    """Give what is done once the galaxies of an archive are located."""

    async def located(archive: str) -> Coroutine[Any, Any, None] | None:
        rest = await sample_once(
            kind_of(archive),
            places.ledger,
            transport=transport,
            ledger=ledger,
            official=SERVICES,
            is_plan=is_plan,
        )
        await _keep_bill(ledger, places, settings, archive, is_plan=is_plan)
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
        for text in (*start_notes(settings), *disk_notes(places.out)):
            listener(Note(text))
        store = None
        if settings.store.url and not is_plan:
            # Runs without a store start without this import.
            from .sending.service import sending

            opened = sending(settings, places, ledger, listener)
            store = await stack.enter_async_context(opened)
        cutter = _executor(settings, places, lambda text: listener(Note(text)))
        frames = await _frame_store(settings, places, ledger, transport, cutter)
        await stack.enter_async_context(cutter)

        told = Told(ledger.count_traffic, _way_counter(settings, ledger))
        cuts_for = await stack.enter_async_context(
            cuts_by_dask(settings, cutter, frames, told)
        )
        located = _when_located(settings, places, ledger, transport, is_plan=is_plan)
        names = dict.fromkeys(s.archive for s in settings.parsed_surveys())
        used = [kind_of(name) for name in names]
        watch = RunWatch(
            ledger,
            listener,
            hosts={kind.name: asked_hosts(settings, kind) for kind in used},
            store=store.states if store else list,
            load=lambda: (cutter.cutting, cutter.processes),
            is_plan=is_plan,
        )
        lanes = [
            Lane(
                kind.open(_inputs(kind, settings, transport, ledger, places, listener)),
                plan,
                ledger=ledger,
                frames=frames,
                listener=watch.listener,
                located=located,
                down_s=partial(transport.down_s, SERVICES[kind.costs.query_service]),
                cuts=cuts_for(plan, partial(_say_for, kind, listener)),
            )
            for kind in used
            for plan in [_plan(kind, settings, places, store or NOWHERE)]
        ]
        orchestrator = Orchestrator(lanes, has_stamps=places.cutouts.exists)
        control = HarvestControl(
            orchestrator, transport, ledger=ledger, watch=watch, places=places
        )
        ledger.keep_troubles([])
        if not is_plan:
            await _keep_begin(ledger, places)
        async with (
            watched(watch, transport, places),
            kept_learned(ledger, transport.speeds, shared_folder(settings)),
            taking_commands(control, watch, places),
        ):
            yield orchestrator, cutter
            if store:
                await store.finish(orchestrator.stopped)
                await _keep_if_settled(ledger, places)
                await store.conclude(orchestrator.stopped)
        left = store.left() if store else []
        ledger.keep_troubles([*map(str, orchestrator.troubles), *left])
        if await _keep_if_settled(ledger, places):
            await frames.clear()


async def _keep_begin(ledger: Ledger, places: Places) -> None:
    await ledger.keep_fact(f"{WORKED}{__version__}", utc_now())
    if await in_thread(_is_datable, places):
        await ledger.keep_fact(BEGAN, utc_now())
        await ledger.forget_fact(SETTLED)


async def _keep_if_settled(ledger: Ledger, places: Places) -> bool:
    """Tell whether all is settled, and keep when that was."""
    is_settled = not unsettled(await in_thread(read_report, places))
    if is_settled and await in_thread(_is_undated, places):
        await ledger.keep_fact(SETTLED, utc_now())
    return is_settled


def _is_datable(places: Places) -> bool:
    """Tell whether there is work, and it is known or now when the run began."""
    with LedgerView.open(places.ledger) as view:
        states, dates = view.states().values(), RunDates.of(view.facts())
        # A run of an older version has stamps, but does not tell since when.
        is_known = bool(dates.began) or not view.count_cutouts()
    has_work = any(one[State.PENDING] + one[State.LOCATED] for one in states)
    return has_work and is_known


def _is_undated(places: Places) -> bool:
    with LedgerView.open(places.ledger) as view:
        dates = RunDates.of(view.facts())
    return bool(dates.began) and not dates.settled


async def _keep_bill(
    ledger: Ledger, places: Places, settings: Settings, archive: str, *, is_plan: bool
) -> None:
    # `status` shows the bill beside the real figures, so it is kept once, when all
    # targets are located. A resume uses the kept one.
    if await in_thread(_is_billed, places, archive):
        return
    bill = await in_thread(read_bill, places, allowance(settings))
    if not is_plan:
        disk = bill["disk"]
        check_room(places.out, stamps=disk["to_come"], frames=disk["frames"])
    surveys = bill["surveys"].items()
    if not any(one["unlocated"] for name, one in surveys if name.startswith(archive)):
        await ledger.keep_fact(f"bill {archive}", json.dumps(totals(bill, archive)))


def _is_billed(places: Places, archive: str) -> bool:
    with LedgerView.open(places.ledger) as view:
        return f"bill {archive}" in view.facts()


def _ways(settings: Settings, ledger: Ledger, transport: Transport) -> Ways:
    ways, limits = chosen_ways(settings)
    counted = _way_counter(settings, ledger)
    return Ways(ways, limits, speed_of=transport.speed_of, counted=counted)


def _way_counter(settings: Settings, ledger: Ledger) -> Callable[[Product, str], None]:
    surveys = settings.parsed_surveys()

    def count(product: Product, what: str) -> None:
        for survey in surveys:
            if survey.archive == product.archive and product.band in survey.bands:
                ledger.count(survey, what)
                return

    return count


def _executor(
    settings: Settings, places: Places, say: Callable[[str], None]
) -> Executor:
    work = settings.work
    archives = {survey.archive for survey in settings.parsed_surveys()}
    limits = ExecutorLimits(
        processes=work.processes,
        cut_s=work.cut_limit_s,
        memory_bytes=work.process_memory_bytes,
        outstanding_bytes=work.outstanding_bytes,
        patience_s=settings.politeness.patience_s,
        frames=places.frames,
        frames_by=work.frames_by,
        at_once={name: _at_once(kind_of(name), settings) for name in archives},
    )
    return make_executor(work.executor, limits, say)


def _say_for(kind: ArchiveKind, listener: Listener, text: str) -> None:
    listener(Note(f"{kind.name}: {text}"))


def _at_once(kind: ArchiveKind, settings: Settings) -> int:
    return lane_workers(
        kind.costs, lambda service: settings.services.named(service).files
    )


def _inputs(
    kind: ArchiveKind,
    settings: Settings,
    transport: Transport,
    ledger: Ledger,
    places: Places,
    listener: Listener,
) -> LocatorInputs:
    services = settings.services
    return LocatorInputs(
        transport=transport,
        ledger=ledger,
        section=settings.archive(kind.name),
        spec=settings.spec(kind.name),
        official=SERVICES,
        asked={
            name: services.named(name).addresses(base)[-1]
            for name, base in SERVICES.items()
        },
        tables=places.tables,
        listener=listener,
    )


async def _frame_store(
    settings: Settings,
    places: Places,
    ledger: Ledger,
    transport: Transport,
    cutter: Executor,
) -> FrameStore:
    return await FrameStore.open(
        places.frames,
        transport,
        budget=settings.work.frame_cache_bytes,
        still_wanted=ledger.still_wanted,
        patience_s=settings.politeness.patience_s,
        ways=_ways(settings, ledger, transport),
        run=cutter.run,
    )


def _plan(
    kind: ArchiveKind, settings: Settings, places: Places, outlet: Outlet
) -> LanePlan:
    return LanePlan(
        surveys=tuple(s for s in settings.parsed_surveys() if s.archive == kind.name),
        spec=settings.spec(kind.name),
        root=places.out,
        keep_all=kind.keeps_all(settings.archive(kind.name)),
        workers=most_at_once(settings.work.executor, _at_once(kind, settings)),
        attempts=settings.politeness.attempts,
        longest_backoff_s=settings.politeness.longest_backoff_s,
        outlet=outlet,
        patience_s=settings.politeness.patience_s,
    )
