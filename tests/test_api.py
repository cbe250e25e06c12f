"""The harvester as a library: what goes in, what comes back, what is left alone."""

from __future__ import annotations

import doctest
import gc
import importlib
import inspect
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from shutil import rmtree

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.table import Table
from pebble import CONSTS
from service import BRISK, free_ports, sandbox, stamps

import harvester
from harvester import api
from harvester.dataset.export.export import export_run
from harvester.dataset.export.options import ExportOptions
from harvester.dataset.opened.galaxies import Galaxies, open_run
from harvester.ledger.file import owned
from harvester.ledger.run_dates import utc_now
from harvester.places import Places
from harvester.run.extend.from_python import extend
from harvester.states import State

_ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Give a small sky that is served for the tests of this module."""
    options = ("--seed", "7", "--targets", "12")
    with sandbox(tmp_path_factory.mktemp("sandbox"), *options) as running:
        yield running


@pytest.fixture
def brisk(monkeypatch):
    """Let harvests of this process ask as quickly as the sandbox answers."""
    for name, value in BRISK.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def workplace(archives, brisk, tmp_path, monkeypatch):
    """Be in an empty folder with the catalogue ``galaxies.fits``."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "galaxies.fits").symlink_to(archives.catalogue)
    return tmp_path


def addresses(archives):
    """Give the variables that send every harvest to the sandbox."""
    return {
        f"HARVESTER__SERVICES__{name.upper().replace('-', '_')}__BASE_URL": url
        for name, url in archives.urls.items()
    }


# -- the package -----------------------------------------------------------------------


def test_import_is_light():
    """Importing the package imports nothing heavy, and lists what it offers."""
    code = (
        "import sys, harvester\n"
        "heavy = {'numpy', 'pydantic', 'asyncio', 'inspect'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(_ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert {"run", "resume", "plan", "status", "__version__"} <= set(dir(harvester))


def test_names_are_those_of_the_stub():
    """Type checkers see exactly the names that there are, and each can be had."""
    stub = (_ROOT / "harvester/__init__.pyi").read_text()
    declared = set(re.findall(r"import \w+ as (\w+)", stub)) | {"__version__"}
    assert declared == set(dir(harvester)) == set(harvester.__all__)
    assert all(getattr(harvester, name) for name in declared)
    with pytest.raises(AttributeError, match="no attribute 'runs'"):
        harvester.runs  # noqa: B018 - it raises


@pytest.mark.parametrize("name", ["run", "plan", "status"])
def test_folders_are_functions(name):
    """A folder with the name of a function is both, whichever is imported first."""
    folder = importlib.import_module(f"harvester.{name}")
    assert getattr(harvester, name) is folder
    function = getattr(api, name)
    assert inspect.signature(folder) == inspect.signature(function)
    assert folder.__doc__ == function.__doc__
    with pytest.raises(TypeError, match="argument"):
        folder()


# -- examples --------------------------------------------------------------------------


def test_doctests(archives, workplace):
    """The examples of the docstrings do what they say."""
    names = {"harvester": harvester, "sandbox": archives.urls}
    runner = doctest.DocTestRunner()
    of_data = (Galaxies.where, Galaxies.complete, Galaxies.samples)
    of_runs = (api.run, api.resume, api.status, extend, api.plan, open_run)
    for function in (*of_runs, *of_data):
        for example in doctest.DocTestFinder(recurse=False).find(function, globs=names):
            runner.run(example)
    assert (runner.failures, runner.tries >= 10) == (0, True)


@pytest.mark.usefixtures("workplace")
def test_open_while_it_runs(archives):
    """A run that has located its galaxies can be opened, and later has its stamps."""
    harvester.plan("galaxies.fits", "zoo", base_urls=archives.urls, progress=False)
    data = harvester.open("zoo")
    assert len(data.where(survey="sdss", status="located")) == len(data) == 12
    assert data[0].stamps == ()
    done = harvester.resume("zoo", base_urls=archives.urls, progress=False)
    data = harvester.open("zoo")
    # The ledger says the same when the manifest is of an earlier version, or lost.
    pq.write_table(data.table.drop_columns(["target"]), done.manifest)
    assert harvester.open("zoo").table.equals(data.table)
    done.manifest.unlink()
    assert harvester.open("zoo").table.equals(data.table)
    shown = [stamp.path.resolve() for galaxy in data for stamp in galaxy.stamps]
    assert set(shown) == {path.resolve() for path in done.stamps.rglob("*.fits")}


def test_readme(archives, workplace):
    """The README's example runs word for word, as a script without a guard."""
    section = (_ROOT / "README.md").read_text().partition("## From Python")[2]
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    assert "__main__" not in code
    script = workplace / "script.py"
    script.write_text(code)
    done = run_python([script], archives)
    assert (done.returncode, done.stderr) == (0, "")
    assert "24 stamps on disk" in done.stdout


def test_script_from_standard_input(archives, workplace):
    """A script that is no file harvests as well, and its lines are run once."""
    code = (
        "import harvester\n"
        "print('begun')\n"
        "result = harvester.run('galaxies.fits', 'zoo', surveys='sdss:r',"
        " progress=False)\n"
        "print(result.ok)\n"
    )
    done = run_python(["-"], archives, input=code)
    assert (done.stdout, done.stderr) == ("begun\nTrue\n", "")
    assert len(stamps(workplace / "zoo")) == 12


def run_python(words, archives, **options):
    """Run Python in a process of its own, with the sandbox for the archives."""
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        env=os.environ | addresses(archives),
        timeout=120,
        check=False,
        **options,
    )


