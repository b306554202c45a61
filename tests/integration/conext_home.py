"""A house with a Conext gateway and a Pylontech stack, and entries for both."""

from typing import Any

import pytest
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.local_solar.const import CONF_FAMILY, CONF_INTERVAL, CONF_LINK, DOMAIN
from custom_components.local_solar.coordinator import SolarCoordinator
from custom_components.local_solar.solarlink import pylontech
from custom_components.local_solar.solarlink.conext import client as conext_client
from custom_components.local_solar.solarlink.conext.client import Timing as ConextTiming
from custom_components.local_solar.solarlink.conext.identify import ProbeTiming
from custom_components.local_solar.solarlink.conext.writer import WriteTiming
from custom_components.local_solar.solarlink.links.modbus import ModbusTiming
from custom_components.local_solar.solarlink.pylontech.line import Timing as PylontechTiming
from custom_components.local_solar.solarlink.pylontech.survey import STACK_SUFFIX

HOST = "127.0.0.1"
COMBOX_SERIAL = "C1058S00815"
XW_SERIAL = "A010S04721"
CONEXT_TIMING = ConextTiming(
    link=ModbusTiming(answer=1.0, open=10.0, retries=(0.0,)),
    probe=ProbeTiming(answer=2.0, pause=0.0),
    write=WriteTiming(read_back=(0.0, 0.05), between_writes=0.0),
    maintenance_check=0.0,
    linger=0.1,
)
PYLONTECH_TIMING = PylontechTiming(
    first=5.0, idle=2.0, total=20.0, prompt=0.02, quiet=0.0, gap=0.0, settle=0.0, answer=0.5, bus_gap=0.0
)


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients wait for nothing: the wires of the simulators take no time."""
    monkeypatch.setattr(conext_client, "Timing", lambda: CONEXT_TIMING)
    monkeypatch.setattr(pylontech, "Timing", lambda **_: PYLONTECH_TIMING)


def conext_entry(port: int, **options: Any) -> MockConfigEntry:
    """An entry for the gateway on that port."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Schneider Conext",
        unique_id=f"conext-{COMBOX_SERIAL}",
        data={CONF_FAMILY: "conext", CONF_LINK: "tcp", CONF_HOST: HOST, CONF_PORT: port},
        options={CONF_INTERVAL: 10, **options},
    )


def pylontech_entry(port: int, master: str, protocol: str = "console") -> MockConfigEntry:
    """An entry for the stack behind a serial server on that port; ``master`` is the serial number of its first."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Pylontech",
        unique_id=f"pylontech-{master}{STACK_SUFFIX}",
        data={
            CONF_FAMILY: "pylontech",
            CONF_LINK: "tcp",
            CONF_HOST: HOST,
            CONF_PORT: port,
            "protocol": protocol,
        },
        options={CONF_INTERVAL: 10},
    )


async def load(hass: HomeAssistant, entry: MockConfigEntry) -> SolarCoordinator:
    """Add an entry and wait until it works."""
    if hass.config_entries.async_get_entry(entry.entry_id) is None:
        entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id), entry.reason
    await hass.async_block_till_done(wait_background_tasks=True)
    coordinator: SolarCoordinator = entry.runtime_data
    return coordinator
