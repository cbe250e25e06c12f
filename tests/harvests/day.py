"""A day of a harvest that runs unattended, in two and a half minutes.

``python tests/harvests/day.py`` harvests from a sandbox, both by a clock that runs 600
times as fast (`fast_clock`), so that an hour is six seconds. The file server of SDSS is
down, answers 429 for an hour, and says nothing for three; the machine goes down; fifty
galaxies are appended to the catalogue; HST has a new image. A service manager starts
the harvest again, and the health check looks at it all the time. The log, with what was
done and what the health check found, is printed as a story. It ends with 1 if something
is not settled, or if log or health check were wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from day_service import HURRIED, Log, Probe, Service
from fast_clock import FastClock
from service import galaxies, harvester, sandbox

_HOUR_S, _DAY_S = 3600.0, 86_400.0

#: Seconds of the day in one of the machine's.
FACTOR = 600.0

#: Minutes without movement after which the harvest is not healthy.
STALLED_MIN = 75

#: How often nothing can move: outage, storm, hang.
_TROUBLES = 3

#: Minutes for which the machine is down.
_DOWN_MIN = 30

#: Seconds by which a verdict may come late, of which the machine takes a second.
_SLACK_S = 900

#: What would be reached in a tenth of a second of the machine is set higher, and one
#: frame is fetched in 17 minutes, so that the harvest takes hours.
SETTINGS = {
    "HARVESTER__SERVICES__SDSS_SAS__RATE": "0.001",
    "HARVESTER__SERVICES__MAST__ANSWER_S": "7200",
    "HARVESTER__SERVICES__SDSS_SKY__ANSWER_S": "7200",
    "HARVESTER__LIMITS__CONNECT_S": "1200",
    "HARVESTER__LIMITS__ANSWER_S": "3600",
    "HARVESTER__LIMITS__SILENCE_S": "3600",
    "HARVESTER__LIMITS__TOTAL_S": "14400",
    "HARVESTER__LIMITS__FLOOR_BYTES_PER_S": "0",
    "HARVESTER__WORK__CUT_LIMIT_S": "72000",
    "HARVESTER__WORK__PROCESSES": "1",
    # Files of the machine's own clock would be hours old.
    "HARVESTER__POLITENESS__SHARED": "false",
    "HARVESTER__SDSS__WAY": "early",
    # A request waits for its turn for hours, and that counts.
    "HARVESTER__POLITENESS__PATIENCE_S": "36000",
    "HARVESTER__WATCH__LOOK_S": "120",
    "HARVESTER__WATCH__STILL_S": "600",
    "HARVESTER__WATCH__AGAIN_S": "10800",
}

#: Galaxies of the catalogue at first, and those that are appended.
_FIRST, _MORE = 84, 50

#: The last two images of HST, one of them in F160W, come later.
_LATER = ("--hst-later", "2")

SURVEYS = ("--survey", "sdss:g,r", "--survey", "hst:WFC3/IR:F160W")


def main():
    """Read the options, live through the day, print the story, and judge it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, help="folder for log, verdicts and story")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        kept = options.keep or Path(folder)
        kept.mkdir(parents=True, exist_ok=True)
        day = Day(kept)
        day.live()
        print("\n".join(day.story()))
        problems = day.problems()
    print(f"took {time.monotonic() - began:.0f} s")
    if problems:
        sys.exit("\n".join(["not as it must be:", *problems]))


