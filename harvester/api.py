"""The harvester as a library: `run`, `resume`, `plan` and `status`.

They do what the commands of these names do, and may be called in a script (with or
without ``if __name__ == "__main__"``), in a notebook, in any thread, and while an event
loop runs. They return when the work is done.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from .errors import HarvesterError, InputError
from .events import guarded
from .ledger.file import need_ledger, owned
from .places import Places
from .run.extend.finishing import finish_interrupted_extension
from .run.folder import run_folder
from .run.given_catalogue import kept, path_of
from .run.sending.before import try_store
from .run.session import exit_code, make_bill, prepare, settings_for, work_on
from .settings.options import to_settings
from .settings.settings import load_run_settings
from .status.progress import shown_progress
from .status.report import failures, read_report, unsettled
from .status.report_words import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .events import Event, Listener
    from .run.harvest import Outcome
    from .run.session import Show
    from .run.stop import Stop
    from .settings.settings import Settings
    from .status.report import Report

    Pathlike = str | os.PathLike[str]

__all__ = ["PlanResult", "RunResult", "plan", "resume", "run", "status"]


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a harvest ended; ``print`` shows it as ``harvester status`` does."""

    #: The folder of the run.
    out: Path
    #: What ``harvester status --json`` prints, see `status`.
    report: Report = field(repr=False)
    #: Why services were given up for now: `resume` later.
    troubles: tuple[HarvesterError, ...]
    #: As of ``harvester run``: 0 all settled and nothing failed, 3 settled but some
    #: jobs failed, 5 `resume` later, 128 and more: stopped by that signal.
    exit_code: int

    @property
    def ok(self) -> bool:
        """Whether everything is settled, and nothing failed."""
        return self.exit_code == 0

    @property
    def failed(self) -> int:
        """Jobs that were given up, each a galaxy in one survey."""
        return failures(self.report)

    @property
    def unsettled(self) -> int:
        """Jobs that are still to do: `resume` works on them."""
        return unsettled(self.report)

    @property
    def manifest(self) -> Path:
        """The table of all stamps, as Parquet; a CSV file is beside it."""
        return Places(self.out).manifest

    @property
    def stamps(self) -> Path:
        """The folder of the stamps."""
        return Places(self.out).cutouts

    def __str__(self) -> str:
        """Say it for a person."""
        return words(self.report)


@dataclass(frozen=True, slots=True)
class PlanResult:
    """What a harvest will cost; ``print`` shows it as ``harvester plan`` does."""

    #: What ``harvester plan --json`` prints.
    bill: dict[str, Any] = field(repr=False)
    #: Why galaxies could not be located now: the bill lacks them.
    troubles: tuple[HarvesterError, ...]

    def __str__(self) -> str:
        """Say it for a person."""
        from .plan.words import bill_in_words

        return bill_in_words(self.bill)


