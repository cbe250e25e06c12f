"""The locked requirements, against what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_REPOSITORY = Path(__file__).resolve().parent.parent
_LOCKS = ("build", "runtime", "dev")

#: The Pythons that pyproject.toml claims, on the machines that the image is for.
_MACHINES = [
    {
        "python_version": version,
        "python_full_version": f"{version}.2",
        "platform_machine": machine,
        "sys_platform": "linux",
        "extra": "dev",
    }
    for version in ("3.11", "3.12", "3.13")
    for machine in ("x86_64", "aarch64")
]


def _read(name):
    """Give the requirements of a lock file, each with its number of hashes."""
    text = (_REPOSITORY / "requirements" / f"{name}.txt").read_text()
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.split("--hash=sha256:") for line in text.splitlines()]
    return [(Requirement(first), len(hashes)) for first, *hashes in lines]


def _versions(name, machine):
    """Give package -> version on a machine."""
    return {
        canonicalize_name(one.name): str(one.specifier).removeprefix("==")
        for one, _ in _read(name)
        if one.marker is None or one.marker.evaluate(machine)
    }


def _wanted(machine, *, dev):
    project = tomllib.loads((_REPOSITORY / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["dev"] if dev else []
    every = [Requirement(text) for text in [*project["dependencies"], *extra]]
    return [one for one in every if one.marker is None or one.marker.evaluate(machine)]


@pytest.mark.parametrize("name", _LOCKS)
def test_hashes(name):
    """Every requirement is one version, with the hashes of its files."""
    for requirement, hashes in _read(name):
        assert re.fullmatch(r"==[^,*]+", str(requirement.specifier)), requirement
        assert hashes > 0, requirement


@pytest.mark.parametrize("name", _LOCKS)
def test_no_addresses(name):
    """No lock file says from where; pip asks the index that it is set to."""
    text = (_REPOSITORY / "requirements" / f"{name}.txt").read_text()
    assert "://" not in text
    assert not re.search(r"^\s*-(?!-hash=)", text, flags=re.MULTILINE)


@pytest.mark.parametrize("machine", _MACHINES, ids=str)
def test_locks_fit(machine):
    """What the project asks for is locked, in a version that it allows."""
    for name, dev in (("runtime", False), ("dev", True)):
        locked = _versions(name, machine)
        for one in _wanted(machine, dev=dev):
            version = locked.get(canonicalize_name(one.name), "0")
            assert version in one.specifier, f"{one}: run requirements/lock.sh"


@pytest.mark.parametrize("machine", _MACHINES, ids=str)
def test_same_versions(machine):
    """The tests run on the versions that the image has, and build with its tools."""
    dev = _versions("dev", machine).items()
    assert _versions("runtime", machine).items() <= dev
    assert _versions("build", machine).items() <= dev
    assert {"hatchling", "editables"} <= set(_versions("build", machine))
