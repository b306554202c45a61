"""Home Assistant with our integration and a simulated Studer installation that dials it."""

import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_PORT
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.local_solar import config_flow
from custom_components.local_solar.const import CONF_FAMILY, CONF_LINK, DOMAIN
from custom_components.local_solar.families import FAMILIES
from custom_components.local_solar.flows import studer as studer_flow
from custom_components.local_solar.solarlink import senec
from custom_components.local_solar.solarlink.links.listener import _Listener
from custom_components.local_solar.solarlink.studer import client as studer_client
from custom_components.local_solar.solarlink.studer.exchange import Timing
from simulators.house import House
from simulators.studer import StuderSimulator
from tests.library.dbus_daemon import gx_bus, monitor

from .feed_in_home import FeedInHome, hurry
from .opendtu_home import OpenDtuHome
from .senec_home import TIMING, SenecHome

__all__ = ["gx_bus", "monitor"]
"""Fixtures that another module defines."""

INTEGRATION = Path(config_flow.__file__).parent
GUID = "407d3d61-2835-4dec-ba32-c9580b1bd03a"
OTHER_GUID = "5b7d3d61-2835-4dec-ba32-c9580b1bd0ff"
ROOT = f"studer-{GUID}"

type AddEntry = Callable[..., Awaitable[MockConfigEntry]]


def texts_of(language: str = "en") -> dict[str, Any]:
    """Everything the integration says in a language."""
    texts: dict[str, Any] = json.loads((INTEGRATION / "translations" / f"{language}.json").read_text(encoding="utf-8"))
    return texts


def assert_translated(result: Mapping[str, Any]) -> None:
    """Whatever a flow shows must have text."""
    kind = result["type"]
    texts = texts_of()["config" if result["handler"] == DOMAIN else "options"]
    if kind is FlowResultType.ABORT:
        assert result["reason"] in texts["abort"]
    elif kind is FlowResultType.MENU:
        assert set(result["menu_options"]) <= texts["step"][result["step_id"]]["menu_options"].keys()
    elif kind is FlowResultType.SHOW_PROGRESS:
        assert result["progress_action"] in texts["progress"]
        assert_filled(texts["progress"][result["progress_action"]], result)
    elif kind is FlowResultType.FORM:
        step = texts["step"][result["step_id"]]
        fields = {str(key) for key in result["data_schema"].schema}
        fields -= step.get("sections", {}).keys()
        assert fields <= step.get("data", {}).keys()
        assert fields <= step.get("data_description", {}).keys()
        assert set((result["errors"] or {}).values()) <= texts.get("error", {}).keys()
        for text in (step["title"], step.get("description", ""), *(texts["error"][e] for e in _errors(result))):
            assert_filled(text, result)


def _errors(result: Mapping[str, Any]) -> list[str]:
    return list((result["errors"] or {}).values())


def assert_filled(text: str, result: Mapping[str, Any]) -> None:
    """Every placeholder of a text has a value."""
    text.format_map(result["description_placeholders"] or {})


@pytest.fixture
def port(socket_enabled: None) -> int:
    """A TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of the real world, shortened."""
    monkeypatch.setattr(config_flow, "CONNECT_WAIT", 10.0)

    async def nobody(hass: HomeAssistant, target: str) -> list[object]:
        return []

    # Dialogs do not search the network of whoever runs the tests; the test of the search undoes this.
    monkeypatch.setattr(studer_flow, "_async_search", nobody)
    monkeypatch.setattr(studer_client, "Timing", lambda: Timing(answer=0.6, retries=1, busy=0.1, open=1.5))
    for family in FAMILIES.values():
        # Frozen, because nobody but a test changes it.
        object.__setattr__(family, "connect_wait", 5.0)


@pytest.fixture
async def studer(socket_enabled: None) -> AsyncIterator[StuderSimulator]:
    """An installation of two Xtenders, two VarioStrings and a BMS in a house that stands still."""
    simulator = StuderSimulator(house=House(seed=1, speed=0), pace=0.0)
    yield simulator
    await simulator.close()


@pytest.fixture(autouse=True)
async def _no_listener_left() -> AsyncIterator[None]:
    """A test that leaves a port open spoils the next one, so it fails itself."""
    yield
    left, _Listener.running = dict(_Listener.running), {}
    assert not left


def new_entry(port: int, **options: Any) -> MockConfigEntry:
    """An entry whose gateway dials ``port``."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Studer Xcom-LAN",
        unique_id=ROOT,
        data={CONF_FAMILY: "studer", CONF_LINK: "listen", CONF_PORT: port},
        options=options,
    )


@pytest.fixture
async def entry(hass: HomeAssistant, studer: StuderSimulator, port: int) -> AsyncIterator[MockConfigEntry]:
    """A loaded entry that talks to the simulated installation."""
    await studer.dial("127.0.0.1", port)
    added = new_entry(port)
    added.add_to_hass(hass)
    assert await hass.config_entries.async_setup(added.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    yield added
    if added.state is ConfigEntryState.LOADED:
        await hass.config_entries.async_unload(added.entry_id)


@pytest.fixture
async def home(
    hass: HomeAssistant, socket_enabled: None, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SenecHome]:
    """Home Assistant, and SENEC appliances on demand."""
    monkeypatch.setattr(senec, "Timing", lambda: TIMING)
    async with SenecHome(hass) as started:
        yield started


@pytest.fixture
async def dtu_home(
    hass: HomeAssistant, socket_enabled: None, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[OpenDtuHome]:
    """Home Assistant, and DTUs and Shelly meters on demand."""
    async with OpenDtuHome(hass, monkeypatch) as started:
        yield started


@pytest.fixture
async def feed_in(
    hass: HomeAssistant, socket_enabled: None, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FeedInHome]:
    """A house with a meter, a DTU and a battery, of which nothing is added to Home Assistant yet."""
    hurry(monkeypatch)
    async with FeedInHome(hass) as started:
        yield started
    # Whatever the test was about: the legal limit was kept, commanded and delivered.
    assert started.highest_commanded <= 800.0
    assert started.highest_given <= 824.0


@pytest.fixture
def entity_id(hass: HomeAssistant) -> Callable[[str], str]:
    """Finds an entity by the end of its unique id; the first where several units have one."""

    def find(suffix: str) -> str:
        entities = er.async_get(hass).entities.values()
        found = sorted(
            (entity.unique_id, entity.entity_id)
            for entity in entities
            if entity.platform == DOMAIN and entity.unique_id.endswith(f"-{suffix}")
        )
        assert found, suffix
        return found[0][1]

    return find
