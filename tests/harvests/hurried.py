"""A harvest in the test's own process, with short waits.

It uses the real service without the command line and the process pool: the ledger, the
transport over loopback, and the cutting (in a thread). Waits are shortened.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, contextmanager
from functools import partial

import pyarrow.parquet as pq
import pytest

from harvester.cutouts.cutouts import cut_frame
from harvester.places import Places
from harvester.run import begin as beginning
from harvester.run import harvest as root
from harvester.run import made_parts
from harvester.run import transport_setup as setup
from harvester.settings.settings import load_settings
from harvester.transport.breaker import Tripping
from harvester.transport.throttle import Manners
from harvester.transport.transport import Limits, Transport

#: Limits that only faults reach, also on a busy machine.
USUAL = {"file_bytes": 20_000_000, "works_on_s": 0}
#: Limits for faults without progress; other requests that reach them are retried.
SHORT = USUAL | {"answer_s": 3.0, "silence_s": 2.0, "floor_window_s": 2.0}
MANNERS = partial(Manners, tripping=Tripping(first_s=0.1, longest_s=0.5))


class Run:
    """A run, and the results of its harvests."""

    def __init__(
        self, archives, out, *surveys, manners=None, limits=None, **politeness
    ):
        self.places = Places(out)
        self.notes = []
        self.troubles = []
        patient = {"longest_backoff_s": 0.05, "patience_s": 60, "attempts": 2}
        self._settings = load_settings(
            surveys=list(surveys),
            catalogue={"path": str(archives.catalogue)},
            services={
                name.replace("-", "_"): {
                    "rate": 100,
                    "base_url": url,
                    "answer_s": (limits or {}).get("answer_s", 60),
                    **(manners or {}),
                }
                for name, url in archives.urls.items()
            },
            politeness=patient | politeness,
            limits=limits or USUAL,
            # A request for each frame, so that faults strike the same requests.
            sdss={"way": "early"},
        )

    def begin(self):
        """Read the catalogue."""
        self.places.out.mkdir(parents=True)
        beginning.begin(self._settings, self.places, lambda _: None)
        beginning.write_settings(self._settings, self.places)

    def harvest(self, **options):
        """Harvest to the end, or until an archive is given up."""
        asyncio.run(self.work(**options))

    async def work(self, **options):
        """Harvest in the running event loop."""
        with _hurry():
            outcome = await root.harvest(
                self._settings,
                self.places,
                listener=self.notes.append,
                started=lambda _: None,
                **options,
            )
        self.troubles = outcome.troubles

    def rows(self):
        """Give the rows of the manifest."""
        root.make_manifest(self.places)
        return pq.read_table(self.places.manifest).to_pylist()

    def states(self):
        """Give survey, target and state of each job, sorted."""
        return sorted(
            (row["survey"], row["id_str"], row["status"]) for row in self.rows()
        )

    def stamps(self):
        """Give the bytes of each stamp by its path."""
        out = self.places.out
        paths = out.glob("cutouts/**/*.fits")
        return {str(path.relative_to(out)): path.read_bytes() for path in paths}


class _Thread:
    """Cuts in a thread instead of a process, which would take seconds to start."""

    cutting, processes = 0, 1

    async def __aenter__(self):
        return self

    async def __aexit__(self, *failure):
        """Do nothing."""

    def start(self):
        """Do nothing."""

    @asynccontextmanager
    async def room(self, _archive):
        """Wait for nothing."""
        yield

    async def cut(self, job):
        """Cut a frame."""
        return await asyncio.to_thread(cut_frame, job)

    async def run(self, function, job):
        """Run another function."""
        return await asyncio.to_thread(function, job)


@contextmanager
def _hurry():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made_parts, "make_executor", lambda *_: _Thread())
        patch.setattr(setup, "Limits", partial(Limits, doubt_s=0.1))
        patch.setattr(setup, "Manners", MANNERS)
        patch.setattr(setup, "Transport", partial(Transport, random=lambda: 0.1))
        yield


@contextmanager
def faults(archives, *specs):
    """Switch faults on during the block; each of them must occur."""
    archives.ask("/_reset", body={})
    archives.ask("/_faults", body=list(specs))
    try:
        yield
        for fault in json.loads(archives.ask("/_faults")):
            assert fault["struck"], f"{fault['fault']} did not occur"
    finally:
        archives.ask("/_faults", body=[])
