"""Harvests of a sandbox whose stamps go to a server, as a user runs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import service
from s3_servers import BUCKET

if TYPE_CHECKING:
    from pathlib import Path

SURVEY = ("--survey", "sdss:r,i")


@dataclass(frozen=True)
class ToStore:
    """Harvests of one sandbox whose stamps go to a server."""

    server: object
    archives: object
    folder: Path
    prefix: str = "runs/one"

    @property
    def url(self):
        """Give the address of the run."""
        return f"s3://{BUCKET}/{self.prefix}"

    @property
    def work(self):
        """Give the folder of the run."""
        return self.folder / "work"

    def words(self):
        """Give the words of the command that begins the run or goes on with it."""
        place = ("--out", self.url, "--work", self.work)
        return ("run", self.archives.catalogue, *place, *SURVEY, *self.archives.flags())

    def run(self, *more, **environment):
        """Harvest to the end; give the completed process."""
        return self.command(*self.words(), *more, **environment)

    def start(self, **environment):
        """Start to harvest; give the process."""
        return service.start(*self.words(), **self.server.environment, **environment)

    def command(self, *words, **environment):
        """Run any command with the keys of the server in its environment."""
        return service.harvester(*words, **self.server.environment, **environment)

    def wait_for_stamps(self, count, process):
        """Wait until so many stamps are in the store, while a harvest is at work."""
        place = f"{self.prefix}/cutouts"
        service.wait_for(lambda: len(self.server.names(place)) >= count, process)

    def stamps(self):
        """Give name and bytes of the stamps in the store."""
        return self.server.stamps(self.prefix)


def stamps_on_disk(folder):
    """Give name and bytes of the stamps in the folder of a run."""
    return {name: (folder / name).read_bytes() for name in service.stamps(folder)}
