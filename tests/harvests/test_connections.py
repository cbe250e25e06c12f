"""Only the transport opens connections."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from large import nameless
from service import BRISK, status

pytestmark = pytest.mark.harvest

#: Runs a harvest and prints for each connection whether the wire opened it. Python
#: calls an audit hook for every connection, of any library.
_AUDITED = """
import sys, traceback
from harvester.cli import main

def watch(event, args):
    if event == "socket.connect" and isinstance(args[1], tuple):
        frames = traceback.extract_stack()
        files = {frame.filename for frame in frames}
        by_wire = any(name.endswith("harvester/transport/wire.py") for name in files)
        print("connect", "wire" if by_wire else sorted(files), file=sys.stderr)

sys.addaudithook(watch)
main(sys.argv[1:])
"""


def test_every_connection_is_the_transports(archives, tmp_path):
    """In a whole harvest only the wire connects, also for astroquery.

    The catalogue's identifiers are replaced by names, so that SDSS is asked too.
    """
    catalogue = nameless(archives.catalogue, tmp_path / "names.csv")
    out = tmp_path / "out"
    done = subprocess.run(
        [
            *(sys.executable, "-c", _AUDITED, "run", catalogue, "--out", out),
            *("--locate-only", *archives.flags()),
        ],
        capture_output=True,
        text=True,
        env=os.environ | BRISK,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    connections = [x for x in done.stderr.splitlines() if x.startswith("connect")]
    assert set(connections) == {"connect wire"}, done.stderr
    requests = status(out)["requests"]
    assert sum(requests.values()) >= 4
    assert sum(n > 0 for n in requests.values()) == 3
    stats = archives.stats()
    assert stats["mast"]["requests"] > 0
    assert stats["sdss-sky"]["requests"] > 0
