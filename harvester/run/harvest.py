"""The composition root: opens everything from the settings, closes it in reverse."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import shutil
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__
from ..archives.mast.archive import Mast
from ..archives.sampling import sound_once
from ..archives.sdss.archive import Sdss
from ..archives.sdss.field_cache import FieldCache, shared_folder
from ..catalogue.options import ReadOptions
from ..catalogue.reader import open_catalogue
from ..dataset.stamps import write_labels, write_manifest, written_aside
from ..errors import HarvesterError, InputError, LocalError, first_of
from ..events import Note, undisturbed
from ..frames.store import FrameStore
from ..ledger.file import create_ledger
from ..ledger.ledger import Ledger
from ..ledger.view import LedgerView
from ..plan.bill import in_all, read_bill
from ..settings.settings import SERVICES
from ..status.host_watch import watched
from ..status.report import read_report, unsettled
from .disk import check_room, disk_words
from .executors.processes import Cutter
from .identifier_positions import positions_of
from .lane import Lane, LanePlan
from .memory import give_back_memory, keep_memory_in_one_piece
from .orchestrator import Orchestrator
from .transport_setup import allowance, first_words, make_transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from ..archives.kind import Archive
    from ..catalogue.reader import Catalogue
    from ..events import Heard
    from ..places import Places
    from ..settings.settings import Settings
    from ..status.report import Report
    from ..transport.transport import Transport

__all__ = [
    "Outcome",
    "begin",
    "check_same_run",
    "harvest",
    "make_manifest",
    "remove_scratch",
]


#: Which service of an archive is asked where its galaxies are.
_LOCATES = {"sdss": "sdss-sky", "hst": "mast"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a harvest ended."""

    report: Report
    #: Why archives were given up for now.
    troubles: list[HarvesterError]


# -- the start of a run -------------------------------------------------------


def begin(settings: Settings, places: Places, heard: Heard) -> None:
    """Read the catalogue and make the run of it, whole or not at all.

    Raises
    ------
    InputError
        The catalogue cannot be read.
    LocalError
        The output folder cannot be written.
    TransientError
        It has no positions, and SDSS does not tell them now.
    """
    columns = settings.catalogue
    with (
        _scratch(places) as scratch,
        open_catalogue(
            Path(columns.path),
            ReadOptions(**columns.model_dump(exclude={"path"})),
            scratch=scratch,
            look_up=positions_of(settings, heard),
        ) as catalogue,
    ):
        for note in catalogue.notes:
            heard(Note(note))
        if catalogue.rejects:
            heard(Note(f"{len(catalogue.rejects)} rows rejected: see {places.rejects}"))
        _begin(settings, places, catalogue)
    give_back_memory()


@contextmanager
def _scratch(places: Places) -> Iterator[Path]:
    try:
        places.scratch.mkdir()
    except OSError as error:
        msg = f"folder {places.scratch} cannot be made: {error.strerror}."
        raise LocalError(msg) from error
    try:
        yield places.scratch
    finally:
        remove_scratch(places)


def remove_scratch(places: Places) -> None:
    """Remove what reading a catalogue, or a kill meanwhile, has left."""
    shutil.rmtree(places.scratch, ignore_errors=True)


def _begin(settings: Settings, places: Places, catalogue: Catalogue) -> None:
    rejects = [(r.line, r.id, r.reason) for r in catalogue.rejects]
    write_labels(places.labels, catalogue.labels())
    _write_rejects(places, rejects)
    create_ledger(
        places.ledger,
        targets=catalogue.targets(),
        rejects=rejects,
        surveys=settings.parsed_surveys(),
        facts={
            "catalogue": settings.catalogue.path,
            "catalogue sha256": catalogue.sha256,
            "settings": json.dumps(settings.identity(), sort_keys=True),
            "settings sha256": settings.identity_hash(),
            "made by": f"harvester {__version__}",
        },
    )


