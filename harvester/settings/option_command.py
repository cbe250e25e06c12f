"""A command of the command line with the options of some sections of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..importing import IMPORTING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["OfSettings"]


class OfSettings(click.Command):
    """A command with the options of some sections of the settings.

    The options are made when they are needed: the settings are slow to import, and
    ``harvester --help`` does not list options.

    Parameters
    ----------
    sections
        Name of a constant in `harvester.settings.options`.
    """

    def __init__(self, *args: Any, sections: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sections = sections

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the parameters: the options of the settings stand before the last."""
        with IMPORTING:
            from . import options

        own: Sequence[click.Parameter] = super().get_params(ctx)
        made = options.options_of(getattr(options, self._sections))
        return [*own[:-1], *made, own[-1]]
