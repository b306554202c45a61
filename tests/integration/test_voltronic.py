"""A Voltronic inverter in Home Assistant: the links, its values, its settings, and the charge manager."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ATTR_ENTITY_ID, CONF_DEVICE, CONF_HOST, CONF_PORT, STATE_OFF, STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.local_solar import families
from custom_components.local_solar.const import CONF_FAMILY, CONF_INTERVAL, CONF_LINK, DOMAIN
from custom_components.local_solar.controllers import charge_manager
from custom_components.local_solar.coordinator import SolarCoordinator
from custom_components.local_solar.solarlink.links import hid
from custom_components.local_solar.solarlink.links.hid import HidNode
from custom_components.local_solar.solarlink.voltronic import client
from custom_components.local_solar.solarlink.voltronic.exchange import Timing
from simulators.house import House
from simulators.voltronic import VoltronicSimulator

from .common import Find, attributes, choose, poll, set_number, state_of, switch, value
from .conftest import assert_translated
from .test_config_flow import Result, advance, after_progress, filled

SERIAL = "92552310205017"
CHARGING = {"battery_capacity": 400, "prove_float_voltage": True}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wire of the simulator takes no time, so nothing has to settle."""
    quick = Timing(gap=0.0, settle=0.0, reply=1.0, first_reply=1.0, retries=1, read_back=(0.0, 0.1), between_writes=0.2)
    monkeypatch.setattr(client, "Timing", lambda **_: quick)
    object.__setattr__(families.FAMILIES["voltronic"], "connect_wait", 10.0)


@pytest.fixture
async def inverter(socket_enabled: None) -> AsyncIterator[VoltronicSimulator]:
    """An 8 kW inverter with two trackers in a house that stands still."""
    simulator = VoltronicSimulator(profile="max_8k_48v", pace=0.0, live=False)
    yield simulator
    await simulator.close()


