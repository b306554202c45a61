"""Recorded replies put into words, for ``solarlink decode voltronic QPIGS``; no device is needed."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from ..errors import BadAnswerError
from .blocks import Block, Dialect
from .codec import Frame, FrameReader
from .fields import Fields
from .identify import ROOT_ID, read_serial
from .manner import Manner
from .queries import blocks_of_words
from .replies import fields_of

_INPUT = "The input"


def _frame(text: str) -> tuple[Frame, int]:
    """The reply in ``text``: hex of the bytes on the wire, or what stands between start byte and checksum.

    Hex must hold a start byte, because the digits of a counter look like hex as well.
    """
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if b"(" in raw or b"^" in raw:
        reader = FrameReader()
        reader.sums = True
        frames = reader.feed(raw)
        lost = reader.dropped + len(reader.give_up())
        if not frames:
            raise BadAnswerError(device=_INPUT, reason=f"no reply with a right checksum in {len(raw)} bytes")
        return frames[0], lost
    plain = text.strip("\r\n")
    start = "^" if plain.startswith("^") else "("
    plain = plain.removeprefix(start)
    if not plain or not plain.isascii() or not plain.isprintable():
        raise BadAnswerError(device=_INPUT, reason="neither hex nor the text of a reply")
    return Frame(start, plain), 0


def _dialect(options: Mapping[str, str], usual: Dialect) -> Dialect:
    told = options.get("dialect", usual.value).upper().replace(" ", "")
    try:
        return Dialect(told)
    except ValueError as err:
        known = ", ".join(Dialect)
        raise BadAnswerError(device=_INPUT, reason=f"'{told}' is no dialect; there are {known}") from err


def _decode(usual: Dialect, block: Block, text: str, options: Mapping[str, str]) -> dict[str, Any]:
    frame, dropped = _frame(text)
    if frame.refuses:
        return {"values": {}, "failed": {ROOT_ID: {block.value: "refused"}}, "dropped_bytes": dropped}
    fields = fields_of(block, frame, Manner(dialect=_dialect(options, usual)))
    return {"values": {ROOT_ID: _shown(fields)}, "failed": {}, "dropped_bytes": dropped}


def _shown(fields: Fields) -> Fields:
    return {key: value for key, value in fields.items() if key not in ("alarm", "severities")}


def _decode_serial(word: str, text: str, options: Mapping[str, str]) -> dict[str, Any]:
    frame, dropped = _frame(text)
    return {
        "values": {ROOT_ID: {"serial": read_serial(word)(frame)}},
        "failed": {},
        "dropped_bytes": dropped,
    }


DECODERS = {
    **{text: partial(_decode, dialect, block) for text, (dialect, block) in blocks_of_words().items()},
    **{word: partial(_decode_serial, word) for word in ("QID", "QSID", "^P005ID")},
}
"""Every query whose reply can be decoded."""
