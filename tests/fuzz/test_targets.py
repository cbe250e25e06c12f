"""The targets of the fuzzer with their seeds, and with changed seeds."""

from __future__ import annotations

import random

import pytest
from targets import TARGETS

pytestmark = pytest.mark.filterwarnings("ignore")  # frames and tables are astropy's


def mutants(data, chance, count):
    """Give copies of the data with bytes changed, removed, repeated or cut off."""
    for _ in range(count):
        some = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            if not some:
                break
            at = chance.randrange(len(some))
            end = min(len(some), at + chance.choice([1, 1, 8, 80]))
            some[at:end] = chance.choice(
                [
                    b"",
                    some[at:end] * 2,
                    bytes([chance.randrange(256)]),
                    b"9",
                    b"-",
                    b" ",
                ]
            )
        yield bytes(some)


@pytest.mark.parametrize("name", TARGETS)
def test_targets(name):
    """No parser raises anything but a HarvesterError on changed seeds."""
    chance = random.Random(7)
    target = TARGETS[name]
    for seed in target.seeds():
        target.run(seed)
        for data in mutants(seed, chance, 12):
            target.run(data)
