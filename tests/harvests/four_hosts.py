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
from pathlib import Path

from hosts import Host, open_bridge
from one_limit import LIMITS, RATES, SURVEY, done, positions, write_rows
from service import HARVESTER, Sandbox, brisk_environment, wait_for

from harvester.sandbox.server import SandboxOptions, serve
from harvester.transport.broker.address import BrokerAddress
from harvester.transport.broker.overview import ask_overview

_TARGETS = 15
#: Seconds after which a client that is not heard has lost its places. The archive must
#: have noticed before that a connection is dead, also if it is busy: so the lease is
#: as long as in real life where a worker is cut off.
_LEASE_S, _SHORT_LEASE_S = 30, 6
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
    file = None if scene == "apart" else _start_broker(broker, folder, lease_s)
    play = {"worker_cut": _cut_worker, "broker_cut": _cut_broker}.get(scene)
    harvests = [_start_harvest(*one, sandbox, file) for one in _shares(folder, workers)]
    outs = [folder / str(number) for number in range(len(workers))]
    told = play(sandbox, file, outs, workers[0], broker, harvests) if play else {}
    words = [process.communicate(timeout=250)[0] for process in harvests]
    ended = [process.returncode for process in harvests]
    told |= {"ended": ended, "done": [*map(done, outs)], "words": words}
    print(json.dumps({**told, "stats": sandbox.stats()}))


def _shares(folder, workers):
    listed = positions(folder / "catalogue.fits")
    size = len(listed) // len(workers)
    for number, host in enumerate(workers):
        share = folder / f"{number}.csv"
        write_rows(share, listed[number * size : (number + 1) * size])
        yield host, share, folder / str(number)


def _start_sandbox(host, folder):
    ready = folder / "ready.json"
    host.do("sh", "-c", f"echo {_RESENDS[1]} > /proc/sys/{_RESENDS[0]}")
    own = (sys.executable, __file__, folder, "sandbox", host.address)
    process = subprocess.Popen(host.command(*own))
    wait_for(ready.exists, process)
    return Sandbox(json.loads(ready.read_text()), folder / "catalogue.fits")


def _serve_sandbox(folder, address):
    options = SandboxOptions(
        host=address,
        seed=5,
        targets=_TARGETS,
        per_field=4,
        hst_images=False,
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
    return subprocess.Popen(
        host.command(*HARVESTER, *words, *asks),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=brisk_environment(**RATES, XDG_STATE_HOME=str(out.with_suffix(".state"))),
    )


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
    wait_for(lambda: not _under_way(file, outs[0]), harvests[0], 60)
    told["held_s"] = time.monotonic() - began
    # What had arrived before the cut is a stamp by now.
    told["alone"] = done(outs[0])
    wait_for(lambda: _have_grown(outs[1:], told["before"][1:]), harvests[0], 120)
    told["after"] = [*map(done, outs)]
    worker.mend()
    return told


def _cut_while_under_way(file, out, worker, harvest):
    while True:
        wait_for(lambda: done(out) and _under_way(file, out), harvest)
        worker.cut()
        if held := _under_way(file, out):
            return held
        worker.mend()  # The file had arrived in between.


def _have_grown(outs, before):
    return all(done(out) > count for out, count in zip(outs, before, strict=True))


def _cut_broker(sandbox, file, outs, _worker, broker, harvests):
    """Cut the link of the broker; mend it when nothing has been sent for a while."""
    wait_for(lambda: min(map(done, outs)) and _under_way(file, outs[0]), harvests[0])
    broker.cut()
    time.sleep(_SHORT_LEASE_S)
    before = [sandbox.stats()[name]["requests"] for name in _SERVICES]
    time.sleep(_SHORT_LEASE_S)
    after = [sandbox.stats()[name]["requests"] for name in _SERVICES]
    told = {"asked": [before, after], "before": [*map(done, outs)]}
    broker.mend()
    return told


if __name__ == "__main__":
    where, what, *more = sys.argv[1:]
    if what == "sandbox":
        _serve_sandbox(Path(where), *more)
    else:
        main(Path(where), what)
