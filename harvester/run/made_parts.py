"""The parts of a harvest, made from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..archives.kind import LocatorInputs
from ..archives.registry import kind_of
from ..events import Note
from ..frames.store import FrameStore
from ..frames.ways import Ways
from ..settings.settings import SERVICES
from .executors.chosen import make_executor, most_at_once
from .executors.executor_limits import ExecutorLimits
from .lane_plan import LanePlan, lane_workers
from .transport_setup import chosen_ways

if TYPE_CHECKING:
    from ..archives.kind import ArchiveKind
    from ..events import Listener
    from ..ledger.ledger import Ledger
    from ..models import Product
    from ..places import Places
    from ..settings.settings import Settings
    from ..transport.transport import Transport
    from .executors.executor import Executor
    from .outlet import Outlet

__all__ = ["MadeParts"]


@dataclass(frozen=True, slots=True)
class MadeParts:
    """Makes the parts of one harvest, which share its ledger and its transport."""

    settings: Settings
    places: Places
    listener: Listener
    ledger: Ledger
    transport: Transport

    def executor(self) -> Executor:
        """Make what cuts frames; it is not started.

        Raises
        ------
        InputError
            A library for it is not installed.
        """
        settings, work = self.settings, self.settings.work
        archives = {survey.archive for survey in settings.parsed_surveys()}
        limits = ExecutorLimits(
            processes=work.processes,
            cut_s=work.cut_limit_s,
            memory_bytes=work.process_memory_bytes,
            outstanding_bytes=work.outstanding_bytes,
            patience_s=settings.politeness.patience_s,
            frames=self.places.frames,
            frames_by=work.frames_by,
            at_once={name: self._at_once(kind_of(name)) for name in archives},
        )
        return make_executor(work.executor, limits, self.say)

    async def frames(self, cutter: Executor) -> FrameStore:
        """Open the frames on disk.

        Raises
        ------
        LocalError
            Their folder cannot be used.
        """
        ways, limits = chosen_ways(self.settings)
        return await FrameStore.open(
            self.places.frames,
            self.transport,
            budget=self.settings.work.frame_cache_bytes,
            still_wanted=self.ledger.still_wanted,
            patience_s=self.settings.politeness.patience_s,
            ways=Ways(
                ways, limits, speed_of=self.transport.speed_of, counted=self.count_way
            ),
            run=cutter.run,
        )

    def inputs(self, kind: ArchiveKind) -> LocatorInputs:
        """Give what locating at an archive needs."""
        services = self.settings.services
        return LocatorInputs(
            transport=self.transport,
            ledger=self.ledger,
            section=self.settings.archive(kind.name),
            spec=self.settings.spec(kind.name),
            official=SERVICES,
            asked={
                name: services.named(name).addresses(base)[-1]
                for name, base in SERVICES.items()
            },
            tables=self.places.tables,
            listener=self.listener,
        )

    def plan(self, kind: ArchiveKind, outlet: Outlet) -> LanePlan:
        """Give the parameters of the lane of an archive."""
        settings = self.settings
        own = tuple(s for s in settings.parsed_surveys() if s.archive == kind.name)
        return LanePlan(
            surveys=own,
            spec=settings.spec(kind.name),
            root=self.places.out,
            keep_all=kind.keeps_all(settings.archive(kind.name)),
            workers=most_at_once(settings.work.executor, self._at_once(kind)),
            attempts=settings.politeness.attempts,
            longest_backoff_s=settings.politeness.longest_backoff_s,
            outlet=outlet,
            patience_s=settings.politeness.patience_s,
        )

    def count_way(self, product: Product, what: str) -> None:
        """Count in which way a frame came."""
        for survey in self.settings.parsed_surveys():
            if survey.archive == product.archive and product.band in survey.bands:
                self.ledger.count(survey, what)
                return

    def say(self, text: str) -> None:
        """Tell the user something."""
        self.listener(Note(text))

    def _at_once(self, kind: ArchiveKind) -> int:
        services = self.settings.services
        return lane_workers(kind.costs, lambda name: services.named(name).files)
