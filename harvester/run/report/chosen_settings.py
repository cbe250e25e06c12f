"""The settings of a run that are not as by default."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ...settings.names import fields_of, is_secret, value_at
from ...settings.settings import Settings, kept_settings
from ...status.report_page.facts import ChosenSetting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...places import Places

__all__ = ["chosen_settings"]

#: The contact is the mail address of the user; reports are passed on.
_PRIVATE = "politeness.contact"


def chosen_settings(places: Places) -> list[ChosenSetting]:
    """Give them in the order of their sections; none if the run has no file of them.

    Raises
    ------
    InputError
        The file cannot be used.
    """
    return list(_chosen(places)) if places.settings.exists() else []


def _chosen(places: Places) -> Iterator[ChosenSetting]:
    kept = kept_settings(places)
    default = Settings(file={}, alone=True)  # type: ignore[call-arg] # as in load_settings
    for path, field in fields_of(Settings):
        value, usual = value_at(kept, path), value_at(default, path)
        if value != usual:
            name = ".".join(path)
            is_hidden = is_secret(field) or name == _PRIVATE
            shown = "(not shown)" if is_hidden else _written(value)
            yield ChosenSetting(name, shown, _written(usual))


def _written(value: Any) -> str:  # noqa: ANN401 - of any setting
    return json.dumps(value, ensure_ascii=False, default=str)
