"""Frames of the Voltronic dialects: the vectors of the reference, and what no byte stream may do to us."""

import csv
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.errors import SolarError
from custom_components.local_solar.solarlink.voltronic.blocks import Block, Dialect
from custom_components.local_solar.solarlink.voltronic.codec import (
    LONGEST,
    Checksum,
    Frame,
    FrameReader,
    ambiguous,
    byte_sum,
    checksum,
    crc,
    encode,
    pi18,
)
from custom_components.local_solar.solarlink.voltronic.decode import DECODERS
from custom_components.local_solar.solarlink.voltronic.manner import Manner
from custom_components.local_solar.solarlink.voltronic.pi18 import PARSERS as PI18_PARSERS
from custom_components.local_solar.solarlink.voltronic.pi30 import PARSERS as PI30_PARSERS
from custom_components.local_solar.solarlink.voltronic.queries import OTHER_WORDS
from custom_components.local_solar.solarlink.voltronic.replies import fields_of
from tests.tries import TRIES

REFERENCE = Path(__file__).parents[3] / "shared" / "protocols" / "voltronic"
EXAMPLES = 500
NAME = "Voltronic codec"

thorough = settings(max_examples=EXAMPLES, deadline=None)
needs_reference = pytest.mark.skipif(not REFERENCE.is_dir(), reason="the protocol reference is not here")


def tried() -> None:
    TRIES[NAME] += 1


