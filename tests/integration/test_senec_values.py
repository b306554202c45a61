"""Devices, values and energies of a SENEC.Home in Home Assistant."""

import struct
from datetime import datetime

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ATTR_ENTITY_ID, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er

from custom_components.local_solar.const import DOMAIN
from simulators.house import House

from .common import Find, attributes, poll, state_of, value, warnings_of_ours
from .senec_home import Ahead, SenecHome


def number(wire: str | list[str]) -> float:
    """A 32-bit floating point number or an integer as the wire carries it."""
    assert isinstance(wire, str)
    kind, _, digits = wire.partition("_")
    if kind == "fl":
        return float(struct.unpack(">f", bytes.fromhex(digits))[0])
    return int(digits, 16)


# Devices and values


@pytest.mark.parametrize(
    ("profile", "kinds"),
    [
        ("v2_1_http", "appliance battery 4 grid_meter house_meter socket_1 socket_2"),
        ("v2_2020", "appliance battery 4 grid_meter socket_1 socket_2"),
        ("v3_hybrid", "appliance battery 4 inverter grid_meter"),
        ("v3_duo_lfp", "appliance battery 2 inverter grid_meter"),
        ("v3_wallbox", "appliance battery 3 inverter grid_meter wallbox_1 wallbox_2"),
    ],
)
async def test_devices(hass: HomeAssistant, home: SenecHome, profile: str, kinds: str) -> None:
    sim, coordinator = await home.started(profile)
    modules = {str(count): [f"module_{letter}" for letter in "abcd"[:count]] for count in range(1, 5)}
    wanted = [unit for kind in kinds.split() for unit in modules.get(kind, [kind])]
    assert [unit.id for unit in coordinator.installation.all_units] == wanted
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), coordinator.config_entry.entry_id)
    assert len(devices) == len(wanted)
    root = next(device for device in devices if device.via_device_id is None)
    assert (root.serial_number, root.manufacturer) == (sim.device_id, "SENEC")
    assert all(device.via_device_id == root.id for device in devices if device is not root)
    entities = er.async_entries_for_config_entry(er.async_get(hass), coordinator.config_entry.entry_id)
    assert all(entity.translation_key for entity in entities)
    states = {e.entity_id: hass.states.get(e.entity_id) for e in entities if not e.disabled}
    assert len(states) < 80
    # Everything that is on from the start has a value, but for the order that nobody has given.
    empty = {e for e, state in states.items() if state and state.state in (STATE_UNKNOWN, STATE_UNAVAILABLE)}
    assert all("force_charge_target" in entity or "last_error" in entity for entity in empty), empty


@pytest.mark.parametrize(("hour", "discharging"), [(10, False), (22, True)])
async def test_values_have_the_signs_of_the_energy_dashboard(
    hass: HomeAssistant, home: SenecHome, entity_id: Find, hour: int, discharging: bool
) -> None:
    house = House(seed=1, speed=0, start=datetime(2026, 6, 15, hour, 0))  # noqa: DTZ001 - a wall clock has no zone
    house.battery.soc = 60.0
    sim, coordinator = await home.started("v3_hybrid", house=house)
    sim.advance(60)
    await poll(coordinator)

    def shown(key: str) -> float:
        return float(value(hass, entity_id(key)))

    def told(name: str) -> float:
        return number(sim.wire("ENERGY", name))

    assert shown("battery_power") == pytest.approx(-told("GUI_BAT_DATA_POWER"), rel=1e-6)
    assert (shown("battery_power") > 0) is discharging
    assert shown("grid_power") == pytest.approx(told("GUI_GRID_POW"), rel=1e-6)
    assert shown("pv_power") == pytest.approx(abs(told("GUI_INVERTER_POWER")), abs=1e-6)
    assert shown("house_power") == pytest.approx(shown("grid_power") + shown("pv_power") + shown("battery_power"))
    assert value(hass, entity_id("system_state")) == ("pv_plus_discharge" if discharging and shown("pv_power") > 50 else
                                                      "discharge" if discharging else "charge")  # fmt: skip
    assert sum(shown(f"mpp_{place}_power") for place in (1, 2)) == pytest.approx(shown("pv_power"), abs=0.01)
    assert attributes(hass, entity_id("battery_power"))["device_class"] == "power"


async def test_an_unknown_state_is_shown_by_number_and_text(
    hass: HomeAssistant, home: SenecHome, entity_id: Find, caplog: pytest.LogCaptureFixture
) -> None:
    sim, coordinator = await home.started("v3_hybrid")
    sim.faults.set("unknown_state", 101)
    await poll(coordinator)
    assert value(hass, entity_id("system_state")) == STATE_UNKNOWN
    told = attributes(hass, entity_id("system_state"))
    assert told["code"] == 101
    assert told["text"]
    pages = list(sim.pages)
    await poll(coordinator)
    assert sim.pages == pages
    sim.faults.clear()
    await poll(coordinator)
    assert value(hass, entity_id("system_state")) != STATE_UNKNOWN
    told = attributes(hass, entity_id("system_state"))
    assert "text" not in told
    assert told["code"] < 101
    assert warnings_of_ours(caplog) == []


