"""Every path through the dialogs, against the simulated installation."""

import asyncio
import socket
from collections.abc import Mapping
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from homeassistant.components import network
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.local_solar import config_flow
from custom_components.local_solar.const import CONF_FAMILY, CONF_INTERVAL, CONF_LINK, CONF_PEER, DOMAIN
from custom_components.local_solar.families import FAMILIES
from custom_components.local_solar.probing import Probe
from custom_components.local_solar.solarlink.errors import LinkClosedError
from custom_components.local_solar.solarlink.links.listener import _Listener
from simulators.house import House
from simulators.studer import StuderSimulator

from .browser_form import opened
from .common import set_connect_wait
from .conftest import GUID, OTHER_GUID, ROOT, assert_translated

type Result = ConfigFlowResult


async def advance(hass: HomeAssistant, result: Result, answer: dict[str, Any] | None = None) -> Result:
    following: Result = await hass.config_entries.flow.async_configure(result["flow_id"], answer)
    assert_translated(following)
    return following


async def open_form(hass: HomeAssistant, link: str) -> Result:
    result: Result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert_translated(result)
    assert result["type"] is FlowResultType.MENU
    assert result["menu_options"] == list(FAMILIES)
    result = await advance(hass, result, {"next_step_id": "studer"})
    assert result["type"] is FlowResultType.MENU
    assert result["menu_options"] == [f"studer_{link}" for link in FAMILIES["studer"].links]
    return await advance(hass, result, {"next_step_id": f"studer_{link}"})


async def after_progress(hass: HomeAssistant, result: Result) -> Result:
    """Wait as the frontend does, until the flow wants something from a person or is over."""
    flow_id = result["flow_id"]
    while result["type"] in (FlowResultType.SHOW_PROGRESS, FlowResultType.SHOW_PROGRESS_DONE):
        assert_translated(result)
        await asyncio.sleep(0.02)
        result = await hass.config_entries.flow.async_configure(flow_id)
    assert_translated(result)
    return result


async def submit(hass: HomeAssistant, result: Result, answer: dict[str, Any]) -> Result:
    return await after_progress(hass, await advance(hass, result, answer))


def assert_nothing_open(hass: HomeAssistant) -> None:
    assert not hass.config_entries.flow.async_progress()
    assert not _Listener.running


@pytest.fixture
async def other(socket_enabled: None) -> Any:
    simulator = StuderSimulator(house=House(seed=2, speed=0), pace=0.0, guid=UUID(OTHER_GUID))
    yield simulator
    await simulator.close()


async def test_gateway_dials_us(hass: HomeAssistant, studer: StuderSimulator, port: int) -> None:
    form = await open_form(hass, "listen")
    assert form["type"] is FlowResultType.FORM
    waiting = await advance(hass, form, {"port": port})
    assert waiting["type"] is FlowResultType.SHOW_PROGRESS
    assert waiting["progress_action"] == "wait_for_gateway"
    await studer.dial("127.0.0.1", port)
    found = await after_progress(hass, waiting)
    assert found["step_id"] == "studer_found"
    placeholders = filled(found)
    for text in (GUID, "Xtender 2", "VarioString 1", "Xcom-CAN BMS", "0001A2F3", "1.6.78"):
        assert text in placeholders["devices"]
    assert placeholders["count"] == "5"
    created = await advance(hass, found, {})
    assert created["type"] is FlowResultType.CREATE_ENTRY
    assert created["title"] == "Studer Xcom-LAN"
    assert created["data"] == {CONF_FAMILY: "studer", CONF_LINK: "listen", "port": port}
    await hass.async_block_till_done(wait_background_tasks=True)
    entry = created["result"]
    assert entry.unique_id == ROOT
    assert entry.state is ConfigEntryState.LOADED
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert_nothing_open(hass)


async def test_we_dial_the_gateway(hass: HomeAssistant, studer: StuderSimulator) -> None:
    there = await studer.listen()
    found = await submit(hass, await open_form(hass, "tcp"), {"host": "127.0.0.1", "port": there})
    assert found["step_id"] == "studer_found"
    created = await advance(hass, found, {})
    await hass.async_block_till_done(wait_background_tasks=True)
    assert created["result"].state is ConfigEntryState.LOADED
    again = await submit(hass, await open_form(hass, "tcp"), {"host": "127.0.0.1", "port": there})
    assert again["type"] is FlowResultType.ABORT
    assert again["reason"] == "already_configured"
    assert await hass.config_entries.async_unload(created["result"].entry_id)


