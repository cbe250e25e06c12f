"""Secrets in the environment: in a variable, or in a file that a variable names.

Only from there: settings are written to a file beside the data set.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import InputError

__all__ = ["BROKER_SECRET", "secret_of"]

#: The variable with the secret that a broker and its clients share.
BROKER_SECRET = "HARVESTER_BROKER_SECRET"  # noqa: S105 - the name of a variable


def secret_of(variable: str) -> str:
    """Give a secret; empty: there is none.

    Raises
    ------
    InputError
        The file that ``VARIABLE_FILE`` names cannot be read.
    """
    file = os.environ.get(f"{variable}_FILE")
    if not file:
        return os.environ.get(variable, "").strip()
    try:
        return Path(file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{variable}_FILE names {file}, which cannot be read as a token."
        raise InputError(msg) from error
