"""Finds environment variables that look like settings but are not."""

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

    Pydantic reads only variables of known sections, so it does not notice a typing
    error in the section. It does check the names after the section.

    Raises
    ------
    InputError
        There is such a variable; the message names it and the most similar section.
    """
    known = {f"{prefix}{section}".upper() for section in sections}
    for name in os.environ:
        section = "__".join(name.upper().split("__")[:2])
        # A single underscore after the prefix is a common typing error.
        is_meant = name.upper().startswith(prefix[:-1]) and "__" in name
        if is_meant and section not in known:
            close = difflib.get_close_matches(section, known, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            msg = (
                f"the environment variable {name} names no setting.{hint} Settings "
                f"are spelled {prefix}SECTION__NAME, see docs/operations.md."
            )
            raise InputError(msg)