# -- what goes in ----------------------------------------------------------------------


def test_table_in_memory(archives, workplace):
    """A table is harvested as it is; another one is refused for the same run."""
    row = Table.read("galaxies.fits")
    table = Table({name: np.ravel(row[name])[:4] for name in row.colnames})
    options = {"surveys": "sdss:r", "size": "20px", "progress": False}
    result = harvester.run(table, "zoo", base_urls=archives.urls, **options)
    manifest = pq.read_table(result.manifest).to_pydict()
    assert result.ok
    assert manifest["id_str"] == [str(one) for one in table["OBJID"]]
    again = harvester.run(table, "zoo", base_urls=archives.urls, **options)
    assert again.report["requests"] == result.report["requests"]
    with pytest.raises(harvester.InputError, match="another catalogue"):
        harvester.run(table[:3], "zoo", base_urls=archives.urls, **options)
    assert harvester.resume("zoo", progress=False).ok
    with pytest.raises(harvester.InputError, match="another catalogue"):
        harvester.run("galaxies.fits", "zoo", base_urls=archives.urls, **options)


def test_settings(workplace):
    """Sections overrule the environment, and words of their own overrule sections."""
    given = api._given(
        {"services": {"mast": {"rate": 3}}, "cutout": {"size": "9px", "mode": "trim"}},
        "sdss:r",
        {"hst": "30px", "": "20px"},
        "me@example.org",
        {"mast": "http://127.0.0.1:9"},
    )
    assert given == {
        "services": {"mast": {"rate": 3, "base_url": "http://127.0.0.1:9"}},
        "cutout": {"size": "20px", "mode": "trim", "sizes": {"hst": "30px"}},
        "surveys": ["sdss:r"],
        "politeness": {"contact": "me@example.org"},
    }


# -- what is raised --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("catalogue", "options", "sentence"),
    [
        ("missing.fits", {}, "there is no catalogue at missing.fits"),
        ("galaxies.fits", {"bands": {}}, "bands: there is no such setting"),
        ("galaxies.fits", {"surveys": "ukidss:k"}, "ukidss"),
        ({"id": ["a"], "ra": [400.0], "dec": [95.0]}, {}, "none of its rows"),
        ({"id": ["a", 1], "ra": [1.0, 2.0]}, {}, "mapping of column names"),
        (7, {}, "a catalogue of type int"),
    ],
)
def test_input_is_refused(workplace, catalogue, options, sentence):
    """What cannot be used is an `InputError`, and nothing is left of it."""
    with pytest.raises(harvester.InputError, match=sentence):
        harvester.run(catalogue, "zoo", progress=False, **options)
    assert [one.name for one in workplace.iterdir()] == ["galaxies.fits"]


@pytest.mark.parametrize("work", [harvester.plan, harvester.run])
def test_unknown_filter(archives, workplace, work):
    """A filter that the archive does not have is an error of the caller."""
    surveys = ["hst:WFC3/IR:F999W"]
    with pytest.raises(harvester.UnknownNameError, match="F160W"):
        work(
            "galaxies.fits",
            "zoo",
            surveys=surveys,
            base_urls=archives.urls,
            progress=False,
        )


def _export(run):
    made = export_run(Places(run), "numpy", ExportOptions(), quiet=True)
    return (made.folder / "README.md").read_text()