class Day:
    """What happens to the harvest, hour by hour, and what is seen of it."""

    def __init__(self, folder):
        self.run = folder / "zoo"
        self._folder = folder
        # A whole day of the past: what has been written then is not of the future.
        self._midnight = _DAY_S * (time.time() // _DAY_S - 1)
        state = {"XDG_STATE_HOME": str(folder / "state")}
        self._environment = os.environ | SETTINGS | state | self._start_clock()
        self.log = Log(folder / "harvest.log")
        self._heard = 0
        #: Time and words of what was done.
        self.acts = []
        #: When the harvest could not be healthy: from when, to when.
        self.bad_times = []
        self.found = []

    def live(self):
        """Live through the day."""
        options = ("--seed", "13", "--targets", str(_FIRST + _MORE), *_LATER)
        how = {"command": HURRIED, "environment": self._environment}
        with sandbox(self._folder, *options, **how) as self._archives:
            self._catalogue = self._folder / "galaxies.csv"
            self._galaxies = galaxies(self._archives)
            self._galaxies[:_FIRST].write(self._catalogue)
            self._paint()
            self._environment |= self._start_clock()
            with self._at_work():
                self._outage()
                self._storm()
                self._hang()
                self._machine_down()
                self.hear("watching")
                self._append()
                self._observe()
                self._until(24)
            self._look_at_the_end()

    def _start_clock(self):
        self.clock = FastClock.starting_at(self._midnight, FACTOR)
        return self.clock.to_environment()

    def _paint(self):
        """Have the sandbox make all images, which the day has no time for."""
        words = (self._archives.catalogue, "--out", self._folder / "painted")
        done = harvester("run", *words, *SURVEYS, *self._archives.flags())
        assert done.returncode == 0, done.stdout + done.stderr
        self._archives.ask("/_reset", body={})

    @contextmanager
    def _at_work(self):
        log = ("--log-format", "json", "--log-file", self._folder / "harvest.log")
        flags = ("--watch", *self._archives.flags(), *log)
        run = ("run", self._catalogue, "--out", self.run, *SURVEYS, *flags)
        self._service = Service(
            self.run,
            begin=run,
            resume=("resume", self.run, *flags),
            environment=self._environment,
            pause_s=60 * _DOWN_MIN / FACTOR,
        )
        self._probe = None
        try:
            self.hear("harvest_began")
            file = self._folder / "health.jsonl"
            self._probe = Probe(self.run, file, STALLED_MIN, self._environment)
            yield
        finally:
            self._service.stop()
            if self._probe:
                self._probe.close()

    # -- what happens ---------------------------------------------------

    def _outage(self):
        self._until(1)
        with self._fault("the file server of SDSS is down", "down@sdss-sas"):
            self.hear("host_changed", "down: ")
            self._check_health(0, "")
            self._until(2.5)
        self.hear("host_changed", ": ready")

    def _storm(self):
        self._until(3)
        storm = "status=429@sdss-sas:retry_after=1200"
        with self._fault("it answers 429: come back in 20 minutes", storm):
            self.hear("host_changed", "cooling down")
            self._until(4)
        self.hear("host_changed", ": ready")

    def _hang(self):
        self._until(4.5)
        with self._fault("it takes requests and says nothing", "hang@sdss-sas"):
            began = self.clock.now()
            self.hear("stalled", "silent")
            self._probe.wait_for(is_healthy=False)
            self._check_health(5, "nothing has moved for")
            # Requests that were given up are an outage in the end, which is probed.
            self.hear("host_changed", "down: ")
            self.bad_times.append((began + 60 * STALLED_MIN, self.clock.now()))
            self._until(8)
        self.hear("moving")

    def _machine_down(self):
        self._act(f"the machine goes down, for {_DOWN_MIN} minutes")
        killed = self.clock.now()
        self._service.kill()
        self._probe.wait_for(is_healthy=False)
        self._check_health(5, "ended without notice")
        self.hear("harvest_began", "of")
        self.bad_times.append((killed, self.clock.now()))

    def _append(self):
        self._until(13)
        self._act(f"{_MORE} galaxies are appended to the catalogue")
        with self._catalogue.open("a", encoding="utf-8") as file:
            self._galaxies[_FIRST:].write(file, format="ascii.no_header", delimiter=",")
        total = 3 * len(self._galaxies)
        self.hear("harvest_ended", f"{total} of {total} settled")
        self.hear("watching")

    def _observe(self):
        self._until(18)
        self._act("HST has a new image, of three galaxies")
        before = self._stamps()
        for _ in range(2):
            self._archives.ask("/_observe", body={})
        self.hear("note", "looking again for images")
        self.hear("harvest_ended")
        self.hear("watching")
        if self._stamps() <= before:
            self.found.append("the new image was not found")

    def _stamps(self):
        return len(list(self.run.glob("cutouts/hst/**/*.fits")))

    # -- what is done and seen --------------------------------------------

    def _until(self, hour):
        """Wait until a time of the day; it may be over."""
        left_s = self._midnight + hour * _HOUR_S - self.clock.now()
        time.sleep(max(0, left_s) / FACTOR)

    def _act(self, words):
        self.acts.append((self.clock.now(), words))

    @contextmanager
    def _fault(self, words, *specs):
        self._act(words)
        self._archives.ask("/_faults", list(specs))
        yield
        self._archives.ask("/_faults", [])
        self._act("it is well again")

    def hear(self, event, text=""):
        """Wait for the next line of the log with an event and a text."""
        self._heard = self.log.wait_for(event, text, after=self._heard)

    def _command(self, *words):
        return subprocess.run(
            [*HURRIED, *map(str, words)],
            capture_output=True,
            text=True,
            env=self._environment,
            check=False,
        )

    def _check_health(self, code, words):
        done = self._command("health", self.run, "--stalled-after", STALLED_MIN)
        self._act(f"`harvester health` ends with {done.returncode}")
        if done.returncode != code or words not in done.stdout:
            self.found.append(f"health: {done.returncode} {done.stdout} {done.stderr}")

    def _look_at_the_end(self):
        self.status = json.loads(self._command("status", self.run, "--json").stdout)
        verified = self._command("verify", self.run, "--deep")
        if verified.returncode:
            self.found.append(f"verify: {verified.stdout} {verified.stderr}")
        self.stats = self._archives.stats()

    # -- what is made of it -------------------------------------------------

    def story(self):
        """Give what was done, the log and the verdicts, in the order of time."""
        lines = [(at, f"*** {words}") for at, words in self.acts]
        for one in self.log.lines():
            at = datetime.fromisoformat(one["time"]).timestamp()
            lines.append((at, f"{one['event']:<13} {one['text']}"))
        before = None
        for one in self._probe.verdicts():
            if one["is_healthy"] is not before:
                before = one["is_healthy"]
                verdict = "healthy" if before else "NOT HEALTHY"
                lines.append((one["at"], f"--- {verdict}: {one['words']}"))
        lines.sort(key=lambda line: line[0])
        told = [f"{self._hours(at)}  {words}" for at, words in lines]
        (self._folder / "story.txt").write_text("\n".join([*told, ""]))
        return told

    def _hours(self, at):
        hours, minutes = divmod(int(at - self._midnight) // 60, 60)
        return f"{hours:02}:{minutes:02}"

    def problems(self):
        """Say what is not as it must be; empty if all is well."""
        return [*self.found, *self._of_log(), *self._of_health(), *self._of_end()]

    def _of_log(self):
        lines = self.log.lines()
        if self._service.codes != [-signal.SIGKILL, 128 + signal.SIGTERM]:
            yield f"killed once and stopped once, it ended with {self._service.codes}"
        for one in lines:
            if one["level"] == "error":
                yield f"an error in the log: {one['text']}"
        names = [one["event"] for one in lines]
        stalls = [name for name in names if name in {"stalled", "moving"}]
        if stalls[-1] != "moving" or stalls.count("moving") > _TROUBLES:
            yield f"the archive was in trouble {_TROUBLES} times: {stalls}"

    def _of_health(self):
        """Compare the times at which the run was not healthy with what was done."""
        spells = list(self._spells())
        if len(spells) != len(self.bad_times):
            yield f"not healthy {len(spells)} times: {spells}"
            return
        for (first, last, words), (since, until) in zip(
            spells, self.bad_times, strict=True
        ):
            if not since - _SLACK_S < first < until or last > until + _SLACK_S:
                times = ", ".join(map(self._hours, (first, last, since, until)))
                yield f"not healthy at the wrong time: {times}: {words}"

    def _spells(self):
        """Give first and last time, and words, of each time it was not healthy."""
        verdicts = groupby(self._probe.verdicts(), itemgetter("is_healthy"))
        for healthy, some in verdicts:
            if not healthy:
                first, *rest = some
                yield first["at"], (rest or [first])[-1]["at"], first["words"]

    def _of_end(self):
        left = [
            (name, state, count)
            for name, counts in self.status["surveys"].items()
            for state, count in counts.items()
            if count and state not in {"done", "no_coverage"}
        ]
        if left:
            yield f"not settled: {left}"
        if self.status["targets"] != len(self._galaxies):
            yield f"{self.status['targets']} galaxies"
        for service, one in self.stats.items():
            if one["cooldown_violations"]:
                yield f"{service}: asked {one['cooldown_violations']} times too early"


if __name__ == "__main__":
    main()
