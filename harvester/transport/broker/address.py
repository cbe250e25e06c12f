"""Where a broker is, and the secret that its clients share with it.

An address file has both. It is written with mode 0600, and renewed when the broker is
started again, perhaps with another port.
"""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ...errors import InputError
from .signed_lines import NoBrokerError

__all__ = ["BrokerAddress", "is_address", "split_address", "write_address_file"]

_HOST_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]/:\s]+)):(\d{1,5})")

_FORM = 1


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Host, port, and what both ends know."""

    host: str
    port: int
    #: Never printed.
    secret: str = ""

    def __repr__(self) -> str:
        return f"BrokerAddress({self})"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @classmethod
    def of(cls, where: str, secret: str = "") -> Self:
        """Read ``HOST:PORT``, or the path of an address file.

        Raises
        ------
        InputError
            It is neither, or others may read the file.
        NoBrokerError
            The file is not there (yet).
        """
        if is_address(where):
            return cls(*split_address(where), secret)
        if "/" not in where and not Path(where).exists():
            msg = f"{where!r} is neither HOST:PORT of a broker nor an address file"
            raise InputError(msg)
        return cls._from_file(Path(where))

    @classmethod
    def _from_file(cls, path: Path) -> Self:
        try:
            if path.stat().st_mode & stat.S_IROTH:
                msg = f"everybody can read the secret in {path}: chmod o-r {path}"
                raise InputError(msg)
            facts = json.loads(path.read_text("utf-8"))
            return cls(str(facts["host"]), int(facts["port"]), str(facts["secret"]))
        except FileNotFoundError as error:
            msg = f"there is no file {path}: harvester broker --address-file writes it"
            raise NoBrokerError(msg) from error
        except OSError as error:
            msg = f"{path} cannot be read: {error.strerror}"
            raise NoBrokerError(msg) from error
        except (ValueError, TypeError, KeyError) as error:
            msg = f"{path} is no address file of a broker: {error}"
            raise InputError(msg) from error


def is_address(text: str) -> bool:
    """Whether a text is ``HOST:PORT``."""
    return _HOST_PORT.fullmatch(text) is not None


def split_address(text: str) -> tuple[str, int]:
    """Split ``HOST:PORT``; an address of IPv6 is in brackets.

    Raises
    ------
    InputError
        It is none.
    """
    found = _HOST_PORT.fullmatch(text)
    if found is None or int(found[3]) >= 2**16:
        msg = f"{text!r} is no HOST:PORT, such as 0.0.0.0:8901"
        raise InputError(msg)
    return found[1] or found[2], int(found[3])


def write_address_file(path: Path, address: BrokerAddress) -> None:
    """Write the file that clients find the broker by; only this user can read it.

    Raises
    ------
    OSError
        It cannot be written.
    """
    facts = {"harvester broker": _FORM, "host": address.host, "port": address.port}
    text = json.dumps({**facts, "secret": address.secret}) + "\n"
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 - the mode from the beginning
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
