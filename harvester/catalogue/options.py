"""What the user states about a catalogue; an empty option is found from the file."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ReadOptions"]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Options that overrule what the file states."""

    #: Columns of identifier, right ascension and declination: a name, or a number
    #: from 1.
    id: str = ""
    ra: str = ""
    dec: str = ""
    #: The table to read, if the file has several: its name, or a number from 1.
    table: str = ""
    #: The separator between the fields of a text table.
    delimiter: str = ""
    #: Unit of the positions: ``deg``, ``hour`` (right ascension) or ``rad``.
    unit: str = ""
    #: Frame of the positions, such as ``icrs``, ``fk5``, ``fk4`` or ``galactic``.
    frame: str = ""
