"""The known archives: those here, and those of other packages."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from harvester.archives.registry import (
    default_surveys,
    demo_surveys,
    kind_of,
    kinds,
    read_survey,
    services,
)
from harvester.errors import InputError

#: A package with an archive that is a copy of another one with another name.
_PACKAGE = """
from harvester.archives.registry import kinds
from harvester.archives.sdss import kind


class _Mine(type(kind.KIND)):
    name = {name!r}
    default_survey = ""


KIND = _Mine()
"""


@pytest.fixture(autouse=True)
def _fresh():
    """Clear the cache of archives."""
    kinds.cache_clear()
    yield
    kinds.cache_clear()


def _install(folder, monkeypatch, name, text=None):
    """Put a package with an entry point where Python finds it."""
    (folder / "my_archive.py").write_text(text or _PACKAGE.format(name=name))
    info = folder / "my_archive-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: my-archive\nVersion: 1\n"
    )
    (info / "entry_points.txt").write_text(
        f"[harvester.archives]\n{name} = my_archive:KIND\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    sys.modules.pop("my_archive", None)
    importlib.invalidate_caches()


def test_ours():
    """Every folder is an archive, with the name that its surveys begin with."""
    assert {"sdss", "hst", "jwst"} <= set(kinds())
    assert all(kind.name == name for name, kind in kinds().items())


def test_shared_services():
    """Archives that share a service share its description."""
    owners = [
        n for n, kind in kinds().items() if "mast" in {s.name for s in kind.services}
    ]
    assert {"hst", "jwst"} <= set(owners)
    assert services()["mast"] in kind_of("jwst").services


def test_examples_are_surveys():
    """The examples in help and messages are valid surveys."""
    for kind in kinds().values():
        for example in kind.examples:
            assert str(read_survey(example)) == example
    assert all(read_survey(one) for one in default_surveys())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no archive ''"),
        ("nowhere:r", "no archive 'nowhere'"),
        ("sdss:", "no band"),
        ("sdss:r,x", "not x"),
        ("sdss:camera:r", "SDSS has"),
        ("hst:F160W", "instrument"),
        ("hst:WFC3/IR:F 160", "not the name"),
    ],
)
def test_slips(text, words):
    """An invalid survey is refused, with the reason and examples."""
    with pytest.raises(InputError, match="Write ") as caught:
        read_survey(text)
    assert words in str(caught.value)


def test_light_kinds():
    """The registry imports no slow library: those are imported when they are used."""
    words = (
        "import sys, harvester.archives.registry as registry; registry.kinds(); "
        "slow = {'requests', 'aiohttp', 'numpy', 'astropy', 'pyarrow'}; "
        "print(slow & set(sys.modules))"
    )
    said = subprocess.check_output([sys.executable, "-c", words], text=True)
    assert said == "set()\n"


def test_unknown_archive():
    """The error for an unknown archive names those that exist."""
    with pytest.raises(InputError, match="only"):
        kind_of("nowhere")


def test_another_package(tmp_path):
    """An archive of another package has surveys, settings and options."""
    with pytest.MonkeyPatch.context() as patch:
        _install(tmp_path, patch, "mine")
        assert str(read_survey("mine:g,r")) == "mine:g,r"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "harvester", "run", "x"),
                *("--out", "y", "--survey", "mine:q"),
            ],
            env={"PYTHONPATH": str(tmp_path), "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "mine:q" in done.stderr
    assert "no archive" not in done.stderr


def test_name_that_is_taken(tmp_path, monkeypatch):
    """A second archive of the same name is refused; the error names its package."""
    _install(tmp_path, monkeypatch, "sdss")
    with pytest.raises(InputError, match=r"my-archive.*Uninstall the package"):
        kinds()


def test_package_that_fails(tmp_path, monkeypatch):
    """The error for an archive that cannot be loaded names its package."""
    _install(tmp_path, monkeypatch, "mine", "raise OSError('no licence')")
    with pytest.raises(InputError, match=r"my-archive.*no licence"):
        kinds()


def test_surveys_of_the_demonstration():
    """The demonstration harvests surveys that exist, one of them in three bands."""
    surveys = [read_survey(text) for text in demo_surveys()]
    assert len({survey.archive for survey in surveys}) == 2
    assert max(len(survey.bands) for survey in surveys) == 3