def rows(name: str) -> list[dict[str, str]]:
    with (REFERENCE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def frames(data: bytes) -> list[Frame]:
    return FrameReader().feed(data)


# Vectors


VECTORS = [
    ("QPI", 0xBEAC, "51 50 49 BE AC 0D"),
    ("QPIGS", 0xB7A9, "51 50 49 47 53 B7 A9 0D"),
    ("QMOD", 0x49C1, "51 4D 4F 44 49 C1 0D"),
    ("QBOOT", 0x0A88, "51 42 4F 4F 54 0B 88 0D"),
    ("QGMN", 0x4928, "51 47 4D 4E 49 29 0D"),
    ("POP02", 0xE20A, "50 4F 50 30 32 E2 0B 0D"),
    ("POPM01", 0x0D25, "50 4F 50 4D 30 31 0E 25 0D"),
    ("PBFT54.0", 0x97DD, "50 42 46 54 35 34 2E 30 97 DD 0D"),
    ("PBFT48.8", 0x1500, "50 42 46 54 34 38 2E 38 15 00 0D"),
    ("PBFT52.8", 0xA475, "50 42 46 54 35 32 2E 38 A4 75 0D"),
    ("PBDV46.4", 0x004E, "50 42 44 56 34 36 2E 34 00 4E 0D"),
    ("(ACK", 0x3920, "28 41 43 4B 39 20 0D"),
    ("(NAK", 0x7373, "28 4E 41 4B 73 73 0D"),
    ("(PI30", 0x9A0B, "28 50 49 33 30 9A 0B 0D"),
    ("^P005GS", 0x5814, "5E 50 30 30 35 47 53 58 14 0D"),
    ("^S007POP1", 0x0D10, "5E 53 30 30 37 50 4F 50 31 0E 10 0D"),
    ("^1", 0x0BC2, "5E 31 0B C2 0D"),
    ("^0", 0x1BE3, "5E 30 1B E3 0D"),
    ("QID", 0xD6EA, "51 49 44 D6 EA 0D"),
]


@pytest.mark.parametrize(("text", "plain", "wire"), VECTORS, ids=[text for text, *_ in VECTORS])
def test_vectors(text: str, plain: int, wire: str) -> None:
    assert crc(text.encode()) == plain
    assert encode(text) == bytes.fromhex(wire)
    if text[0] in "(^" and not text.startswith(("^P", "^S")):
        assert frames(bytes.fromhex(wire)) == [Frame(text[0], text[1:])]


def test_the_other_form_of_a_checksum_with_a_zero() -> None:
    assert encode("PBDV46.4", Checksum.ZERO_BUMPED) == bytes.fromhex("50 42 44 56 34 36 2E 34 01 4E 0D")
    assert ambiguous("PBFT48.8")
    assert not ambiguous("PBFT54.0")


@needs_reference
@pytest.mark.parametrize("name", ["pi30_queries.csv", "pi30_set_commands.csv", "pi18_commands.csv"])
def test_requests_are_the_bytes_of_the_tables(name: str) -> None:
    for row in rows(name):
        cells = list(row.values())
        text, wire = (cells[1], cells[2]) if "set" in name else (cells[0], cells[1])
        assert encode(text).hex(" ") == wire, text
        if text.startswith("^"):
            # The published text counts some words wrongly; units have them in both forms.
            miscounted = text in OTHER_WORDS.values() or text.startswith(("^S014ACCT", "^S014ACLT"))
            assert miscounted == (pi18(text[1], text[5:]) != text)


@needs_reference
def test_every_checksum_with_a_special_byte() -> None:
    special = rows("crc_special_commands.csv")
    assert len(special) > 100
    for row in special:
        data = row["command"].encode()
        assert f"{crc(data):04X}" == row["plain_crc"]
        assert checksum(data).hex().upper() == row["vendor_crc"]
        assert checksum(data, Checksum.ZERO_BUMPED).hex().upper() == row["zero_bumped_crc"]
        assert ambiguous(row["command"]) == (row["remark"] == "contains 00")


@needs_reference
def test_every_captured_reply_is_a_frame() -> None:
    captured = rows("captures.csv")
    assert len(captured) >= 98
    for row in captured:
        [frame] = frames(bytes.fromhex(row["reply_hex"]))
        assert frame.text == row["reply_payload"]


# What is a frame and what is not


def test_yes_and_no() -> None:
    yes, no = Frame("(", "ACK"), Frame("(", "NAK")
    assert (yes.accepts, yes.refuses) == (True, False)
    assert (no.accepts, no.refuses) == (False, True)
    assert Frame("^", "1").accepts
    assert Frame("^", "0").refuses
    assert frames(b"#-1\r") == [Frame("", "#-1")]
    assert Frame("", "#-1").refuses


@pytest.mark.parametrize("bare", [b"(ACK\r", b"(NAK\r"])
def test_an_answer_without_checksum(bare: bytes) -> None:
    assert frames(bare) == [Frame("(", bare[1:4].decode())]


def test_a_damaged_no_is_not_a_no() -> None:
    reader = FrameReader()
    assert reader.feed(b"(NA?" + checksum(b"(NAK") + b"\r") == []
    assert reader.damaged


MODE = bytes.fromhex("28 42 E7 C9 0D")


@pytest.mark.parametrize(
    "noise",
    [
        pytest.param(b"\n", id="line feed"),
        pytest.param(b"\0" * 8, id="a report of zeros"),
        pytest.param(b"\xff\x81", id="garbage"),
        pytest.param(encode("QMOD"), id="echo"),
        pytest.param(b"(23", id="half a reply before"),
        pytest.param(b"#-", id="half a refusal"),
    ],
)
def test_noise_before_a_frame(noise: bytes) -> None:
    assert frames(noise + MODE) == [Frame("(", "B")]
    assert frames(noise + MODE + b"\0\0\0" + noise + MODE) == [Frame("(", "B")] * 2


def test_padding_is_no_loss() -> None:
    reader = FrameReader()
    reader.feed(MODE + b"\0\0\0" + MODE + b"\n")
    assert reader.dropped == 0


@pytest.mark.parametrize("text", ["(PBFT48.8", "(10", "(87"])
def test_every_legal_checksum_is_accepted(text: str) -> None:
    data = text.encode()
    for tail in (checksum(data), checksum(data, Checksum.ZERO_BUMPED), crc(data).to_bytes(2)):
        assert frames(data + tail + b"\r") == [Frame("(", text[1:])]


def with_special_checksum(byte: int) -> bytes:
    """A reply whose plain checksum contains ``byte``."""
    return next(data for n in range(100000) if byte in crc(data := b"(%d" % n).to_bytes(2))


@pytest.mark.parametrize("byte", [0x28, 0x0D, 0x0A, 0x00], ids=hex)
def test_a_clone_that_does_not_adjust(byte: int) -> None:
    """An unadjusted 0D looks like the end of the frame, and an unadjusted 28 like the beginning of another one."""
    data = with_special_checksum(byte)
    wire = data + crc(data).to_bytes(2) + b"\r"
    assert frames(wire) == [Frame("(", data[1:].decode())]
    reader = FrameReader()
    assert [frame for part in wire for frame in reader.feed(bytes([part]))] == [Frame("(", data[1:].decode())]


def test_a_damaged_frame_does_not_cost_the_next_one() -> None:
    assert frames(b"(2\x06\xe7\xc9\r" + MODE) == [Frame("(", "B")]


def test_what_is_no_text_is_no_frame() -> None:
    data = b"(\xb2\xb3"
    assert frames(data + checksum(data) + b"\r") == []


def test_a_missing_checksum_byte() -> None:
    reader = FrameReader()
    assert reader.feed(MODE[:-2] + b"\r") == []
    assert reader.damaged
    assert reader.give_up() == MODE[:-2] + b"\r"
    assert not reader.damaged


def test_one_byte_sums_only_where_they_are_awaited() -> None:
    data = b"(0 080 0 0 0 532 532 450 0600 1500"
    wire = data + bytes([byte_sum(data)]) + b"\n"
    assert frames(wire) == []
    reader = FrameReader()
    reader.sums = True
    assert reader.feed(wire) == [Frame("(", data[1:].decode())]


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    reader = FrameReader()
    for _ in range(100):
        assert reader.feed(b"(" + b"1" * 99) == []
    assert reader.dropped >= 100 * 100 - LONGEST
    assert reader.feed(b"\r" + MODE) == [Frame("(", "B")]


# Any bytes at all

BYTES = st.binary(max_size=200)
PAYLOADS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=150)


