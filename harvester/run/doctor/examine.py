"""The whole examination, in order: this machine, the settings, the archives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...importing import IMPORTING
from ..own_loop import run_in_own_loop
from ..transport_setup import start_notes
from .findings import Diagnosis, Level
from .machine import machine_findings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ...settings.settings import Settings
    from .protocol import Asked

__all__ = ["Examination", "examine"]


#: Requests, and waits for the turn of one, that a step of a probe may need.
_STEP = 10


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found, and what the archives were asked."""

    findings: Sequence[Diagnosis]
    asked: Sequence[Asked]


def examine(settings: Settings, folder: Path, *, wait_s: float) -> Examination:
    """Examine this machine, the settings, and each archive of the surveys.

    Parameters
    ----------
    folder
        Folder of a run, or where one shall be.
    wait_s
        Seconds that one request may take. A harvest is more patient.
    """
    with IMPORTING:
        from .hosts import host_findings
        from .protocol import ask_archives

    findings = list(
        machine_findings(folder, cache_bytes=settings.work.frame_cache_bytes)
    )
    findings += [
        Diagnosis("settings", Level.NOTE, one) for one in start_notes(settings)
    ]
    hurried = _hurried(settings, wait_s)
    asked = run_in_own_loop(lambda: ask_archives(hurried, step_s=_STEP * wait_s))
    findings += host_findings(asked)
    findings += [finding for one in asked for finding in one.findings]
    return Examination(findings, asked)


def _hurried(settings: Settings, wait_s: float) -> Settings:
    """Give settings with which nothing is tried twice, or waited for long."""
    hurried = settings.model_copy(deep=True)
    hurried.politeness.tries = 1
    # At least a second: see `Patience`.
    hurried.politeness.patience_s = 1.0
    hurried.politeness.refusal_patience_s = 1.0
    limits = hurried.limits
    limits.connect_s = min(limits.connect_s, wait_s)
    limits.answer_s = min(limits.answer_s, wait_s)
    limits.silence_s = min(limits.silence_s, wait_s)
    limits.total_s = min(limits.total_s, wait_s)
    for name in type(hurried.services).model_fields:
        service = getattr(hurried.services, name)
        service.answer_s = min(service.answer_s, wait_s)
    return hurried
