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
    warms_up
        Whether the fork server is started first. It imports what reads catalogues and
        cuts frames while this process imports the settings and the harvest.
    """

    def __init__(
        self, *args: Any, sections: str, warms_up: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._sections = sections
        self._warms_up = warms_up

    def make_context(
        self, info_name: str | None, args: list[str], *rest: Any, **extra: Any
    ) -> click.Context:
        """Parse the words; start the fork server first, unless help is asked for."""
        if self._warms_up and not {"-h", "--help"} & set(args):
            from ..cutouts.warm_up import warm_up

            warm_up()
        return super().make_context(info_name, args, *rest, **extra)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the parameters: the options of the settings stand before the last."""
        with IMPORTING:
            from . import options

        own: Sequence[click.Parameter] = super().get_params(ctx)
        made = options.options_of(getattr(options, self._sections))
        return [*own[:-1], *made, own[-1]]
