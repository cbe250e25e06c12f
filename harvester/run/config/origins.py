"""Where the value of each setting comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_settings import EnvSettingsSource

from ...settings.names import fields_of, is_secret, value_at
from ...settings.settings import (
    PREFIX,
    Settings,
    kept_settings,
    load_run_settings,
    load_settings,
    of_older_run,
    read_file,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ...places import Places
    from ...settings import names

__all__ = ["Effective", "Layers", "Setting"]

_MASKED = "…"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name, its value as it may be shown, and where that is from."""

    name: str
    value: Any
    origin: str


class Layers:
    """The sources of settings, the strongest first."""

    def __init__(
        self,
        given: Mapping[str, Any],
        file: Path | None,
        older: Mapping[str, Any] | None = None,
    ) -> None:
        self._layers: list[tuple[str, Mapping[str, Any]]] = [
            ("option", given),
            ("run of an earlier version", older or {}),
            ("environment", EnvSettingsSource(Settings)()),
            (f"file {file}", read_file(file) if file else {}),
        ]

    def origin(self, path: names.SettingPath) -> str:
        """Name the source of a setting."""
        for origin, layer in self._layers:
            if _holds(layer, path):
                variable = f"{PREFIX}{'__'.join(path).upper()}"
                return f"{origin} {variable}" if origin == "environment" else origin
        return "default"


def _holds(layer: Any, path: names.SettingPath) -> bool:  # noqa: ANN401 - part of any source
    for name in path:
        if not isinstance(layer, dict) or name not in layer:
            return False
        layer = layer[name]
    return True


class Effective:
    """The settings that a command would use, with where each comes from."""

    def __init__(self, settings: Settings, layers: Layers) -> None:
        self.settings = settings
        self._layers = layers

    @classmethod
    def of(
        cls, places: Places | None, file: Path | None, given: Mapping[str, Any]
    ) -> Effective:
        """Load them as `run` and `resume` do: a settings file replaces that of a run.

        Raises
        ------
        InputError
            They cannot be used; the message lists all that is wrong.
        """
        if places is None or file is not None:
            return cls(load_settings(file, **given), Layers(given, file))
        layers = Layers(given, places.settings, of_older_run(places))
        return cls(load_run_settings(places, **given), layers)

    def listed(self) -> list[Setting]:
        """Give all settings, in the order of their sections."""
        return [
            Setting(
                ".".join(path),
                _shown(value_at(self.settings, path), hidden=is_secret(field)),
                self._layers.origin(path),
            )
            for path, field in fields_of(Settings)
        ]

    def changes(self, places: Places) -> list[tuple[Setting, Any]]:
        """Give the settings that differ from those of a run, with the run's value."""
        kept = kept_settings(places)
        before = {
            ".".join(path): _shown(value_at(kept, path), hidden=is_secret(field))
            for path, field in fields_of(Settings)
        }
        return [
            (one, before[one.name])
            for one in self.listed()
            if one.value != before[one.name]
        ]


def _shown(value: Any, *, hidden: bool) -> Any:  # noqa: ANN401 - of any setting
    if hidden and value:
        return _MASKED
    return value
