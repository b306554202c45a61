"""OpenDTU and a Shelly meter in a real Home Assistant, driven from the browser as their owner would."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from playwright.async_api import Page, expect

from development.home_assistant import HOST, HomeAssistantInstance
from simulators.house import House
from simulators.opendtu import OpenDtuSimulator
from simulators.shelly_em import ShellySimulator

from .conftest import browser_page, enter_number
from .test_studer import entity_id, is_known, lines_of_ours

type Keep = Callable[[Page, str], Awaitable[None]]

PASSWORD = "sunny side"
WEST = "112174020011"


@pytest.fixture
def house() -> House:
    """A house in the evening."""
    return House(seed=7, start=datetime(2026, 6, 15, 20, 0))  # noqa: DTZ001 - a wall clock has no zone


@pytest.fixture
async def dtu(socket_enabled: None, house: House) -> AsyncIterator[OpenDtuSimulator]:
    """A DTU that tells nothing without its password, with three inverters at the battery."""
    async with OpenDtuSimulator(house=house, password=PASSWORD, read_only=False, pace=0.3) as simulator:
        yield simulator


@pytest.fixture
async def meter(socket_enabled: None, house: House) -> AsyncIterator[ShellySimulator]:
    """A three-phase meter at the grid connection of that house."""
    simulator = ShellySimulator(house=house, pace=0.3)
    yield simulator
    await simulator.close()


def near(state: dict[str, Any], power: float) -> bool:
    """Whether a state shows that power, W, give or take what a house does in a few seconds."""
    return abs(float(state["state"]) - power) < 100


async def open_form(page: Page, home: HomeAssistantInstance, family: str, host: str) -> None:
    """Go through the menu to the form and enter the address."""
    await page.goto(f"{home.base}/config/integrations/dashboard/add?domain=local_solar")
    await page.get_by_role("button", name="OK").click()
    await page.get_by_text(family, exact=False).first.click()
    await page.locator("input[name=host]").fill(host)


async def submit(page: Page) -> None:
    """Submit the form that is open."""
    await page.get_by_role("button", name="Submit").last.click()


async def finish(page: Page) -> None:
    """Add what was found, and leave the devices in whatever area."""
    await page.get_by_role("button", name=re.compile("Add|Submit")).last.click()
    await page.get_by_role("button", name="finish").wait_for()


async def device_page(page: Page, home: HomeAssistantInstance, name: str) -> None:
    """Open the page of a device."""
    devices = await home.websocket({"type": "config/device_registry/list"})
    (device,) = [device for device in devices if device["name"] == name]
    await page.goto(f"{home.base}/config/devices/device/{device['id']}")
    await page.get_by_text(name).first.wait_for()


async def test_owner_adds_a_dtu_and_a_meter_and_limits_an_inverter(
    home: HomeAssistantInstance, dtu: OpenDtuSimulator, meter: ShellySimulator, screenshot: Keep
) -> None:
    """Add both in the UI, the DTU with a wrong password first; set a limit in the browser, and meet the new power."""
    console: list[str] = []
    dtu_host, meter_host = f"{HOST}:{await dtu.listen(HOST)}", f"{HOST}:{await meter.listen(HOST, 0)}"
    async with browser_page(home) as page:
        page.on("console", lambda message: console.append(message.text) if message.type == "error" else None)
        await open_form(page, home, "OpenDTU", dtu_host)
        field = page.locator("input[type=password]")
        await field.fill("moonshine")
        await screenshot(page, "opendtu_form")
        await submit(page)
        await page.get_by_text("refused the user name or the password", exact=False).first.wait_for()
        await screenshot(page, "opendtu_wrong_password")
        await field.fill(PASSWORD)
        await submit(page)
        await page.get_by_text("Battery shed").first.wait_for()
        await expect(page.get_by_text("HM-300-1T").first).to_be_visible()
        await screenshot(page, "opendtu_found")
        await finish(page)

        power, limit = [await entity_id(home, f"{WEST}-{key}") for key in ("ac_output_power", "limit_relative")]
        state = await home.wait_for_state(power, is_known)
        assert float(state["state"]) > 300
        await home.wait_for_state(limit, lambda state: state["state"] == "100.0")
        await device_page(page, home, "Battery west")
        await page.get_by_text("AC output power", exact=True).first.wait_for()
        await screenshot(page, "opendtu_inverter")

        # Set where its owner would: on the page of the inverter, in the dialogue of the entity.
        await page.get_by_text("Limit", exact=True).first.click()
        await enter_number(home, page, limit, 35)
        await screenshot(page, "opendtu_limit")
        await home.wait_for_state(power, lambda state: abs(float(state["state"]) - 140) < 10, timeout=60)
        (command,) = dtu.limit_commands
        assert command.limit is not None
        assert (command.serial, command.limit.value, command.limit.persistent) == (WEST, 35, False)
        assert set(dtu.flash_writes.values()) == {0}

        await open_form(page, home, "Shelly", meter_host)
        await submit(page)
        await page.get_by_text("Shelly Pro 3EM").first.wait_for()
        await screenshot(page, "shelly_found")
        await finish(page)
        grid = await entity_id(home, "-grid_power")
        await home.wait_for_state(grid, lambda state: is_known(state) and near(state, meter.grid_power), timeout=60)
        await device_page(page, home, "Shelly Pro 3EM")
        await page.get_by_text("Grid power", exact=True).first.wait_for()
        await screenshot(page, "shelly_meter")

    assert not [text for text in console if "404" not in text and "local" in text.lower()], console
    assert await lines_of_ours(home) == []