async def test_one_request_per_cycle(hass: HomeAssistant, home: SenecHome) -> None:
    sim, coordinator = await home.started("v3_wallbox")
    for _ in range(3):
        sim.requests.clear()
        await poll(coordinator)
        assert len(sim.requests) == 1
        assert sim.requests[0].size < 1500
    # What no entity shows is not asked for.
    assert not [field for field in sim.requests[0].fields if "CELL" in field or "SMART_CHARGE" in field]


async def test_a_field_that_is_damaged_costs_no_other(hass: HomeAssistant, home: SenecHome, entity_id: Find) -> None:
    sim, coordinator = await home.started("v3_hybrid")
    sim.set("ENERGY", "GUI_GRID_POW", "er_0001")
    await poll(coordinator)
    await poll(coordinator)
    assert value(hass, entity_id("house_power")) not in (STATE_UNKNOWN, STATE_UNAVAILABLE)
    assert coordinator.last_update_success
    assert "GUI_GRID_POW" in value(hass, entity_id("last_error"))


# Energies


ENERGIES = (
    "pv_energy", "grid_import_energy", "grid_export_energy", "house_energy", "battery_energy_in", "battery_energy_out",
)  # fmt: skip


async def test_energies_follow_the_counters_of_the_device(
    hass: HomeAssistant, home: SenecHome, entity_id: Find
) -> None:
    sim, coordinator = await home.started("v2_1_http")
    await poll(coordinator)
    counters = ("PV_GEN", "GRID_IMPORT", "GRID_EXPORT", "HOUSE_CONS", "BAT_CHARGE", "BAT_DISCHARGE")
    for key, counter in zip(ENERGIES, counters, strict=True):
        told = attributes(hass, entity_id(key))
        assert (told["counted_by"], told["unit_of_measurement"]) == ("device", "kWh")
        assert (told["device_class"], told["state_class"]) == ("energy", "total_increasing")
        energy = float(value(hass, entity_id(key)))
        assert energy == pytest.approx(number(sim.wire("STATISTIC", f"LIVE_{counter}")), rel=1e-5)


async def test_energies_are_summed_up_where_the_device_counts_none(
    hass: HomeAssistant, home: SenecHome, entity_id: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, coordinator = await home.started("v3_hybrid")
    ahead = Ahead(coordinator, monkeypatch)
    pv, power = entity_id("pv_energy"), float(value(hass, entity_id("pv_power")))
    assert power > 100
    await poll(coordinator)
    assert attributes(hass, pv)["counted_by"] == "integration"
    before = float(value(hass, pv))
    ahead.seconds += 100
    await poll(coordinator)
    assert float(value(hass, pv)) - before == pytest.approx(power * 100 / 3.6e6, rel=0.02)
    # Of a long silence nothing is known: it is told, and adds nothing.
    counted = float(value(hass, pv))
    ahead.seconds += 1000
    await poll(coordinator)
    assert float(value(hass, pv)) == counted
    assert attributes(hass, pv)["missing_seconds"] == pytest.approx(1000, abs=5)
    await home.reloaded(coordinator)
    assert float(value(hass, pv)) == pytest.approx(counted, abs=1e-4)
    assert attributes(hass, pv)["missing_seconds"] == pytest.approx(1000, abs=5)


async def test_an_update_that_takes_the_counters_away_makes_no_step(
    hass: HomeAssistant, home: SenecHome, entity_id: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim, coordinator = await home.started("v2_1_http")
    ahead = Ahead(coordinator, monkeypatch)
    entry = coordinator.config_entry
    before = {key: float(value(hass, entity_id(key))) for key in ENERGIES}
    assert before["pv_energy"] > 1000
    sim.update("v2_1_https")
    # It looks for new firmware once in 6 hours.
    ahead.seconds += 6 * 3600
    await poll(coordinator)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert state_of(entry) is ConfigEntryState.LOADED
    again = entry.runtime_data
    assert again is not coordinator
    await poll(again)
    for key, energy in before.items():
        assert float(value(hass, entity_id(key))) == pytest.approx(energy, abs=0.01), key
    assert entry.runtime_data.installation.root.firmware == "0825"


async def test_an_energy_can_be_set(hass: HomeAssistant, home: SenecHome, entity_id: Find) -> None:
    _, coordinator = await home.started("v3_hybrid")

    async def set_energy(entity: str, energy: float) -> None:
        data = {ATTR_ENTITY_ID: entity, "energy": energy}
        await hass.services.async_call(DOMAIN, "set_energy", data, blocking=True)

    await set_energy(entity_id("grid_import_energy"), 1234.5)
    assert float(value(hass, entity_id("grid_import_energy"))) == 1234.5
    await home.reloaded(coordinator)
    assert float(value(hass, entity_id("grid_import_energy"))) == pytest.approx(1234.5, abs=0.01)
    with pytest.raises(ServiceValidationError) as caught:
        await set_energy(entity_id("grid_power"), 5)
    assert caught.value.translation_key == "not_writable"
