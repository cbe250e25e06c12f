"""The work of each command, after its options are read."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from .errors import InputError, LockedError
from .events import counted
from .importing import IMPORTING
from .ledger.file import need_ledger, owned
from .places import Places
from .run.extend.finishing import finish_interrupted_extension
from .run.folder import run_folder
from .run.sending.before import try_store
from .run.session import exit_code, make_bill, prepare, settings_for, work_on
from .run.watch.options import check_watch
from .settings.options import to_settings
from .settings.settings import load_run_settings, load_settings
from .status.console import print_line
from .status.log_options import LogOptions
from .status.page.command import allows_control, listen_address
from .status.progress import shown_progress
from .status.report_words import words

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from .archives.kind import ArchiveKind
    from .dataset.verify import Findings
    from .events import Event
    from .ledger.taken_up import RetryChoice
    from .run.harvest import Outcome
    from .run.session import Show
    from .settings.settings import Settings

__all__ = [
    "inspect_file",
    "list_archives",
    "plan_catalogue",
    "plan_run",
    "rebuild_run",
    "resume_run",
    "retry_jobs_offline",
    "run_catalogue",
    "verify_run",
    "verify_url",
]

Flags = dict[str, Any]

#: Exit codes of harvests that are to be continued.
_NOT_THROUGH = frozenset({1, 2, 4, 5, 6, 7, 129, 130, 143})

#: Names in a message; the rest is counted.
_SHOWN = 5


def run_catalogue(
    catalogue: Path, places: Places, config: Path | None, flags: Flags
) -> int:
    """Begin a run or continue it; return the exit code."""
    page = _page(places, flags)
    check_watch(flags)
    finish_interrupted_extension(places)
    settings = _settings_for(catalogue, places, config, flags)
    try_store(settings, places)
    with run_folder(places), page as events:
        return _continue(settings, places, {**flags, "events": events})


def plan_catalogue(
    catalogue: Path, out: Path | None, config: Path | None, flags: Flags
) -> int:
    """Locate the targets of a catalogue and print the bill; return the exit code.

    Without ``out`` the run is kept in a temporary folder and removed.
    """
    kept = nullcontext(out) if out else TemporaryDirectory(prefix="harvester-")
    with kept as folder:
        places = Places(Path(folder))
        flags["locate_only"] = True
        settings = _settings_for(catalogue, places, config, flags)
        with run_folder(places):
            prepare(settings, places, _show(flags), locate_only=True)
            outcome, stopped = _until_stopped(settings, places, flags)
        if not stopped:
            _print_bill(settings, places, flags, kept=out is not None)
    return stopped or exit_code(outcome, locate_only=True)


def plan_run(places: Places, flags: Flags) -> int:
    """Print the bill for the rest of a run, from its ledger alone."""
    from .run.same_run import check_same_run

    need_ledger(places.ledger)
    settings = load_run_settings(places, **to_settings(flags))
    check_same_run(settings, places)
    _print_bill(settings, places, flags)
    return 0


def _print_bill(
    settings: Settings, places: Places, flags: Flags, *, kept: bool = True
) -> None:
    from .plan.words import bill_in_words

    bill = make_bill(settings, places, bandwidth=flags["bandwidth"], kept=kept)
    click.echo(json.dumps(bill) if flags["as_json"] else bill_in_words(bill))


def _settings_for(
    catalogue: Path, places: Places, config: Path | None, flags: Flags
) -> Settings:
    settings = settings_for(catalogue, places, config, to_settings(flags))
    if not catalogue.exists():
        known = places.ledger.exists()
        remedy = f". The run does not need it: harvester resume {places.out}"
        msg = f"there is no catalogue at {catalogue}{remedy if known else ''}"
        raise InputError(msg)
    return settings


def inspect_file(catalogue: Path, flags: Flags) -> None:
    """Print how a catalogue is read; all files that this needs are removed again."""
    from .archives.registry import identifiers
    from .catalogue.options import ReadOptions
    from .catalogue.reader import inspect_catalogue

    options = to_settings(flags).get("catalogue", {})
    with TemporaryDirectory(prefix="harvester-") as scratch:
        found = inspect_catalogue(
            catalogue,
            ReadOptions(**options),
            schemes=identifiers(),
            scratch=Path(scratch),
        )
    if flags["as_json"]:
        click.echo(json.dumps(found.to_json()))
    else:
        click.echo("\n".join(found.words()))


def list_archives(*, as_json: bool) -> None:
    """Print surveys, addresses and credits of each archive, without a request."""
    from .archives.registry import kinds

    if as_json:
        click.echo(json.dumps({name: _described(k) for name, k in kinds().items()}))
        return
    for kind in kinds().values():
        click.echo(f"{kind.title}: --survey {' or '.join(kind.examples)}")
        for service in kind.services:
            click.echo(f"  {service.name:10} {service.base}")
        click.echo(f"  In a publication: {kind.credit.words}.")
        click.echo(f"  {kind.credit.page}")


def _described(kind: ArchiveKind) -> Flags:
    return {
        "title": kind.title,
        "surveys": kind.examples,
        "services": {one.name: one.base for one in kind.services},
        "publish": {"asks_for": kind.credit.words, "page": kind.credit.page},
    }


def resume_run(places: Places, flags: Flags, url: str = "") -> int:
    """Continue a run, however it ended; return the exit code.

    ``url`` is its address in an object store: a run that is not here is fetched.
    """
    page = _page(places, flags)
    check_watch(flags)
    if url and not places.ledger.exists():
        from .run.sending.fetching import fetch_run

        endpoint = to_settings(flags).get("store", {}).get("endpoint", "")
        fetch_run(url, places, endpoint=endpoint, say=partial(print_line, err=True))
    if not places.settings.exists():
        need_ledger(places.ledger)
    finish_interrupted_extension(places)
    with owned(places.lock), page as events:
        settings = load_run_settings(places, **to_settings(flags))
        return _continue(settings, places, {**flags, "events": events})


def _page(places: Places, flags: Flags) -> AbstractContextManager[list[Event] | None]:
    """Serve the status page during the block, if it is wanted; give its events."""
    address = listen_address(flags.get("listen"))
    has_controls = allows_control(flags, address)
    if address is None:
        return nullcontext()
    with IMPORTING:
        from .status.page.beside import page_beside
    return page_beside(places, address, allows_control=has_controls)


def rebuild_run(manifest: Path, places: Places, flags: Flags) -> int:
    """Make the stamps of a manifest again, from the same files; return the exit code.

    An interrupted rebuild is continued. Stamps whose bytes differ are told.
    """
    from .run.rebuild import ToldRun, begin_from_manifest, differing_stamps

    source = ToldRun.read(manifest)
    given = {**to_settings(flags), **source.settings}
    given["catalogue"] = {"path": str(manifest.absolute())}
    with run_folder(places):
        settings = load_settings(**given)
        if not places.ledger.exists():
            begin_from_manifest(source, settings, places)
        code = _continue(settings, places, flags)
    differing = [] if code in _NOT_THROUGH else differing_stamps(source, places)
    if differing:
        shown = ", ".join(differing[:_SHOWN])
        msg = (
            f"{counted(len(differing), 'stamp differs', 'stamps differ')} from the "
            f"manifest, or could not be made: {shown}. The archive has changed its "
            "files, or another version of harvester cut the stamps; `harvester diff` "
            "tells what differs"
        )
        click.echo(msg, err=True)
    return code or (3 if differing else 0)


def _continue(settings: Settings, places: Places, flags: Flags) -> int:
    prepare(
        settings,
        places,
        _show(flags),
        locate_only=flags["locate_only"],
        watch=flags.get("watch", False),
    )
    return _harvest(settings, places, flags)


def _harvest(settings: Settings, places: Places, flags: Flags) -> int:
    from .run.harvest import make_manifest

    outcome, stopped = _until_stopped(settings, places, flags)
    report = outcome.report
    if not stopped:
        make_manifest(places)
    print_line(json.dumps(report) if flags["as_json"] else words(report))
    return stopped or exit_code(outcome, locate_only=flags["locate_only"])


def _until_stopped(
    settings: Settings, places: Places, flags: Flags
) -> tuple[Outcome, int]:
    from .run.memory import tune_process
    from .run.stop import Stop

    tune_process()
    stop = Stop(f"To continue: harvester resume {places.out}")
    locate_only = flags["locate_only"]
    outcome = work_on(
        settings,
        places,
        _show(flags),
        stop,
        locate_only=locate_only,
        watch=flags.get("watch", False),
    )
    return outcome, stop.exit_code if stop.signal else 0


def _show(flags: Flags) -> Show:
    return partial(
        shown_progress,
        quiet=flags["as_json"],
        log=LogOptions.of(flags),
        takes_modules=True,
        first=flags.get("events"),
    )


def retry_jobs_offline(places: Places, choice: RetryChoice) -> int:
    """Make the chosen jobs due again while no harvest is at work; return how many.

    Raises
    ------
    InputError
        A survey or galaxy is unknown, or no job is as chosen: probably a typing error.
    LockedError
        A harvest is at work; the message has the command that it takes.
    """
    from .ledger.ledger import Ledger
    from .run.control.retrying import retry_jobs

    async def _retry() -> int:
        async with Ledger.open(places.ledger) as ledger:
            return (await retry_jobs(ledger, places, choice)).total()

    need_ledger(places.ledger)
    try:
        with owned(places.lock):
            return asyncio.run(_retry())
    except LockedError as error:
        msg = f"{error} The harvest at work can retry: harvester ctl {places.out} retry"
        raise LockedError(msg) from error


class Verified(NamedTuple):
    """What a verification has found, for people and for scripts."""

    words: list[str]
    facts: Flags
    is_clean: bool


def verify_run(places: Places, *, deep: bool, repair: bool) -> Verified:
    """Compare ledger and disk, and the store of the run, if it has one.

    With ``repair`` make lost stamps due again.
    """
    from .run.sending.checking import check_store

    found = _verify_disk(places, deep=deep, repair=repair)
    verified = Verified(
        list(found.words(places.out, repaired=repair)), found.to_json(), found.clean
    )
    stored = check_store(places, deep=deep)
    if stored is None:
        return verified
    return Verified(
        [*verified.words, *stored.words()],
        {**verified.facts, "store": stored.to_json()},
        verified.is_clean and stored.is_clean,
    )


def verify_url(url: str, endpoint: str, *, deep: bool, repair: bool) -> Verified:
    """Compare an object store with the copy of the ledger that it has."""
    from .run.sending.checking import verify_store

    if repair:
        msg = (
            "--repair works on the folder of a run: harvester resume sends what is "
            "missing in its store"
        )
        raise click.UsageError(msg)
    found = verify_store(url, endpoint, deep=deep)
    return Verified(list(found.words()), found.to_json(), found.is_clean)


def _verify_disk(places: Places, *, deep: bool, repair: bool) -> Findings:
    from .dataset.verify import verify
    from .ledger.ledger import Ledger

    async def _send_back(found: Findings) -> None:
        async with Ledger.open(places.ledger) as ledger:
            await ledger.send_back([stamp[:4] for stamp in found.lost])

    need_ledger(places.ledger)
    if not repair:
        return verify(places, deep=deep)
    with owned(places.lock):
        found = verify(places, deep=deep)
        if found.lost:
            asyncio.run(_send_back(found))
    return found
