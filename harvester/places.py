"""Where everything of a run is, under its output folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Places"]


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything of a run is."""

    out: Path

    @property
    def _absolute(self) -> Path:
        # SQLite and Arrow take a name with a colon, such as "file:x" or "s3:x", for an
        # address, unless it begins with a slash.
        return self.out.absolute()

    @property
    def ledger(self) -> Path:
        """What has been done."""
        return self._absolute / "ledger.sqlite"

    @property
    def lock(self) -> Path:
        """Held by the one process that owns the run."""
        return self.out / "ledger.lock"

    @property
    def settings(self) -> Path:
        """The effective settings."""
        return self.out / "harvest.toml"

    @property
    def labels(self) -> Path:
        """The catalogue's own columns, a row for each target."""
        return self._absolute / "labels.parquet"

    @property
    def rejects(self) -> Path:
        """The rows of the catalogue that were not taken, a JSON object a line."""
        return self.out / "rejects.jsonl"

    @property
    def manifest(self) -> Path:
        """The manifest as Parquet; the CSV is beside it."""
        return self._absolute / "manifest.parquet"

    @property
    def cutouts(self) -> Path:
        """The stamps."""
        return self.out / "cutouts"

    @property
    def tables(self) -> Path:
        """Tables that an archive gave, where no cache is shared by runs."""
        return self.out / "tables"

    @property
    def scratch(self) -> Path:
        """What is only needed while the catalogue is read."""
        return self.out / "scratch"

    @property
    def frames(self) -> Path:
        """Frames that are being cut; nothing that must be kept."""
        return self.out / "frames"
