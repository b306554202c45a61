"""How the command line prints: tables for people, one JSON object for programs, remarks on standard error."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..client import Installation, Progress, Report
from ..points import Point, Reading, Ref


def note(text: str) -> None:
    """A remark that is no result."""
    print(f"solarlink: {text}", file=sys.stderr, flush=True)


def progress() -> Progress | None:
    """Progress on one line of the terminal, nothing when nobody watches."""
    if not sys.stderr.isatty():
        return None

    def tell(share: float, name: str) -> None:
        text = f"looking for {name}" if name else ""
        print(f"\r\x1b[K{share:4.0%} {text}" if text else "\r\x1b[K", end="", file=sys.stderr, flush=True)

    return tell


def units(installation: Installation, *, as_json: bool) -> None:
    """The units of an installation."""
    if as_json:
        _json({"units": {unit.id: asdict(unit) for unit in installation.all_units}})
        return
    for unit in installation.all_units:
        details = [unit.model, f"serial {unit.serial}"]
        details += [f"firmware {unit.firmware}"] * bool(unit.firmware)
        details += [f"hardware {unit.hardware}"] * bool(unit.hardware)
        print(f"{unit.id:8} {unit.name:22} {', '.join(details)}")


def report(result: Report, table: Mapping[Ref, Point[Any]], *, as_json: bool) -> None:
    """What a read brought."""
    if as_json:
        values: dict[str, dict[str, Any]] = {}
        failed: dict[str, dict[str, str]] = {}
        for ref, reading in result.readings.items():
            values.setdefault(ref.unit, {})[ref.key] = reading.value
        for ref, error in result.failed.items():
            failed.setdefault(ref.unit, {})[ref.key] = str(error)
        _json({"values": values, "failed": failed})
        return
    for ref, point in table.items():
        if ref in result.readings:
            print(f"{ref.unit:8} {ref.key:32} {_value(point, result.readings[ref])}")
        elif ref in result.failed:
            print(f"{ref.unit:8} {ref.key:32} {result.failed[ref]}", file=sys.stderr)


def written(ref: Ref, point: Point[Any], reading: Reading, *, as_json: bool) -> None:
    """What the device keeps after a write."""
    if as_json:
        _json({"values": {ref.unit: {ref.key: reading.value}}, "failed": {}})
    else:
        print(f"{ref.unit:8} {ref.key:32} {_value(point, reading)}")


def answer(text: str, *, as_json: bool) -> None:
    """What a device answered to a command."""
    if as_json:
        _json({"answer": text})
    else:
        print(text)


def decoded(result: Mapping[str, Any], *, as_json: bool) -> None:
    """A decoded recording."""
    if as_json:
        _json(result)
        return
    for kind in ("values", "failed"):
        for unit, entries in result.get(kind, {}).items():
            for key, value in entries.items():
                print(f"{unit:8} {key:32} {value}", file=sys.stderr if kind == "failed" else sys.stdout)
    for frame in result.get("frames", ()):
        if frame.get("kind") == "request":
            print("request ", json.dumps(frame))


def _value(point: Point[Any], reading: Reading) -> str:
    if reading.value is None:
        return "no value"
    text = f"{reading.value:.9g}" if isinstance(reading.value, float) else str(reading.value)
    shown = f"{text} {point.unit}".rstrip()
    if reading.stored is not None and reading.stored != reading.value:
        shown += f" (flash: {reading.stored})"
    return shown


def _json(content: Mapping[str, Any]) -> None:
    print(json.dumps(content, default=str), flush=True)
