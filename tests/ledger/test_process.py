"""Telling whether the process that owns a run still lives."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace

from harvester.ledger.process import ProcessMark


def test_own_process():
    """The own process is alive, and knows its machine."""
    own = ProcessMark.own()
    assert (own.pid, own.host) == (os.getpid(), socket.gethostname())
    assert own.is_alive()


def test_reused_number():
    """Another process with the same number is not taken for it."""
    own = ProcessMark.own()
    assert own.started
    assert not replace(own, started=f"{own.started}0").is_alive()


def test_ended_process():
    """A process that has ended is dead, also before its parent has noticed."""
    words = "from harvester.ledger.process import ProcessMark as M; print(M.own())"
    with subprocess.Popen(
        [sys.executable, "-c", words], stdout=subprocess.PIPE, text=True
    ) as child:
        mark = eval(child.stdout.read(), {"ProcessMark": ProcessMark})
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert (mark.pid, mark.is_alive()) == (child.pid, False)
    assert mark.is_alive() is False


def test_other_machine():
    """Nothing is said of a process of another machine."""
    assert replace(ProcessMark.own(), host="elsewhere").is_alive() is None
