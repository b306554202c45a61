"""Finds out what a DTU has, and puts it into an installation (reference sections 10 and 11)."""

from contextlib import suppress
from dataclasses import replace

from ..client import Installation, Progress, Unit
from ..errors import AuthError, NotSupportedError
from ..links.turns import Priority
from .address import Source
from .codec import flag, number, text_of
from .exchange import Exchange, OverloadedError
from .feed import Feed, mac_of
from .found import Found, FoundInverter, inputs_of
from .inverter import Inverter
from .models import type_of
from .points_battery import BATTERY_KIND, CHARGER_KIND, GRID_CHARGER_KIND, METER_KIND
from .points_dtu import DTU_KIND
from .points_inverter import INVERTER_KIND
from .state import State

ROOT = "dtu"
HOYMILES = "Hoymiles"
_AUTHENTICATE = "/api/security/authenticate"
_HINTS = ("time_sync", "pin_mapping_issue")


async def look_around(feed: Feed, tell: Progress) -> None:
    """Ask for everything that says what is there; raises what ``Exchange.get`` raises."""
    tell(0.0, "OpenDTU")
    exchange, state = feed.exchange, feed.state
    exchange.lost = True
    await feed.check(Priority.PERSON)
    if exchange.password:
        await check_password(exchange)
    tell(0.1, "inverters")
    await feed.live(Priority.PERSON)
    wanted = [Source.SYSTEM, Source.LIMIT, Source.CLOCK, Source.LIMITER]
    if exchange.password:
        wanted += [Source.CONFIG, Source.LIST]
    for source in wanted:
        await _also(feed, source)
    if state.limiter is not None:
        for source in (Source.BATTERY, Source.CHARGERS):
            await _also(feed, source)
    for place, (serial, inverter) in enumerate(state.inverters.items()):
        tell(0.4 + 0.6 * place / len(state.inverters), inverter.live.name)
        await _also(feed, Source.DEVICE, serial)
    tell(1.0, "")


async def check_password(exchange: Exchange) -> None:
    """Raise ``AuthError`` when the password is wrong; reading may be open to everybody."""
    with suppress(NotSupportedError, OverloadedError):
        reply = await exchange.press(_AUTHENTICATE)
        if not reply.good:
            raise AuthError(device="The OpenDTU")


async def _also(feed: Feed, source: Source, serial: str = "") -> None:
    """Ask for what older firmware may not have."""
    with suppress(NotSupportedError, OverloadedError):
        await feed.bring(source, serial, priority=Priority.PERSON)


# What that means


def take_found(state: State, before: Found) -> Found:
    """What the answers say; what is not told now, because an inverter sleeps, stays as it was found ``before``."""
    found = Found(
        firmware=text_of(state.system.get("git_hash")),
        poll_interval=number(state.config.get("pollinterval")) or before.poll_interval,
        fields=frozenset(_fields(state)),
    )
    found.inverters = {
        serial: take_inverter(state, inverter, before.inverters.get(serial))
        for serial, inverter in state.inverters.items()
    }
    for serial, charger in state.chargers.items():
        found.chargers[serial] = tuple(sorted(charger.values))
    if not found.chargers and "solar_charger" in state.parts:
        found.chargers[""] = tuple(sorted(state.parts["solar_charger"]))
    return found


def take_inverter(state: State, inverter: Inverter, before: FoundInverter | None) -> FoundInverter:
    """What is there of one inverter."""
    serial, full = inverter.serial, inverter.full
    strings = full.strings if full else ()
    config = state.configs.get(serial)
    known = before or FoundInverter(inputs=0)
    names = tuple(string.name for string in strings) or (config.strings if config else ()) or known.strings
    return FoundInverter(
        inputs=inputs_of(serial, len(strings) or known.inputs, len(config.strings) if config else 0),
        strings=names,
        irradiation=tuple(
            place for place, each in enumerate(strings) if place in known.irradiation or "Irradiation" in each.values
        ),
        radio="tx_request" in inverter.live.radio or known.radio,
        signal="rssi" in inverter.live.radio or known.signal,
        device=state.devices.get(serial) or known.device,
    )


