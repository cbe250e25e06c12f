"""Hosts on this machine: network namespaces on a bridge, in a namespace of their own.

A program that makes them must run in new namespaces of network and processes, as
`in_new_namespaces` starts it: then the network of the machine is never touched, and
everything is gone when the program ends, however it ends.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

#: The bridge's own address is the last one: it sees all hosts.
_NET = "10.77.0"
_OWN = Path("/proc/self/ns/net")
_NEW = ("unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")


def in_new_namespaces(*words):
    """Give the command that runs a Python program in namespaces of its own."""
    return [*_NEW, sys.executable, *map(str, words)]


def lacking():
    """Say why this machine cannot have such hosts; empty: it can."""
    for name in ("ip", "unshare", "nsenter"):
        if not shutil.which(name):
            return f"{name} is not installed"
    made = ("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
    done = subprocess.run([*_NEW, *made], capture_output=True, text=True, check=False)
    if done.returncode:
        return f"no namespaces can be made: {done.stderr.strip()}"
    bridge = [*_NEW, "ip", "link", "add", "br0", "type", "bridge"]
    done = subprocess.run(bridge, capture_output=True, text=True, check=False)
    return f"no bridge can be made: {done.stderr.strip()}" if done.returncode else ""


def open_bridge():
    """Make the bridge to which all hosts are connected."""
    _do("ip", "link", "set", "lo", "up")
    _do("ip", "link", "add", "br0", "type", "bridge")
    _do("ip", "addr", "add", f"{_NET}.254/24", "dev", "br0")
    _do("ip", "link", "set", "br0", "up")


class Host:
    """A host with an address and a link of its own.

    Its namespace lives as long as a process that sleeps in it.
    """

    def __init__(self, number):
        self.address = f"{_NET}.{number}"
        self._link = f"link{number}"
        self._keeper = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        pid = str(self._keeper.pid)
        while Path(f"/proc/{pid}/ns/net").readlink() == _OWN.readlink():
            time.sleep(0.01)
        peer = ("type", "veth", "peer", "name", "eth0", "netns", pid)
        _do("ip", "link", "add", self._link, *peer)
        _do("ip", "link", "set", self._link, "master", "br0", "up")
        self.do("ip", "addr", "add", f"{self.address}/24", "dev", "eth0")
        for device in ("eth0", "lo"):
            self.do("ip", "link", "set", device, "up")

    def command(self, *words):
        """Give the command that runs words on this host."""
        inside = ("nsenter", "--target", str(self._keeper.pid), "--net")
        return [*inside, *map(str, words)]

    def do(self, *words):
        """Run a command on this host to its end."""
        _do(*self.command(*words))

    def cut(self):
        """Cut the link: what is under way is lost, and nobody is told."""
        _do("ip", "link", "set", self._link, "down")

    def mend(self):
        """Mend the link."""
        _do("ip", "link", "set", self._link, "up")


def _do(*words):
    subprocess.run(words, check=True)
