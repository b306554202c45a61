"""A Voltronic inverter with a lead-acid battery in a real Home Assistant: its settings and the charge manager."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from playwright.async_api import Page

from development.home_assistant import HomeAssistantInstance
from development.owner import add_dashboard, add_installation
from simulators.voltronic import VoltronicSimulator
from simulators.voltronic.battery import ChargerModel

from .conftest import browser_page
from .test_studer import entity_id, is_known, lines_of_ours

type Keep = Callable[[Page, str], Awaitable[None]]

FLOAT, BULK = 11, 10
"""Fields of the ratings (QPIRI)."""


@pytest.fixture
async def inverter(socket_enabled: None) -> AsyncIterator[VoltronicSimulator]:
    """An inverter at noon with a battery that is nearly full, a minute of which passes in a second."""
    charger = ChargerModel(seed=3, weather="clear", state_of_charge=93.0, speed=30.0)
    charger.step(11 * 3600.0)
    simulator = VoltronicSimulator(profile="max_8k_48v", charger=charger, pace=0.2)
    yield simulator
    await simulator.close()


async def set_options(home: HomeAssistantInstance) -> None:
    """Poll fast, and agree that the float voltage is proven."""
    options = "/api/config/config_entries/options/flow"
    step = await home.rest("POST", options, {"handler": (await home.entries())[0]["entry_id"]})
    answer = {
        "interval": 5,
        "priority_map": "auto",
        "gap_ms": 0,
        "pi18_energy_unit": "wh",
        "charge_manager": {"battery_capacity": 400, "prove_float_voltage": True},
    }
    done = await home.rest("POST", f"{options}/{step['flow_id']}", answer)
    assert done["type"] == "create_entry", done


async def test_owner_changes_the_float_voltage_and_lets_the_charge_be_finished(
    home: HomeAssistantInstance, inverter: VoltronicSimulator, screenshot: Keep
) -> None:
    """Add over a serial port, change the float voltage, run the charge manager, restart in the middle."""
    await add_installation(home, ("voltronic", "voltronic_serial"), {"device": await inverter.pty()})
    await set_options(home)
    voltage = await entity_id(home, "-battery_voltage")
    state = await home.wait_for_state(voltage, is_known)
    assert 40 < float(state["state"]) < 62
    number = await entity_id(home, "-float_voltage")
    before = float((await home.wait_for_state(number, is_known))["state"])
    await add_dashboard(home)
    async with browser_page(home) as page:
        await page.goto(f"{home.base}/local-solar?more-info-entity-id={number}")
        field = page.locator("ha-more-info-dialog input[type=number]").first
        await field.fill(f"{before - 0.4:.1f}")
        await field.press("Enter")
        await field.press("Tab")
        await home.wait_for_state(number, lambda state: float(state["state"]) == round(before - 0.4, 1))
        await screenshot(page, "voltronic_float_voltage")
        assert [write.text for write in inverter.writes] == [f"PBFT{before - 0.4:04.1f}"]

        own, raised = inverter.field("QPIRI", FLOAT), inverter.field("QPIRI", BULK)
        manager = await entity_id(home, "-charge_manager")
        mode = await entity_id(home, "-charge_manager_state")
        await home.call_service("switch", "turn_on", {"entity_id": manager})
        await home.call_service("button", "press", {"entity_id": await entity_id(home, "-charge_start_now")})
        await home.wait_for_state(mode, lambda state: state["state"] in ("bulk", "absorption"))
        assert inverter.field("QPIRI", FLOAT) == raised
        await home.wait_for_state(mode, lambda state: state["state"] == "absorption", timeout=240)
        await page.goto(f"{home.base}/local-solar")
        await page.get_by_text("Charge manager state").first.wait_for()
        await screenshot(page, "voltronic_charge_manager")

    # A stop restores the owner's voltage, and after the start the manager is there again.
    await home.stop()
    assert inverter.field("QPIRI", FLOAT) == own
    await home.start()
    await home.wait_for_state(mode, is_known)
    await home.wait_for_state(manager, lambda state: state["state"] == "on")
    assert [line for line in await lines_of_ours(home) if line["level"] == "ERROR"] == []
