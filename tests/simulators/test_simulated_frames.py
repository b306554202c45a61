"""The simulator's own codec against the frames of the protocol reference."""

from random import Random

import pytest

from simulators.studer.frames import Frame, FrameReader, checksum

VECTORS = [
    (
        "AA 00 01 00 00 00 65 00 00 00 0A 00 6F 71 00 01 01 00 B8 0B 00 00 01 00 C5 90",
        Frame(1, 101, 1, 1, 3000, 1),
    ),
    (
        "AA 34 65 00 00 00 01 00 00 00 0E 00 A7 45 02 01 01 00 B8 0B 00 00 01 00 00 C0 45 41 0D CB",
        Frame(101, 1, 1, 1, 3000, 1, bytes.fromhex("00C04541"), 0x34, 2),
    ),
    (
        "AA 00 01 00 00 00 65 00 00 00 0E 00 73 79 00 02 02 00 72 04 00 00 05 00 00 00 40 41 FF 9B",
        Frame(1, 101, 2, 2, 1138, 5, bytes.fromhex("00004041")),
    ),
    (
        "AA 24 65 00 00 00 01 00 00 00 0C 00 95 91 03 02 02 00 47 06 00 00 0D 00 28 00 88 28",
        Frame(101, 1, 2, 2, 1607, 13, b"\x28\x00", 0x24, 3),
    ),
    (
        "AA 24 F5 01 00 00 01 00 00 00 0C 00 26 3A 03 01 0A 00 01 00 00 00 02 01 11 00 22 BC",
        Frame(501, 1, 1, 10, 1, 0x0102, b"\x11\x00", 0x24, 3),
    ),
]


def test_checksum_of_the_worked_example() -> None:
    assert checksum(bytes.fromhex("00 01 00 00 00 65 00 00 00 0A 00")) == b"\x6f\x71"


@pytest.mark.parametrize(("text", "frame"), VECTORS)
def test_vectors(text: str, frame: Frame) -> None:
    assert frame.encode() == bytes.fromhex(text)
    assert FrameReader().feed(bytes.fromhex(text)) == [frame]


def test_cuts_and_stray_bytes_do_not_lose_frames() -> None:
    random = Random(7)
    for _ in range(200):
        stream = b""
        for text, _frame in VECTORS:
            # A stray AA could swallow a following frame's bytes for a while, but only until its checksum fails.
            stream += bytes(random.choices(range(256), k=random.randrange(6))) + bytes.fromhex(text)
        stream += bytes(300)
        reader, frames = FrameReader(), []
        while stream:
            size = random.randrange(1, 40)
            frames += reader.feed(stream[:size])
            stream = stream[size:]
        assert frames == [frame for _, frame in VECTORS]


def test_too_long_and_too_short_data_are_dropped() -> None:
    assert FrameReader().feed(Frame(1, 101, 1, 1, 3000, 1, bytes(231)).encode()) == []
    assert FrameReader().feed(Frame(1, 101, 1, 1, 3000, 1, bytes(230)).encode()) != []
    header = bytes.fromhex("00 01 00 00 00 65 00 00 00 02 00")
    assert FrameReader().feed(b"\xaa" + header + checksum(header) + b"\x00\x01" + checksum(b"\x00\x01")) == []
