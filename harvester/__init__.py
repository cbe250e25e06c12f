"""Harvest galaxy stamps from HST (MAST) and SDSS for a whole catalogue.

From Python::

    import harvester

    result = harvester.run("galaxies.fits", "zoo", contact="you@example.org")

``run``, ``resume``, ``extend``, ``plan`` and ``status`` do what the commands of these
names do, and ``open`` gives the galaxies and stamps of a run, see docs/python.md. What
they need is imported when they are used: ``import harvester`` is quick. Their types are
in ``__init__.pyi``, which no import contract has to except.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from inspect import Signature

__version__ = "0.1.0"

#: Where each name is.
_HOMES = {
    ".dataset.opened.galaxies": ("open",),
    ".api": ("PlanResult", "RunResult", "plan", "resume", "run", "status"),
    ".run.extend.from_python": ("extend",),
    ".errors": (
        "BusyError",
        "HarvesterError",
        "InputError",
        "LedgerError",
        "LocalError",
        "LockedError",
        "OutageError",
        "TransientError",
        "UnknownNameError",
    ),
    ".events": ("Event", "Listener", "Moved", "Note", "Stamped"),
}

#: What a name is called where it is, if that differs: a module that defined ``open``
#: could not use Python's own.
_CALLED = {"open": "open_run"}

#: Folders of the package that have the name of a function of ``api``.
_FOLDERS = ("plan", "run", "status")

__all__ = [  # noqa: PLE0604 - all of them are strings
    "__version__",
    *(name for names in _HOMES.values() for name in names),
]


def __getattr__(name: str) -> object:
    if name in _FOLDERS:
        return import_module(f".{name}", __name__)
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home, __name__), _CALLED.get(name, name))
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__


class _Folder(ModuleType):
    # A folder that can be called, as in `harvester.run("galaxies.fits", "zoo")`. Python
    # makes a folder that is imported an attribute of its package, in place of a
    # function of that name: so the two are one. Editors and notebooks show the
    # function's docstring and signature.

    @property
    def __doc__(self) -> str | None:
        return self._function.__doc__

    @property
    def __signature__(self) -> Signature:
        from inspect import signature  # the import of harvester is light

        return signature(self._function)

    @property
    def _function(self) -> Callable[..., object]:
        return getattr(import_module(".api", __package__), self.__name__.split(".")[-1])

    def __call__(self, *args: object, **kwargs: object) -> object:
        return self._function(*args, **kwargs)


class _Package(ModuleType):
    def __setattr__(self, name: str, value: object) -> None:
        if name in _FOLDERS and isinstance(value, ModuleType):
            value.__class__ = _Folder
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
