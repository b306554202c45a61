"""Recorded replies put into words, for ``solarlink decode pylontech pwr``; no device is needed."""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from ..errors import BadAnswerError
from .blocks import STACK_ID, Fields
from .codec import lines_of, payload
from .codec_cells import cell_fields, read_cells, read_health
from .codec_power import read_power
from .codec_rs485 import FIRST_ADDRESS, GROUP, decode, guess
from .codec_values import pairs, read_counters, read_detail, read_identity, read_log, read_time
from .stack import totals

_INPUT = "The input"
_ADDRESS = re.compile(r"^\s*(?:Device address|Power)\s*:?\s*(\d{1,2})\s*$", re.MULTILINE)
_ECHO = re.compile(r"^\S*>?\s*(?:pwr|bat|info|stat|soh)\s+(\d{1,2})\s*$", re.MULTILINE)


def _whole(text: str) -> list[str]:
    """The lines of a reply; what was copied without its end is taken as it is."""
    return payload(text) if any(line == "$$" for line in lines_of(text)) else lines_of(text)


def _result(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {"values": {unit: dict(fields) for unit, fields in values.items()}, "failed": {}}


def _module(text: str) -> str:
    found = _ECHO.search(text) or _ADDRESS.search(text)
    return f"module{int(found[1])}" if found else "module1"


def _power(text: str, options: Mapping[str, str]) -> dict[str, Any]:
    lines = _whole(text)
    if any(line.startswith("Basic Status") for line in lines):
        return _result({_module(text): read_detail(lines)})
    table = read_power(lines)
    summary: Fields = {"layout": table.layout, "slots": table.slots, **totals(table.modules, {})}
    return _result({STACK_ID: summary, **{f"module{slot}": each for slot, each in table.modules.items()}})


def _cells(text: str, options: Mapping[str, str]) -> dict[str, Any]:
    return _result({_module(text): cell_fields(read_cells(_whole(text)))})


def _identity(text: str, options: Mapping[str, str]) -> dict[str, Any]:
    told = read_identity(_whole(text))
    shown = {key: value for key, value in asdict(told).items() if key != "fields"}
    return _result({_module(text): shown | told.fields})


def _counters(text: str, options: Mapping[str, str]) -> dict[str, Any]:
    lines = _whole(text)
    known = read_counters(lines)
    rest = {name: value for name, value in pairs(lines).items() if name != "Device address"}
    return _result({_module(text): known, "lines": rest})


def _health(text: str, options: Mapping[str, str]) -> dict[str, Any]:
    cells = read_health(_whole(text))
    return _result({_module(text): {f"cell_{number}": asdict(cell) for number, cell in cells.items()}})


def _time(text: str, options: Mapping[str, str]) -> dict[str, Any]:
    return _result({STACK_ID: {"device_clock": read_time(_whole(text)).isoformat()}})


def _log(text: str, options: Mapping[str, str]) -> dict[str, Any]:
    return _result(
        {
            "log": {
                str(entry.index): f"{entry.time:%Y-%m-%d %H:%M:%S} {entry.module} {entry.code:x} {entry.text}"
                for entry in read_log(_whole(text))
            }
        }
    )


def _frames(text: str, options: Mapping[str, str]) -> dict[str, Any]:
    """Frames as they are on the wire, or the hex of their bytes."""
    raw = text.encode("utf-8", "ignore")
    if b"~" not in raw:
        try:
            raw = bytes.fromhex(text)
        except ValueError as err:
            raise BadAnswerError(device=_INPUT, reason="neither a frame nor hex") from err
    pieces = [piece.split()[0] for piece in raw.split(b"~")[1:] if piece.split()]
    if not pieces:
        raise BadAnswerError(device=_INPUT, reason="no frame")
    values: dict[str, dict[str, Any]] = {}
    for piece in pieces:
        frame = decode(piece)
        block, fields = guess(frame)
        slot = frame.address % GROUP - FIRST_ADDRESS + 1
        shown = values.setdefault(f"module{slot}" if slot > 0 else STACK_ID, {})
        shown |= {"command": block.value, "version": f"{frame.version:02X}", **fields}
    return _result(values)


DECODERS: Mapping[str, Callable[[str, Mapping[str, str]], dict[str, Any]]] = {
    "pwr": _power,
    "bat": _cells,
    "info": _identity,
    "stat": _counters,
    "soh": _health,
    "time": _time,
    "log": _log,
    "rs485": _frames,
}
"""Every reply that can be decoded."""
