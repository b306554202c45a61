"""Kinds of points that no device of the simulated installation has, shown by a client that only pretends."""

from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import time
from time import monotonic
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ATTR_ENTITY_ID, STATE_OFF, STATE_ON, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.local_solar.const import DOMAIN
from custom_components.local_solar.coordinator import SolarCoordinator
from custom_components.local_solar.limits import LimitKeeper
from custom_components.local_solar.solarlink.client import Happening, Installation, Progress, Report, Unit
from custom_components.local_solar.solarlink.errors import NeedsConsentError, NoAnswerError, NotKeptError
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.stats import LinkStats
from custom_components.local_solar.solarlink.points import (
    Access,
    Counting,
    Integral,
    Limits,
    Pace,
    Part,
    Point,
    Quantity,
    Reading,
    Ref,
    Value,
)
from custom_components.local_solar.solarlink.trace import Trace

from .common import Find, attributes, choose, poll, set_number, state_of, switch, value
from .conftest import GUID, new_entry


def point(key: str, quantity: Quantity, **more: Any) -> Point[None]:
    return Point(key=key, name=key, unit_kind="box", quantity=quantity, address=None, enabled=True, **more)


POINTS = {
    each.key: each
    for each in (
        point("relay", Quantity.FLAG, access=Access.READ_WRITE),
        point("door", Quantity.FLAG),
        point("fault", Quantity.PROBLEM, diagnostic=True),
        point("target", Quantity.POWER, access=Access.READ_WRITE, minimum=0, maximum=100),
        point("sunrise", Quantity.TIME_OF_DAY, pace=Pace.ONCE),
        point("wake", Quantity.TIME_OF_DAY, access=Access.READ_WRITE),
        point("mode", Quantity.STATE, access=Access.READ_WRITE, options={0: "solar_first", 1: "grid_first"}),
        point("charge_limit", Quantity.CURRENT, unit="A", access=Access.READ_WRITE, listed=True),
        point("restart", Quantity.FLAG, access=Access.PRESS),
        point("alarm", Quantity.EVENT, options={1: "overload", 2: "overheat"}),
        point("power", Quantity.POWER, unit="W"),
        point("counter", Quantity.ENERGY, unit="kWh", counting=Counting.TOTAL),
        point("imported", Quantity.ENERGY, unit="kWh", counting=Counting.TOTAL, integral=Integral("power")),
        point(
            "exported",
            Quantity.ENERGY,
            unit="kWh",
            counting=Counting.TOTAL,
            integral=Integral("power", Part.NEGATIVE, counter="counter"),
        ),
    )
}
ROOT = Unit(id="box", kind="box", name="Box", serial=GUID, manufacturer="M", model="B", mac="00:11:22:33:44:55")


class PretendedClient:
    """Holds values in a dictionary."""

    def __init__(self) -> None:
        self.stats, self.trace, self.journal = LinkStats(), Trace(), Journal()
        self.installation = Installation(ROOT)
        self.connected = True
        self.values: dict[str, Value] = {
            "relay": False,
            "door": True,
            "fault": None,
            "target": 5,
            "sunrise": time(6, 5),
            "wake": time(7, 30),
            "mode": "solar_first",
            "charge_limit": 20.0,
            "power": 1200.0,
            "counter": None,
        }
        self.happenings: list[Happening] = []
        self.troubles: Mapping[str, Mapping[str, str]] = {}

    def expect(self, installation: Installation) -> None:
        pass

    def points(self, unit: Unit) -> Mapping[str, Point[Any]]:
        return POINTS

    async def connect(self, timeout: float) -> None:
        pass

    async def identify(self, progress: Progress | None = None) -> Installation:
        return self.installation

    async def read(self, refs: Sequence[Ref]) -> Report:
        happened, self.happenings = self.happenings, []
        now = monotonic()
        return Report(
            {ref: Reading(self.values[ref.key], now) for ref in refs if ref.key in self.values}, happenings=happened
        )

    def group(self, ref: Ref) -> Hashable:
        return 1

    async def limits(self, ref: Ref) -> Limits:
        if ref.key == "charge_limit":
            return Limits(choices=(10.0, 30.0))
        raise NoAnswerError(device="Box", seconds=1)

    async def command(self, text: str, *, confirmed: bool = False) -> str:
        if text == "STOP" and not confirmed:
            raise NeedsConsentError(point=text, reason="it cuts the supply")
        return f"did {text}"

    async def write(self, ref: Ref, value: Value, *, permanent: bool = False, confirmed: bool = False) -> Reading:
        self.values[ref.key] = value
        return Reading(value, 0.0)

    async def close(self) -> None:
        pass