def run(
    catalogue: object,
    /,
    out: Pathlike,
    *,
    surveys: Sequence[str] | None = None,
    size: str | Mapping[str, str] | None = None,
    contact: str | None = None,
    base_urls: Mapping[str, str] | None = None,
    progress: bool = True,
    listener: Listener | None = None,
    **sections: Mapping[str, Any],
) -> RunResult:
    """Harvest the galaxies of a catalogue; on an existing run, go on with it.

    >>> result = harvester.run(
    ...     "galaxies.fits",
    ...     "zoo",
    ...     surveys=["sdss:r"],
    ...     base_urls=sandbox,
    ...     progress=False,
    ... )
    >>> result.ok, result.report["cutouts"]
    (True, 12)
    >>> import pyarrow.parquet
    >>> pyarrow.parquet.read_table(result.manifest).num_rows
    12

    Parameters
    ----------
    catalogue
        The path of a file, or a table: of astropy (with its units and frames), pandas,
        polars, Arrow, a structured array, or a mapping of column names to columns. A
        table is written to ``given-catalogue.parquet`` in ``out``, every value as it
        is, and that file is harvested.
    out
        The folder of the run.
    surveys
        Such as ``"sdss:g,r"`` and ``"hst:WFC3/IR:F160W"``.
    size
        Side of the stamps, such as ``"40px"`` or ``"15.84arcsec"``; or one for each
        archive, ``{"sdss": "40px", "hst": "124px"}``.
    contact
        A mail address or page at which an archive can reach you.
    base_urls
        Another address for a service, by its name; for a sandbox.
    progress
        Whether to print how far it is.
    listener
        Is called with each `Event`, perhaps in another thread. What it raises is
        logged and does not end the harvest.
    sections
        The sections of ``harvest.toml``, such as ``work={"processes": 2}`` or
        ``catalogue={"id": "objid"}``.

    Returns
    -------
    RunResult
        Also if jobs failed, or a service was down for too long: see
        ``RunResult.exit_code``. While an event loop runs in this thread, the harvest
        has a thread of its own.

    Raises
    ------
    InputError
        A setting or the catalogue cannot be used as given.
    LockedError
        Another harvester works on this run.
    LocalError
        This machine: the disk is full, or the folder cannot be written.
    LedgerError
        The ledger is damaged, or of a newer version.
    TransientError
        The positions of identifiers could not be looked up; the run has not begun.
    KeyboardInterrupt
        After Ctrl-C or the interrupt of a notebook, once the run has stopped in good
        order; `resume` goes on with it. The caller's handlers of signals are in their
        places again by then.
    """
    places, given = (
        Places(Path(out)),
        _given(sections, surveys, size, contact, base_urls),
    )
    finish_interrupted_extension(places)
    settings = settings_for(path_of(catalogue, places), places, None, given)
    show = partial(_shown, progress, listener)
    try_store(settings, places)
    with run_folder(places), kept(catalogue, places):
        return _work_on(settings, places, show)


def resume(
    out: Pathlike,
    /,
    *,
    contact: str | None = None,
    base_urls: Mapping[str, str] | None = None,
    progress: bool = True,
    listener: Listener | None = None,
    **sections: Mapping[str, Any],
) -> RunResult:
    """Continue a run, wherever it was interrupted.

    Everything is as for `run`; what decides the data set (surveys, sizes, columns)
    cannot be changed any more.

    >>> harvester.resume("zoo", base_urls=sandbox, progress=False).unsettled
    0
    """
    places, given = Places(Path(out)), _given(sections, None, None, contact, base_urls)
    if not places.settings.exists():
        need_ledger(places.ledger)
    finish_interrupted_extension(places)
    with owned(places.lock):
        settings = load_run_settings(places, **given)
        return _work_on(settings, places, partial(_shown, progress, listener))


def plan(
    source: object,
    /,
    out: Pathlike | None = None,
    *,
    surveys: Sequence[str] | None = None,
    size: str | Mapping[str, str] | None = None,
    contact: str | None = None,
    base_urls: Mapping[str, str] | None = None,
    bandwidth: float | None = None,
    progress: bool = True,
    **sections: Mapping[str, Any],
) -> PlanResult:
    """Tell what a harvest will cost, before the first image is fetched.

    >>> bill = harvester.plan("galaxies.fits", base_urls=sandbox, progress=False).bill
    >>> bill["targets"], bill["surveys"]["sdss:r"]["frames"] > 0
    (12, True)

    Parameters
    ----------
    source
        A catalogue as for `run`, whose galaxies are located with a handful of
        requests; or the folder of a run, of which nothing is asked.
    out
        Keep the located run here; `run` with the same goes on with it.
    bandwidth
        MB a second to reckon with; None: as measured in this run, or else 20.

    Raises
    ------
    HarvesterError
        As `run`.
    """
    given = _given(sections, surveys, size, contact, base_urls)
    if isinstance(source, str | os.PathLike) and Path(source).is_dir():
        return _plan_of_run(Places(Path(source)), given, bandwidth)
    passing = nullcontext(out) if out else TemporaryDirectory(prefix="harvester-")
    with passing as folder:
        places = Places(Path(folder))
        settings = settings_for(path_of(source, places), places, None, given)
        show = partial(_shown, progress, None)
        with run_folder(places), kept(source, places):
            outcome, _ = _until_stopped(settings, places, show, locate_only=True)
            _raise_input(outcome)
        bill = make_bill(settings, places, bandwidth=bandwidth, kept=out is not None)
    return PlanResult(bill, tuple(outcome.troubles))


