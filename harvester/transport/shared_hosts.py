"""What all harvests of this machine have learned of hosts, in files.

::

    FOLDER/hosts-1/<host>    the facts of a host, in JSON

A file is replaced whole, so that another harvest reads the old one or the new one. It
is not flushed: after a power cut it is learned again. Hosts on this machine itself are
left out: a sandbox may have the port of another one.
"""

from __future__ import annotations

import json
import logging
import math
import os
from contextlib import suppress
from dataclasses import asdict, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from yarl import URL

from ..models import HostFacts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["newest", "read_shared_hosts", "write_shared_hosts"]

_log = logging.getLogger(__name__)

#: Changes with the form of the files.
_FORM = "hosts-1"


def read_shared_hosts(folder: Path) -> dict[str, HostFacts]:
    """Give what is known of each host; files that cannot be read tell nothing."""
    known = {}
    with suppress(OSError):
        # Those that begin with a dot were being written when a harvest was killed.
        for path in (folder / _FORM).glob("[!.]*"):
            with suppress(OSError, ValueError, TypeError):
                known[unquote(path.name)] = _checked(json.loads(path.read_bytes()))
    return known


def write_shared_hosts(folder: Path, facts: Mapping[str, HostFacts]) -> None:
    """Keep facts for other harvests; if that is impossible, say so in the log."""
    for host, one in facts.items():
        if not _is_here(host):
            path = folder / _FORM / quote(host, safe="")
            new = path.with_name(f".{path.name}.{os.getpid()}")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                new.write_text(json.dumps(asdict(one)), encoding="ascii")
                new.replace(path)
            except OSError as error:
                _log.info("%s is not kept for other harvests: %s", path, error)


def newest(
    one: Mapping[str, HostFacts], other: Mapping[str, HostFacts]
) -> dict[str, HostFacts]:
    """Give the facts of each host that were learned last."""
    both = {**one, **other}
    for host in one.keys() & other.keys():
        both[host] = max(one[host], other[host], key=_learned_at)
    return both


def _learned_at(facts: HostFacts) -> float:
    return max(facts.measured_at, facts.ranges_at, facts.several_at)


def _checked(told: Mapping[str, Any]) -> HostFacts:
    """Make facts of what a file says; `ValueError` or `TypeError` if they are none."""
    facts = HostFacts(**told)
    bandwidth, latency_s = facts.bandwidth or 1.0, facts.latency_s or 0.0
    dates = (facts.measured_at, facts.ranges_at, facts.several_at)
    is_sound = all(0 <= one < math.inf for one in (bandwidth, latency_s, *dates))
    are_flags = {facts.ranges, facts.several} <= {None, True, False}
    if not (is_sound and are_flags) or facts.bandwidth == 0:
        msg = f"no facts of a host: {told}"
        raise ValueError(msg)
    # What limits depends on the settings of each harvest.
    return replace(facts, limit="")


def _is_here(host: str) -> bool:
    name = URL(f"//{host}").host or ""
    with suppress(ValueError):
        return ip_address(name).is_loopback
    return name == "localhost"
