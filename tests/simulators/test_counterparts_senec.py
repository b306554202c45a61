"""A published client of others reads from the simulated SENEC over real sockets: it understands the old firmware."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from simulators.senec import SenecSimulator
from tests.simulators.senec_wire import NIGHT, simulator


@pytest.fixture
async def session(socket_enabled: None) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def _client(sim: SenecSimulator, session: aiohttp.ClientSession) -> Any:
    pysenec = pytest.importorskip("pysenec", reason="the published client pysenec 0.3.0 is not installed")
    return pysenec.Senec(f"127.0.0.1:{await sim.listen()}", session)


async def test_pysenec_reads_the_old_firmware(session: aiohttp.ClientSession) -> None:
    async with simulator("v2_2020") as sim:
        client = await _client(sim, session)
        await client.update()
        house = sim.house
        assert client.system_state == "BATTERY FULL"
        assert client.solar_generated_power == pytest.approx(house.solar_power)
        assert client.grid_state_power == pytest.approx(house.grid.power)
        assert client.battery_state_power == pytest.approx(-house.battery.power - 3.6, abs=0.01)
        assert client.house_power == pytest.approx(house.load_power + house.losses, abs=0.01)
        assert client.battery_charge_percent == pytest.approx(100)
        assert client.battery_temp == pytest.approx(house.battery.temperature)
        assert client.mcu_temp > client.case_temp > client.battery_temp
        counters = house.counters
        assert client.solar_total_generated == pytest.approx(counters.solar.total)
        assert client.grid_total_import == pytest.approx(counters.grid_import.total)
        assert client.grid_total_export == pytest.approx(counters.grid_export.total)
        assert client.battery_total_charged == pytest.approx(counters.battery_charge.total)
        assert client.battery_total_discharged == pytest.approx(counters.battery_discharge.total)
        assert client.house_total_consumption == pytest.approx(counters.load.total + counters.losses.total)


async def test_pysenec_reads_a_night(session: aiohttp.ClientSession) -> None:
    async with simulator("v2_2020", start=NIGHT) as sim:
        client = await _client(sim, session)
        await client.update()
        assert client.system_state == "DISCHARGE"
        assert client.solar_generated_power == 0
        assert client.battery_charge_power == 0
        assert client.battery_discharge_power == pytest.approx(sim.house.battery.power + 3.6, abs=0.01)


async def test_pysenec_reads_whole_sections(session: aiohttp.ClientSession) -> None:
    async with simulator("v2_2020") as sim:
        client = await _client(sim, session)
        await client.read_senec_v21_all()
        raw = client.raw_status
        assert raw["WIZARD"]["APPLICATION_VERSION"] == "0790"
        assert raw["BMS"]["TOTAL_VOLTAGE"] == round(sim.house.battery.voltage)
        assert len(raw["BMS"]["CELL_VOLTAGES_MODULE_A"]) == 14
        assert raw["BAT1OBJ2"] == {"OBJECT_NOT_FOUND": ""}


async def test_pysenec_finds_no_counters_on_newer_firmware(session: aiohttp.ClientSession) -> None:
    async with simulator("v2_1_https") as sim:
        client = await _client(sim, session)
        await client.update()
        assert client.solar_total_generated == "VARIABLE_NOT_FOUND"