def entry_for(port: int, **options: Any) -> MockConfigEntry:
    """An entry that reaches the inverter through a serial server."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Voltronic",
        unique_id=f"voltronic-{SERIAL}",
        data={CONF_FAMILY: "voltronic", CONF_LINK: "tcp", CONF_HOST: "127.0.0.1", CONF_PORT: port},
        options={CONF_INTERVAL: 5, "priority_map": "auto", "gap_ms": 0, "charge_manager": CHARGING, **options},
    )


async def load(hass: HomeAssistant, entry: MockConfigEntry) -> SolarCoordinator:
    """Add an entry and wait until it works."""
    if hass.config_entries.async_get_entry(entry.entry_id) is None:
        entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    coordinator: SolarCoordinator = entry.runtime_data
    return coordinator


@pytest.fixture
async def coordinator(hass: HomeAssistant, inverter: VoltronicSimulator) -> AsyncIterator[SolarCoordinator]:
    """A loaded entry."""
    entry = entry_for(await inverter.listen("127.0.0.1", 0))
    yield await load(hass, entry)
    if state_of(entry) is ConfigEntryState.LOADED:
        await hass.config_entries.async_unload(entry.entry_id)


async def open_form(hass: HomeAssistant, link: str) -> Result:
    """Go through the menus to the form of one link."""
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": "user"})
    result = await advance(hass, result, {"next_step_id": "voltronic"})
    assert result["menu_options"] == ["voltronic_hid", "voltronic_serial", "voltronic_tcp"]
    return await advance(hass, result, {"next_step_id": f"voltronic_{link}"})


async def add(hass: HomeAssistant, form: Result, answer: dict[str, Any]) -> Result:
    """Submit the form, look at what was found, and add it."""
    found = await after_progress(hass, await advance(hass, form, answer))
    assert found["step_id"] == "voltronic_found", found
    assert SERIAL in filled(found)["devices"]
    created = await advance(hass, found, {})
    assert created["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    assert created["result"].unique_id == f"voltronic-{SERIAL}"
    assert created["result"].state is ConfigEntryState.LOADED
    return created


def schema_of(form: Result) -> dict[Any, Any]:
    """The fields of a form."""
    assert form["data_schema"] is not None
    fields: dict[Any, Any] = form["data_schema"].schema
    return fields


# Links


async def test_serial_server(hass: HomeAssistant, inverter: VoltronicSimulator) -> None:
    port = await inverter.listen("127.0.0.1", 0)
    created = await add(hass, await open_form(hass, "tcp"), {CONF_HOST: "127.0.0.1", CONF_PORT: port})
    assert await hass.config_entries.async_unload(created["result"].entry_id)


async def test_serial_port(hass: HomeAssistant, inverter: VoltronicSimulator) -> None:
    created = await add(hass, await open_form(hass, "serial"), {CONF_DEVICE: await inverter.pty()})
    assert await hass.config_entries.async_unload(created["result"].entry_id)


class OfferedDevices:
    """Stands in for the package that finds and opens USB devices."""

    def __init__(self, simulator: VoltronicSimulator, path: str) -> None:
        self.simulator, self.path, self.denied = simulator, path, False
        self.handle = simulator.hid()

    def find(self) -> list[HidNode]:
        return [HidNode(self.path, "USB to Serial", "usb-1")]

    def open(self, path: str) -> Any:
        if self.denied:
            raise PermissionError(13, "denied", path)
        device = self.handle
        device.open_path(path.encode())
        return device


@pytest.fixture
async def usb(inverter: VoltronicSimulator, monkeypatch: pytest.MonkeyPatch) -> OfferedDevices:
    """The inverter plugged into this machine."""
    devices = OfferedDevices(inverter, "/dev/hidraw0")
    monkeypatch.setattr(hid, "HidapiOpener", lambda vendor, product: devices)
    return devices


async def test_usb_devices_are_listed(hass: HomeAssistant, usb: OfferedDevices) -> None:
    form = await open_form(hass, "hid")
    field = next(key for key in schema_of(form) if key == CONF_DEVICE)
    assert field.default() == "/dev/hidraw0"
    created = await add(hass, form, {CONF_DEVICE: "/dev/hidraw0"})
    assert await hass.config_entries.async_unload(created["result"].entry_id)


async def test_missing_permission_names_the_rule(hass: HomeAssistant, usb: OfferedDevices) -> None:
    usb.denied = True
    form = await open_form(hass, "hid")
    result = await after_progress(hass, await advance(hass, form, {CONF_DEVICE: "/dev/hidraw0"}))
    assert result["errors"] == {"base": "no_permission"}
    assert 'ATTRS{idVendor}=="0665"' in filled(result)["rule"]
    assert_translated(result)
    hass.config_entries.flow.async_abort(result["flow_id"])


async def test_no_node_is_no_node(hass: HomeAssistant, usb: OfferedDevices) -> None:
    form = await open_form(hass, "hid")
    result = await advance(hass, form, {CONF_DEVICE: "hidraw0"})
    assert result["errors"] == {CONF_DEVICE: "not_a_node"}
    hass.config_entries.flow.async_abort(result["flow_id"])


async def test_other_dialects_are_refused_with_a_sentence(hass: HomeAssistant, socket_enabled: None) -> None:
    simulator = VoltronicSimulator(house=House(seed=1, speed=0), profile="revo_48v", pace=0.0)
    port = await simulator.listen("127.0.0.1", 0)
    form = await open_form(hass, "tcp")
    answer = await advance(hass, form, {CONF_HOST: "127.0.0.1", CONF_PORT: port})
    result = await after_progress(hass, answer)
    assert result["errors"] == {"base": "unsupported_dialect"}
    assert "Revo" in filled(result)["dialect"]
    hass.config_entries.flow.async_abort(result["flow_id"])
    await simulator.close()


# Values and settings


async def test_values(
    hass: HomeAssistant, inverter: VoltronicSimulator, coordinator: SolarCoordinator, entity_id: Find
) -> None:
    assert float(value(hass, entity_id("battery_voltage"))) == pytest.approx(float(inverter.field("QPIGS", 8)))
    assert float(value(hass, entity_id("ac_output_power"))) == float(inverter.field("QPIGS", 5))
    assert value(hass, entity_id("inverter_mode")) in ("battery", "line")
    # The unit counts its own solar energy.
    assert attributes(hass, entity_id("pv_energy"))["counted_by"] == "device"
    assert attributes(hass, entity_id("battery_energy_in"))["counted_by"] == "integration"


async def test_members_of_a_group_are_devices(hass: HomeAssistant, socket_enabled: None, entity_id: Find) -> None:
    simulator = VoltronicSimulator(house=House(seed=1, speed=0), profile="mks_48v_parallel", pace=0.0)
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Voltronic",
        unique_id="voltronic-96332207100118",
        data=entry_for(await simulator.listen("127.0.0.1", 0)).data,
    )
    await load(hass, entry)
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    assert {device.serial_number for device in devices} == {"96332207100118", "96332207100125"}
    member = next(device for device in devices if device.serial_number == "96332207100125")
    assert member.via_device_id is not None
    # Asked for itself, the other member of the group is known already.
    other = VoltronicSimulator(house=House(seed=1, speed=0), profile="mks_48v_parallel", pace=0.0, member=1)
    port = await other.listen("127.0.0.1", 0)
    form = await open_form(hass, "tcp")
    again = await after_progress(hass, await advance(hass, form, {CONF_HOST: "127.0.0.1", CONF_PORT: port}))
    assert again["type"] is FlowResultType.ABORT
    assert again["reason"] == "already_configured"
    await other.close()
    assert await hass.config_entries.async_unload(entry.entry_id)
    await simulator.close()


async def test_settings_are_written_once_and_read_back(
    hass: HomeAssistant, inverter: VoltronicSimulator, coordinator: SolarCoordinator, entity_id: Find
) -> None:
    number = entity_id("float_voltage")
    before = float(value(hass, number))
    assert float(attributes(hass, number)["min"]) < before < float(attributes(hass, number)["max"])
    await set_number(hass, number, before - 0.4)
    assert float(value(hass, number)) == pytest.approx(before - 0.4)
    assert [write.text for write in inverter.writes] == [f"PBFT{before - 0.4:04.1f}"]
    await set_number(hass, number, before - 0.4)
    assert len(inverter.writes) == 1
    bulk = float(value(hass, entity_id("absorption_voltage")))
    with pytest.raises(ServiceValidationError):
        await set_number(hass, number, bulk + 0.5)
    assert len(inverter.writes) == 1


async def test_choices_come_from_the_inverter(
    hass: HomeAssistant, inverter: VoltronicSimulator, coordinator: SolarCoordinator, entity_id: Find
) -> None:
    current = entity_id("max_charge_current")
    options = attributes(hass, current)["options"]
    assert value(hass, current) in options
    other = next(option for option in options if option != value(hass, current))
    await choose(hass, current, other)
    assert value(hass, current) == other
    priority = entity_id("output_source_priority")
    await choose(hass, priority, "utility_first")
    assert value(hass, priority) == "utility_first"
    assert inverter.writes[-1].text == "POP00"


async def test_alarms_fire_events(
    hass: HomeAssistant, inverter: VoltronicSimulator, coordinator: SolarCoordinator, entity_id: Find
) -> None:
    alarm = entity_id("alarm")
    calm = inverter.field("QPIWS", 0)
    inverter.set_reply("QPIWS", f"{calm[:12]}1{calm[13:]}")
    await poll(coordinator)
    assert attributes(hass, alarm)["event_type"] == "battery_low"
    assert attributes(hass, alarm)["active"] is True
    assert value(hass, entity_id("warning")) == STATE_ON
    inverter.set_reply("QPIWS", calm)
    await poll(coordinator)
    assert attributes(hass, alarm)["active"] is False


async def test_commands(hass: HomeAssistant, inverter: VoltronicSimulator, coordinator: SolarCoordinator) -> None:
    async def send(command: str, **more: Any) -> Any:
        data = {"config_entry_id": coordinator.config_entry.entry_id, "command": command, **more}
        return await hass.services.async_call(DOMAIN, "send_command", data, blocking=True, return_response=True)

    assert (await send("QPI"))["answer"].endswith("PI30")
    with pytest.raises(ServiceValidationError) as caught:
        await send("PF")
    assert caught.value.translation_key == "needs_consent"
    assert not inverter.writes
    await send("PEA", confirm=True)
    assert [write.text for write in inverter.writes] == ["PEA"]


async def test_diagnostics_tell_what_is_supported_and_no_serial_number(
    hass: HomeAssistant, coordinator: SolarCoordinator, hass_client: ClientSessionGenerator
) -> None:
    told = await get_diagnostics_for_config_entry(hass, hass_client, coordinator.config_entry)
    assert told["facts"]
    assert SERIAL not in str(told)


# The charge manager


@pytest.fixture
def shown(hass: HomeAssistant, entity_id: Find) -> Callable[[str], str]:
    """The state of an entity of the charge manager."""
    return lambda key: value(hass, entity_id(key))


async def test_needs_consent_before_it_can_be_switched_on(
    hass: HomeAssistant, inverter: VoltronicSimulator, entity_id: Find
) -> None:
    entry = entry_for(await inverter.listen("127.0.0.1", 0), charge_manager={"battery_capacity": 400})
    await load(hass, entry)
    with pytest.raises(ServiceValidationError) as caught:
        await switch(hass, entity_id("charge_manager"), True)
    assert caught.value.translation_key == "charge_not_proven"
    assert not inverter.writes
    assert value(hass, entity_id("charge_manager")) == STATE_OFF
    assert await hass.config_entries.async_unload(entry.entry_id)


async def boost(hass: HomeAssistant, coordinator: SolarCoordinator, entity_id: Find) -> None:
    """Switch the charge manager on and begin at once."""
    await switch(hass, entity_id("charge_manager"), True)
    await poll(coordinator)
    assert value(hass, entity_id("charge_manager_state")) == "idle"
    await hass.services.async_call("button", "press", {ATTR_ENTITY_ID: entity_id("charge_start_now")}, blocking=True)
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_boost_and_every_kind_of_end(
    hass: HomeAssistant,
    inverter: VoltronicSimulator,
    coordinator: SolarCoordinator,
    entity_id: Find,
    shown: Callable[[str], str],
) -> None:
    own, raised = inverter.field("QPIRI", 11), inverter.field("QPIRI", 10)
    assert own != raised
    await boost(hass, coordinator, entity_id)
    # The first write proves, with the owner's consent, that the inverter keeps what is written to it.
    assert [write.text for write in inverter.writes] == [f"PBFT{own}", f"PBFT{raised}"]
    assert shown("charge_manager_state") == "bulk"
    assert shown("charge_boost_active") == STATE_ON
    assert inverter.field("QPIRI", 11) == raised
    await hass.services.async_call("button", "press", {ATTR_ENTITY_ID: entity_id("charge_finish_now")}, blocking=True)
    assert inverter.field("QPIRI", 11) == own
    assert shown("charge_manager_state") == "float"
    assert shown("charge_boost_active") == STATE_OFF
    # The second begin of the day: switched off, the owner's voltage comes back.
    await hass.services.async_call("button", "press", {ATTR_ENTITY_ID: entity_id("charge_start_now")}, blocking=True)
    assert inverter.field("QPIRI", 11) == raised
    await switch(hass, entity_id("charge_manager"), False)
    assert inverter.field("QPIRI", 11) == own
    assert shown("charge_manager_state") == "off"


async def test_unload_restores(
    hass: HomeAssistant, inverter: VoltronicSimulator, coordinator: SolarCoordinator, entity_id: Find
) -> None:
    own = inverter.field("QPIRI", 11)
    await boost(hass, coordinator, entity_id)
    assert inverter.field("QPIRI", 11) != own
    assert await hass.config_entries.async_unload(coordinator.config_entry.entry_id)
    assert inverter.field("QPIRI", 11) == own


async def test_a_killed_program_restores_at_the_next_start(
    hass: HomeAssistant,
    inverter: VoltronicSimulator,
    coordinator: SolarCoordinator,
    entity_id: Find,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own, raised = inverter.field("QPIRI", 11), inverter.field("QPIRI", 10)
    await boost(hass, coordinator, entity_id)
    entry = coordinator.config_entry

    async def killed(self: charge_manager.ChargeManager) -> None:
        return

    with monkeypatch.context() as patched:
        patched.setattr(charge_manager.ChargeManager, "async_stop", killed)
        assert await hass.config_entries.async_unload(entry.entry_id)
    assert inverter.field("QPIRI", 11) == raised
    # The owner has switched it off meanwhile in what was saved: nothing but the restore is left to do.
    again = await load(hass, entry)
    await poll(again)
    assert value(hass, entity_id("charge_manager_state")) in ("bulk", "absorption", "idle")
    await switch(hass, entity_id("charge_manager"), False)
    assert inverter.field("QPIRI", 11) == own


async def test_somebody_else_changes_the_float_voltage(
    hass: HomeAssistant,
    inverter: VoltronicSimulator,
    coordinator: SolarCoordinator,
    entity_id: Find,
    shown: Callable[[str], str],
    issue_registry: ir.IssueRegistry,
) -> None:
    await boost(hass, coordinator, entity_id)
    inverter.set_field("QPIRI", 11, "53.1")
    await poll(coordinator)
    await poll(coordinator)
    assert inverter.field("QPIRI", 11) == "53.1"
    assert shown("charge_manager_state") == "off"
    assert shown("charge_manager_reason") == "changed_elsewhere"
    issue = f"{coordinator.config_entry.entry_id}_charge_stopped_changed_elsewhere"
    assert issue_registry.async_get_issue(DOMAIN, issue)


async def test_dry_run_writes_nothing(
    hass: HomeAssistant,
    inverter: VoltronicSimulator,
    coordinator: SolarCoordinator,
    entity_id: Find,
    shown: Callable[[str], str],
) -> None:
    await switch(hass, entity_id("charge_manager_dry_run"), True)
    await boost(hass, coordinator, entity_id)
    assert shown("charge_manager_state") == "bulk"
    assert shown("charge_boost_active") == STATE_OFF
    assert attributes(hass, entity_id("charge_manager_state"))["would_set_float_voltage"] == float(
        inverter.field("QPIRI", 10)
    )
    assert not inverter.writes


async def test_entities_people_look_at(hass: HomeAssistant, coordinator: SolarCoordinator) -> None:
    entities = er.async_entries_for_config_entry(er.async_get(hass), coordinator.config_entry.entry_id)
    enabled = [entity for entity in entities if not entity.disabled]
    assert 20 <= len(enabled) <= 70
    assert all(entity.translation_key for entity in entities)
