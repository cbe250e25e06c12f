"""Search for input that the parsers cannot handle, guided by code coverage.

``python tests/fuzz/fuzz.py --seconds 120`` shares the time among the targets of
``targets.py``. It ends with 1 if one of them raised anything but a `HarvesterError`,
took longer than 10 s, or more memory than 1 GiB; the input is kept in ``--found``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

#: Seconds that one input may take, and MiB of the whole process.
TIME_LIMIT_S, MEMORY_LIMIT_MB = 10, 1024

#: Most bytes of an input: headers of replies may have 8,190, and longer tables repeat.
LONGEST = 16_384


def main() -> None:
    """Search each target in a process of its own, because a search ends its process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=120, help="in all")
    parser.add_argument("--found", type=Path, default=Path("fuzz-found"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="one target, in this process")
    options = parser.parse_args()
    if options.only:
        search(options.only, options.seconds, options.found, options.seed)
    from targets import TARGETS  # the search has to come before

    share = max(1, options.seconds // len(TARGETS))
    failed = [
        name
        for name in TARGETS
        if _run(name, share, options.found, options.seed).returncode
    ]
    if failed:
        sys.exit(f"findings in {', '.join(failed)}: see above and {options.found}/")


def _run(name, seconds, found, seed):
    print(f"== {name}, {seconds} s", flush=True)
    # The search ends its process without clean-up, so the folder is removed here. It is
    # in memory, because flushing stamps to a disk would be slow.
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as scratch:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("HARVESTER__")}
        return subprocess.run(
            [
                *(sys.executable, __file__, "--only", name),
                *("--seconds", str(seconds), "--found", found, "--seed", str(seed)),
            ],
            env=kept | {"TMPDIR": scratch},
            check=False,
        )


def search(name: str, seconds: int, found: Path, seed: int) -> None:
    """Search one target; the process ends here."""
    import atheris  # the rest runs without it

    with atheris.instrument_imports(include=["harvester"]):
        from targets import TARGETS  # instrumented as it is imported
    target = TARGETS[name]
    found.mkdir(exist_ok=True)
    corpus = tempfile.mkdtemp()
    for number, data in enumerate(target.seeds()):
        Path(corpus, str(number)).write_bytes(data)
    flags = {
        "max_total_time": seconds,
        "timeout": TIME_LIMIT_S,
        "rss_limit_mb": MEMORY_LIMIT_MB,
        "max_len": LONGEST,
        "artifact_prefix": f"{found}/{name}-",
        "print_final_stats": 1,
        "seed": seed,
    }
    words = [f"-{flag}={value}" for flag, value in flags.items()]
    atheris.Setup([sys.argv[0], corpus, *words], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