def test_dates(archives, workplace):
    """A run tells when it began and was settled; its card too, the same each time."""
    options = {"surveys": "sdss:r", "base_urls": archives.urls, "progress": False}
    before = utc_now()
    report = harvester.run("galaxies.fits", "zoo", **options).report
    assert before <= report["began"] <= report["settled"] <= utc_now()
    again = harvester.resume("zoo", progress=False).report
    assert [again[key] for key in ("began", "settled")] == [
        report[key] for key in ("began", "settled")
    ]
    card = _export(workplace / "zoo")
    assert f"| harvest began | `{report['began']}` |" in card
    assert f"| harvest was settled | `{report['settled']}` |" in card
    rmtree(workplace / "zoo/exports")
    assert _export(workplace / "zoo") == card


def test_dates_of_an_older_run(archives, workplace):
    """What an older version did not write down is not known, and stays so."""
    options = {"surveys": "sdss:r", "base_urls": archives.urls, "progress": False}
    harvester.run("galaxies.fits", "zoo", **options)
    with closing(sqlite3.connect("zoo/ledger.sqlite")) as ledger, ledger:
        ledger.execute("DELETE FROM run WHERE key IN ('began', 'settled')")
    report = harvester.resume("zoo", progress=False).report
    assert (report["began"], report["settled"]) == (None, None)
    assert "| harvest began | `not known` |" in _export(workplace / "zoo")


def test_no_run(workplace):
    """What is asked of a folder without a run is an `InputError`."""
    for ask in (harvester.status, harvester.resume, harvester.plan):
        with pytest.raises(harvester.InputError):
            ask(workplace)


def test_locked(workplace):
    """A run that another harvester works on is refused."""
    (workplace / "zoo").mkdir()
    with owned(workplace / "zoo/ledger.lock"), pytest.raises(harvester.LockedError):
        harvester.run("galaxies.fits", "zoo", progress=False)


def test_outage(archives, workplace):
    """An outage is a result that names it, and a resume ends the run."""
    dead = {**archives.urls, "sdss-sas": f"http://127.0.0.1:{free_ports(1)}/sas"}
    options = {"surveys": "sdss:r", "progress": False}
    left = harvester.run(
        "galaxies.fits",
        "zoo",
        base_urls=dead,
        politeness={"patience_s": 0.5},
        **options,
    )
    assert (left.ok, left.exit_code, left.unsettled) == (False, 5, 12)
    assert isinstance(left.troubles[0], harvester.TransientError)
    done = harvester.resume("zoo", base_urls=archives.urls, progress=False)
    assert (done.ok, done.exit_code, done.failed, done.troubles) == (True, 0, 0, ())


# -- whose process it is ---------------------------------------------------------------


async def test_interrupt_in_a_notebook(archives, workplace):
    """In a running loop an interrupt stops the run in good order; resume ends it."""
    before = {number: signal.getsignal(number) for number in (2, 15, 1)}

    def interrupt(event):
        heard.append(event)
        if isinstance(event, harvester.Moved) and event.state is State.LOCATED:
            os.kill(os.getpid(), signal.SIGINT)

    heard, threads = [], threading.active_count()
    # As in a cell of a notebook.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            harvester.run(
                "galaxies.fits",
                "zoo",
                base_urls=archives.urls,
                progress=False,
                listener=interrupt,
            )
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before[signal.SIGINT])
    assert "harvester.resume('zoo')" in caught.value.__notes__[0]
    assert {number: signal.getsignal(number) for number in before} == before
    assert threading.active_count() <= threads + 1  # the one that has just ended
    assert harvester.resume("zoo", progress=False).ok
    assert len(stamps(workplace / "zoo")) == harvester.status("zoo")["cutouts"] > 12


def test_process_is_left_alone(archives, workplace, monkeypatch):
    """A call in another thread changes nothing that holds for the whole process."""
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)

    def facts():
        handlers = [signal.getsignal(number) for number in (1, 2, 15)]
        return gc.get_freeze_count(), dict(os.environ), CONSTS.term_timeout, handlers

    before, results = facts(), []
    thread = threading.Thread(
        target=lambda: results.append(
            harvester.run(
                "galaxies.fits",
                "zoo",
                surveys="sdss:r",
                base_urls=archives.urls,
                progress=False,
            )
        )
    )
    thread.start()
    thread.join()
    assert results[0].ok
    assert facts() == before