@given(st.lists(BYTES, max_size=6))
@thorough
def test_arbitrary_bytes(parts: list[bytes]) -> None:
    tried()
    reader = FrameReader()
    for part in parts:
        for frame in reader.feed(part):
            assert frame.payload.isascii()
    assert len(reader.feed(b"")) == 0


@given(st.sampled_from("(^"), PAYLOADS, st.sampled_from(Checksum), st.lists(st.integers(0, 200), max_size=6))
@thorough
def test_a_frame_survives_every_cut(start: str, payload: str, form: Checksum, cuts: list[int]) -> None:
    tried()
    payload = payload.replace("(", "-").replace("^", "-")
    wire = encode(start + payload, form)
    places = sorted({0, len(wire), *(min(cut, len(wire)) for cut in cuts)})
    reader = FrameReader()
    found = [frame for first, last in pairwise(places) for frame in reader.feed(wire[first:last])]
    assert found == [Frame(start, payload)]


@given(PAYLOADS, PAYLOADS, st.binary(max_size=20))
@thorough
def test_two_frames_glued_with_garbage_between(one: str, other: str, garbage: bytes) -> None:
    tried()
    one, other = (text.replace("(", "-").replace("^", "-") for text in (one, other))
    found = frames(encode(f"({one}") + garbage.replace(b"\r", b"") + encode(f"({other}"))
    assert found[0] == Frame("(", one)
    assert found[-1] == Frame("(", other)


@given(PAYLOADS, st.integers(0, 2000), st.integers(0, 7))
@thorough
def test_a_flipped_bit_is_never_taken_for_a_good_frame(payload: str, position: int, bit: int) -> None:
    tried()
    payload = payload.replace("(", "-").replace("^", "-")
    wire = bytearray(encode(f"({payload}"))
    wire[position % len(wire)] ^= 1 << bit
    for frame in frames(bytes(wire)):
        # Only the two adjusted forms of one checksum differ by one bit, and both mean the same text.
        assert frame in (Frame("(", payload), Frame("(", "ACK"), Frame("(", "NAK"))


@given(st.sampled_from(sorted(PI30_PARSERS)), PAYLOADS)
@thorough
def test_no_payload_breaks_a_parser(block: Block, payload: str) -> None:
    tried()
    with suppress(SolarError):
        fields_of(block, Frame("(", payload), Manner())


NUMBERS = st.sampled_from(
    ["0", "1", "00000000", "10110011", "51.20", "--.-", "-", "9999999", "B", "05", "92931905106463"]
)


@given(st.sampled_from(sorted(PI30_PARSERS)), st.lists(NUMBERS, max_size=32), st.sampled_from(Dialect))
@thorough
def test_no_list_of_fields_breaks_a_parser(block: Block, parts: list[str], dialect: Dialect) -> None:
    tried()
    with suppress(SolarError):
        fields_of(block, Frame("(", " ".join(parts)), Manner(dialect=dialect))


@given(st.sampled_from(sorted(PI18_PARSERS)), st.lists(NUMBERS, max_size=32))
@thorough
def test_no_list_of_fields_breaks_a_comma_parser(block: Block, parts: list[str]) -> None:
    tried()
    payload = ",".join(parts)
    with suppress(SolarError):
        fields_of(block, Frame("^", f"D{len(payload) + 3:03d}{payload}"), Manner(dialect=Dialect.PI18))


@given(st.sampled_from(sorted(DECODERS)), st.text(max_size=120) | PAYLOADS, st.text(max_size=6))
@thorough
def test_no_input_breaks_a_decoder(what: str, text: str, dialect: str) -> None:
    tried()
    with suppress(SolarError):
        DECODERS[what](text, {"dialect": dialect} if dialect else {})


def test_enough_was_tried(request: pytest.FixtureRequest) -> None:
    """Last of this module; a run of chosen tests alone is not judged."""
    chosen = sum(
        item.nodeid.partition("::")[0] == request.node.nodeid.partition("::")[0] for item in request.session.items
    )
    if chosen > 50:
        assert TRIES[NAME] >= 8 * EXAMPLES * 0.9