def _write_rejects(places: Places, rejects: list[tuple[int, str, str]]) -> None:
    rows = [
        json.dumps(dict(zip(("line", "id", "reason"), r, strict=True))) for r in rejects
    ]
    with written_aside(places.rejects) as new:
        new.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def write_settings(settings: Settings, places: Places) -> None:
    """Keep the effective settings beside the data set."""
    with written_aside(places.settings) as new:
        new.write_text(settings.to_toml(), encoding="utf-8")


def check_same_run(settings: Settings, places: Places) -> None:
    """Refuse to go on with a run under settings that would make another data set.

    Raises
    ------
    InputError
        The catalogue's bytes or a setting differ; the message says which.
    """
    with LedgerView.open(places.ledger) as view:
        facts = view.facts()
    remedy = (
        f"Name another folder with --out, or go on with the run as it was begun: "
        f"harvester resume {places.out}"
    )
    before = json.loads(facts["settings"])
    differing = [
        f"{name} was {before.get(name)!r} and is now {value!r}"
        for name, value in settings.identity().items()
        if before.get(name) != value
    ]
    if differing:
        msg = (
            f"this run was begun with other settings: {'; '.join(differing)}. {remedy}"
        )
        raise InputError(msg)
    catalogue = Path(settings.catalogue.path)
    # The file may be gone once it was read, but another one may not take its place.
    if catalogue.exists() and _sha256(catalogue) != facts["catalogue sha256"]:
        msg = (
            f"this run was begun with another catalogue ({facts['catalogue']}) than "
            f"{catalogue} is now. {remedy}"
        )
        raise InputError(msg)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        msg = f"catalogue {path} cannot be read: {error.strerror}."
        raise InputError(msg) from error


# -- the run --------------------------------------------------------------------


async def harvest(
    settings: Settings,
    places: Places,
    *,
    heard: Heard,
    started: Callable[[Orchestrator], None],
    locate_only: bool = False,
) -> Outcome:
    """Work on a run until all is settled, an archive is given up, or it is stopped.

    Parameters
    ----------
    started
        Is handed the orchestrator once it can be stopped.

    Raises
    ------
    HarvesterError
        What ended it before: the disk, the ledger, the settings.
    """
    # All that was imported stays: looking through it for cycles, again and again, would
    # hold up the event loop for a tenth of a second.
    gc.freeze()
    heard = undisturbed(heard)
    keep_memory_in_one_piece()
    try:
        async with _orchestrator(settings, places, heard, is_plan=locate_only) as (
            orchestrator,
            cutter,
        ):
            # Processes for a run that has nothing to cut would only have to be ended.
            report = await asyncio.to_thread(read_report, places)
            if not locate_only and unsettled(report):
                cutter.start()
            started(orchestrator)
            await orchestrator.run(locate_only=locate_only)
    except BaseExceptionGroup as group:
        raise first_of(group) from group
    report = await asyncio.to_thread(read_report, places)
    return Outcome(report, orchestrator.troubles)


@asynccontextmanager
async def _orchestrator(
    settings: Settings, places: Places, heard: Heard, *, is_plan: bool
) -> AsyncIterator[tuple[Orchestrator, Cutter]]:
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(Ledger.open(places.ledger))
        transport = await stack.enter_async_context(
            await make_transport(settings, ledger)
        )
        for words in (*first_words(settings), *disk_words(places.out)):
            heard(Note(words))
        frames = await FrameStore.open(
            places.frames,
            transport,
            budget=settings.work.frame_cache_bytes,
            still_wanted=ledger.still_wanted,
            patience_s=settings.politeness.patience_s,
        )
        cutter = await stack.enter_async_context(_cutter(settings))

        async def located(archive: str) -> None:
            await sound_once(
                archive,
                places.ledger,
                transport=transport,
                ledger=ledger,
                bucket=SERVICES["s3"],
                is_plan=is_plan,
            )
            await _keep_bill(ledger, places, settings, archive, is_plan=is_plan)

        lanes = [
            Lane(
                _archive(name, settings, transport, ledger, places, heard),
                _plan(name, settings, places),
                ledger=ledger,
                frames=frames,
                cutter=cutter,
                heard=heard,
                located=located,
                down_s=partial(transport.down_s, SERVICES[_LOCATES[name]]),
            )
            for name in dict.fromkeys(s.archive for s in settings.parsed_surveys())
        ]
        orchestrator = Orchestrator(lanes, has_stamps=places.cutouts.exists)
        ledger.keep_troubles([])
        async with watched(transport, ledger, heard):
            yield orchestrator, cutter
        ledger.keep_troubles([str(one) for one in orchestrator.troubles])
        if not unsettled(await asyncio.to_thread(read_report, places)):
            await frames.clear()


