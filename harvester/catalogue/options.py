"""What the user says about a catalogue; what is empty is understood from the file."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ReadOptions"]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Options that overrule what the file says of itself."""

    #: Columns of identifier, right ascension and declination: a name, or a number
    #: from 1.
    id: str = ""
    ra: str = ""
    dec: str = ""
    #: Of a file with several tables the one to read: its name, or a number from 1.
    table: str = ""
    #: What separates the fields of a text table.
    delimiter: str = ""
    #: Unit of the positions: ``deg``, ``hour`` (right ascension) or ``rad``.
    unit: str = ""
    #: Frame of the positions, such as ``icrs``, ``fk5``, ``fk4`` or ``galactic``.
    frame: str = ""