@pytest.fixture
def coordinator(hass: HomeAssistant, box: PretendedClient) -> SolarCoordinator:
    runtime_data: SolarCoordinator = hass.config_entries.async_entries(DOMAIN)[0].runtime_data
    return runtime_data


@pytest.fixture
async def box(hass: HomeAssistant) -> AsyncIterator[PretendedClient]:
    client = PretendedClient()
    added: MockConfigEntry = new_entry(4001)
    added.add_to_hass(hass)
    family = SimpleNamespace(open=lambda address, journal, settings: client)
    with patch("custom_components.local_solar.opening.load_family", return_value=family):
        assert await hass.config_entries.async_setup(added.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    yield client
    if state_of(added) is ConfigEntryState.LOADED:
        await hass.config_entries.async_unload(added.entry_id)


async def test_flags_and_times(hass: HomeAssistant, box: PretendedClient, entity_id: Find) -> None:
    assert value(hass, entity_id("door")) == STATE_ON
    assert value(hass, entity_id("fault")) == STATE_UNKNOWN
    assert value(hass, entity_id("sunrise")) == "06:05"


async def test_switch(hass: HomeAssistant, box: PretendedClient, entity_id: Find) -> None:
    relay = entity_id("relay")
    assert value(hass, relay) == STATE_OFF
    await switch(hass, relay, True)
    assert box.values["relay"] is True
    assert value(hass, relay) == STATE_ON
    await switch(hass, relay, False)
    assert value(hass, relay) == STATE_OFF
    with (
        patch.object(box, "write", side_effect=NotKeptError(point="relay", value=1, kept=0)),
        pytest.raises(HomeAssistantError) as caught,
    ):
        await switch(hass, relay, True)
    assert caught.value.translation_key == "not_kept"


async def test_limits_that_cannot_be_had_are_asked_again() -> None:
    now = 0.0
    ref = Ref("box", "relay")
    keeper = LimitKeeper(PretendedClient(), {ref: POINTS["relay"]}, lambda: now)
    assert keeper.due([ref]) == [ref]
    await keeper.async_ask([ref])
    assert not keeper.due([ref])
    assert keeper.of(ref) == Limits()
    now = 301.0
    assert keeper.due([ref]) == [ref]


async def test_mac_address_names_the_device(hass: HomeAssistant, box: PretendedClient) -> None:
    devices = dr.async_get(hass).async_get_devices(connections={(dr.CONNECTION_NETWORK_MAC, "00:11:22:33:44:55")})
    assert [device.name for device in devices] == ["Box"]


async def test_a_number_without_ram_says_nothing_about_it(
    hass: HomeAssistant, box: PretendedClient, entity_id: Find
) -> None:
    assert "flash_value" not in attributes(hass, entity_id("target"))
    await set_number(hass, entity_id("target"), 12)
    assert box.values["target"] == 12


async def test_select_of_states(hass: HomeAssistant, box: PretendedClient, entity_id: Find) -> None:
    mode = entity_id("mode")
    assert value(hass, mode) == "solar_first"
    assert attributes(hass, mode)["options"] == ["solar_first", "grid_first"]
    await choose(hass, mode, "grid_first")
    assert box.values["mode"] == "grid_first"
    assert value(hass, mode) == "grid_first"


async def test_select_of_what_the_device_lists(hass: HomeAssistant, box: PretendedClient, entity_id: Find) -> None:
    limit = entity_id("charge_limit")
    # What was set on the device stays visible, though the device does not list it.
    assert attributes(hass, limit)["options"] == ["10 A", "30 A", "20 A"]
    assert value(hass, limit) == "20 A"
    await choose(hass, limit, "30 A")
    assert box.values["charge_limit"] == 30.0
    assert attributes(hass, limit)["options"] == ["10 A", "30 A"]


async def test_button_and_time(hass: HomeAssistant, box: PretendedClient, entity_id: Find) -> None:
    await hass.services.async_call("button", "press", {ATTR_ENTITY_ID: entity_id("restart")}, blocking=True)
    assert box.values["restart"] is True
    assert value(hass, entity_id("wake")) == "07:30:00"
    target = {ATTR_ENTITY_ID: entity_id("wake"), "time": "08:15:00"}
    await hass.services.async_call("time", "set_value", target, blocking=True)
    assert box.values["wake"] == time(8, 15)


async def test_everything_that_happens_fires_once(
    hass: HomeAssistant, box: PretendedClient, coordinator: SolarCoordinator, entity_id: Find
) -> None:
    alarm = entity_id("alarm")
    assert value(hass, alarm) == STATE_UNKNOWN
    assert attributes(hass, alarm)["event_types"] == ["overheat", "overload"]
    box.happenings = [Happening(Ref("box", "alarm"), "overload", {"severity": "fault"})]
    await poll(coordinator)
    first = value(hass, alarm)
    assert attributes(hass, alarm)["event_type"] == "overload"
    assert attributes(hass, alarm)["severity"] == "fault"
    await poll(coordinator)
    assert value(hass, alarm) == first


async def test_energy_is_summed_up_and_kept(
    hass: HomeAssistant,
    box: PretendedClient,
    coordinator: SolarCoordinator,
    entity_id: Find,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    imported, exported = entity_id("imported"), entity_id("exported")
    started, passed = coordinator.data[Ref("box", "power")].at, 0.0
    monkeypatch.setattr(f"{__name__}.monotonic", lambda: started + passed)
    before = float(value(hass, imported))
    passed = 60.0
    await poll(coordinator)
    assert float(value(hass, imported)) == pytest.approx(before + 0.02)
    assert attributes(hass, imported)["counted_by"] == "integration"
    box.values["power"] = -600.0
    passed = 120.0
    await poll(coordinator)
    # A straight line from 1200 W to -600 W is positive for two thirds of the minute.
    assert float(value(hass, imported)) == pytest.approx(before + 0.02 + 600 * 40 / 3.6e6)
    target = {ATTR_ENTITY_ID: imported, "energy": 1234.5}
    await hass.services.async_call(DOMAIN, "set_energy", target, blocking=True)
    assert float(value(hass, imported)) == 1234.5
    box.values["counter"] = 77.0
    await poll(coordinator)
    assert attributes(hass, exported)["counted_by"] == "device"
    entry = coordinator.config_entry
    assert await hass.config_entries.async_unload(entry.entry_id)
    family = SimpleNamespace(open=lambda address, journal, settings: box)
    with patch("custom_components.local_solar.opening.load_family", return_value=family):
        assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert float(value(hass, imported)) == 1234.5


async def test_only_sums_can_be_set(hass: HomeAssistant, box: PretendedClient, entity_id: Find) -> None:
    with pytest.raises(HomeAssistantError) as caught:
        await hass.services.async_call(
            DOMAIN, "set_energy", {ATTR_ENTITY_ID: entity_id("counter"), "energy": 1}, blocking=True
        )
    assert caught.value.translation_key == "not_writable"
    assert box.values["counter"] is None


async def test_troubles_become_repair_issues(
    hass: HomeAssistant, box: PretendedClient, coordinator: SolarCoordinator, issue_registry: ir.IssueRegistry
) -> None:
    issue = (DOMAIN, f"{coordinator.config_entry.entry_id}_overloaded")
    assert issue_registry.async_get_issue(*issue) is None
    box.troubles = {"overloaded": {"since": "noon"}}
    await poll(coordinator)
    raised = issue_registry.async_get_issue(*issue)
    assert raised is not None
    assert raised.translation_placeholders == {"name": "Studer Xcom-LAN", "since": "noon"}
    box.troubles = {}
    await poll(coordinator)
    assert issue_registry.async_get_issue(*issue) is None


async def test_commands(hass: HomeAssistant, box: PretendedClient, coordinator: SolarCoordinator) -> None:
    entry_id = coordinator.config_entry.entry_id

    async def send(command: str, confirm: bool) -> Any:
        data = {"config_entry_id": entry_id, "command": command, "confirm": confirm}
        return await hass.services.async_call(DOMAIN, "send_command", data, blocking=True, return_response=True)

    assert await send("QMOD", False) == {"answer": "did QMOD"}
    with pytest.raises(ServiceValidationError) as caught:
        await send("STOP", False)
    assert caught.value.translation_key == "needs_consent"
    assert await send("STOP", True) == {"answer": "did STOP"}


async def test_a_device_without_commands_says_so(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    data = {"config_entry_id": entry.entry_id, "command": "QMOD"}
    with pytest.raises(ServiceValidationError) as caught:
        await hass.services.async_call(DOMAIN, "send_command", data, blocking=True, return_response=True)
    assert caught.value.translation_key == "no_commands"


async def test_the_client_learns_something(
    hass: HomeAssistant, box: PretendedClient, coordinator: SolarCoordinator
) -> None:
    box.installation = replace(box.installation, facts={"dialect": "new"})
    await poll(coordinator)
    assert coordinator.memory.installation is box.installation
    box.installation = replace(box.installation, units=(replace(ROOT, id="module", serial="M1"),))
    family = SimpleNamespace(open=lambda address, journal, settings: box)
    with patch("custom_components.local_solar.opening.load_family", return_value=family):
        await poll(coordinator)
        await hass.async_block_till_done(wait_background_tasks=True)
    assert {unit.id for unit in coordinator.config_entry.runtime_data.installation.all_units} == {"box", "module"}