async def test_serial_port(hass: HomeAssistant, studer: StuderSimulator) -> None:
    found = await submit(hass, await open_form(hass, "serial"), {"device": await studer.pty()})
    assert found["step_id"] == "studer_found"
    hass.config_entries.flow.async_abort(found["flow_id"])
    assert_nothing_open(hass)


async def test_progress_is_shown(hass: HomeAssistant, studer: StuderSimulator, port: int) -> None:
    shares: list[float] = []
    hass.bus.async_listen(
        "data_entry_flow_progress_update", callback(lambda event: shares.append(event.data["progress"]))
    )
    await studer.dial("127.0.0.1", port)
    found = await submit(hass, await open_form(hass, "listen"), {"port": port})
    await hass.async_block_till_done()
    assert len(shares) > 5
    assert sorted(shares) == shares
    assert all(0 <= share <= 1 for share in shares)
    hass.config_entries.flow.async_abort(found["flow_id"])


@pytest.mark.parametrize(
    ("link", "answer", "errors"),
    [
        ("listen", {"port": 4001, CONF_PEER: "my gateway"}, {CONF_PEER: "not_an_ip_address"}),
        ("tcp", {"host": "http://gateway", "port": 4001}, {"host": "not_a_host"}),
        ("tcp", {"host": "  ", "port": 4001}, {"host": "not_a_host"}),
    ],
)
async def test_refused_before_anything_is_tried(
    hass: HomeAssistant, link: str, answer: dict[str, Any], errors: dict[str, str]
) -> None:
    result = await submit(hass, await open_form(hass, link), answer)
    assert result["errors"] == errors
    assert suggested(result) == answer


def filled(result: Result) -> Mapping[str, str]:
    """The values of the placeholders of what is shown."""
    return result["description_placeholders"] or {}


def suggested(result: Result) -> dict[str, Any]:
    schema = result["data_schema"]
    assert schema is not None
    return {
        str(key): key.description["suggested_value"]
        for key in schema.schema
        if key.description and "suggested_value" in key.description
    }


async def test_port_taken_then_free(hass: HomeAssistant, studer: StuderSimulator, port: int) -> None:
    with socket.socket() as stranger:
        stranger.bind(("0.0.0.0", port))
        stranger.listen()
        result = await submit(hass, await open_form(hass, "listen"), {"port": port})
    assert result["errors"] == {"base": "port_taken"}
    assert filled(result)["port"] == str(port)
    assert suggested(result) == {"port": port}
    await studer.dial("127.0.0.1", port)
    found = await submit(hass, result, {"port": port})
    assert found["step_id"] == "studer_found"
    hass.config_entries.flow.async_abort(found["flow_id"])
    assert_nothing_open(hass)


async def test_nobody_calls_then_somebody_does(hass: HomeAssistant, studer: StuderSimulator, port: int) -> None:
    with patch.object(config_flow, "CONNECT_WAIT", 0.2):
        result = await submit(hass, await open_form(hass, "listen"), {"port": port, CONF_PEER: "127.0.0.1"})
    assert result["step_id"] == "studer_listen"
    assert result["errors"] == {"base": "nobody_called"}
    assert suggested(result) == {"port": port, CONF_PEER: "127.0.0.1"}
    assert not _Listener.running
    await studer.dial("127.0.0.1", port)
    found = await submit(hass, result, {"port": port})
    assert found["step_id"] == "studer_found"
    hass.config_entries.flow.async_abort(found["flow_id"])


async def test_gateway_is_silent(hass: HomeAssistant, studer: StuderSimulator, port: int) -> None:
    studer.faults.set("silence")
    await studer.dial("127.0.0.1", port)
    result = await submit(hass, await open_form(hass, "listen"), {"port": port})
    assert result["errors"] == {"base": "no_answer"}
    # The frontend fetches the form again when it hears that the progress is over.
    result = await hass.config_entries.flow.async_configure(result["flow_id"])
    assert result["errors"] == {"base": "no_answer"}
    studer.faults.clear("silence")
    found = await submit(hass, result, {"port": port})
    assert found["step_id"] == "studer_found"
    hass.config_entries.flow.async_abort(found["flow_id"])


async def test_no_device_behind_the_gateway(hass: HomeAssistant, port: int) -> None:
    empty = StuderSimulator(house=House(seed=1, speed=0), pace=0.0, xtenders=0, variostrings=0, battery="")
    await empty.dial("127.0.0.1", port)
    result = await submit(hass, await open_form(hass, "listen"), {"port": port})
    assert result["errors"] == {"base": "no_device"}
    hass.config_entries.flow.async_abort(result["flow_id"])
    await empty.close()


async def test_nothing_at_that_address(hass: HomeAssistant, port: int) -> None:
    result = await submit(hass, await open_form(hass, "tcp"), {"host": "127.0.0.1", "port": port})
    assert result["errors"] == {"base": "link_failed"}
    hass.config_entries.flow.async_abort(result["flow_id"])


