"""A SENEC.Home in a real Home Assistant, driven from the browser as its owner would."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from playwright.async_api import Page, expect

from development.home_assistant import HOST, HomeAssistantInstance
from development.owner import add_dashboard, add_installation
from simulators.house import House
from simulators.senec import SenecSimulator

from .conftest import browser_page
from .test_studer import entity_id, is_known, lines_of_ours

type Keep = Callable[[Page, str], Awaitable[None]]

INTERVAL = 5
"""Seconds between two polls, the shortest that an owner can choose."""
CHARGED = 45.0
"""State of charge of the cells at the beginning, %."""
HASTE = 60.0
"""Simulated seconds per second while the battery is charged."""

ENERGIES = ("pv_energy", "grid_import_energy", "grid_export_energy", "battery_energy_out", "battery_energy_in")
POWERS = ("pv_power", "grid_power", "battery_power")


@pytest.fixture
async def senec(socket_enabled: None) -> AsyncIterator[SenecSimulator]:
    """A V3 hybrid behind its own certificate, in the evening; the test lets it listen."""
    house = House(seed=7, start=datetime(2026, 6, 15, 20, 0))  # noqa: DTZ001 - a wall clock has no zone
    house.battery.soc = CHARGED
    simulator = SenecSimulator(house=house, profile="v3_hybrid", tls=True, pace=0.3)
    try:
        yield simulator
    finally:
        await simulator.close()


async def set_options(home: HomeAssistantInstance, **options: Any) -> None:
    """Change the options of the entry."""
    flow = "/api/config/config_entries/options/flow"
    step = await home.rest("POST", flow, {"handler": (await home.entries())[0]["entry_id"]})
    done = await home.rest("POST", f"{flow}/{step['flow_id']}", options)
    assert done["type"] == "create_entry", done


async def known_entities(home: HomeAssistantInstance, *keys: str) -> dict[str, str]:
    """Entity ids of these points of the appliance or its battery, by key, once each has a value."""
    found = {key: await entity_id(home, f"-{key}") for key in keys}
    for entity in found.values():
        await home.wait_for_state(entity, is_known)
    return found


async def save_energy_preferences(home: HomeAssistantInstance) -> None:
    """Choose our sensors for the Energy dashboard."""
    ids = await known_entities(home, *ENERGIES, *POWERS)
    sources = [
        {
            "type": "solar",
            "stat_energy_from": ids["pv_energy"],
            "stat_rate": ids["pv_power"],
            "config_entry_solar_forecast": None,
        },
        {
            "type": "grid",
            "stat_energy_from": ids["grid_import_energy"],
            "stat_energy_to": ids["grid_export_energy"],
            "stat_rate": ids["grid_power"],
            "stat_cost": None,
            "entity_energy_price": None,
            "number_energy_price": 0.3,
            "stat_compensation": None,
            "entity_energy_price_export": None,
            "number_energy_price_export": 0.08,
            "cost_adjustment_day": 0.0,
        },
        {
            "type": "battery",
            "stat_energy_from": ids["battery_energy_out"],
            "stat_energy_to": ids["battery_energy_in"],
            "stat_rate": ids["battery_power"],
        },
    ]
    saved = await home.websocket({"type": "energy/save_prefs", "energy_sources": sources})
    assert len(saved["energy_sources"]) == len(sources)


async def energy_complaints(home: HomeAssistantInstance) -> list[str]:
    """What the Energy dashboard has against our sensors."""
    found = await home.websocket({"type": "energy/validate"})
    return [f"{issue['type']}: {issue['affected_entities']}" for each in found["energy_sources"] for issue in each]


async def entry_id(home: HomeAssistantInstance) -> str:
    """The only entry of ours."""
    (entry,) = await home.entries()
    return str(entry["entry_id"])


async def issues(home: HomeAssistantInstance) -> list[str]:
    """The repair issues that are ours."""
    told = await home.websocket({"type": "repairs/list_issues"})
    return [issue["translation_key"] for issue in told["issues"] if issue["domain"] == "local_solar"]


async def until_told(home: HomeAssistantInstance, wanted: list[str]) -> None:
    """Wait until exactly these are our repair issues."""
    async with asyncio.timeout(30):
        while await issues(home) != wanted:  # noqa: ASYNC110 - another process tells
            await asyncio.sleep(0.5)


def charges(senec: SenecSimulator) -> bool:
    """Whether the appliance charges by force; a call, so that nobody believes that it stays."""
    return senec.force_charging


async def device_page(page: Page, home: HomeAssistantInstance, name: str) -> None:
    """Open the page of a device."""
    devices = await home.websocket({"type": "config/device_registry/list"})
    (device,) = [device for device in devices if device["name"] == name]
    await page.goto(f"{home.base}/config/devices/device/{device['id']}")
    await page.get_by_text("Force charge", exact=True).first.wait_for()


async def test_owner_sets_up_a_senec_and_charges_it(
    home: HomeAssistantInstance, senec: SenecSimulator, screenshot: Keep
) -> None:
    """Add a SENEC over HTTPS in the UI, charge it to a target, and let the Energy dashboard judge the sensors."""
    host = f"{HOST}:{await senec.listen()}"
    console: list[str] = []
    async with browser_page(home) as page:
        page.on("console", lambda message: console.append(message.text) if message.type == "error" else None)
        await page.goto(f"{home.base}/config/integrations/dashboard/add?domain=local_solar")
        await page.get_by_role("button", name="OK").click()
        await page.get_by_text("SENEC.Home (V2", exact=False).first.click()
        await page.locator("input[name=host]").fill(host)
        await page.locator("input[name=host]").press("Tab")
        await screenshot(page, "senec_form")
        await page.get_by_role("button", name="Submit").click()
        await page.get_by_text("Battery module D").first.wait_for()
        await expect(page.get_by_text("PV inverter").first).to_be_visible()
        await screenshot(page, "senec_found")
        await page.get_by_role("button", name=re.compile("Add|Submit")).last.click()
        await page.get_by_role("button", name="finish").wait_for()
        assert {request.scheme for request in senec.requests} == {"https"}

        ids = await known_entities(home, "house_power", "grid_power", "battery_power", "system_state")
        states = await home.states()
        powers = {key: float(states[ids[key]]["state"]) for key in ("house_power", "grid_power", "battery_power")}
        assert powers["battery_power"] > 0, "in the evening the battery feeds the house"
        await set_options(home, interval=INTERVAL)
        await save_energy_preferences(home)

        # Charged from the grid until it has three per cent more.
        ids = await known_entities(home, "force_charge", "force_charge_state", "battery-state_of_charge")
        target = round(float((await home.states())[ids["battery-state_of_charge"]]["state"])) + 3
        order = {"config_entry_id": await entry_id(home), "state_of_charge": target}
        await home.call_service("local_solar", "force_charge", order)
        assert charges(senec)
        await home.wait_for_state(ids["force_charge"], lambda state: state["state"] == "on")
        await home.wait_for_state(ids["force_charge_state"], lambda state: state["attributes"]["reason"] == "running")
        await device_page(page, home, "SENEC.Home")
        await page.get_by_text("Force charge state", exact=True).first.wait_for()
        await screenshot(page, "senec_charging")
        senec.house.speed = HASTE
        state = await home.wait_for_state(
            ids["force_charge_state"], lambda state: state["state"] not in ("charging", "restarting"), timeout=120
        )
        assert (state["state"], state["attributes"]["reason"]) == ("reached", "target")
        senec.house.speed = 1.0
        assert not charges(senec)
        reached = float((await home.states())[ids["battery-state_of_charge"]]["state"])
        assert target <= reached <= target + 3
        assert [write.field for write in senec.writes] == ["SAFE_CHARGE_FORCE", "SAFE_CHARGE_PROHIBIT"]

        await add_dashboard(home)
        await page.goto(f"{home.base}/local-solar")
        await page.get_by_text("House power").first.wait_for()
        await screenshot(page, "senec_dashboard")

        # Statistics are made every five minutes; before, the Energy dashboard knows of none.
        async with asyncio.timeout(330):
            while complaints := await energy_complaints(home):
                assert all(complaint.startswith("statistics_not_defined") for complaint in complaints), complaints
                await asyncio.sleep(2)
        await page.goto(f"{home.base}/energy")
        await page.get_by_text("Energy distribution").first.wait_for()
        await screenshot(page, "senec_energy")

    assert not [text for text in console if "404" not in text and "local" in text.lower()], console
    assert await lines_of_ours(home) == []


async def test_a_new_certificate_is_trusted_in_the_browser(
    home: HomeAssistantInstance, senec: SenecSimulator, screenshot: Keep
) -> None:
    """The appliance gets another certificate: values go on, a repair tells it, and the owner agrees to it."""
    host = f"{HOST}:{await senec.listen()}"
    await add_installation(home, ("senec", "senec_host"), {"host": host})
    await set_options(home, interval=INTERVAL)
    ids = await known_entities(home, "house_power")
    senec.swap_certificate()

    await until_told(home, ["certificate_changed"])
    assert is_known((await home.states())[ids["house_power"]])
    async with browser_page(home) as page:
        await page.goto(f"{home.base}/config/repairs")
        await page.get_by_text("certificate of", exact=False).first.click()
        await page.get_by_text("Fingerprint", exact=False).first.wait_for()
        await screenshot(page, "senec_certificate")
        await page.get_by_role("button", name="Submit").click()
        await until_told(home, [])
    await home.restart()
    await home.wait_for_state(ids["house_power"], is_known)
    assert await issues(home) == []
