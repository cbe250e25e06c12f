"""Environment variables that look like settings and are none."""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["refuse_unknown_variables"]


def refuse_unknown_variables(prefix: str, sections: Iterable[str]) -> None:
    """Refuse a variable that is spelled like a setting of an unknown section.

    Pydantic looks for the names that it knows, so it never sees one with a typing
    error. What follows the section it checks itself.

    Raises
    ------
    InputError
        There is such a variable; the message names it and the section that is nearest.
    """
    known = {f"{prefix}{section}".upper() for section in sections}
    for name in os.environ:
        section = "__".join(name.upper().split("__")[:2])
        # With a single underscore behind the first word as well: a common slip.
        is_meant = name.upper().startswith(prefix[:-1]) and "__" in name
        if is_meant and section not in known:
            close = difflib.get_close_matches(section, known, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            msg = (
                f"the environment has {name}, which names no setting.{hint} Settings "
                f"are spelled {prefix}SECTION__NAME, see docs/operations.md."
            )
            raise InputError(msg)
