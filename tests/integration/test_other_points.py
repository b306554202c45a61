"""Kinds of points that no device of the simulated installation has, shown by a client that only pretends."""

from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from datetime import time
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.local_solar.limits import LimitKeeper
from custom_components.local_solar.solarlink.client import Installation, Progress, Report, Unit
from custom_components.local_solar.solarlink.errors import NoAnswerError, NotKeptError
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.stats import LinkStats
from custom_components.local_solar.solarlink.points import Access, Limits, Pace, Point, Quantity, Reading, Ref, Value
from custom_components.local_solar.solarlink.trace import Trace

from .common import Find, attributes, set_number, switch, value
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
        }
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
        return Report({ref: Reading(self.values[ref.key], 0.0) for ref in refs})

    def group(self, ref: Ref) -> Hashable:
        return 1

    async def limits(self, ref: Ref) -> Limits:
        raise NoAnswerError(device="Box", seconds=1)

    async def write(self, ref: Ref, value: Value, *, permanent: bool = False, confirmed: bool = False) -> Reading:
        self.values[ref.key] = value
        return Reading(value, 0.0)

    async def close(self) -> None:
        pass


@pytest.fixture
async def box(hass: HomeAssistant) -> AsyncIterator[PretendedClient]:
    client = PretendedClient()
    added: MockConfigEntry = new_entry(4001)
    added.add_to_hass(hass)
    family = SimpleNamespace(open=lambda address, journal: client)
    with patch("custom_components.local_solar.opening.load_family", return_value=family):
        assert await hass.config_entries.async_setup(added.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    yield client
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