async def test_no_gateway_at_that_address(hass: HomeAssistant, socket_enabled: None) -> None:
    async def talk_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(100):
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(talk_nonsense, "127.0.0.1", 0)
    there = server.sockets[0].getsockname()[1]
    result = await submit(hass, await open_form(hass, "tcp"), {"host": "127.0.0.1", "port": there})
    assert result["errors"] == {"base": "no_answer"}
    hass.config_entries.flow.async_abort(result["flow_id"])
    await hass.async_block_till_done()
    server.close()
    await server.wait_closed()


async def test_unexpected_error(
    hass: HomeAssistant, studer: StuderSimulator, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    await studer.dial("127.0.0.1", port)
    with patch.object(Probe, "async_identify", side_effect=RuntimeError("surprise")):
        result = await submit(hass, await open_form(hass, "listen"), {"port": port})
    assert result["errors"] == {"base": "unknown"}
    assert "surprise" in caplog.text
    found = await submit(hass, result, {"port": port})
    assert found["step_id"] == "studer_found"
    hass.config_entries.flow.async_abort(found["flow_id"])
    assert_nothing_open(hass)


async def test_cancelled_while_waiting(hass: HomeAssistant, port: int) -> None:
    waiting = await advance(hass, await open_form(hass, "listen"), {"port": port})
    async with asyncio.timeout(10):
        while not _Listener.running:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    hass.config_entries.flow.async_abort(waiting["flow_id"])
    await hass.async_block_till_done()
    assert_nothing_open(hass)


async def test_cancelled_while_identifying(hass: HomeAssistant, studer: StuderSimulator, port: int) -> None:
    studer.faults.set("silence")
    await studer.dial("127.0.0.1", port)
    result = await advance(hass, await open_form(hass, "listen"), {"port": port})
    while result.get("progress_action") != "identify":
        await asyncio.sleep(0.02)
        result = await hass.config_entries.flow.async_configure(result["flow_id"])
    hass.config_entries.flow.async_abort(result["flow_id"])
    await hass.async_block_till_done()
    assert_nothing_open(hass)


async def test_same_installation_twice(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, port: int
) -> None:
    """Its only gateway is with the entry that exists, so nobody else calls the port."""
    with patch.object(config_flow, "CONNECT_WAIT", 0.3):
        result = await submit(hass, await open_form(hass, "listen"), {"port": port})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert entry.state is ConfigEntryState.LOADED
    assert studer.connected


async def test_same_installation_by_another_way(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator
) -> None:
    there = await studer.listen()
    result = await submit(hass, await open_form(hass, "tcp"), {"host": "127.0.0.1", "port": there})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


async def test_reconfigure_to_the_same_device(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, port: int
) -> None:
    result = await entry.start_reconfigure_flow(hass)
    assert_translated(result)
    form = await advance(hass, result, {"next_step_id": "studer_listen"})
    assert suggested(form) == {"port": port}
    result = await submit(hass, form, {"port": port, CONF_PEER: "127.0.0.1"})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.data[CONF_PEER] == "127.0.0.1"
    assert entry.state is ConfigEntryState.LOADED


async def test_reconfigure_to_another_device(
    hass: HomeAssistant, entry: MockConfigEntry, other: StuderSimulator, port: int
) -> None:
    there = await other.listen()
    form = await advance(hass, await entry.start_reconfigure_flow(hass), {"next_step_id": "studer_tcp"})
    result = await submit(hass, form, {"host": "127.0.0.1", "port": there})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "wrong_device"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.data == {CONF_FAMILY: "studer", CONF_LINK: "listen", "port": port}
    assert entry.state is ConfigEntryState.LOADED


async def test_reconfigure_fails_and_the_entry_runs_on(
    hass: HomeAssistant, entry: MockConfigEntry, studer: StuderSimulator, port: int
) -> None:
    set_connect_wait(30.0)
    form = await advance(hass, await entry.start_reconfigure_flow(hass), {"next_step_id": "studer_listen"})
    with patch.object(config_flow, "CONNECT_WAIT", 0.2):
        result = await submit(hass, form, {"port": port, CONF_PEER: "192.0.2.1"})
    assert result["errors"] == {"base": "nobody_called"}
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.state is ConfigEntryState.LOADED
    hass.config_entries.flow.async_abort(result["flow_id"])


async def test_reconfigure_is_cancelled_and_the_entry_runs_on(
    hass: HomeAssistant, entry: MockConfigEntry, port: int
) -> None:
    set_connect_wait(30.0)
    form = await advance(hass, await entry.start_reconfigure_flow(hass), {"next_step_id": "studer_listen"})
    waiting = await advance(hass, form, {"port": port, CONF_PEER: "192.0.2.1"})
    assert waiting["type"] is FlowResultType.SHOW_PROGRESS
    # It is unloaded in the background; the dialog may be closed in the middle of that.
    await asyncio.sleep(0)
    hass.config_entries.flow.async_abort(waiting["flow_id"])
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.state is ConfigEntryState.LOADED


async def test_reconfigure_to_the_link_of_another_entry(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    data = {CONF_FAMILY: "studer", CONF_LINK: "tcp", "host": "192.0.2.7", "port": 4001}
    MockConfigEntry(domain=DOMAIN, unique_id="studer-else", data=data).add_to_hass(hass)
    form = await advance(hass, await entry.start_reconfigure_flow(hass), {"next_step_id": "studer_tcp"})
    result = await submit(hass, form, {"host": "192.0.2.7", "port": 4001})
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


async def test_two_gateways_on_one_port(
    hass: HomeAssistant, entry: MockConfigEntry, other: StuderSimulator, port: int
) -> None:
    """The gateway of the entry keeps its place, the other one goes to the dialog."""
    waiting = await advance(hass, await open_form(hass, "listen"), {"port": port})
    (listener,) = _Listener.running.values()
    async with asyncio.timeout(10):
        while len(listener.wires) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    # Both come from the same machine here; to the listener they are told apart by address only.
    with patch("custom_components.local_solar.solarlink.links.listener._Listener.wire_for", _last_wire):
        await other.dial("127.0.0.1", port)
        found = await after_progress(hass, waiting)
    assert found["step_id"] == "studer_found"
    assert OTHER_GUID in filled(found)["devices"]
    hass.config_entries.flow.async_abort(found["flow_id"])
    assert entry.state is ConfigEntryState.LOADED


def _last_wire(listener: Any, peer: str) -> Any:
    return listener.wires[-1]


async def test_a_link_menu_of_one_is_left_out(hass: HomeAssistant) -> None:
    studer = FAMILIES["studer"]
    one = type(studer)(links={"tcp": studer.links["tcp"]})
    with patch.dict(FAMILIES, {"studer": one}):
        result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
        result = await advance(hass, result, {"next_step_id": "studer"})
    assert result["step_id"] == "studer_tcp"


async def test_options(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    form = await hass.config_entries.options.async_init(entry.entry_id)
    assert_translated(form)
    assert form["step_id"] == "studer"
    done = await hass.config_entries.options.async_configure(form["flow_id"], opened(form) | {CONF_INTERVAL: 10})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.options[CONF_INTERVAL] == 10
    assert entry.state is ConfigEntryState.LOADED
    assert entry.runtime_data.update_interval.total_seconds() == 10


async def test_a_cancelled_find_can_be_added_later(hass: HomeAssistant, studer: StuderSimulator, port: int) -> None:
    await studer.dial("127.0.0.1", port)
    for _ in range(2):
        found = await submit(hass, await open_form(hass, "listen"), {"port": port})
        assert found["step_id"] == "studer_found"
        hass.config_entries.flow.async_abort(found["flow_id"])
    assert_nothing_open(hass)


async def test_entry_is_removed_while_it_is_being_changed(
    hass: HomeAssistant, entry: MockConfigEntry, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    form = await advance(hass, await entry.start_reconfigure_flow(hass), {"next_step_id": "studer_listen"})
    waiting = await advance(hass, form, {"port": port, CONF_PEER: "192.0.2.1"})
    await hass.config_entries.async_remove(entry.entry_id)
    hass.config_entries.flow.async_abort(waiting["flow_id"])
    await hass.async_block_till_done(wait_background_tasks=True)
    assert_nothing_open(hass)
    assert "Error" not in caplog.text


async def test_own_address_is_not_known(hass: HomeAssistant) -> None:
    with patch.object(network, "async_get_source_ip", side_effect=HomeAssistantError):
        result = await open_form(hass, "listen")
    assert filled(result)["local_address"] == "?"


async def test_own_address_is_shown(hass: HomeAssistant) -> None:
    with patch.object(network, "async_get_source_ip", return_value="192.168.1.2"):
        result = await open_form(hass, "listen")
    assert filled(result)["local_address"] == "192.168.1.2"


async def test_probe_that_is_closed_before_it_is_open(hass: HomeAssistant, port: int) -> None:
    probe = Probe(hass, "studer", "listen", {"port": port})
    await probe.async_close()
    with pytest.raises(LinkClosedError):
        await probe.async_connect(1)
    await probe.async_close()
