"""What people see: which entities there are, how they are described, and their values."""

from collections.abc import Mapping
from typing import Any

import pytest
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.local_solar.descriptions import PLATFORMS, platform_of
from custom_components.local_solar.families import FAMILIES
from custom_components.local_solar.number import UNBOUNDED
from custom_components.local_solar.quantities import LOOKS, state_class
from custom_components.local_solar.solarlink.family import CONTROLLERS, NAMES, load_family
from custom_components.local_solar.solarlink.points import Access, Counting, Limits, Point, Quantity, Ref, Risk
from simulators.studer import StuderSimulator

from .common import Find, attributes, poll, set_number, value
from .conftest import ROOT

BATTERY = "studer-0004D6E9"
XTENDER = "studer-0001A2F3"
STRING = "studer-0003C5D7"

# Unique id | platform | name | category | enabled | device class | state class | unit | precision
PROJECTION = f"""
{XTENDER}-ac_input_power | sensor | AC input power | - | yes | power | measurement | W | 0
{XTENDER}-ac_output_energy_today | sensor | AC output energy today | - | yes | energy | total_increasing | kWh | 2
{XTENDER}-ac_output_energy_yesterday | sensor | AC output energy yesterday | - | yes | energy | - | kWh | 2
{XTENDER}-ac_output_frequency | sensor | AC output frequency | - | yes | frequency | measurement | Hz | 2
{XTENDER}-battery_cycle_phase | sensor | Battery cycle phase | - | yes | enum | - | - | -
{XTENDER}-battery_charge_current | number | Battery charge current | config | yes | current | - | A | -
{XTENDER}-smart_boost_limit | number | Smart boost limit | config | yes | - | - | % | -
{BATTERY}-soc_for_backup | number | SOC for backup | config | yes | - | - | % | -
{BATTERY}-state_of_charge | sensor | State of charge | - | yes | battery | measurement | % | 0
{BATTERY}-battery_power | sensor | Battery power | - | yes | power | measurement | W | 0
{BATTERY}-battery_charge_today | sensor | Battery charge today | - | yes | - | total_increasing | Ah | 1
{BATTERY}-battery_temperature | sensor | Battery temperature | - | yes | temperature | measurement | °C | 1
{STRING}-pv_power | sensor | PV power | - | yes | power | measurement | W | 0
{ROOT}-link_state | sensor | Link state | diagnostic | yes | enum | - | - | -
{ROOT}-last_answer | sensor | Since last answer | diagnostic | yes | duration | - | s | 0
{ROOT}-last_error | sensor | Last error | diagnostic | yes | - | - | - | -
{ROOT}-exchanges_per_cycle | sensor | Exchanges per cycle | diagnostic | yes | - | measurement | - | 0
{ROOT}-link | binary_sensor | Link | diagnostic | yes | connectivity | - | - | -
{ROOT}-pause | switch | Pause SCOM | - | yes | - | - | - | -
"""


def projected() -> list[list[str]]:
    return [row.split(" | ") for row in PROJECTION.strip().splitlines()]


@pytest.mark.parametrize("expected", projected(), ids=lambda row: str(row[0]))
async def test_projection(hass: HomeAssistant, entry: MockConfigEntry, expected: list[str]) -> None:
    unique_id, platform, *rest = expected
    registry = er.async_get(hass)
    entity_id = registry.async_get_entity_id(platform, "local_solar", unique_id)
    assert entity_id
    entity = registry.async_get(entity_id)
    assert entity
    shown = attributes(hass, entity_id)
    precision: Mapping[str, Any] = entity.options.get("sensor", {})
    facts = [
        entity.original_name,
        entity.entity_category,
        "no" if entity.disabled else "yes",
        shown.get("device_class"),
        shown.get("state_class"),
        shown.get("unit_of_measurement"),
        precision.get("suggested_display_precision"),
    ]
    assert ["-" if fact is None else str(fact) for fact in facts] == rest


