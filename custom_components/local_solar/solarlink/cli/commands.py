"""What each command does; all of them return whether everything went well."""

import argparse
import asyncio
from typing import Any

from ..client import Client, Installation, Unit
from ..errors import SolarError, UnknownPointError
from ..family import load_family
from ..journal import Journal
from ..links.address import parse_address
from ..points import Point, Quantity, Ref, Risk, Value
from . import show


class UsageError(Exception):
    """The command cannot be carried out as it was written."""


def decode(family: str, what: str, text: str, *, as_json: bool) -> bool:
    """Decode a recorded answer; true when nothing in it had failed."""
    decoders = load_family(family).decoders
    if what not in decoders:
        raise UsageError(f"{family} decodes {', '.join(decoders)}, not '{what}'")
    decoded = decoders[what](text, {})
    show.decoded(decoded, as_json=as_json)
    return not decoded.get("failed")


async def with_link(chosen: argparse.Namespace) -> bool:
    """Open the link, find out what is there, carry out the command and close the link."""
    family = load_family(chosen.family)
    address = parse_address(chosen.link, schemes=family.schemes, default_port=family.default_port, family=family.name)
    client = family.open(address, journal=Journal())
    try:
        if address.scheme == "listen":
            show.note(f"waiting for the gateway on port {address.port} ...")
        await client.connect(chosen.wait)
        installation = await client.identify(show.progress())
        match chosen.action:
            case "discover":
                show.units(installation, as_json=chosen.json)
                return True
            case "read":
                return await _read(client, installation, chosen)
            case _:
                return await _write(client, installation, chosen)
    finally:
        await client.close()


def _units(installation: Installation, wanted: str | None) -> list[Unit]:
    if wanted is None:
        return list(installation.all_units)
    if (unit := installation.unit(wanted)) is None:
        names = ", ".join(unit.id for unit in installation.all_units)
        raise UsageError(f"there is no unit '{wanted}'; there are {names}")
    return [unit]


def _named(point: Point[Any], name: str) -> bool:
    """A point is called by its key or by its number on the device."""
    return name in (point.key, str(getattr(point.address, "number", "")))


async def _read(client: Client, installation: Installation, chosen: argparse.Namespace) -> bool:
    units = _units(installation, chosen.unit)
    table = {Ref(unit.id, key): point for unit in units for key, point in client.points(unit).items()}
    for name in chosen.points:
        if not any(_named(point, name) for point in table.values()):
            raise UnknownPointError(point=name, unit=chosen.unit or "any")
    if chosen.points:
        table = {ref: point for ref, point in table.items() if any(_named(point, name) for name in chosen.points)}
    while True:
        complete = False
        try:
            report = await client.read(list(table))
        except SolarError as err:
            if chosen.watch is None:
                raise
            show.note(str(err))
        else:
            show.report(report, table, as_json=chosen.json)
            complete = not report.failed
        if chosen.watch is None:
            return complete
        await asyncio.sleep(chosen.watch)


async def _write(client: Client, installation: Installation, chosen: argparse.Namespace) -> bool:
    found = [
        (unit, point)
        for unit in _units(installation, chosen.unit)
        for point in client.points(unit).values()
        if _named(point, chosen.point)
    ]
    if not found:
        raise UnknownPointError(point=chosen.point, unit=chosen.unit or "any")
    if len({unit.id for unit, _ in found}) > 1:
        raise UsageError(f"several units have {chosen.point}: choose --unit {' or '.join(u.id for u, _ in found)}")
    # Of several points of one number, the writable one is meant.
    unit, point = next((each for each in found if each[1].writable), found[0])
    if chosen.permanent and not chosen.yes:
        raise UsageError("a permanent write wears out the device's flash memory; add --yes if you want it")
    if point.risk is not Risk.NORMAL and not chosen.yes:
        raise UsageError(f"{point.name} can harm or cut the supply; add --yes if you want it")
    ref = Ref(unit.id, point.key)
    value = _value(point, chosen.value)
    reading = await client.write(ref, value, permanent=chosen.permanent, confirmed=chosen.yes)
    show.written(ref, point, reading, as_json=chosen.json)
    return True


def _value(point: Point[Any], text: str) -> Value:
    """The text of the command line as a value of the point."""
    match point.quantity:
        case Quantity.FLAG:
            if text.lower() not in ("on", "off", "yes", "no", "true", "false", "1", "0"):
                raise UsageError(f"{point.name} is on or off, not '{text}'")
            return text.lower() in ("on", "yes", "true", "1")
        case Quantity.STATE:
            return text
    try:
        return float(text)
    except ValueError as err:
        raise UsageError(f"{point.name} is a number, not '{text}'") from err
