"""Inverters behind a DTU, shown to a GX by its D-Bus: a real daemon, and what the GX makes of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from dbus_fast import Variant
from homeassistant.const import CONF_HOST, EVENT_HOMEASSISTANT_STOP, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.local_solar.const import CONF_INTERVAL, DOMAIN
from custom_components.local_solar.controllers import feed_in_sources, gx_data
from custom_components.local_solar.controllers.gx_publisher import GxPublisher
from custom_components.local_solar.coordinator import SolarCoordinator
from custom_components.local_solar.flows import feed_in as asked
from custom_components.local_solar.flows.victron_gx import ACCEPT_RISK, ENABLED, PUBLISH, PUBLISHED
from custom_components.local_solar.solarlink import victron_gx
from custom_components.local_solar.solarlink.links.modbus import dial_tcp
from custom_components.local_solar.solarlink.points import Reading
from simulators.opendtu import OpenDtuSimulator
from simulators.victron_gx import PORTAL_ID, GxSimulator
from simulators.victron_gx.dbus_daemon import DBusDaemon
from simulators.victron_gx.dvcc import Dvcc
from simulators.victron_gx.items import Service
from simulators.victron_gx.localsettings import LocalSettings
from tests.library.dbus_daemon import BUS_ITEM, Monitor, until

from .browser_form import opened
from .common import attributes, poll
from .conftest import assert_translated
from .feed_in_home import DISCHARGE, SOC, VOLTS, FeedInHome
from .opendtu_home import EAST, SHED, WEST
from .test_config_flow import Result
from .victron_home import VictronHome, gx_entry, hurry, publishing

WEST_NAME = f"com.victronenergy.dcload.ha_opendtu_{WEST}"
SUM_NAME = f"com.victronenergy.dcsystem.ha_opendtu_sum_{PORTAL_ID}"
POWER = "/Dc/0/Power"
STALE, RELEASE = 2.5, 6.0


@pytest.fixture
async def home(
    hass: HomeAssistant, socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[VictronHome]:
    hurry(monkeypatch)
    async with VictronHome(hass, monkeypatch) as started:
        yield started


@pytest.fixture
async def settings(gx_bus: DBusDaemon) -> AsyncIterator[LocalSettings]:
    settings = LocalSettings(gx_bus.address)
    await settings.open()
    yield settings
    await settings.close()


type Published = tuple[OpenDtuSimulator, SolarCoordinator]


@pytest.fixture
async def published(
    hass: HomeAssistant, home: VictronHome, gx_bus: DBusDaemon, settings: LocalSettings, monitor: Monitor
) -> Published:
    """A DTU and a GX that is shown two of its inverters."""
    dtu = await home.with_inverters()
    coordinator = await home.with_gx(**publishing(hass, gx_bus.port, WEST, EAST))
    await shows(monitor, 3)
    return dtu, coordinator


async def shows(monitor: Monitor, services: int) -> None:
    """Wait until so many of our services are on the bus."""
    async with asyncio.timeout(15):
        while len(await monitor.names("dc")) != services:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def eventually(monitor: Monitor, name: str, path: str, good: Callable[[Any], bool]) -> Any:
    """Wait until a path of a service has a value that is good, and return it."""
    async with asyncio.timeout(15):
        while not good(found := (await monitor.items(name))[path]):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


def issue(hass: HomeAssistant, coordinator: SolarCoordinator, key: str) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, f"{coordinator.config_entry.entry_id}_{key}")


# The options


async def configured(hass: HomeAssistant, coordinator: SolarCoordinator, publish: dict[str, Any]) -> Result:
    entry_id = coordinator.config_entry.entry_id
    form: Result = await hass.config_entries.options.async_init(entry_id)
    assert_translated(form)
    answer = {CONF_INTERVAL: 5, PUBLISH: publish}
    done: Result = await hass.config_entries.options.async_configure(form["flow_id"], answer)
    assert_translated(done)
    await hass.async_block_till_done()
    return done


async def test_owner_must_accept_the_risk_and_choose_inverters(
    hass: HomeAssistant, home: VictronHome, gx_bus: DBusDaemon, settings: LocalSettings, monitor: Monitor
) -> None:
    await home.with_inverters()
    coordinator = await home.with_gx()
    good = publishing(hass, gx_bus.port, WEST)[PUBLISH]
    refused = await configured(hass, coordinator, good | {ACCEPT_RISK: False})
    assert refused["errors"] == {"base": "risk_not_accepted"}
    hass.config_entries.options.async_abort(refused["flow_id"])
    refused = await configured(hass, coordinator, good | {PUBLISHED: []})
    assert refused["errors"] == {"base": "nothing_to_publish"}
    hass.config_entries.options.async_abort(refused["flow_id"])
    assert await monitor.names("dc") == []
    done = await configured(hass, coordinator, good)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await shows(monitor, 2)
    assert await monitor.names("dcload") == [WEST_NAME]
    again: Result = await hass.config_entries.options.async_init(coordinator.config_entry.entry_id)
    assert opened(again)[PUBLISH] == good
    hass.config_entries.options.async_abort(again["flow_id"])
    # Switched off again, everything is gone.
    coordinator = coordinator.config_entry.runtime_data
    await configured(hass, coordinator, good | {ENABLED: False})
    assert await monitor.names("dc") == []
    assert home.shown("gx_publisher_state") == "stopped"


# What the GX sees


async def test_inverters_and_their_sum(home: VictronHome, published: Published, monitor: Monitor) -> None:
    dtu, coordinator = published
    home.gx.discharge_current_limit = 40.0
    await poll(coordinator)
    west, east = (dtu.micro_inverter(serial) for serial in (WEST, EAST))
    volts = home.house.battery.voltage
    shown = await monitor.items(WEST_NAME)
    assert shown["/CustomName"] == "Battery west"
    assert shown["/Serial"] == WEST
    assert shown["/DeviceInstance"] == 40
    assert shown[POWER] == pytest.approx(west.dc_power, abs=2)
    # The DTU has the temperature of its last look.
    assert shown["/Dc/0/Temperature"] == pytest.approx(west.temperature, abs=5)
    assert shown["/Dc/0/Voltage"] == pytest.approx(volts, abs=0.1)
    assert shown["/Dc/0/Current"] == pytest.approx(west.dc_power / volts, abs=0.2)
    # There is no path for it: it stands where owners of the well-known program look for it.
    assert shown["/Dc/1/Voltage"] == pytest.approx(west.output, abs=2)
    total = await eventually(monitor, SUM_NAME, POWER, lambda power: power > 0)
    assert total == pytest.approx(west.dc_power + east.dc_power, abs=4)
    assert home.shown("gx_publisher_state") == "publishing"
    state = attributes(home.hass, home.entity("gx_publisher_state"))
    assert SUM_NAME in state["services"]
    assert state["error"] == ""
    await poll(coordinator)
    assert home.number("gx_published_power") == pytest.approx(total, abs=1)


async def test_sum_is_bounded_by_what_the_battery_may_give(
    home: VictronHome, published: Published, monitor: Monitor
) -> None:
    _, coordinator = published
    home.gx.discharge_current_limit = 2.0
    await poll(coordinator)
    most = 2.0 * home.house.battery.voltage
    total = await eventually(monitor, SUM_NAME, POWER, lambda power: power < 200)
    assert total == pytest.approx(most, abs=1)


async def test_chargers_may_deliver_the_inverters_current_too(
    hass: HomeAssistant, published: Published, gx_bus: DBusDaemon, monitor: Monitor
) -> None:
    _, coordinator = published
    power = await eventually(monitor, SUM_NAME, POWER, lambda power: power > 0)
    dvcc = Dvcc(gx_bus.address, voltage=52.0, charge_limit=10.0, speed=300.0)
    await dvcc.start()
    try:
        await until(lambda: abs(dvcc.charge_current - 10.0 - power / 52.0) < 0.3)
        assert await hass.config_entries.async_unload(coordinator.config_entry.entry_id)
        await until(lambda: dvcc.charge_current == 10.0)
    finally:
        await dvcc.close()


async def test_powers_follow_the_inverters(home: VictronHome, published: Published, monitor: Monitor) -> None:
    dtu, _ = published
    before = await eventually(monitor, SUM_NAME, POWER, lambda power: power > 0)
    dtu.micro_inverter(WEST).set_limit(100.0, home.house.elapsed)
    dtu.advance(60.0)
    after = await eventually(monitor, WEST_NAME, POWER, lambda power: power < 150)
    assert after == pytest.approx(dtu.micro_inverter(WEST).dc_power, abs=3)
    assert await eventually(monitor, SUM_NAME, POWER, lambda power: power < before - 100)


async def test_name_given_on_the_gx_outlives_a_restart(
    hass: HomeAssistant, published: Published, monitor: Monitor
) -> None:
    _, coordinator = published
    reply = await monitor.call(WEST_NAME, "/CustomName", BUS_ITEM, "SetValue", "v", Variant("s", "Left of the door"))
    assert reply.body == [0]
    await hass.async_block_till_done()
    assert await hass.config_entries.async_reload(coordinator.config_entry.entry_id)
    await shows(monitor, 3)
    shown = await monitor.items(WEST_NAME)
    assert (shown["/CustomName"], shown["/DeviceInstance"]) == ("Left of the door", 40)


# What ends


@pytest.fixture
def _impatient(home: VictronHome, monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch, stale=STALE, release=RELEASE)


@pytest.mark.usefixtures("_impatient")
async def test_old_data_become_zero_and_then_nothing(
    home: VictronHome, published: Published, monitor: Monitor, hass: HomeAssistant
) -> None:
    dtu, coordinator = published
    dtu.faults.set("silence")
    await eventually(monitor, SUM_NAME, POWER, lambda power: power == 0)
    shown = await monitor.items(WEST_NAME)
    assert (shown[POWER], shown["/Dc/0/Current"], shown["/Dc/0/Temperature"]) == (0.0, 0.0, [])
    # That is no fault of the inverters.
    assert shown["/Alarms/HighStarterVoltage"] == 0
    async with asyncio.timeout(10):
        while not (await monitor.items(SUM_NAME))["/Alarms/LowStarterVoltage"]:
            await poll(coordinator)
    await shows(monitor, 0)
    await poll(coordinator)
    assert home.shown("gx_publisher_state") == "no_data"
    assert home.number("gx_published_power") == 0
    dtu.faults.clear()
    await shows(monitor, 3)
    assert await eventually(monitor, SUM_NAME, POWER, lambda power: power > 0)
    await poll(coordinator)
    assert home.shown("gx_publisher_state") == "publishing"


@pytest.mark.usefixtures("_impatient")
async def test_entry_of_the_gateway_is_unloaded_and_comes_back(
    hass: HomeAssistant, published: Published, monitor: Monitor
) -> None:
    _, coordinator = published
    (gateway,) = [each for each in hass.config_entries.async_entries(DOMAIN) if each.title == "OpenDTU"]
    assert await hass.config_entries.async_unload(gateway.entry_id)
    await eventually(monitor, SUM_NAME, POWER, lambda power: power == 0)
    await shows(monitor, 0)
    assert await hass.config_entries.async_setup(gateway.entry_id)
    await poll(coordinator)
    await shows(monitor, 3)


async def test_without_the_battery_there_are_powers_only(published: Published, monitor: Monitor) -> None:
    _, coordinator = published
    power = await eventually(monitor, SUM_NAME, POWER, lambda power: power > 0)
    coordinator.data.clear()
    # What is invalid is an empty list on the wire.
    await eventually(monitor, SUM_NAME, "/Dc/0/Current", lambda current: current == [])
    shown = await monitor.items(SUM_NAME)
    assert (shown[POWER], shown["/Dc/0/Voltage"]) == (pytest.approx(power, abs=2), [])


@pytest.mark.parametrize("end", ["unload", "stop"])
async def test_end_takes_everything_back_at_once(
    hass: HomeAssistant, published: Published, monitor: Monitor, end: str
) -> None:
    _, coordinator = published
    if end == "unload":
        assert await hass.config_entries.async_unload(coordinator.config_entry.entry_id)
    else:
        hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
        await hass.async_block_till_done()
    assert await monitor.names("dc") == []


async def test_gx_restarts(
    home: VictronHome, published: Published, gx_bus: DBusDaemon, settings: LocalSettings, hass: HomeAssistant
) -> None:
    _, coordinator = published
    await gx_bus.stop()
    await until(lambda: home.shown("gx_publisher_state") == "failed")
    state = attributes(hass, home.entity("gx_publisher_state"))
    assert str(gx_bus.port) in state["error"]
    assert state["services"] == []
    # The values of the GX do not depend on its D-Bus.
    assert coordinator.last_update_success
    await gx_bus.start()
    again = LocalSettings(gx_bus.address, settings.stored)
    await again.open()
    looking = await Monitor().open(gx_bus)
    try:
        await shows(looking, 3)
        assert (await looking.items(WEST_NAME))["/DeviceInstance"] == 40
        await until(lambda: home.shown("gx_publisher_state") == "publishing")
    finally:
        await looking.close()
        await again.close()


# What is wrong


async def test_dbus_is_not_open(hass: HomeAssistant, home: VictronHome, port: int) -> None:
    await home.with_inverters()
    coordinator = await home.with_gx(**publishing(hass, port, WEST))
    await until(lambda: home.shown("gx_publisher_state") == "failed")
    assert str(port) in attributes(hass, home.entity("gx_publisher_state"))["error"]
    assert coordinator.last_update_success


async def test_another_dc_system_is_a_repair(hass: HomeAssistant, published: Published, gx_bus: DBusDaemon) -> None:
    _, coordinator = published
    other = Service(gx_bus.address, "com.victronenergy.dcsystem.ttyO1", {POWER: 200.0})
    await other.open()
    publisher = coordinator.provider(GxPublisher.key)
    assert publisher is not None
    await until(lambda: publisher.troubles)
    await poll(coordinator)
    found = issue(hass, coordinator, "foreign_dcsystem")
    assert found is not None
    assert (found.translation_placeholders or {})["services"] == "com.victronenergy.dcsystem.ttyO1"
    await other.close()
    await until(lambda: not publisher.troubles)
    await poll(coordinator)
    assert issue(hass, coordinator, "foreign_dcsystem") is None


async def test_name_that_somebody_else_has_is_a_repair(
    hass: HomeAssistant, home: VictronHome, gx_bus: DBusDaemon, settings: LocalSettings, monitor: Monitor
) -> None:
    other = Service(gx_bus.address, WEST_NAME, {POWER: 1.0})
    await other.open()
    await home.with_inverters()
    coordinator = await home.with_gx(**publishing(hass, gx_bus.port, WEST, EAST))
    publisher = coordinator.provider(GxPublisher.key)
    assert publisher is not None
    await until(lambda: publisher.troubles)
    await poll(coordinator)
    found = issue(hass, coordinator, "bus_name_taken")
    assert found is not None
    assert (found.translation_placeholders or {})["services"] == WEST_NAME
    await other.close()
    await until(lambda: not publisher.troubles)
    await poll(coordinator)
    assert issue(hass, coordinator, "bus_name_taken") is None
    assert (await monitor.items(WEST_NAME))["/Serial"] == WEST


async def test_address_that_dbus_does_not_take(
    hass: HomeAssistant, home: VictronHome, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Modbus knows the GX by an address that the D-Bus library cannot write; the values must not suffer."""
    await home.with_inverters()
    # Tests may not open sockets to other addresses of this machine.
    monkeypatch.setattr(victron_gx, "dial_tcp", lambda host, port: dial_tcp("127.0.0.1", port))
    entry = gx_entry(await home.gx.listen(), **publishing(hass, port, WEST))
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_HOST: "::1"})
    coordinator = await home.load(entry)
    assert coordinator.last_update_success
    assert home.shown("gx_publisher_state") == "failed"
    assert "::1" in attributes(hass, home.entity("gx_publisher_state"))["error"]


