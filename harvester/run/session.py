"""One session of work on a run, from its settings to its outcome.

The command line and `harvester.api` both use this; only their output differs.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from ..archives.registry import kind_of
from ..cutouts.warm_up import warm_up
from ..errors import InputError, TransientError
from ..importing import IMPORTING
from ..ledger.in_thread import in_thread
from ..settings.settings import load_run_settings, load_settings
from ..status.report import failures, read_report, unsettled
from .disk import free_bytes
from .own_loop import run_in_own_loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ..events import Listener
    from ..places import Places
    from ..settings.settings import Settings
    from ..status.report import Report
    from .harvest import Outcome
    from .stop import Stop

    #: Shows the progress, starting from a report; None while there is no ledger.
    Show = Callable[[Report | None], AbstractContextManager[Listener]]

__all__ = ["exit_code", "make_bill", "prepare", "settings_for", "work_on"]

#: Exit code: all jobs are settled, and some failed.
_WITH_FAILURES = 3


def settings_for(
    catalogue: Path, places: Places, config: Path | None, given: dict[str, Any]
) -> Settings:
    """Load the settings of a new or an existing run.

    Raises
    ------
    InputError
        The settings are invalid.
    """
    known = places.ledger.exists()
    columns = given.get("catalogue", {})
    given = {**given, "catalogue": {**columns, "path": str(catalogue.absolute())}}
    if known and not config:
        return load_run_settings(places, **given)
    return load_settings(config, **given)


def prepare(
    settings: Settings,
    places: Places,
    show: Show,
    *,
    locate_only: bool,
    watch: bool = False,
) -> None:
    """Prepare a run for harvesting; a new run reads its catalogue.

    Only the owner of the run may call this. ``watch``: rows that the catalogue has got
    since are added later.
    """
    is_new = not places.ledger.exists()
    # Called first: the fork server imports its modules while this process imports its
    # own.
    if is_new or (not locate_only and unsettled(read_report(places))):
        warm_up()
    with IMPORTING:
        from ..dataset.stamps import remove_parts
        from .begin import begin, remove_scratch, write_settings
        from .same_run import check_same_run

    remove_scratch(places)
    remove_parts(places.out)
    if not is_new:
        check_same_run(settings, places, may_grow=watch)
    # Written before the catalogue is read, so that a run killed meanwhile can resume.
    write_settings(settings, places)
    if not is_new:
        _import_harvest(settings)
        return
    with (
        show(None) as listener,
        _importing_beside(settings, has_frames=not locate_only),
    ):
        begin(settings, places, listener)


@contextmanager
def _importing_beside(settings: Settings, *, has_frames: bool) -> Iterator[None]:
    """Import what a harvest needs while another process reads the catalogue.

    At the end of the block all is imported but what the first frame needs.
    """
    beside = ThreadPoolExecutor(1, "imports")
    harvest = beside.submit(_import_harvest, settings)
    if has_frames:
        beside.submit(_import_wcs)
    beside.shutdown(wait=False)
    yield
    harvest.result()


def _import_harvest(settings: Settings) -> None:
    with IMPORTING:
        from . import harvest  # noqa: F401 - `work_on` uses it

        for archive in {survey.archive for survey in settings.parsed_surveys()}:
            kind_of(archive).load()


def _import_wcs() -> None:
    from ..cutouts.astrometry import load_wcs

    load_wcs()


def work_on(
    settings: Settings,
    places: Places,
    show: Show,
    stop: Stop,
    *,
    locate_only: bool,
    watch: bool = False,
) -> Outcome:
    """Harvest until all jobs are settled or given up, or a signal stops it.

    With ``watch`` only a signal stops it: see `harvester.run.watch`.
    """
    once = partial(_once, settings, places, show, stop, locate_only=locate_only)
    rounds = partial(_rounds, settings, places, show, stop, once)
    work = partial(_until_stopped, places, stop, rounds if watch else once)
    with stop.listening():
        return run_in_own_loop(work)


async def _until_stopped(
    places: Places, stop: Stop, work: Callable[[], Awaitable[Outcome]]
) -> Outcome:
    from .harvest import Outcome  # `prepare` has imported it

    try:
        stop.begin()
        return await work()
    except asyncio.CancelledError:
        if not stop.signal:
            raise
        return Outcome(read_report(places), [])


async def _once(
    settings: Settings, places: Places, show: Show, stop: Stop, *, locate_only: bool
) -> Outcome:
    from .harvest import harvest

    # With a million targets this takes seconds; signals are handled meanwhile.
    report = await in_thread(read_report, places)
    with show(report) as listener:
        return await harvest(
            settings,
            places,
            listener=listener,
            started=stop.started,
            locate_only=locate_only,
        )


async def _rounds(
    settings: Settings,
    places: Places,
    show: Show,
    stop: Stop,
    once: Callable[[], Awaitable[Outcome]],
) -> Outcome:
    with IMPORTING:
        from .watch.rounds import harvest_and_watch

    return await harvest_and_watch(settings, places, show, stop, once)


def exit_code(outcome: Outcome, *, locate_only: bool = False) -> int:
    """Return the exit code of a harvest that no signal stopped."""
    if any(isinstance(trouble, InputError) for trouble in outcome.troubles):
        return InputError.exit_code
    if outcome.troubles or (unsettled(outcome.report) and not locate_only):
        return TransientError.exit_code
    return _WITH_FAILURES if failures(outcome.report) else 0


def make_bill(
    settings: Settings, places: Places, *, bandwidth: float | None, kept: bool = True
) -> dict[str, Any]:
    """Compute the bill of a run; ``bandwidth`` in MB/s, None: as measured."""
    from ..plan.bill import read_bill
    from .transport_setup import allowance

    bill = read_bill(places, allowance(settings, bandwidth and bandwidth * 1e6))
    bill["out"] = str(places.out) if kept else None
    bill["disk"]["free"] = free_bytes(places.out)
    return bill
