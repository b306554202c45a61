"""A Victron GX in a real Home Assistant: its values, and inverters shown to it, which its chargers then follow."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime

import pytest
from playwright.async_api import Page, expect

from development.home_assistant import HOST, HomeAssistantInstance
from development.owner import add_installation, publish_inverters
from simulators.house import House
from simulators.opendtu import OpenDtuSimulator
from simulators.shelly_em import ShellySimulator
from simulators.victron_gx import PORTAL_ID, WholeGx
from simulators.victron_gx.dbus_daemon import find_daemon
from tests.library.dbus_daemon import Monitor

from .conftest import browser_page
from .test_opendtu import device_page, finish, open_form, submit
from .test_studer import entity_id, is_known, lines_of_ours

type Keep = Callable[[Page, str], Awaitable[None]]

SPEED = 5.0
CCL = 25.0
"""What the battery takes, A: much less than the sun gives."""
PASSWORD = "sunny side"
WEST = "112174020011"
CHARGER = "com.victronenergy.solarcharger.simulated"
SYSTEM = f"com.victronenergy.dcsystem.ha_opendtu_sum_{PORTAL_ID}"


@pytest.fixture
def house() -> House:
    """A house at noon whose panels give more than its battery takes, and whose inverter is off."""
    start = datetime(2026, 6, 15, 12, 0)  # noqa: DTZ001 - a wall clock has no zone
    house = House(seed=7, speed=SPEED, start=start)
    house.settings.inverter_allowed = house.settings.charger_allowed = False
    house.settings.battery_charge_current = CCL
    house.battery.soc = 55.0
    return house


@pytest.fixture
async def gx(socket_enabled: None, house: House) -> AsyncIterator[WholeGx]:
    """A GX with a D-Bus that is open to the network."""
    if find_daemon() is None:
        reason = "there is no dbus-daemon on this machine (Debian: apt-get install dbus)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    async with WholeGx(house=house, pace=0.3) as simulator:
        simulator.charge_current_limit = CCL
        await simulator.listen_bus(HOST, 0)
        yield simulator


@pytest.fixture
async def dtu(socket_enabled: None, house: House) -> AsyncIterator[OpenDtuSimulator]:
    """A DTU with three inverters at the battery, as strong as they are."""
    async with OpenDtuSimulator(house=house, password=PASSWORD, pace=0.3) as simulator:
        yield simulator


@pytest.fixture
async def meter(socket_enabled: None, house: House) -> AsyncIterator[ShellySimulator]:
    """A meter at the grid connection of that house."""
    simulator = ShellySimulator(house=house, pace=0.3)
    yield simulator
    await simulator.close()


@pytest.fixture
async def monitor(gx: WholeGx) -> AsyncIterator[Monitor]:
    """Looks at the bus as the programs on the GX do."""
    assert gx.daemon is not None
    looking = await Monitor().open(gx.daemon)
    yield looking
    await looking.close()


async def until(true: Callable[[], Awaitable[object] | bool], seconds: float = 60.0) -> None:
    """Wait for something outside of Home Assistant."""
    async with asyncio.timeout(seconds):
        while not (found if isinstance(found := true(), bool) else await found):  # noqa: ASYNC110
            await asyncio.sleep(0.2)


def drawn(house: House) -> float:
    """What the inverters draw from the battery, W."""
    house.catch_up()
    return sum(each.dc_power for each in house.micro_inverters)


def charging(house: House) -> float:
    """What the battery gets now, A."""
    house.catch_up()
    return -house.battery.current


async def charge_limit(monitor: Monitor) -> float:
    """What the GX lets the solar charger deliver, A."""
    return float((await monitor.items(CHARGER))["/Link/ChargeCurrent"])


async def follows(monitor: Monitor, house: House) -> None:
    """Wait until the charger may deliver what the battery takes and the inverters draw, and the battery gets it."""

    async def there() -> bool:
        expected = CCL + drawn(house) / house.battery.voltage
        return abs(await charge_limit(monitor) - expected) < 0.6 and abs(charging(house) - CCL) < 1.0

    await until(there)


async def options_page(page: Page, home: HomeAssistantInstance, screenshot: Keep) -> None:
    """Look at the options with the warning, and leave them as they are."""
    await page.goto(f"{home.base}/config/integrations/integration/local_solar")
    row = page.locator("ha-config-entry-row").filter(has_text="Victron GX")
    await row.get_by_role("button", name=re.compile("Configure", re.IGNORECASE)).first.click()
    await page.get_by_text("Publish inverters on the GX", exact=False).first.click()
    await page.get_by_text("Security warning", exact=False).first.wait_for()
    await page.get_by_text("I have read the security warning", exact=False).first.wait_for()
    await expect(page.locator("input[type=number]").last).to_have_value("78")
    # The section unfolds slowly.
    await asyncio.sleep(1)
    await screenshot(page, "victron_options")


async def test_chargers_follow_the_inverters(
    home: HomeAssistantInstance,
    house: House,
    gx: WholeGx,
    dtu: OpenDtuSimulator,
    meter: ShellySimulator,
    monitor: Monitor,
    screenshot: Keep,
) -> None:
    """Add GX, DTU and meter, publish the inverters, limit one of them, and stop: the charger follows every time."""
    hosts = {"opendtu": f"{HOST}:{await dtu.listen(HOST)}", "shelly_em": f"{HOST}:{await meter.listen(HOST, 0)}"}
    port = await gx.listen(HOST)
    assert gx.daemon is not None
    async with browser_page(home) as page:
        await open_form(page, home, "Victron GX", HOST)
        field = page.locator("input[type=number]")
        await field.fill(str(port))
        await field.press("Tab")
        await screenshot(page, "victron_form")
        await submit(page)
        await page.get_by_text(PORTAL_ID).first.wait_for(timeout=120_000)
        await screenshot(page, "victron_found")
        await finish(page)
        for family, host in hosts.items():
            await add_installation(home, (family, f"{family}_host"), {"host": host, "password": PASSWORD})

        charge = await entity_id(home, f"{PORTAL_ID}-battery-charge_current_limit")
        await home.wait_for_state(charge, lambda state: is_known(state) and float(state["state"]) == CCL)
        dc_power = await entity_id(home, f"{PORTAL_ID}-dc_system_power")
        await home.wait_for_state(dc_power, lambda state: is_known(state) and float(state["state"]) == 0)
        # Nobody has told the GX of the inverters, so the battery gets less than it may.
        power = drawn(house)
        assert power > 900
        assert await charge_limit(monitor) == CCL
        assert charging(house) < CCL - 0.9 * power / house.battery.voltage

        await options_page(page, home, screenshot)
        await publish_inverters(home, gx.daemon.port)
        state = await entity_id(home, f"{PORTAL_ID}-gx_publisher_state")
        await home.wait_for_state(state, lambda state: state["state"] == "publishing")
        assert len(await monitor.names("dcload")) == 3
        await follows(monitor, house)
        before = await charge_limit(monitor)

        limit = await entity_id(home, f"opendtu-{WEST}-limit_relative")
        await home.call_service("number", "set_value", {"entity_id": limit, "value": 10})
        await until(lambda: drawn(house) < power - 300)
        await follows(monitor, house)
        assert await charge_limit(monitor) < before - 5
        await home.wait_for_state(dc_power, lambda state: abs(float(state["state"]) - drawn(house)) < 30)
        shown = await entity_id(home, f"{PORTAL_ID}-gx_published_power")
        await home.wait_for_state(shown, lambda state: abs(float(state["state"]) - drawn(house)) < 30)

        await device_page(page, home, "Victron GX")
        await page.get_by_text("Publishing of the inverters", exact=True).first.wait_for()
        await screenshot(page, "victron_gx")
        await device_page(page, home, "Battery")
        await page.get_by_text("Charge current limit", exact=True).first.wait_for()
        await screenshot(page, "victron_battery")
        assert await lines_of_ours(home) == []

    await home.stop()
    # Home Assistant has gone, and with it what it said; the chargers know nothing of the inverters again.
    assert await monitor.names("dc") == []
    await until(lambda: charging(house) < CCL - 0.9 * drawn(house) / house.battery.voltage)
    assert await charge_limit(monitor) == CCL
    await home.start()
    await until(lambda: _named(monitor))
    await follows(monitor, house)


async def _named(monitor: Monitor) -> bool:
    return SYSTEM in await monitor.names("dcsystem")