def _fields(state: State) -> set[str]:
    told = {
        Source.SYSTEM: {name for name in ("uptime", "resetreason_0") if name in state.system},
        Source.NETWORK: {"sta_rssi"} if text_of(state.network.get("network_mode")) == "Station" else set[str](),
        Source.CLOCK: {"sun_isDayPeriod"} if "sun_isDayPeriod" in state.clock else set[str](),
        Source.CONFIG: {name for name in ("pollinterval", "serial") if name in state.config},
        Source.LIVE: {name for name in _HINTS if name in state.hints},
        Source.LIST: {INVERTER_KIND} if state.configs else set[str](),
        Source.LIMITER: {INVERTER_KIND, "enabled"} if state.limiter is not None else set[str](),
        Source.BATTERY: set(state.battery) if state.limiter is not None else set[str](),
    }
    system = told[Source.SYSTEM]
    if number(state.system.get("cputemp")) is not None:
        system.add("cputemp")
    system |= {f"{radio}_connected" for radio in ("nrf", "cmt") if flag(state.system.get(f"{radio}_configured"))}
    for share, memory in (("memory_used", "heap"), ("storage_used", "littlefs")):
        if number(state.system.get(f"{memory}_total")):
            system.add(share)
    return {f"{source}.{name}" for source, names in told.items() for name in names}


def take_units(state: State, found: Found, before: Installation | None) -> Installation:
    """The DTU and the units behind it."""
    mac = mac_of(state.network) or (before.root.mac if before else "")
    serial = (
        mac.replace(":", "") or text_of(state.config.get("serial")).lower() or (before.root.serial if before else "")
    )
    name = text_of(state.system.get("hostname")) or text_of(state.network.get("network_hostname"))
    battery = state.limiter is not None
    root = Unit(
        id=ROOT,
        kind=DTU_KIND,
        name=name or "OpenDTU",
        serial=serial,
        manufacturer="OpenDTU",
        model="OpenDTU-OnBattery" if battery else "OpenDTU",
        firmware=found.firmware,
        hardware=text_of(state.system.get("chipmodel")),
        mac=mac,
    )
    ordered = sorted(state.inverters.values(), key=lambda each: each.live.order)
    units = [inverter_unit(each, found.inverters[each.serial], place) for place, each in enumerate(ordered)]
    for kind, part, label in (
        (BATTERY_KIND, "battery", "Battery"),
        (METER_KIND, "meter", "Grid meter"),
        (GRID_CHARGER_KIND, "grid_charger", "Grid charger"),
    ):
        if part in state.parts:
            units.append(_part(serial, kind, label))
    if "solar_charger" in state.parts or state.chargers:
        units += _chargers(serial, state, found)
    return Installation(root, tuple(units), found.as_facts())


def inverter_unit(inverter: Inverter, known: FoundInverter, place: int) -> Unit:
    """One inverter, known by its serial number."""
    device, serial = known.device, inverter.serial
    return Unit(
        id=serial,
        kind=INVERTER_KIND,
        name=inverter.live.name or f"Inverter {serial}",
        serial=serial,
        manufacturer=HOYMILES,
        model=(device.model if device else "") or type_of(serial).name,
        firmware=device.version if device else "",
        hardware=device.hardware if device else "",
        address=place,
    )


def _part(root: str, kind: str, label: str, serial: str = "", model: str = "", firmware: str = "") -> Unit:
    own = serial or kind
    return Unit(
        id=f"{kind}_{serial}" if serial else kind,
        kind=kind,
        name=label,
        serial=serial or f"{root}-{own}",
        manufacturer="",
        model=model or label,
        firmware=firmware,
    )


def _chargers(root: str, state: State, found: Found) -> list[Unit]:
    if not state.chargers:
        return [_part(root, CHARGER_KIND, "Solar chargers")]
    return [
        _part(root, CHARGER_KIND, state.chargers[serial].name or "Solar charger", serial, state.chargers[serial].name,
              state.chargers[serial].firmware)
        for serial in found.chargers
        if serial in state.chargers
    ]  # fmt: skip


def renewed(installation: Installation, state: State, found: Found) -> Installation:
    """The installation with what its inverters say now: another name, their model, an inverter that is new."""
    known = {unit.id: unit for unit in installation.units}
    ordered = sorted(state.inverters.values(), key=lambda each: each.live.order)
    inverters = []
    for place, inverter in enumerate(ordered):
        now = inverter_unit(inverter, found.inverters[inverter.serial], place)
        before = known.get(now.id)
        # Another order of the list on the DTU's page is no other installation.
        inverters.append(now if before is None else replace(now, address=before.address))
    gone = [unit for unit in installation.units if unit.kind == INVERTER_KIND and unit.serial not in state.inverters]
    others = [unit for unit in installation.units if unit.kind != INVERTER_KIND]
    return Installation(installation.root, (*inverters, *gone, *others), found.as_facts())
