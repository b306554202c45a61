"""A Conext XW and a Pylontech stack in a real Home Assistant, joined by the state-of-charge control."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from playwright.async_api import Page

from development.home_assistant import HOST, HomeAssistantInstance
from development.owner import add_dashboard, add_installation
from simulators.conext import ConextSimulator
from simulators.house import House
from simulators.pylontech import PylontechSimulator

from .conftest import browser_page
from .test_studer import entity_id, is_known, lines_of_ours

type Keep = Callable[[Page, str], Awaitable[None]]

XW, XW_SERIAL, MODULES = 10, "A010S04721", 4
CUT_OUT = 47.0


@pytest.fixture
def house() -> House:
    """A summer evening with a battery that is nearly full."""
    house = House(seed=7, start=datetime(2026, 6, 15, 20, 0))  # noqa: DTZ001 - a wall clock has no zone
    house.battery.soc = 90.0
    return house


@pytest.fixture
async def gateway(socket_enabled: None, house: House) -> AsyncIterator[ConextSimulator]:
    """A ComBox with an XW+ and two solar chargers; the owner has grid support and load shave off."""
    async with ConextSimulator(house=house, pace=0.3, needs_grid_support=True) as simulator:
        simulator.put(XW, "load_shave", 0)
        simulator.put(XW, "grid_support", 0)
        # The voltage below which the battery does not support the load.
        simulator.put(XW, "grid_support_voltage", 48.0)
        simulator.put(XW, "load_shave_amps", 0.0)
        yield simulator


@pytest.fixture
async def stack(socket_enabled: None, house: House) -> AsyncIterator[PylontechSimulator]:
    """Four modules at a console behind a serial server."""
    async with PylontechSimulator(house=house, modules=MODULES, layout="C", pace=0.3) as simulator:
        yield simulator


async def set_options(home: HomeAssistantInstance, title: str, **options: Any) -> None:
    """Change the options of the entry whose title begins so."""
    (entry,) = [entry for entry in await home.entries() if entry["title"].startswith(title)]
    flow = "/api/config/config_entries/options/flow"
    step = await home.rest("POST", flow, {"handler": entry["entry_id"]})
    done = await home.rest("POST", f"{flow}/{step['flow_id']}", options)
    assert done["type"] == "create_entry", done


async def add_gateway(page: Page, home: HomeAssistantInstance, port: int, screenshot: Keep) -> None:
    """Add the gateway in the browser."""
    await page.goto(f"{home.base}/config/integrations/dashboard/add?domain=local_solar")
    await page.get_by_role("button", name="OK").click()
    await page.get_by_text("Schneider Conext", exact=False).first.click()
    await page.locator("input[name=host]").fill(HOST)
    field = page.locator("input[type=number]")
    await field.fill(str(port))
    await field.press("Tab")
    await page.get_by_role("button", name="Submit").click()
    await page.get_by_text(XW_SERIAL).first.wait_for(timeout=120_000)
    await screenshot(page, "conext_found")
    await page.get_by_role("button", name=re.compile("Add|Submit")).last.click()
    await page.get_by_role("button", name="finish").wait_for()


def shaving(gateway: ConextSimulator) -> tuple[float, float, float]:
    """Load shave, grid support and cut-out of the XW; a call, so that nobody believes that they stay."""
    return gateway.value(XW, "load_shave"), gateway.value(XW, "grid_support"), gateway.value(XW, "low_battery_cut_out")


async def device_page(page: Page, home: HomeAssistantInstance, serial: str) -> None:
    """Open the page of a device."""
    devices = await home.websocket({"type": "config/device_registry/list"})
    (device,) = [device for device in devices if device["serial_number"] == serial]
    await page.goto(f"{home.base}/config/devices/device/{device['id']}")


async def test_owner_lets_the_house_live_on_its_battery(
    home: HomeAssistantInstance,
    house: House,
    gateway: ConextSimulator,
    stack: PylontechSimulator,
    screenshot: Keep,
) -> None:
    """Add both, switch the control on, discharge, reach the lower limit, and stop: the owner's settings are back."""
    line = {"host": HOST, "port": await stack.listen(), "protocol": "console"}
    await add_installation(home, ("pylontech", "pylontech_tcp"), line)
    async with browser_page(home) as page:
        await add_gateway(page, home, await gateway.listen(), screenshot)
        await set_options(home, "Pylontech", interval=5)
        owner = shaving(gateway)
        control = {"shortest_on": 0, "shortest_off": 0, "low_battery_cut_out": CUT_OUT}
        title = next(each["title"] for each in await home.entries() if not each["title"].startswith("Pylontech"))
        choices = {"byte_order": "auto", "keep_connection": "auto", "swap_battery_energy": False}
        await set_options(home, title, interval=5, soc_control=control, **choices)

        power = await entity_id(home, "-stack-battery_power")
        await home.wait_for_state(power, is_known)
        for serial in stack.serials:
            await home.wait_for_state(await entity_id(home, f"{serial}-battery_voltage"), is_known)
        charge = await entity_id(home, "-stack-state_of_charge")
        state = await home.wait_for_state(charge, is_known)
        assert float(state["state"]) > 80
        load = await entity_id(home, f"{XW_SERIAL}-load_power")
        assert float((await home.wait_for_state(load, is_known))["state"]) > 0

        mode = await entity_id(home, f"{XW_SERIAL}-soc_control_state")
        await home.wait_for_state(mode, lambda state: state["state"] == "off")
        await home.call_service("switch", "turn_on", {"entity_id": await entity_id(home, f"{XW_SERIAL}-soc_control")})
        await home.wait_for_state(mode, lambda state: state["state"] == "discharging", timeout=60)
        assert shaving(gateway) == (1, 1, CUT_OUT)
        # The house lives on its battery now, and the battery says so itself.
        await home.wait_for_state(power, lambda state: is_known(state) and float(state["state"]) > 50, timeout=60)
        await device_page(page, home, XW_SERIAL)
        await page.get_by_text("State-of-charge control state").first.wait_for()
        await screenshot(page, "conext_control")
        await add_dashboard(home)
        await page.goto(f"{home.base}/local-solar")
        await page.get_by_text("Battery power").first.wait_for()
        await screenshot(page, "conext_dashboard")

        # The lowest module decides about the end.
        stack.set(3, charge=19)
        await home.wait_for_state(mode, lambda state: state["state"] == "waiting", timeout=60)
        reason = await entity_id(home, f"{XW_SERIAL}-soc_control_reason")
        assert (await home.states())[reason]["state"] == "empty"
        assert shaving(gateway)[0] == 0
        await device_page(page, home, f"{stack.serials[0]}-stack")
        await page.get_by_text("Lowest state of charge").first.wait_for()
        await screenshot(page, "pylontech_stack")

    await home.stop()
    assert shaving(gateway) == owner
    await home.start()
    await home.wait_for_state(mode, lambda state: state["state"] == "waiting", timeout=120)
    assert shaving(gateway)[0] == 0
    assert [line for line in await lines_of_ours(home) if line["level"] == "ERROR"] == []
