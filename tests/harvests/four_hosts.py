"""Four hosts: one with the archives and the broker, three with a harvest each.

Run by `test_namespaces`, in namespaces of its own::

    python four_hosts.py FOLDER together|apart|worker_cut|broker_cut

It prints as JSON what happened. ``apart``: without a broker. The others ask one; a link
is cut while a harvest has a file under way, and is mended later.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from hosts import Host, open_bridge
from one_limit import LIMITS, RATES, SURVEY, done, positions, write_rows
from service import HARVESTER, Sandbox, brisk_environment, wait_for

from harvester.sandbox.server import SandboxOptions, serve
from harvester.sandbox.sky import Sky
from harvester.transport.broker.address import BrokerAddress
from harvester.transport.broker.overview import ask_overview

_SKY = {"seed": 5, "targets": 15, "per_field": 4, "hst_images": False}
#: Seconds after which a client that is not heard has lost its places. The archive must
#: have noticed before that a connection is dead, also if it is busy: so the lease is
#: as long as in real life where a worker is cut off.
_LEASE_S, _SHORT_LEASE_S = 30, 6
#: Galaxies of each harvest.
_SHARE = 5
#: Seconds after which a scene is given up, on a machine that does more besides.
_PATIENCE_S = 400
#: Seconds that an archive takes to begin a file.
_FILE_S = 0.5
#: An archive gives up a connection over which nothing arrives, as servers do: here by
#: the number of times that its kernel sends the same bytes again, within some seconds.
_RESENDS = "net/ipv4/tcp_retries2", "3"
_SERVICES = ("sdss-sky", "sdss-sas")


def main(folder, scene):
    """Play one scene; print what happened."""
    open_bridge()
    archive, *workers, broker = [Host(number) for number in range(1, 6)]
    # Only for its link to be cut has the broker a host of its own.
    broker = broker if scene == "broker_cut" else archive
    lease_s = _LEASE_S if scene == "worker_cut" else _SHORT_LEASE_S
    sandbox = _start_sandbox(archive, folder)
    _paint_all(sandbox)
    file = None if scene == "apart" else _start_broker(broker, folder, lease_s)
    play = {"worker_cut": _cut_worker, "broker_cut": _cut_broker}.get(scene)
    harvests = [_start_harvest(*one, sandbox, file) for one in _shares(folder, workers)]
    outs = [folder / str(number) for number in range(len(workers))]
    told = play(sandbox, file, outs, workers[0], broker, harvests) if play else {}
    ended = [process.wait(timeout=_PATIENCE_S) for process in harvests]
    told |= {"ended": ended, "done": [*map(done, outs)], "words": [*map(_words, outs)]}
    print(json.dumps({**told, "stats": sandbox.stats()}))


def _shares(folder, workers):
    listed = positions(folder / "catalogue.fits")
    for number, host in enumerate(workers):
        share = folder / f"{number}.csv"
        write_rows(share, listed[number * _SHARE : (number + 1) * _SHARE])
        yield host, share, folder / str(number)


def _start_sandbox(host, folder):
    ready = folder / "ready.json"
    host.do("sh", "-c", f"echo {_RESENDS[1]} > /proc/sys/{_RESENDS[0]}")
    own = (sys.executable, __file__, folder, "sandbox", host.address)
    process = subprocess.Popen(host.command(*own))
    wait_for(ready.exists, process)
    return Sandbox(json.loads(ready.read_text()), folder / "catalogue.fits")


def _paint_all(sandbox):
    """Have all frames painted: an archive that paints notices no link that is cut."""
    for run, camcol, field in Sky.make(**_SKY).fields:
        name = f"frame-r-{run:06d}-{camcol}-{field:04d}.fits.bz2"
        path = f"/sas/dr17/eboss/photoObj/frames/301/{run}/{camcol}/{name}"
        assert sandbox.ask(path, service="sdss-sas")
    sandbox.ask("/_reset", {}, service="sdss-sas")


def _serve_sandbox(folder, address):
    options = SandboxOptions(
        **_SKY,
        host=address,
        catalogue=folder / "catalogue.fits",
        latency={"file": _FILE_S},
        rates=LIMITS,
    )

    def tell(sandbox):
        part = folder / "ready.part"
        part.write_text(json.dumps(sandbox.urls))
        part.replace(folder / "ready.json")

    asyncio.run(serve(options, tell=tell))


def _start_broker(host, folder, lease_s):
    file = folder / "broker.json"
    words = ("--listen", f"{host.address}:0", "--address-file", file)
    more = ("--state-dir", folder / "state", "--lease", lease_s)
    with (folder / "broker.log").open("w") as log:
        own = host.command(*HARVESTER, "broker", *words, *more)
        process = subprocess.Popen(own, stdout=log, stderr=log)
    wait_for(file.exists, process)
    return file


def _start_harvest(host, share, out, sandbox, broker):
    words = ("run", share, "--out", out, *SURVEY, *sandbox.flags())
    asks = () if broker is None else ("--broker", broker)
    with out.with_suffix(".log").open("w") as log:
        return subprocess.Popen(
            host.command(*HARVESTER, *words, *asks),
            stdout=log,
            stderr=log,
            env=brisk_environment(
                **RATES, XDG_STATE_HOME=str(out.with_suffix(".state"))
            ),
        )


def _words(out):
    return out.with_suffix(".log").read_text()


def _under_way(file, out):
    """Give the requests that one harvest has under way, as the broker knows them."""
    state = asyncio.run(ask_overview(BrokerAddress.of(str(file))))
    clients = [one["client"] for one in state["clients"] if one["run"] == str(out)]
    held = [
        host["by_client"].get(one, {}) for host in state["hosts"] for one in clients
    ]
    return sum(one.get("file", 0) for one in held)


def _cut_worker(sandbox, file, outs, worker, _broker, harvests):
    """Cut the link of a harvest that has a file under way; mend it later."""
    held = _cut_while_under_way(file, outs[0], worker, harvests[0])
    told = {"held": held, "before": [*map(done, outs)]}
    began = time.monotonic()
    wait_for(lambda: not _under_way(file, outs[0]), harvests[0], _PATIENCE_S)
    told["held_s"] = time.monotonic() - began
    # What had arrived before the cut is a stamp by now.
    told["alone"] = done(outs[0])
    grown = partial(_have_grown, outs[1:], told["before"][1:])
    wait_for(grown, harvests[0], _PATIENCE_S)
    told["after"] = [*map(done, outs)]
    worker.mend()
    return told


def _cut_while_under_way(file, out, worker, harvest):
    while True:
        wait_for(lambda: done(out) and _under_way(file, out), harvest, _PATIENCE_S)
        worker.cut()
        if held := _under_way(file, out):
            return held
        worker.mend()  # The file had arrived in between.


def _have_grown(outs, before):
    return all(done(out) > count for out, count in zip(outs, before, strict=True))


def _cut_broker(sandbox, file, outs, _worker, broker, harvests):
    """Cut the link of the broker; mend it when nothing has been sent for a while."""

    def are_fetching():
        asked = sandbox.stats()["sdss-sas"]["requests"]
        return asked > 1 and any(_under_way(file, out) for out in outs)

    wait_for(are_fetching, harvests[0], _PATIENCE_S)
    broker.cut()
    told = {"before": [*map(done, outs)]}
    wait_for(lambda: all(map(_knows_or_is_done, outs)), harvests[0], _PATIENCE_S)
    before = [sandbox.stats()[name]["requests"] for name in _SERVICES]
    time.sleep(_SHORT_LEASE_S)
    after = [sandbox.stats()[name]["requests"] for name in _SERVICES]
    told["asked"] = before, after
    broker.mend()
    return told


def _knows_or_is_done(out):
    return "no request is sent without its leave" in _words(out) or done(out) == _SHARE


if __name__ == "__main__":
    where, what, *more = sys.argv[1:]
    if what == "sandbox":
        _serve_sandbox(Path(where), *more)
    else:
        main(Path(where), what)