async def test_every_point_of_the_table_has_its_entity(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    registry = er.async_get(hass)
    coordinator = entry.runtime_data
    for ref, known in coordinator.known.items():
        platform = platform_of(known.point)
        assert platform
        entity_id = registry.async_get_entity_id(platform, "local_solar", coordinator.unique_id(ref))
        assert entity_id
        entity = registry.async_get(entity_id)
        assert entity
        assert entity.disabled is not known.point.enabled
        assert entity.translation_key == ref.key
        # Nothing has happened and nothing was pressed yet, nor has any controller done anything.
        idle = platform in (Platform.EVENT, Platform.BUTTON) or known.point.controller
        if known.point.enabled and not idle:
            assert value(hass, entity_id) not in (STATE_UNAVAILABLE, STATE_UNKNOWN), entity_id
    assert len(er.async_entries_for_config_entry(registry, entry.entry_id)) == len(coordinator.known) + 6


async def test_values_are_those_of_the_device(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    studer.set_info(101, 3136, 1.234)
    studer.set_info(601, 7003, -750)
    studer.set_info(101, 3010, 4)
    await poll(entry.runtime_data)
    assert float(value(hass, entity_id("ac_output_power"))) == pytest.approx(1234)
    assert float(value(hass, entity_id("battery_power"))) == pytest.approx(750)
    assert value(hass, entity_id("battery_cycle_phase")) == "floating"
    assert "invalid" in attributes(hass, entity_id("battery_cycle_phase"))["options"]


async def test_the_default_set_costs_one_or_two_exchanges(
    hass: HomeAssistant, entry: MockConfigEntry, entity_id: Find
) -> None:
    coordinator = entry.runtime_data
    coordinator.planner.expire(ref for ref in coordinator.known if coordinator.known[ref].point.pace == "live")
    await coordinator.async_refresh()
    assert coordinator.exchanges_per_cycle in (1, 2)
    assert value(hass, entity_id("exchanges_per_cycle")) == str(coordinator.exchanges_per_cycle)


async def test_nan_is_unknown(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    studer.set_info(701, 15010, float("nan"))
    await poll(entry.runtime_data)
    assert value(hass, entity_id("pv_power")) == STATE_UNKNOWN
    assert value(hass, entity_id("state_of_charge")) != STATE_UNKNOWN
    studer.clear_info(701, 15010)
    await poll(entry.runtime_data)
    assert value(hass, entity_id("pv_power")) != STATE_UNKNOWN


async def test_link_entities(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    assert value(hass, entity_id("link_state")) == "connected"
    assert value(hass, entity_id("link")) == "on"
    assert value(hass, entity_id("last_error")) == STATE_UNKNOWN
    assert float(value(hass, entity_id("last_answer"))) < 60


# Settings


async def test_limits_come_from_the_device_and_follow_each_other(
    hass: HomeAssistant, entry: MockConfigEntry, entity_id: Find
) -> None:
    backup, feeding = entity_id("soc_for_backup"), entity_id("soc_for_grid_feeding")
    await set_number(hass, feeding, 80)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert attributes(hass, backup)["max"] == 79
    await set_number(hass, backup, 30)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert attributes(hass, feeding)["min"] == 31
    assert attributes(hass, feeding)["step"] == 1
    with pytest.raises(ServiceValidationError):
        await set_number(hass, backup, 90)
    assert value(hass, backup) == "30.0"


async def test_write_goes_to_ram_and_is_shown_at_once(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    boost = entity_id("smart_boost_limit")
    flash = float(value(hass, boost))
    assert attributes(hass, boost)["ram_written_at"] is None
    await set_number(hass, boost, 35)
    assert value(hass, boost) == "35.0"
    assert attributes(hass, boost)["flash_value"] == flash
    assert attributes(hass, boost)["ram_written_at"] is not None
    assert studer.ram[101, 1607] == 35
    assert not studer.flash_writes
    await poll(entry.runtime_data)
    assert value(hass, boost) == "35.0"


async def test_ram_value_survives_a_restart(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    boost = entity_id("smart_boost_limit")
    await set_number(hass, boost, 40)
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert value(hass, boost) == "40.0"
    assert attributes(hass, boost)["ram_written_at"] is not None
    assert not studer.flash_writes


async def test_journal_is_on_disk_before_anybody_asks(
    hass: HomeAssistant, entry: MockConfigEntry, entity_id: Find, hass_storage: dict[str, Any]
) -> None:
    await set_number(hass, entity_id("smart_boost_limit"), 45)
    await hass.async_block_till_done(wait_background_tasks=True)
    stored = hass_storage[f"local_solar.{entry.entry_id}"]["data"]["journal"]
    assert stored["0001A2F3/smart_boost_limit"]["ram_value"] == 45


async def test_a_value_between_two_steps(hass: HomeAssistant, entry: MockConfigEntry, entity_id: Find) -> None:
    boost = entity_id("smart_boost_limit")
    before = value(hass, boost)
    with pytest.raises(ServiceValidationError) as caught:
        await set_number(hass, boost, 33)
    assert caught.value.translation_key == "value_step"
    assert caught.value.translation_placeholders
    assert caught.value.translation_placeholders["step"] == "5"
    assert caught.value.translation_placeholders["point"] == "Smart boost limit"
    assert value(hass, boost) == before


async def test_device_refuses(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    boost = entity_id("smart_boost_limit")
    before = value(hass, boost)
    studer.faults.set("refused", 0x2F)
    with pytest.raises(HomeAssistantError) as caught:
        await set_number(hass, boost, 55)
    assert not isinstance(caught.value, ServiceValidationError)
    assert caught.value.translation_key == "device_refused"
    assert value(hass, boost) == before


async def test_nobody_confirms_a_write(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, entity_id: Find
) -> None:
    boost = entity_id("smart_boost_limit")
    studer.faults.set("lost_answer", count=1)
    with pytest.raises(HomeAssistantError) as caught:
        await set_number(hass, boost, 60)
    assert caught.value.translation_key == "write_uncertain"
    assert sum(request.service == "write" for request in studer.requests) == 1
    await hass.async_block_till_done(wait_background_tasks=True)


# The tables


def test_all_quantities_have_a_look() -> None:
    assert LOOKS.keys() == set(Quantity)
    for quantity in Quantity:
        for counting in Counting:
            state_class(quantity, counting)


def test_families_agree_with_the_library() -> None:
    assert tuple(FAMILIES) == (*NAMES, *CONTROLLERS)
    for key, family in FAMILIES.items():
        loaded = load_family(key)
        for form in family.links.values():
            example = {"host": "127.0.0.1", "port": 1, "device": "/dev/ttyS0", "local_port": 1}
            # What a controller needs belongs to other installations, so it has no link.
            assert form.address(example).scheme in (loaded.schemes if key in NAMES else ("none",))
        for point in loaded.points:
            assert platform_of(point) in (*PLATFORMS, None), f"{key} {point.key} needs a platform that we do not ship"


@pytest.mark.parametrize(
    ("quantity", "access", "risk", "platform"),
    [
        ("power", "read", "normal", Platform.SENSOR),
        ("power", "read_write", "normal", Platform.NUMBER),
        ("power", "read_write", "never", Platform.SENSOR),
        ("power", "read_write", "outage", Platform.SENSOR),
        ("state", "read_write", "installer", Platform.SELECT),
        ("flag", "read_write", "normal", Platform.SWITCH),
        ("flag", "read", "normal", Platform.BINARY_SENSOR),
        ("problem", "read", "normal", Platform.BINARY_SENSOR),
        ("time_of_day", "read_write", "normal", Platform.TIME),
        ("time_of_day", "read", "normal", Platform.SENSOR),
        ("text", "read_write", "normal", Platform.SENSOR),
        ("flag", "press", "normal", Platform.BUTTON),
        ("flag", "press", "outage", None),
    ],
)
def test_platform_of_a_point(quantity: str, access: str, risk: str, platform: Platform | None) -> None:
    point: Point[None] = Point(
        key="x",
        name="X",
        unit_kind="y",
        quantity=Quantity(quantity),
        access=Access(access),
        risk=Risk(risk),
        address=None,
    )
    assert platform_of(point) is platform


async def test_an_unknown_limit_is_a_wide_one(hass: HomeAssistant, entry: MockConfigEntry, entity_id: Find) -> None:
    keeper = entry.runtime_data._limits
    keeper._known[Ref("xt1", "smart_boost_limit")] = Limits()
    entry.runtime_data.async_update_listeners()
    shown = attributes(hass, entity_id("smart_boost_limit"))
    assert (shown["min"], shown["max"]) == (-UNBOUNDED, UNBOUNDED)
    keeper._known[Ref("xt1", "smart_boost_limit")] = Limits(50, 20)
    entry.runtime_data.async_update_listeners()
    shown = attributes(hass, entity_id("smart_boost_limit"))
    assert (shown["min"], shown["max"]) == (50, 50)