async def test_consent_is_asked_for_again(hass: HomeAssistant, home: VictronHome, port: int) -> None:
    """Options that were made by hand without the word of the owner publish nothing."""
    await home.with_inverters()
    await home.with_gx(**publishing(hass, port, WEST, **{ACCEPT_RISK: False}))
    assert home.shown("gx_publisher_state") == "stopped"


async def test_diagnostics_tell_of_the_bus_and_nothing_private(
    hass: HomeAssistant, published: Published, hass_client: ClientSessionGenerator
) -> None:
    _, coordinator = published
    shown: Any = await get_diagnostics_for_config_entry(hass, hass_client, coordinator.config_entry)
    told = shown["providers"]["gx_publisher"]
    assert told["state"] == "publishing"
    assert len(told["services"]) == 3
    assert told["link"]["connects"] >= 4
    assert any("RequestName" in record["note"] for record in told["trace"])
    text = json.dumps(shown)
    assert not [secret for secret in (PORTAL_ID, WEST, EAST, "127.0.0.1") if secret in text]


# Alarms


@pytest.mark.usefixtures("_impatient")
async def test_inverter_that_is_not_reached(home: VictronHome, published: Published, monitor: Monitor) -> None:
    dtu, coordinator = published
    dtu.faults.set("unreachable", 0.0)
    dtu.advance(5.0)
    await poll(coordinator)
    await eventually(monitor, WEST_NAME, "/Alarms/HighStarterVoltage", lambda level: level == 2)
    # The DTU answers, so it is the inverter alone.
    assert (await monitor.items(SUM_NAME))["/Alarms/LowStarterVoltage"] == 0


