"""The paths of a run's files, all under its output folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Places", "need_no_url"]

#: What `pathlib` makes of a URL, after the folder that it takes it to be in.
_URL = re.compile(r"(?:^|/)([A-Za-z][A-Za-z0-9+.-]+):/([^/].*)$")


@dataclass(frozen=True, slots=True)
class Places:
    """The paths of a run's files."""

    #: The output folder.
    out: Path

    @property
    def _absolute(self) -> Path:
        # SQLite and Arrow read a relative path with a colon, such as "file:x" or
        # "s3:x", as a URL.
        return self.out.absolute()

    @property
    def ledger(self) -> Path:
        """The ledger: an SQLite file with the state of every job."""
        return self._absolute / "ledger.sqlite"

    @property
    def lock(self) -> Path:
        """The lock file; the process that owns the run holds it."""
        return self.out / "ledger.lock"

    @property
    def settings(self) -> Path:
        """The settings in effect, as TOML."""
        return self.out / "harvest.toml"

    @property
    def labels(self) -> Path:
        """All columns of the catalogue, one row per target."""
        return self._absolute / "labels.parquet"

    @property
    def rejects(self) -> Path:
        """The rejected rows of the catalogue, one JSON object per line."""
        return self.out / "rejects.jsonl"

    @property
    def manifest(self) -> Path:
        """The manifest as Parquet; the CSV file is in the same folder."""
        return self._absolute / "manifest.parquet"

    @property
    def report(self) -> Path:
        """The report: one HTML file."""
        return self._absolute / "report.html"

    @property
    def cutouts(self) -> Path:
        """The folder of the stamps."""
        return self.out / "cutouts"

    @property
    def outbox(self) -> Path:
        """What was sent to the object store of the run, if it has one."""
        return self._absolute / "store.sqlite"

    @property
    def tables(self) -> Path:
        """Tables of an archive, unless runs share a cache folder."""
        return self.out / "tables"

    @property
    def scratch(self) -> Path:
        """Temporary files, needed only while the catalogue is read."""
        return self.out / "scratch"

    @property
    def control(self) -> Path:
        """The socket of a harvest at work, and the token of its page; only the owner's.

        It is empty, or not there, while none is at work.
        """
        return self.out / "control"

    @property
    def frames(self) -> Path:
        """The cache of fetched frames; all of it can be fetched again."""
        return self.out / "frames"


def need_no_url(path: Path) -> None:
    """Refuse a folder that is not there and was made of the URL of an object store.

    Raises
    ------
    InputError
        The message says which commands take such a URL.
    """
    match = _URL.search(str(path))
    if match and not path.exists():
        url = f"{match[1]}://{match[2]}"
        msg = (
            f"{url} is no folder on this machine. To fetch the run from the store: "
            f"harvester resume {url} fetches it into a folder, and all commands work "
            "on that. `harvester run --out` and `harvester verify` take the URL; "
            "from Python: harvester.run(CATALOGUE, FOLDER, store={'url': URL})"
        )
        raise InputError(msg)
