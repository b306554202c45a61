"""What each command does; all of them return whether everything went well."""

import argparse
import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import time
from typing import Any, cast

from ..client import CataloguedClient, Client, CommandClient, Installation, Unit
from ..errors import SolarError, UnknownPointError
from ..family import load_family
from ..journal import Journal
from ..links.address import parse_address
from ..points import Access, Point, Quantity, Ref, Risk, Value
from . import show

DECODE_OPTIONS = {
    "dialect": ("DIALECT", "dialect of the device, where a reply has several meanings (PI30, PI18, ...)"),
    "address": ("ADDRESS", "address of the first register (840, 0x0066)"),
    "order": ("ORDER", "order of the words of a long number: lsb or msb first"),
}
"""What a recorded answer does not tell by itself: name of the option to its placeholder and help."""


PASSWORD = "SOLARLINK_PASSWORD"
"""Environment variable of the password."""


class UsageError(Exception):
    """The command cannot be carried out as it was written."""


def decode(family: str, what: str, text: str, options: Mapping[str, str], *, as_json: bool) -> bool:
    """Decode a recorded answer; true when nothing in it had failed. ``options`` are those of ``DECODE_OPTIONS``."""
    decoders = load_family(family).decoders
    if what not in decoders:
        raise UsageError(f"{family} decodes {', '.join(decoders)}, not '{what}'")
    decoded = decoders[what](text, options)
    show.decoded(decoded, as_json=as_json)
    return not decoded.get("failed")


def _settings(chosen: argparse.Namespace) -> dict[str, Any]:
    """What the family is told beside the link; raises ``UsageError``."""
    settings: dict[str, Any] = {}
    for text in chosen.set:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(f"'{text}' is no NAME=VALUE")
        settings[name] = {"true": True, "false": False}.get(value, value)
    if chosen.user:
        settings["username"] = chosen.user
    # Not among the arguments, because those are seen by everybody on the machine.
    if password := os.environ.get(PASSWORD):
        settings["password"] = password
    return settings


async def with_link(chosen: argparse.Namespace) -> bool:
    """Open the link, find out what is there, carry out the command and close the link."""
    family = load_family(chosen.family)
    address = parse_address(chosen.link, schemes=family.schemes, default_port=family.default_port, family=family.name)
    client = family.open(address, journal=Journal(), settings=_settings(chosen))
    try:
        if address.scheme == "listen":
            show.note(f"waiting for the gateway on port {address.port} ...")
        await client.connect(chosen.wait)
        if chosen.action == "command":
            return await _command(client, chosen)
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


def _catalogued(client: Client, units: list[Unit], name: str) -> dict[Ref, Point[Any]]:
    """What the family knows beyond its points, where it has a catalogue that can be searched by key or number."""
    found: dict[Ref, Point[Any]] = {}
    if hasattr(client, "find"):
        for unit in units:
            with suppress(UnknownPointError):
                point = cast("CataloguedClient", client).find(unit, name)
                found[Ref(unit.id, point.key)] = point
    return found


async def _read(client: Client, installation: Installation, chosen: argparse.Namespace) -> bool:
    units = _units(installation, chosen.unit)
    # What is not measured, or has no value, cannot be read from a device.
    table = {
        Ref(unit.id, key): point
        for unit in units
        for key, point in client.points(unit).items()
        if point.measured and point.quantity is not Quantity.EVENT and point.access is not Access.PRESS
    }
    if chosen.points:
        own, table = table, {}
        for name in chosen.points:
            found = {ref: point for ref, point in own.items() if _named(point, name)} or _catalogued(
                client, units, name
            )
            if not found:
                raise UnknownPointError(point=name, unit=chosen.unit or "any")
            table |= found
        table = {ref: point for ref, point in own.items() if ref in table} | table
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
    units = _units(installation, chosen.unit)
    found = [(unit, point) for unit in units for point in client.points(unit).values() if _named(point, chosen.point)]
    if not found:
        known = {unit.id: unit for unit in units}
        found = [(known[ref.unit], point) for ref, point in _catalogued(client, units, chosen.point).items()]
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


async def _command(client: Client, chosen: argparse.Namespace) -> bool:
    """Send a command as it was typed. The device need not be identified for it."""
    if not hasattr(client, "command"):
        raise UsageError(f"{chosen.family} takes no commands")
    answer = await cast("CommandClient", client).command(chosen.text, confirmed=chosen.yes)
    show.answer(answer, as_json=chosen.json)
    return True


def _value(point: Point[Any], text: str) -> Value:
    """The text of the command line as a value of the point."""
    match point.quantity:
        case Quantity.TIME_OF_DAY:
            try:
                return time.fromisoformat(text)
            except ValueError as err:
                raise UsageError(f"{point.name} is a time of day such as 07:30, not '{text}'") from err
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
