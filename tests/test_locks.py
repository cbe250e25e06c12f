"""The locked requirements match those of pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_REPOSITORY = Path(__file__).resolve().parent.parent
_LOCKS = ("build", "runtime", "dev", "loaders")

#: The versions of Python in pyproject.toml, on the platforms of the image.
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
    """Return the requirements of a lock file, each with its number of hashes."""
    text = (_REPOSITORY / "requirements" / f"{name}.txt").read_text()
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.split("--hash=sha256:") for line in text.splitlines()]
    return [(Requirement(first), len(hashes)) for first, *hashes in lines]


def _versions(name, machine):
    """Return the version of each package on a platform."""
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
    """Every requirement is pinned to one version and has hashes."""
    for requirement, hashes in _read(name):
        assert re.fullmatch(r"==[^,*]+", str(requirement.specifier)), requirement
        assert hashes > 0, requirement


@pytest.mark.parametrize("name", _LOCKS)
def test_no_addresses(name):
    """No lock file names an index; pip uses the configured one."""
    text = (_REPOSITORY / "requirements" / f"{name}.txt").read_text()
    assert "://" not in text
    assert not re.search(r"^\s*-(?!-hash=)", text, flags=re.MULTILINE)


@pytest.mark.parametrize("machine", _MACHINES, ids=str)
def test_locks_fit(machine):
    """Every requirement of the project is locked in an allowed version."""
    for name, dev in (("runtime", False), ("dev", True)):
        locked = _versions(name, machine)
        for one in _wanted(machine, dev=dev):
            version = locked.get(canonicalize_name(one.name), "0")
            assert version in one.specifier, f"{one}: run requirements/lock.sh"


@pytest.mark.parametrize("machine", _MACHINES, ids=str)
def test_loaders_lock(machine):
    """The loaders are read beside the versions that everything else is tested with."""
    locked = _versions("loaders", machine)
    assert _versions("dev", machine).items() <= locked.items()
    assert {"datasets", "lsdb", "pylance"} <= set(locked)
    assert "torch" not in locked


@pytest.mark.parametrize("machine", _MACHINES, ids=str)
def test_same_versions(machine):
    """The tests use the same versions and build tools as the image."""
    dev = _versions("dev", machine).items()
    assert _versions("runtime", machine).items() <= dev
    assert _versions("build", machine).items() <= dev
    assert {"hatchling", "editables"} <= set(_versions("build", machine))
