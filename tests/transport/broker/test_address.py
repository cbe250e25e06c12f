"""Where a broker is, as the user or an address file says it."""

from __future__ import annotations

import stat

import pytest

from harvester.errors import InputError
from harvester.transport.broker.address import (
    BrokerAddress,
    split_address,
    write_address_file,
)
from harvester.transport.broker.signed_lines import NoBrokerError


def test_file(tmp_path):
    """An address file has host, port and secret, and only its owner can read it."""
    file = tmp_path / "broker.json"
    for port in (8901, 8902):
        address = BrokerAddress("node7", port, "a secret")
        write_address_file(file, address)
        assert BrokerAddress.of(str(file)) == address
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["broker.json"]


def test_open_file(tmp_path):
    """An address file that everybody can read is refused."""
    file = tmp_path / "broker.json"
    write_address_file(file, BrokerAddress("node7", 8901, "a secret"))
    file.chmod(0o644)
    with pytest.raises(InputError, match=r"everybody can read .* chmod o-r"):
        BrokerAddress.of(str(file))


def test_no_file_yet(tmp_path):
    """An address file that is not there may come: that is no mistake of the user."""
    with pytest.raises(NoBrokerError, match="harvester broker --address-file"):
        BrokerAddress.of(str(tmp_path / "broker.json"))


@pytest.mark.parametrize("text", ["", "[]", '{"host": "a"}', "\udcff"])
def test_other_file(tmp_path, text):
    """A file that is no address file is refused."""
    file = tmp_path / "broker.json"
    file.write_text(text, "utf-8", "surrogateescape")
    file.chmod(0o600)
    with pytest.raises(InputError, match="no address file"):
        BrokerAddress.of(str(file))


def test_secret_is_not_shown():
    """Neither form of an address in a message has the secret."""
    address = BrokerAddress.of("[::1]:8901", "a secret")
    assert str(address) == "[::1]:8901"
    assert "secret" not in repr(address)


@pytest.mark.parametrize("text", ["node7", "node7:", "node7:70000", ":8901", "a b:1"])
def test_no_address(text):
    """What is no HOST:PORT is refused with an example."""
    with pytest.raises(InputError, match=r"no HOST:PORT, such as"):
        split_address(text)
