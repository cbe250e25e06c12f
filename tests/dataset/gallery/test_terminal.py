from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import threading
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from harvester.dataset.gallery.terminal import choose_way, to_text


def picture():
    """Return a small picture: red above, a blue dot in the dark below."""
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:10] = (200, 30, 30)
    pixels[15, 20] = (20, 40, 220)
    return Image.fromarray(pixels)


def test_kitty():
    """Kitty gets the whole picture as PNG, in pieces of which only the last ends it."""
    noise = np.random.default_rng(1).integers(0, 255, (60, 60, 3), np.uint8)
    text = to_text(Image.fromarray(noise), "kitty")
    pieces = re.findall(r"\x1b_G(.*?)m=([01]);([^\x1b]*)\x1b\\", text)
    assert [last for _, last, _ in pieces] == ["1"] * (len(pieces) - 1) + ["0"]
    assert len(pieces) > 1
    assert pieces[0][0] == "a=T,f=100,"
    assert all(len(data) <= 4096 for _, _, data in pieces)
    packed = b64decode("".join(data for _, _, data in pieces))
    assert (np.asarray(Image.open(io.BytesIO(packed))) == noise).all()


def decode_sixel(text):
    """Decode a sixel picture as the manual of the terminal describes it."""
    size = re.match(r'\x1bPq"1;1;(\d+);(\d+)', text)
    width, height = int(size[1]), int(size[2])
    pixels = np.zeros((height + 6, width, 3), int)
    palette, colour, x, top = {}, 0, 0, 0
    for token in re.findall(
        r"#\d+(?:;\d+){4}|#\d+|!\d+[?-~]|[?-~]|\$|-", text[size.end() : -2]
    ):
        if token[0] == "#":
            colour, *levels = map(int, token[1:].split(";"))
            if levels:
                palette[colour] = [level * 255 // 100 for level in levels[1:]]
        elif token == "$":
            x = 0
        elif token == "-":
            x, top = 0, top + 6
        else:
            count = int(token[1:-1]) if token[0] == "!" else 1
            bits = ord(token[-1]) - 63
            for bit in range(6):
                if bits >> bit & 1:
                    pixels[top + bit, x : x + count] = palette[colour]
            x += count
    return pixels[:height]


def test_sixel():
    """A sixel picture has the colours of its pixels."""
    decoded = decode_sixel(to_text(picture(), "sixel"))
    assert np.abs(decoded - np.asarray(picture(), int)).max() <= 4


def test_sixel_greys():
    """Greys are exact to half a percent and without a tint, beside many colours."""
    pixels = np.random.default_rng(1).integers(0, 255, (60, 256, 3), np.uint8)
    pixels[:30] = np.arange(256)[:, np.newaxis]
    decoded = decode_sixel(to_text(Image.fromarray(pixels), "sixel"))[:30]
    assert np.ptp(decoded, axis=2).max() == 0
    assert np.abs(decoded - pixels[:30].astype(int)).max() <= 2


def test_blocks():
    """Half blocks have two pixels each, and fit into the width."""
    lines = to_text(picture(), "blocks", columns=30).split("\n")
    assert len(lines) == 10
    assert lines[0].startswith("\x1b[38;2;200;30;30;48;2;200;30;30m▀")
    assert all(line.count("▀") == 30 for line in lines)
    narrow = to_text(picture(), "blocks", columns=12).split("\n")
    assert {line.count("▀") for line in narrow} == {12}


@pytest.mark.parametrize(
    ("environment", "way"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM_PROGRAM": "WezTerm"}, "kitty"),
        ({"TERM": "xterm-256color"}, "blocks"),
        ({}, "blocks"),
    ],
)
def test_choice(environment, way, monkeypatch):
    """The terminal's name decides; one that does not answer gets blocks."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert choose_way(environment) == way


@pytest.mark.parametrize(
    ("answer", "way"),
    [("62;4;22", "sixel"), ("62;22", "blocks"), ("64", "blocks"), ("62;4", "sixel")],
)
def test_terminal_is_asked(answer, way):
    """A terminal that says it has sixel gets sixel."""
    ours, theirs = pty.openpty()
    code = (
        "from harvester.dataset.gallery.terminal import choose_way\n"
        "print('way:', choose_way({}))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=theirs, stdout=theirs, close_fds=True
    )
    os.close(theirs)
    said = b""
    give_up = threading.Timer(60, process.kill)
    give_up.start()
    try:
        while b"way: " not in said or not said.endswith(b"\n"):
            said += os.read(ours, 1000)
            if said.endswith(b"\x1b[c"):
                os.write(ours, f"\x1b[?{answer}c".encode())
    finally:
        give_up.cancel()
        process.wait()
        os.close(ours)
    assert f"way: {way}".encode() in said