async def _keep_bill(
    ledger: Ledger, places: Places, settings: Settings, archive: str, *, is_plan: bool
) -> None:
    # Once all is located, for `status` to show beside the truth; what it was first
    # stays, so that a resume need not work it out again.
    if await asyncio.to_thread(_is_billed, places, archive):
        return
    bill = await asyncio.to_thread(read_bill, places, allowance(settings))
    if not is_plan:
        disk = bill["disk"]
        check_room(places.out, stamps=disk["to_come"], frames=disk["frames"])
    surveys = bill["surveys"].items()
    if not any(one["unlocated"] for name, one in surveys if name.startswith(archive)):
        await ledger.keep_fact(f"bill {archive}", json.dumps(in_all(bill, archive)))


def _is_billed(places: Places, archive: str) -> bool:
    with LedgerView.open(places.ledger) as view:
        return f"bill {archive}" in view.facts()


def _cutter(settings: Settings) -> Cutter:
    return Cutter(
        processes=settings.work.processes,
        limit_s=settings.work.cut_limit_s,
        memory_bytes=settings.work.process_memory_bytes,
    )


def _archive(
    name: str,
    settings: Settings,
    transport: Transport,
    ledger: Ledger,
    places: Places,
    heard: Heard,
) -> Archive:
    if name == "sdss":
        return Sdss(
            transport,
            base=SERVICES["sdss-sas"],
            release=settings.sdss.release,
            cache=_field_cache(settings, places),
            heard=heard,
        )
    return Mast(
        transport,
        ledger,
        bases=SERVICES,
        size=settings.spec(name).size,
        observations=settings.hst.observations,
    )


def _field_cache(settings: Settings, places: Places) -> FieldCache:
    official = SERVICES["sdss-sky"]
    source = settings.services.sdss_sky.base_url.rstrip("/") or official
    folders = [Path(settings.sdss.cache_dir)] if settings.sdss.cache_dir else []
    # What a rehearsal is told about the sky stays in its own folder.
    if not folders and source == official and (shared := shared_folder()):
        folders = [shared]
    return FieldCache(
        [*folders, places.tables], release=settings.sdss.release, source=source
    )


def _plan(name: str, settings: Settings, places: Places) -> LanePlan:
    surveys = [s for s in settings.parsed_surveys() if s.archive == name]
    service = "sdss-sas" if name == "sdss" else "mast"
    return LanePlan(
        surveys=tuple(surveys),
        spec=settings.spec(name),
        root=places.out,
        keep_all=name == "hst" and settings.hst.observations == "all",
        # Some are fetched while others are cut.
        workers=settings.services.named(service).files + 2,
        attempts=settings.politeness.attempts,
        longest_backoff_s=settings.politeness.longest_backoff_s,
        patience_s=settings.politeness.patience_s,
    )


def make_manifest(places: Places) -> tuple[Path, Path]:
    """Write the manifest of a run, which may be going on; give its two files."""
    with LedgerView.open(places.ledger) as view:
        return write_manifest(places, view.manifest())