async def test_inverter_that_is_hot(home: VictronHome, published: Published, monitor: Monitor) -> None:
    dtu, _ = published

    async def heated(celsius: float) -> None:
        dtu.micro_inverter(WEST).temperature = celsius
        dtu.advance(2.0)
        await eventually(monitor, WEST_NAME, "/Dc/0/Temperature", lambda shown: abs(shown - celsius) < 1.5)

    await heated(61.0)
    await eventually(monitor, WEST_NAME, "/Alarms/HighVoltage", lambda level: level == 2)
    assert (await monitor.items(SUM_NAME))["/Alarms/HighVoltage"] == 0
    # It must have cooled down, or the alarm would come and go.
    await heated(52.0)
    assert (await monitor.items(WEST_NAME))["/Alarms/HighVoltage"] == 2
    await heated(45.0)
    await eventually(monitor, WEST_NAME, "/Alarms/HighVoltage", lambda level: level == 0)


BALCONY = "sensor.balcony"
LOW_VOLTAGE, HIGH_TEMPERATURE, LOW_TEMPERATURE = (
    "/Alarms/LowVoltage",
    "/Alarms/HighTemperature",
    "/Alarms/LowTemperature",
)


async def test_alarms_of_a_zero_feed_in(
    hass: HomeAssistant,
    feed_in: FeedInHome,
    gx_bus: DBusDaemon,
    settings: LocalSettings,
    monitor: Monitor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the control misses is an alarm on the sum, as long as the control is on."""
    fast: Any = vars(feed_in_sources)["time"]
    hurry(monkeypatch, clock=fast.monotonic)
    monkeypatch.setattr(gx_data, "time", fast)
    reading = GxPublisher._reading

    def read_fast(self: GxPublisher, key: str) -> Reading | None:
        found = reading(self, key)
        return found and replace(found, at=fast.of(found.at))

    monkeypatch.setattr(GxPublisher, "_reading", read_fast)
    hass.states.async_set(BALCONY, "0", {"unit_of_measurement": "W"})
    await feed_in.started(others={asked.OTHER_PRODUCERS: [BALCONY]})
    async with GxSimulator(house=feed_in.house, pace=0.0) as gx:
        entry = gx_entry(await gx.listen(), **publishing(hass, gx_bus.port, WEST, EAST, SHED))
        await feed_in.load(entry)
        await shows(monitor, 4)
        quiet = await monitor.items(SUM_NAME)
        assert not [path for path, level in quiet.items() if path.startswith("/Alarms/") and level]

        async def quiet_again() -> None:
            for path in (LOW_VOLTAGE, LOW_TEMPERATURE, HIGH_TEMPERATURE):
                await eventually(monitor, SUM_NAME, path, lambda level: level == 0)

        feed_in.meter.faults.set("silence")
        hass.states.async_set(BALCONY, STATE_UNAVAILABLE)
        for entity_id in (SOC, VOLTS, DISCHARGE):
            hass.states.async_set(entity_id, STATE_UNAVAILABLE)
        for path in (LOW_VOLTAGE, LOW_TEMPERATURE, HIGH_TEMPERATURE):
            await eventually(monitor, SUM_NAME, path, lambda level: level == 2)
        # The inverters themselves have none of these.
        assert not [path for path in (LOW_VOLTAGE, LOW_TEMPERATURE) if (await monitor.items(WEST_NAME))[path]]

        # Paused or switched off, the control misses nothing.
        await feed_in.choose("feed_in_mode", "pause")
        await quiet_again()
        await feed_in.choose("feed_in_mode", "auto")
        await eventually(monitor, SUM_NAME, LOW_VOLTAGE, lambda level: level == 2)
        await feed_in.switch("feed_in_control", on=False)
        await quiet_again()
        feed_in.meter.faults.clear()
        assert await hass.config_entries.async_unload(entry.entry_id)
