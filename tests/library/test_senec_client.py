"""The SENEC.Home client against simulated appliances, over HTTP and HTTPS."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from custom_components.local_solar.solarlink.client import Installation
from custom_components.local_solar.solarlink.errors import (
    BadAddressError,
    BadAnswerError,
    DeviceBusyError,
    DeviceRefusedError,
    LinkClosedError,
    LinkError,
    NoAnswerError,
    NoLocalServerError,
    NotSupportedError,
    SolarError,
    UnknownPointError,
    WrongDeviceError,
)
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.address import LinkAddress
from custom_components.local_solar.solarlink.links.tls import short
from custom_components.local_solar.solarlink.points import Ref
from custom_components.local_solar.solarlink.senec import FAMILY, client as client_module, exchange, open_client
from custom_components.local_solar.solarlink.senec.codec import encode_request
from custom_components.local_solar.solarlink.senec.exchange import redact
from simulators.senec.profiles import NAMES

from .conftest import free_port
from .rig import measured, values
from .senec_rig import FAST, HASTY, HOST, Rig, shown

pytestmark = pytest.mark.usefixtures("socket_enabled")

PROFILES = tuple(name for name in NAMES if name != "not_a_senec")
POWER = Ref("appliance", "grid_power")
STATE = Ref("appliance", "system_state")


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with Rig() as rig:
        yield rig


# Finding out


@pytest.mark.parametrize("profile", PROFILES)
async def test_every_appliance_is_known_and_read_whole_in_one_request(rig: Rig, profile: str) -> None:
    sim, client = await rig.known(profile)
    installation = client.installation
    assert installation.root.serial == sim.device_id
    assert installation.root.firmware == f"{sim.profile.application:04}"
    assert json.loads(json.dumps(installation.facts)) == installation.facts
    ids = [unit.id for unit in installation.all_units]
    assert len(set(ids)) == len(ids)
    serials = [unit.serial for unit in installation.all_units]
    assert len(set(serials)) == len(serials)
    assert sum(unit.kind == "battery_module" for unit in installation.units) == sim.profile.modules
    assert sum(unit.kind == "wallbox" for unit in installation.units) == sim.profile.wallboxes
    assert any(unit.kind == "house_meter" for unit in installation.units) == sim.profile.second_meter
    assert any(unit.kind == "inverter" for unit in installation.units) == sim.profile.v3
    report = await client.read(measured(client))
    assert report.failed == {}
    assert set(report.readings) == set(measured(client))
    assert [request.size for request in sim.requests] == [pytest.approx(2000, abs=2000)]


async def test_a_duo_with_everything_it_has(rig: Rig) -> None:
    _, client = await rig.known("v3_duo")
    root = client.installation.root
    assert (root.model, root.hardware, root.mac) == ("SENEC.Home V3 hybrid duo", "image 2411", "02:5e:4c:10:00:05")
    assert [unit.id for unit in client.installation.units] == [
        "battery", "module_a", "module_b", "module_c", "module_d", "inverter", "grid_meter",
    ]  # fmt: skip
    inverter = client.installation.unit("inverter")
    module = client.installation.unit("module_b")
    assert inverter
    assert module
    assert (inverter.model, inverter.firmware) == ("V3 LV", "HMI: 3.16.20 PU: 4.3.10 BDC: 5.4.6")
    assert inverter.serial == "900001AA000000000005"
    assert module.address == 1
    assert "cell_voltage_14" in client.points(module)
    assert "cell_voltage_15" not in client.points(module)
    assert "mpp_3_power" in client.points(inverter)
    assert "startup_state_2" in client.points(inverter)


async def test_cells_inputs_and_counters_follow_the_machine(rig: Rig) -> None:
    _, lfp = await rig.known("v3_duo_lfp")
    module = lfp.installation.unit("module_a")
    assert module
    assert "cell_voltage_16" in lfp.points(module)
    reading = values(await lfp.read([Ref("module_a", "cell_temperature_1"), Ref("module_a", "module_problem")]))
    assert 0 < reading[Ref("module_a", "cell_temperature_1")] < 50
    assert reading[Ref("module_a", "module_problem")] is False
    assert lfp.installation.unit("module_c") is None

    _, hybrid = await rig.known("v3_hybrid")
    inverter = hybrid.installation.unit("inverter")
    assert inverter
    assert "mpp_2_power" in hybrid.points(inverter)
    assert not {"mpp_3_power", "startup_state_2"} & set(hybrid.points(inverter))
    assert "pv_energy_counter" not in hybrid.points(hybrid.installation.root)
    assert "pv_energy" in hybrid.points(hybrid.installation.root)

    _, old = await rig.known("v2_1_http")
    assert "pv_energy_counter" in old.points(old.installation.root)
    assert "backup_power" not in old.points(old.installation.units[0])


async def test_identify_tells_its_progress_and_asks_little(rig: Rig) -> None:
    sim, port = await rig.sim("v3_duo")
    client = rig.client(port)
    progress: list[tuple[float, str]] = []
    await client.identify(lambda share, name: progress.append((share, name)))
    assert [share for share, _ in progress] == sorted(share for share, _ in progress)
    assert progress[-1][0] == 1.0
    assert len(sim.requests) <= 5
    assert all(request.size < 4000 for request in sim.requests)
    assert sim.requests[0].body == {"FACTORY": {"SYS_TYPE": "", "COUNTRY": "", "DEVICE_ID": ""}}
    assert {request.content_type for request in sim.requests} == {"application/json"}
    assert sim.writes == []


async def test_a_serial_number_that_is_not_told_any_more_is_kept(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    before = client.installation
    sim.set("PV1", "INTERNAL_MD_SERIAL", ["FORBIDDEN (level 2)", "FORBIDDEN (level 2)"])
    after = await client.identify()
    assert [unit.serial for unit in after.all_units] == [unit.serial for unit in before.all_units]


async def test_an_appliance_that_starts_is_not_surveyed(rig: Rig) -> None:
    sim, client = await rig.known("v3_wallbox")
    sim.set("WIZARD", "CONFIG_LOADED", "u8_00")
    before = client.installation
    with pytest.raises(DeviceBusyError):
        await client.identify()
    assert client.installation == before


async def test_before_identify_there_is_no_installation(rig: Rig) -> None:
    client = rig.client(free_port())
    with pytest.raises(AttributeError):
        _ = client.installation


# The way to it


async def test_http_is_found_by_itself_and_kept(rig: Rig) -> None:
    sim, port = await rig.sim("v2_1_http")
    client = rig.client(port)
    installation = await client.identify()
    assert installation.facts["scheme"] == "http"
    assert installation.facts["certificate"] == ""
    sim.requests.clear()
    again = rig.client(port)
    again.expect(installation)
    exchanges = again.stats.exchanges
    values(await again.read([POWER]))
    # One to greet it, one to read: the other scheme is not tried.
    assert again.stats.exchanges - exchanges == 2


async def test_a_redirect_to_https_is_obeyed_with_the_same_question(rig: Rig) -> None:
    sim, _ = await rig.sim("v3_hybrid", redirect=True)
    http = await sim.listen(HOST, 0, tls=False)
    client = rig.client(http, scheme="http")
    installation = await client.identify()
    assert installation.facts["scheme"] == "https"
    assert installation.facts["certificate"] == sim.certificate_sha256
    values(await client.read([POWER]))
    assert {request.scheme for request in sim.requests} == {"https"}
    assert all(request.body for request in sim.requests)


async def test_new_firmware_speaks_https_and_old_firmware_http_again(rig: Rig) -> None:
    sim, port = await rig.sim("v2_1_http")
    client = rig.client(port, timing=HASTY)
    await client.identify()
    await sim.stop_listening(port)
    await sim.listen(HOST, port, tls=True)
    for _ in range(exchange.DOUBTFUL):
        with pytest.raises(SolarError):
            await client.read([POWER])
    values(await client.read([POWER]))
    await sim.stop_listening(port)
    await sim.listen(HOST, port, tls=False)
    # The other scheme is tried at most once in five minutes.
    for _ in range(exchange.DOUBTFUL + 1):
        with pytest.raises(SolarError):
            await client.read([POWER])


async def test_a_machine_that_is_no_senec(rig: Rig) -> None:
    _, port = await rig.sim("not_a_senec", tls=False)
    with pytest.raises(NoLocalServerError, match="V4, E4 and P4 have no local server"):
        await rig.client(port).identify()


async def test_a_machine_without_any_server(rig: Rig) -> None:
    with pytest.raises(NoLocalServerError, match=HOST):
        await rig.client(free_port()).connect(1.0)


async def test_connecting_takes_no_longer_than_it_may(rig: Rig) -> None:
    sim, port = await rig.sim("v3_duo")
    sim.faults.set("silence")
    client = rig.client(port)
    with pytest.raises(LinkError, match="no answer"):
        await client.connect(0.2)
    sim.faults.clear()
    await client.connect(5.0)
    assert client.connected


async def test_a_known_appliance_that_is_away_is_only_away(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    await sim.close()
    with pytest.raises(LinkError) as caught:
        await client.identify()
    assert not isinstance(caught.value, NoLocalServerError)


async def test_json_of_something_else_is_no_senec(rig: Rig) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"ok": false}')
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    with pytest.raises(NoLocalServerError):
        await rig.client(server.sockets[0].getsockname()[1], scheme="http", timing=HASTY).identify()
    server.close()
    await server.wait_closed()


def test_addresses() -> None:
    assert FAMILY.schemes == ("https", "http")
    with pytest.raises(BadAddressError):
        open_client(LinkAddress("tcp", HOST, 80), journal=Journal())
    with pytest.raises(BadAddressError):
        open_client(LinkAddress("https"), journal=Journal())


# Identity


async def test_another_appliance_at_the_address(rig: Rig) -> None:
    _, client = await rig.known("v3_duo")
    other, port = await rig.sim("v3_hybrid")
    stranger = rig.client(port)
    stranger.expect(client.installation)
    with pytest.raises(WrongDeviceError, match=client.installation.root.serial) as caught:
        await stranger.read([POWER])
    assert caught.value.details["found"] == other.device_id
    assert len(other.requests) == 1


async def test_the_address_may_change(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    port = await sim.listen(HOST, 0, tls=True)
    moved = rig.client(port)
    moved.expect(client.installation)
    assert values(await moved.read([STATE]))
    assert moved.troubles == {}


async def test_facts_make_a_restart_cheap(rig: Rig) -> None:
    sim, client = await rig.known("v3_wallbox")
    stored = json.loads(json.dumps(client.installation.facts))
    again = rig.client(sim._sites[0].port)
    again.expect(Installation(client.installation.root, client.installation.units, stored))
    for unit in client.installation.all_units:
        assert list(again.points(unit)) == list(client.points(unit))
    sim.requests.clear()
    values(await again.read(shown(again)))
    assert len(sim.requests) == 2


async def test_facts_of_an_older_version_are_enough(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    again = rig.client(sim._sites[0].port)
    again.expect(Installation(client.installation.root, client.installation.units))
    assert values(await again.read([POWER]))


# The certificate


async def test_a_changed_certificate_is_told_and_nothing_stops(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    old = sim.certificate_sha256
    assert client.installation.facts["certificate"] == old
    assert client.troubles == {}
    sim.swap_certificate()
    values(await client.read([POWER]))
    trouble = client.troubles["certificate_changed"]
    assert (trouble["old"], trouble["new"]) == (short(old), short(sim.certificate_sha256))
    # Looking again does not make it trusted.
    await client.identify()
    assert client.installation.facts["certificate"] == old
    assert "certificate_changed" in client.troubles
    accepted = client.accept_certificate()
    assert client.troubles == {}
    assert accepted.facts["certificate"] == sim.certificate_sha256
    assert client.installation == accepted
    values(await client.read([POWER]))
    assert client.troubles == {}


async def test_a_certificate_that_changed_while_we_were_away(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    sim.swap_certificate()
    again = rig.client(sim._sites[0].port)
    again.expect(client.installation)
    values(await again.read([POWER]))
    assert set(again.troubles) == {"certificate_changed"}


async def test_the_root_of_the_maker(rig: Rig) -> None:
    sim, port = await rig.sim("v3_duo")
    client = rig.client(port, settings={"ca_pem": sim.root_pem})
    await client.identify()
    sim.swap_certificate()
    values(await client.read([POWER]))
    # The same root has signed the new one.
    assert client.troubles == {}
    sim.swap_certificate(root=True)
    with pytest.raises(LinkError, match="not signed by the given root"):
        await client.read([POWER])


# The session


async def test_the_cookie_is_sent_back(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    await client.read([POWER])
    assert sim.requests[-1].session


async def test_a_cookie_that_does_not_come_is_asked_for_once(rig: Rig) -> None:
    sim, port = await rig.sim("v3_duo")
    sim.faults.set("no_cookie", count=1)
    client = rig.client(port)
    await client.identify()
    assert [write.field for write in sim.writes] == ["LOG_OUT_BUTT"]
    await client.read([POWER])
    assert sim.requests[-1].session


async def test_no_cookie_is_no_trouble(rig: Rig) -> None:
    sim, port = await rig.sim("v3_duo")
    sim.faults.set("no_cookie")
    client = rig.client(port)
    await client.identify()
    values(await client.read([POWER]))
    assert client.troubles == {}


async def test_old_images_are_not_asked_for_a_cookie(rig: Rig) -> None:
    sim, _ = await rig.known("v3_hybrid")
    assert sim.writes == []


# Reading


async def test_one_request_per_cycle_with_exactly_what_is_wanted(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    refs = [
        POWER,
        STATE,
        Ref("grid_meter", "power_l1"),
        Ref("grid_meter", "power_l2"),
        Ref("module_a", "state_of_charge"),
    ]
    values(await client.read(refs))
    (request,) = sim.requests
    assert request.body == {
        "ENERGY": {"GUI_GRID_POW": "", "STAT_STATE": ""},
        "PM1OBJ1": {"P_AC": ""},
        "BMS": {"SOC": ""},
    }
    assert len({client.group(ref) for ref in refs}) == 1


async def test_the_usual_entities_are_a_small_request(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    values(await client.read(shown(client)))
    (request,) = sim.requests
    assert request.size < 800


async def test_an_answer_is_one_snapshot(rig: Rig) -> None:
    _, client = await rig.known("v3_duo")
    refs = [POWER, *(Ref("appliance", key) for key in ("pv_power", "house_power")), Ref("battery", "battery_power")]
    grid, pv, house, battery = values(await client.read(refs)).values()
    assert house == pytest.approx(grid + pv + battery, abs=0.01)


async def test_nothing_to_read_is_no_request(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    report = await client.read([])
    assert (report.readings, report.failed, sim.requests) == ({}, {}, [])


async def test_points_that_are_not_read(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    wrong = [Ref("nowhere", "grid_power"), Ref("appliance", "nothing"), Ref("appliance", "pv_energy_counter")]
    made = [Ref("appliance", "pv_energy"), Ref("appliance", "force_charge_target")]
    report = await client.read([POWER, *wrong, *made])
    assert list(report.readings) == [POWER]
    assert {type(report.failed[ref]) for ref in wrong} == {UnknownPointError}
    assert {type(report.failed[ref]) for ref in made} == {NotSupportedError}
    assert sim.requests[0].fields == ["ENERGY.GUI_GRID_POW"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("malformed", DeviceRefusedError),
        ("not_readable", DeviceRefusedError),
        ("er", DeviceRefusedError),
        ("unknown_prefix", BadAnswerError),
        ("wrong_digits", BadAnswerError),
        ("field_lost", NotSupportedError),
        ("forbidden", NotSupportedError),
    ],
)
async def test_one_bad_field_costs_only_itself(rig: Rig, fault: str, error: type[SolarError]) -> None:
    sim, client = await rig.known("v3_duo")
    house = Ref("appliance", "house_power")
    sim.faults.set(fault, 2, count=1)
    report = await client.read([POWER, house, STATE])
    assert set(report.readings) == {POWER, STATE}
    assert type(report.failed[house]) is error
    sim.requests.clear()
    report = await client.read([POWER, house, STATE])
    assert ("ENERGY.GUI_HOUSE_POW" in sim.requests[0].fields) is (error is not NotSupportedError)
    if error is not NotSupportedError:
        assert house in report.readings


@pytest.mark.parametrize("fault", ["nan", "infinity"])
async def test_what_is_no_number_is_no_value(rig: Rig, fault: str) -> None:
    sim, client = await rig.known("v3_duo")
    sim.faults.set(fault, 1, count=1)
    report = values(await client.read([POWER, STATE]))
    assert report[POWER] is None
    assert report[STATE] is not None


async def test_what_comes_garbled_is_counted(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    sim, client = await rig.known("v3_duo")
    sim.faults.set("unknown_prefix", 1, count=3)
    for _ in range(3):
        await client.read([POWER, STATE])
    assert client.garbled == {"ENERGY.GUI_GRID_POW": 3}
    assert sum("GUI_GRID_POW" in record.getMessage() for record in caplog.records) == 1


async def test_a_section_that_is_gone(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    sim.faults.set("object_not_found")
    sim.set("TEMPMEASURE", "CASE_TEMP", "OBJECT_NOT_FOUND")
    report = await client.read([POWER, Ref("appliance", "case_temperature")])
    assert isinstance(report.failed[Ref("appliance", "case_temperature")], NotSupportedError)
    assert POWER in report.readings


async def test_what_a_firmware_does_not_have_is_asked_again_with_the_next(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    sim.set("ENERGY", "GUI_HOUSE_POW", "VARIABLE_NOT_FOUND")
    house = Ref("appliance", "house_power")
    assert house in (await client.read([house, POWER])).failed
    sim.set("ENERGY", "GUI_HOUSE_POW", None)
    assert house in (await client.read([house, POWER])).failed
    sim.set("WIZARD", "APPLICATION_VERSION", "st_0899")
    sim.faults.set("html", count=1)
    with pytest.raises(BadAnswerError):
        await client.read([POWER])
    # After a failure the firmware is looked at again, and what it did not have is asked for with the next read.
    await client.read([POWER])
    assert client.installation.root.firmware == "0899"
    assert house in values(await client.read([house, POWER]))


async def test_an_update_that_takes_the_counters_away(rig: Rig) -> None:
    sim, client = await rig.known("v2_1_http")
    counter = Ref("appliance", "pv_energy_counter")
    assert values(await client.read([counter]))[counter] > 0
    sim.update("v2_1_https")
    report = await client.read([counter, POWER])
    assert isinstance(report.failed[counter], NotSupportedError)
    assert POWER in report.readings


async def test_an_unknown_state_and_its_words(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    sim.faults.set("unknown_state", 101)
    refs = [Ref("appliance", key) for key in ("system_state", "state_code", "state_text")]
    before = client.stats.exchanges
    report = values(await client.read(refs))
    assert report[refs[0]] is None
    assert report[refs[1]] == 101
    assert report[refs[2]]
    again = (await client.read(refs)).readings
    assert again[refs[0]].details == {"code": 101, "text": report[refs[2]]}
    assert not again[refs[1]].details
    # One page for the words, and only once.
    assert client.stats.exchanges - before == 3


async def test_words_are_looked_for_in_german_and_not_again(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    sim.faults.set("unknown_state", 177)
    refs = [Ref("appliance", "state_code"), Ref("appliance", "state_text")]
    before = client.stats.exchanges
    for _ in range(3):
        assert values(await client.read(refs)) == {refs[0]: 177, refs[1]: None}
    assert client.stats.exchanges - before == 3 + 2


async def test_words_are_not_fetched_for_nobody(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    sim.faults.set("unknown_state", 101)
    before = client.stats.exchanges
    await client.read([Ref("appliance", "state_code")])
    assert client.stats.exchanges - before == 1


async def test_more_than_one_request_holds_goes_into_a_second(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    sim, client = await rig.known("v3_duo")
    monkeypatch.setattr(client_module, "pack", lambda fields: client_pack(fields, 1500))
    refs = measured(client)
    report = await client.read(refs)
    assert set(values(report)) == set(refs)
    assert 2 <= len(sim.requests) <= 4
    assert "ENERGY.GUI_GRID_POW" in sim.requests[0].fields
    # A failure of a later one costs only what was in it.
    sim.faults.set("html", count=1)
    first = client._exchange.ask
    asked = 0

    async def second_fails(*args: Any, **options: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise NoAnswerError(device="It", seconds=1.0)
        return await first(*args, **options)

    sim.faults.clear()
    monkeypatch.setattr(client._exchange, "ask", second_fails)
    report = await client.read(refs)
    assert POWER in report.readings
    assert {type(error) for error in report.failed.values()} == {NoAnswerError}
    assert set(report.readings) | set(report.failed) == set(refs)


def client_pack(fields: Any, longest: int) -> Any:
    from custom_components.local_solar.solarlink.senec.pack import pack

    requests = pack(fields, longest)
    assert all(len(encode_request(request)) <= longest for request in requests)
    return requests


@pytest.mark.parametrize(
    ("fault", "argument", "key", "unit"),
    [
        ("no_mcu_sensor", None, "controller_temperature", "appliance"),
        ("nonsense_temperatures", -126.0, "battery_temperature", "battery"),
        ("spike", 200000.0, "grid_power", "appliance"),
        ("no_battery_data", None, "state_of_charge", "battery"),
    ],
)
async def test_nonsense_is_left_out(rig: Rig, fault: str, argument: float | None, key: str, unit: str) -> None:
    sim, client = await rig.known("v3_duo")
    ref = Ref(unit, key)
    assert values(await client.read([ref]))[ref] is not None
    sim.faults.set(fault, argument)
    assert values(await client.read([ref]))[ref] is None


# Damage and silence


@pytest.mark.parametrize("fault", ["cut_body", "stray_text"])
async def test_a_damaged_answer_is_asked_for_once_more(rig: Rig, fault: str) -> None:
    sim, client = await rig.known("v3_duo")
    sim.faults.set(fault, count=1)
    values(await client.read([POWER]))
    assert len(sim.requests) == 2
    assert client.stats.retries == 1
    sim.faults.set(fault, count=2)
    with pytest.raises(BadAnswerError):
        await client.read([POWER])
    values(await client.read([POWER]))


async def test_escaped_quotation_marks_are_read_at_once(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    sim.faults.set("escaped_quotes", count=1)
    values(await client.read([POWER]))
    assert len(sim.requests) == 1


@pytest.mark.parametrize(("fault", "argument"), [("html", None), ("http_error", 503.0)])
async def test_a_web_page_is_a_failed_poll_and_not_repeated(rig: Rig, fault: str, argument: float | None) -> None:
    sim, client = await rig.known("v3_duo")
    sim.faults.set(fault, argument)
    with pytest.raises(BadAnswerError):
        await client.read([POWER])
    assert len(sim.requests) == 1


async def test_silence_is_not_repeated(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo", timing=HASTY)
    sim.faults.set("silence")
    with pytest.raises(NoAnswerError, match=r"SENEC\.Home did not answer"):
        await client.read([POWER])
    assert len(sim.requests) == 1
    assert not client.connected
    sim.faults.clear()
    values(await client.read([POWER]))
    assert client.connected


async def test_a_dropped_connection_is_replaced(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    sim.drop()
    values(await client.read([POWER]))
    sim.faults.set("reset", count=1)
    values(await client.read([POWER]))


async def test_a_restart_of_the_appliance(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo", timing=HASTY)
    sim.reboot()
    with pytest.raises(SolarError):
        await client.read([POWER])
    sim.advance(301.0)
    report = values(await client.read([POWER, Ref("battery", "state_of_charge")]))
    # The zeros of the first minute are none of the battery.
    assert report[Ref("battery", "state_of_charge")] is None
    sim.advance(61.0)
    assert values(await client.read([Ref("battery", "state_of_charge")])) != {Ref("battery", "state_of_charge"): None}


async def test_after_failures_polls_fail_at_once_and_people_do_not(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo", timing=replace(FAST, first_hold_off=60.0, longest_hold_off=90.0))
    assert client.hold_off == 0
    sim.faults.set("html")
    with pytest.raises(BadAnswerError) as first:
        await client.read([POWER])
    assert 54 <= client.hold_off <= 66
    asked = len(sim.requests)
    with pytest.raises(BadAnswerError) as second:
        await client.read([POWER])
    assert str(second.value) == str(first.value)
    assert len(sim.requests) == asked
    with pytest.raises(SolarError):
        await client.identify()
    assert len(sim.requests) > asked
    assert 81 <= client.hold_off <= 99
    sim.faults.clear()
    await client.identify()
    assert client.hold_off == 0
    values(await client.read([POWER]))


async def test_a_second_failure_does_not_hide_the_first_reason(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    await sim.close()
    for _ in range(2):
        with pytest.raises(LinkError, match="No connection"):
            await client.read([POWER])


async def test_closing_ends_everything(rig: Rig) -> None:
    sim, client = await rig.known("v3_duo")
    sim.faults.set("silence")
    reading = asyncio.create_task(client.read([POWER]))
    while not sim.requests:  # noqa: ASYNC110 - the simulator has no event for it
        await asyncio.sleep(0.001)
    await client.close()
    with pytest.raises(LinkClosedError):
        await reading
    with pytest.raises(LinkClosedError):
        await client.read([POWER])
    await client.close()


# An appliance in distress


async def test_no_server_connection_for_long_while_polled_often(rig: Rig) -> None:
    now = 1000.0
    sim, client = await rig.known("v3_duo")
    client._clock = lambda: now

    async def poll(seconds: float, every: float) -> None:
        nonlocal now
        end = now + seconds
        while now < end:
            now += every
            values(await client.read([STATE]))

    sim.faults.set("no_server_connection")
    await poll(60, 10)
    assert client.troubles == {}
    await poll(860, 10)
    assert client.troubles["device_overloaded"]["seconds"] == "10"
    sim.faults.clear()
    await poll(10, 10)
    assert client.troubles == {}
    sim.faults.set("no_server_connection")
    await poll(1200, 60)
    assert client.troubles == {}


# Secrets


async def test_the_trace_tells_nothing_of_who_it_is(rig: Rig) -> None:
    sim, client = await rig.known("v3_wallbox")
    await client.read(measured(client))
    kept = b"".join(record.data for record in client.trace)
    assert b"ENERGY" in kept
    secrets = [sim.device_id, "900001AA", "u8_4C", *(unit.serial for unit in client.installation.units)]
    assert [secret for secret in secrets if secret.encode() in kept] == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"FACTORY":{"DEVICE_ID":"st_9021"},"A":"u8_01"}',
        b'{\\"FACTORY\\":{\\"DEVICE_ID\\":\\"st_9021\\"}}',
        b'{"FACTORY":{"DEVICE_ID":"st_9021',
        b'{"BMS":{"SERIAL":["st_9021","st_2"],"SN":["u3_00009021"]}}',
        b'{"BMS":{"SERIAL":["st_1","st_9021',
        b'{"WIZARD":{"MAC_ADDRESS_BYTES" : [ "u8_90", "9021" ]}}',
        b'{"PV1":{"INTERNAL_MD_SERIAL":["st_9021"],"INV_SERIAL":["st_9021"]},"WALLBOX":{"SERIAL_NUMBER":["9021"]}}',
    ],
)
def test_secrets_are_taken_out_of_whole_and_of_damaged_bodies(body: bytes) -> None:
    assert b"9021" not in redact(body)
    assert redact(b'{"FACTORY":{"DEVICE_ID":""}}') == b'{"FACTORY":{"DEVICE_ID":""}}'
    assert redact(b'{"ENERGY":{"STAT_STATE":"u8_01"}}') == b'{"ENERGY":{"STAT_STATE":"u8_01"}}'