def status(out: Pathlike, /) -> Report:
    """Tell how far a run is, also while it is going on.

    >>> harvester.status("zoo")["surveys"]["sdss"]["done"]
    12

    Returns
    -------
    dict
        What ``harvester status --json`` prints: ``targets``, ``cutouts``, ``surveys``
        (for each archive the jobs in each state), ``failures``, ``troubles``, ...

    Raises
    ------
    InputError
        There is no run.
    """
    return read_report(Places(Path(out)))


# -- what goes in ----------------------------------------------------------------------


def _given(
    sections: Mapping[str, Any],
    surveys: Sequence[str] | None,
    size: str | Mapping[str, str] | None,
    contact: str | None,
    base_urls: Mapping[str, str] | None,
) -> dict[str, Any]:
    options = {
        "surveys": [surveys] if isinstance(surveys, str) else surveys,
        "sizes": {"": size} if isinstance(size, str) else size,
        "politeness__contact": contact,
        "base_urls": base_urls,
    }
    given = dict(sections)
    _merge(given, to_settings(options))
    return given


def _merge(given: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        before = given.get(name)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            given[name] = dict(before)
            _merge(given[name], value)
        else:
            given[name] = value


# -- the work --------------------------------------------------------------------------


def _work_on(settings: Settings, places: Places, show: Show) -> RunResult:
    from .run.harvest import make_manifest

    try:
        outcome, stop = _until_stopped(settings, places, show, locate_only=False)
    except KeyboardInterrupt as error:
        error.add_note(f"The harvest was stopped. {_how_to_resume(places)}")
        raise
    code = stop.exit_code if stop.signal else exit_code(outcome)
    if not stop.signal:
        make_manifest(places)
    _raise_input(outcome)
    return RunResult(places.out, outcome.report, tuple(outcome.troubles), code)


def _until_stopped(
    settings: Settings, places: Places, show: Show, *, locate_only: bool
) -> tuple[Outcome, Stop]:
    from .run.stop import Stop

    stop = Stop(_how_to_resume(places), ends_process=False)
    prepare(settings, places, show, locate_only=locate_only)
    outcome = work_on(settings, places, show, stop, locate_only=locate_only)
    if stop.signal:
        # The caller's own handler, which is in its place again, decides what follows:
        # that of Python raises KeyboardInterrupt.
        signal.raise_signal(stop.signal)
    return outcome, stop


def _raise_input(outcome: Outcome) -> None:
    # Such as a filter that the archive does not have: no later run would find it.
    for trouble in outcome.troubles:
        if isinstance(trouble, InputError):
            raise trouble


def _how_to_resume(places: Places) -> str:
    return f"Go on with: harvester.resume({str(places.out)!r})"


@contextmanager
def _shown(
    progress: bool,  # noqa: FBT001 - bound by `partial` only
    listener: Listener | None,
    report: Report | None,
) -> Iterator[Listener]:
    # What it raises is logged, also before the harvest.
    listeners = [guarded(listener)] if listener else []

    def tell(event: Event) -> None:
        for one in listeners:
            one(event)

    with shown_progress(report) if progress else nullcontext() as shown:
        if shown:
            listeners.insert(0, shown)
        yield tell


def _plan_of_run(
    places: Places, given: dict[str, Any], bandwidth: float | None
) -> PlanResult:
    from .run.same_run import check_same_run

    need_ledger(places.ledger)
    settings = load_run_settings(places, **given)
    check_same_run(settings, places)
    return PlanResult(make_bill(settings, places, bandwidth=bandwidth), ())
