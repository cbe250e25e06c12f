"""CPU time of the imports before the first stamp, step by step.

``python benchmarks/import_cost.py --before FOLDER`` compares this checkout with another
one. Each round imports the steps one after the other in a new process, and the least
time of each step counts. The last row imports only the libraries that these steps use:
no harvester can start more quickly with them.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from turns import turns

HERE = Path(__file__).resolve().parent.parent

#: What is imported in which step. If identifiers name all fields, there is no query;
#: the catalogue is read in another process, which has astropy already.
_STEPS = {
    "Python": "sys",
    "command line": "harvester.cli",
    "settings": "harvester.settings.options",
    "command": "harvester.commands",
    "ledger, transport": "harvester.run.begin, harvester.run.transport_setup",
    "harvest": "harvester.run.harvest, harvester.archives.sdss.archive",
    "WCS of the first frame": "astropy.io.fits, astropy.wcs",
    "first query": "harvester.archives.bridge, astroquery.sdss",
    "reader of FITS catalogues": (
        "harvester.catalogue.reader, harvester.catalogue.fits_tables, "
        "harvester.dataset.manifest"
    ),
}

#: The libraries in these steps.
LIBRARIES = (
    "click, asyncio, importlib.metadata, pydantic_settings, numpy, pyarrow.compute, "
    "pyarrow.csv, pyarrow.parquet, aiohttp, aiosqlite, pebble, astropy.io.fits, "
    "astropy.table, astropy.wcs"
)

#: Imports statements, and prints the CPU seconds until the end of each.
_CODE = """
import gc, json, sys, time
gc.disable()
ends = []
for names in json.loads(sys.argv[1]):
    exec("import " + names)
    ends.append(time.process_time())
print(json.dumps(ends))
"""


def main() -> None:
    """Measure in turns, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--before", type=Path, help="another checkout to compare with")
    options = parser.parse_args()
    folders = {"harvester": HERE}
    if options.before:
        folders["before"] = options.before.resolve()
    for folder in folders.values():
        compileall.compile_dir(folder / "harvester", quiet=2)
    least: dict[str, list[float]] = {}
    libraries = ["sys", LIBRARIES, "astroquery.sdss"]
    for names in turns((*folders, "libraries"), options.rounds):
        for name in names:
            steps = list(_STEPS.values()) if name in folders else libraries
            took = _took(folders.get(name, HERE), steps)
            least[name] = list(map(min, took, least.get(name, took)))
    _print(least)


def _took(folder: Path, steps: list[str]) -> list[float]:
    """Give the CPU milliseconds of each step."""
    environment = os.environ | {"PYTHONPATH": str(folder)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", _CODE, json.dumps(steps)]
    said = subprocess.check_output(command, cwd=folder, env=environment)
    ends = [0.0, *json.loads(said.splitlines()[-1])]
    return [1000 * (end - start) for start, end in pairwise(ends)]


def _print(least: dict[str, list[float]]) -> None:
    *_, libraries, query = least.pop("libraries")
    columns = list(least.values())
    print(f"| CPU ms | {' | '.join(least)} |")
    print(f"|---|{'---|' * len(least)}")
    for step, *each in zip(_STEPS, *columns, strict=True):
        print(f"| {step} | {' | '.join(f'{one:.0f}' for one in each)} |")
    print(f"| all | {' | '.join(f'{sum(each):.0f}' for each in columns)} |")
    print(f"\nThe libraries alone: {libraries:.0f}, and astroquery {query:.0f}.")


if __name__ == "__main__":
    main()
