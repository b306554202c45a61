"""What owners of a Studer installation are asked: options, kinds of links, and which Moxa boxes are near."""

import asyncio
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import voluptuous as vol
from homeassistant.components import network
from homeassistant.core import HomeAssistant
from homeassistant.helpers import selector

from ..controllers.installation_clock import KEEP_CLOCK
from ..controllers.upload_options import (
    OPTIONS as PAUSE_OPTIONS,
    SECTION as PAUSE_SECTION,
    pause_complaint,
)
from ..descriptions import platform_of
from ..solarlink.client import Installation
from ..solarlink.errors import LinkError
from ..solarlink.points import Risk
from .found import Found
from .sections import in_section

if TYPE_CHECKING:
    from ..solarlink.studer.finder import Box

EXTRA_POINTS = "extra_points"
REAPPLY_RAM = "reapply_ram"
KEEP_WATCHDOGS = "keep_watchdogs_alive"
SERIAL_PRESET = "serial_preset"
SEARCH_SECONDS = 1.0
"""Seconds for which a dialog waits for Moxa boxes to answer; they do within milliseconds."""

_NO_UNIT = "gateway"
"""Kind under which the catalogue lists what belongs to no unit; every installation has it."""


def _extra_points(options: list[selector.SelectOptionDict]) -> selector.SelectSelector:
    return selector.SelectSelector(
        selector.SelectSelectorConfig(options=options, multiple=True, mode=selector.SelectSelectorMode.DROPDOWN)
    )


OPTIONS: Mapping[vol.Marker, Any] = {
    vol.Optional(EXTRA_POINTS, default=list): _extra_points([]),
    vol.Required(REAPPLY_RAM, default=False): selector.BooleanSelector(),
    vol.Required(KEEP_WATCHDOGS, default=False): selector.BooleanSelector(),
    vol.Required(KEEP_CLOCK, default=False): selector.BooleanSelector(),
    **in_section(PAUSE_SECTION, PAUSE_OPTIONS),
}


def offered_options(installation: Installation | None, chosen: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the catalogue has for the units that are there, and what was chosen before. Takes a moment: in a thread."""
    from ..solarlink.studer.catalogue import KINDS  # noqa: PLC0415 - reads files

    there = {unit.kind for unit in installation.all_units} if installation else KINDS
    picked = [str(name) for name in chosen.get(EXTRA_POINTS, ())]
    offers = [offer for kind in KINDS if kind in there or kind == _NO_UNIT for offer in _offers(kind)]
    known = {offer["value"] for offer in offers}
    # What was picked for a unit that is not there at the moment must not make the form invalid.
    offers += [selector.SelectOptionDict(value=name, label=name) for name in picked if name not in known]
    return {EXTRA_POINTS: _extra_points(offers)}


def _offers(kind: str) -> list[selector.SelectOptionDict]:
    from ..solarlink.studer.catalogue import catalogue, point_at  # noqa: PLC0415 - reads files
    from ..solarlink.studer.units import KINDS  # noqa: PLC0415

    device = KINDS[kind].name if kind in KINDS else "Studer gateway"
    offers = []
    for entry in catalogue(kind):
        point = point_at(kind, entry.number)
        if entry.curated or point is None or platform_of(point) is None or point.risk is Risk.NEVER:
            continue
        path = " > ".join(filter(None, (device, entry.menu, entry.name)))
        installer = f", {entry.level}" if point.risk is Risk.INSTALLER else ""
        offers.append(
            selector.SelectOptionDict(value=f"{kind}/{entry.key}", label=f"{path} ({entry.number}{installer})")
        )
    return sorted(offers, key=lambda offer: offer["label"])


def option_complaints(options: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the chosen options."""
    complaint = pause_complaint(options.get(PAUSE_SECTION, {}))
    return {"base": complaint} if complaint else {}


def _choice(name: str, values: Collection[str]) -> Mapping[vol.Marker, Any]:
    """A field in which one of several configurations of the device is chosen."""
    config = selector.SelectSelectorConfig(
        options=list(values), translation_key=name, mode=selector.SelectSelectorMode.DROPDOWN
    )
    return {vol.Required(name, default=next(iter(values))): selector.SelectSelector(config)}


PRESETS = _choice(SERIAL_PRESET, ("xcom_lan", "xcom_232i", "xcom_232i_fast"))
"""How the port of an Xcom-232i is configured."""
OFFSETS = _choice("modbus_offset", ("0", "32", "64", "128"))
"""What the switches of an Xcom-485i add to its addresses."""
SWITCHES = {**_choice("modbus_baud", ("9600", "19200", "38400", "115200")), **OFFSETS}
"""What the switches of an Xcom-485i choose."""


# Moxa boxes


async def async_find_boxes(hass: HomeAssistant) -> list[Found]:
    """The Moxa boxes that a broadcast reaches; none where nothing can be sent."""
    targets = {str(address) for address in await network.async_get_ipv4_broadcast_addresses(hass)}
    searches = [_async_search(hass, target) for target in sorted(targets)]
    boxes = {box.mac: box for found in await asyncio.gather(*searches) for box in found}
    return [Found(box.address, _label(box)) for box in sorted(boxes.values(), key=lambda box: not box.is_xcom_lan)]


async def _async_search(hass: HomeAssistant, target: str) -> Collection[Box]:
    find = await hass.async_add_import_executor_job(_finder)
    try:
        found: Collection[Box] = await find(target, wait=SEARCH_SECONDS)
    except LinkError:
        return []
    return found


def _finder() -> Any:
    from ..solarlink.studer.finder import find_boxes  # noqa: PLC0415 - its package reads files

    return find_boxes


def _label(box: Box) -> str:
    return f"{box.address} ({box.name or box.mac})"
