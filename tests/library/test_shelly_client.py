"""The client of Shelly meters against simulated ones: what is there, its values, logins, its relay, and faults."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from custom_components.local_solar.solarlink.client import Installation
from custom_components.local_solar.solarlink.errors import (
    AuthError,
    BadAddressError,
    BadAnswerError,
    DeviceBusyError,
    LinkClosedError,
    LinkError,
    NoAnswerError,
    NotAMeterError,
    NotKeptError,
    NotSupportedError,
    NotWritableError,
    SolarError,
    UnknownPointError,
    ValueChoiceError,
    ValueKindError,
    ValueRangeError,
    WriteUncertainError,
    WrongDeviceError,
)
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.address import LinkAddress
from custom_components.local_solar.solarlink.live import MeterClient, RelayClient
from custom_components.local_solar.solarlink.points import Limits, Ref
from custom_components.local_solar.solarlink.shelly_em import FAMILY, open_client
from custom_components.local_solar.solarlink.shelly_em.points import points_of
from simulators.senec import SenecSimulator
from simulators.shelly_em import MODELS

from .conftest import free_port
from .rig import measured, values
from .shelly_rig import EM, EM3, EM_GEN3, FAST, HASTY, HOST, PRO_3EM, PRO_EM, Rig, named

pytestmark = pytest.mark.usefixtures("socket_enabled")

GRID = Ref("meter", "grid_power")
RELAY = Ref("meter", "relay")
LAYOUTS = [(code, profile) for code, model in MODELS.items() for profile in model.profiles or (None,)]
GENERATIONS = (EM, PRO_3EM)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with Rig() as rig:
        yield rig


# Finding out


@pytest.mark.parametrize(("model", "profile"), LAYOUTS)
async def test_every_meter_is_known_and_read_whole_in_one_request(rig: Rig, model: str, profile: str | None) -> None:
    sim, client = await rig.known(model, profile=profile)
    root, units = client.installation.root, client.installation.units
    assert (root.serial, root.model, root.hardware) == (sim.mac, MODELS[model].name, model)
    assert root.mac == "aa:bb:cc:00:00:01"
    assert root.firmware == sim.unit.firmware.version
    assert json.loads(json.dumps(client.installation.facts)) == client.installation.facts
    phases = MODELS[model].phases and profile != "monophase"
    assert len(units) == (0 if phases else MODELS[model].clamps)
    assert ("power_l3" in client.points(root)) == phases
    assert ("relay" in client.points(root)) == MODELS[model].relay
    found = values(await client.read(measured(client)))
    assert set(found) == set(measured(client))
    assert len(sim.requests) == 1
    assert found[GRID] == pytest.approx(sim.grid_power, abs=0.2)
    powers = [value for ref, value in found.items() if ref.key.startswith("power_l") or ref.key == "power"]
    assert sum(powers) == pytest.approx(sim.grid_power, abs=0.2)


async def test_a_one_phase_meter_has_two_channels(rig: Rig) -> None:
    sim, client = await rig.known(EM, balcony=600.0, name="Cellar")
    assert [(unit.id, unit.name, unit.serial) for unit in client.installation.all_units] == [
        ("meter", "Cellar", "AABBCC000001"),
        ("channel_1", "Cellar channel 1", "AABBCC000001-1"),
        ("channel_2", "Cellar channel 2", "AABBCC000001-2"),
    ]
    found = values(await client.read(measured(client)))
    assert found[GRID] == found[Ref("channel_1", "power")] == pytest.approx(sim.grid_power, abs=0.01)
    assert found[Ref("channel_2", "power")] == pytest.approx(-600.0, abs=0.01)
    assert found[Ref("meter", "grid_import_energy_counter")] == found[Ref("channel_1", "import_energy")]
    assert set(client.points(client.installation.root)) == {
        "grid_power", "grid_import_energy", "grid_export_energy", "grid_import_energy_counter",
        "grid_export_energy_counter", "relay", "relay_timer", "measurement_problem", "wifi_signal", "last_restart",
    }  # fmt: skip
    assert not {"current", "frequency"} & set(client.points(client.installation.units[0]))


async def test_old_firmware_tells_no_power_factor(rig: Rig) -> None:
    _, old = await rig.known(EM, firmware="1.10.4")
    _, new = await rig.known(EM, firmware="1.14.0")
    assert "power_factor" not in old.points(old.installation.units[0])
    assert "power_factor" in new.points(new.installation.units[0])
    values(await old.read(measured(old)))


async def test_a_three_phase_meter_counts_its_phases_and_the_net_is_summed_up(rig: Rig) -> None:
    _, client = await rig.known(PRO_3EM)
    points = client.points(client.installation.root)
    assert "grid_import_energy_counter" not in points
    assert {"import_energy_sum", "export_energy_sum", "import_energy_l1", "grid_import_energy"} <= set(points)
    report = await client.read([Ref("meter", "grid_import_energy"), Ref("meter", "nothing"), Ref("nobody", "power")])
    assert [type(error) for error in report.failed.values()] == [
        NotSupportedError, UnknownPointError, UnknownPointError,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "power"),
    [({}, -100.0), ({"grid_channel": "2"}, -600.0), ({"grid_channel": "total"}, -700.0),
     ({"inverted": True}, 100.0), ({"grid_channel": "2", "inverted": True}, 600.0)],
)  # fmt: skip
async def test_the_owner_says_how_it_is_wired(rig: Rig, settings: dict[str, Any], power: float) -> None:
    sim, client = await rig.known(EM, settings=settings, balcony=600.0)
    expected = {"grid_channel": "1"} | settings
    first = sim.grid_power
    turn = -1 if settings.get("inverted") else 1
    by_channel = {"1": turn * first, "2": turn * -600.0, "total": first - 600.0}
    found = values(await client.read([GRID, Ref("channel_2", "power")]))
    assert found[GRID] == pytest.approx(by_channel[expected["grid_channel"]], abs=0.01)
    turned = settings == {"grid_channel": "2", "inverted": True}
    assert found[Ref("channel_2", "power")] == pytest.approx(600.0 if turned else -600.0, abs=0.01)


async def test_a_clamp_that_points_the_wrong_way_can_be_turned(rig: Rig) -> None:
    sim, client = await rig.known(PRO_EM, settings={"inverted": True}, inverted=True)
    found = values(await client.read(measured(client)))
    assert found[GRID] == pytest.approx(-sim.grid_power, abs=0.1)
    # Before the house was simulated it had only imported.
    assert found[Ref("meter", "grid_import_energy_counter")] > 100
    assert found[Ref("meter", "grid_export_energy_counter")] < 100


async def test_a_clamp_that_is_not_there_is_refused(rig: Rig) -> None:
    _, port = await rig.sim(EM)
    client = rig.client(port, grid_channel="3")
    with pytest.raises(ValueChoiceError):
        await client.identify()


async def test_identify_tells_its_progress_and_asks_little(rig: Rig) -> None:
    for model, asked in (
        (EM, ["/shelly", "/status", "/settings"]),
        (PRO_3EM, ["/shelly", "/rpc", "/rpc"]),
    ):
        sim, port = await rig.sim(model)
        client = rig.client(port)
        progress: list[tuple[float, str]] = []
        await client.identify(lambda share, name, told=progress: told.append((share, name)))  # type: ignore[misc]
        assert [share for share, _ in progress] == sorted(share for share, _ in progress)
        assert progress[-1][0] == 1.0
        assert named(sim) == asked


@pytest.mark.parametrize("model", [EM, EM3, PRO_3EM, PRO_EM])
async def test_a_known_installation_needs_no_questions_after_a_restart(rig: Rig, model: str) -> None:
    sim, port = await rig.sim(model)
    before = rig.client(port)
    kept = json.loads(json.dumps((await before.identify()).facts))
    after = rig.client(port)
    after.expect(Installation(before.installation.root, before.installation.units, kept))
    assert {unit.id: list(after.points(unit)) for unit in after.installation.all_units} == {
        unit.id: list(before.points(unit)) for unit in before.installation.all_units
    }
    sim.requests.clear()
    assert set(values(await after.read(measured(after)))) == set(measured(before))
    assert named(sim) == ["/shelly", "/status" if model in (EM, EM3) else "/rpc"]
    sim.requests.clear()
    await after.read(measured(after))
    assert len(sim.requests) == 1


async def test_wiring_may_change_between_two_starts(rig: Rig) -> None:
    _, port = await rig.sim(EM, balcony=600.0)
    before = rig.client(port)
    installation = await before.identify()
    after = rig.client(port, grid_channel="total")
    after.expect(installation)
    assert "import_energy_sum" in after.points(installation.root)
    assert "grid_import_energy_counter" not in after.points(installation.root)


async def test_another_meter_at_the_address_is_noticed(rig: Rig) -> None:
    for model in GENERATIONS:
        _, port = await rig.sim(model, mac="AABBCC000009")
        _, known = await rig.known(model)
        stranger = rig.client(port)
        stranger.expect(known.installation)
        with pytest.raises(WrongDeviceError, match="AABBCC000009"):
            await stranger.read([GRID])


@pytest.mark.parametrize("model", GENERATIONS)
async def test_a_meter_that_takes_the_address_in_mid_session_is_noticed(rig: Rig, model: str) -> None:
    sim, client = await rig.known(model)
    sim.unit.mac = "AABBCC000009"
    with pytest.raises(WrongDeviceError, match="AABBCC000009"):
        await client.read([GRID])


async def test_what_is_no_meter(rig: Rig) -> None:
    async with SenecSimulator(pace=0.0) as other:
        port = await other.listen(HOST, 0, tls=False)
        with pytest.raises(NotAMeterError):
            await rig.client(port).identify()
    with pytest.raises(LinkError):
        await rig.client(free_port()).connect(5)
    with pytest.raises(BadAddressError):
        open_client(LinkAddress("tcp", HOST, 1), journal=Journal())


async def test_a_shelly_that_measures_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.shelly_em.gen1.emeters", lambda *_: [])
    monkeypatch.setattr("simulators.shelly_em.components.status", lambda *_: {"switch:0": {"output": True}})
    for model in GENERATIONS:
        _, port = await rig.sim(model)
        with pytest.raises(NotAMeterError, match=model):
            await rig.client(port).identify()


async def test_a_new_profile_is_a_trouble_until_it_is_looked_at_again(rig: Rig) -> None:
    _, client = await rig.known(PRO_3EM)
    sim, port = await rig.sim(PRO_3EM, profile="monophase")
    changed = rig.client(port)
    changed.expect(client.installation)
    assert values(await changed.read([GRID]))[GRID] == pytest.approx(sim.grid_power, abs=0.2)
    assert set(changed.troubles) == {"meter_profile_changed"}
    assert set(changed.troubles["meter_profile_changed"]) == set(FAMILY.troubles["meter_profile_changed"])
    await changed.identify()
    assert changed.troubles == {}
    assert "power_l1" not in changed.points(changed.installation.root)


async def test_new_firmware_is_seen_when_the_meter_comes_back(rig: Rig) -> None:
    sim, client = await rig.known(PRO_3EM, firmware="1.1.0")
    sim.unit.firmware = replace(sim.unit.firmware, version="1.7.0")
    sim.faults.set("refuse", count=1)
    with pytest.raises(LinkError):
        await client.read([GRID])
    await client.read([GRID])
    assert client.installation.root.firmware == "1.7.0"


# Logins


@pytest.mark.parametrize("model", [EM, EM3, PRO_3EM, EM_GEN3])
async def test_a_password(rig: Rig, model: str) -> None:
    sim, client = await rig.known(model, settings={"password": "geheim"}, password="geheim")
    for _ in range(5):
        values(await client.read(measured(client)))
    # After the first challenge every request carries its login.
    assert len(sim.requests) == 5
    assert all(request.authorization for request in sim.requests)


async def test_a_user_of_the_first_generation(rig: Rig) -> None:
    _, client = await rig.known(EM, settings={"username": "anna", "password": "geheim"}, user="anna", password="geheim")
    values(await client.read([GRID]))


@pytest.mark.parametrize("model", [EM, PRO_3EM])
@pytest.mark.parametrize("settings", [{}, {"password": "falsch"}])
async def test_a_wrong_password_is_told_as_such(rig: Rig, model: str, settings: dict[str, Any]) -> None:
    _, port = await rig.sim(model, password="geheim")
    client = rig.client(port, **settings)
    await client.connect(5)
    with pytest.raises(AuthError):
        await client.identify()


async def test_a_login_that_has_expired_is_made_anew(rig: Rig) -> None:
    sim, client = await rig.known(PRO_3EM, settings={"password": "geheim"}, password="geheim", nonce_seconds=60.0)
    sim.advance(120)
    values(await client.read([GRID]))
    assert len(sim.requests) == 2


@pytest.mark.parametrize("model", GENERATIONS)
async def test_one_refusal_of_a_good_password_is_not_believed(rig: Rig, model: str) -> None:
    sim, client = await rig.known(model, settings={"password": "geheim"}, password="geheim")
    sim.faults.set("unauthorized_mid_session", count=1)
    values(await client.read([GRID]))
    sim.faults.set("unauthorized_mid_session")
    with pytest.raises(AuthError):
        await client.read([GRID])
    sim.faults.clear()
    values(await client.read([GRID]))


# Faults


FAILURES: dict[str, type[SolarError]] = {
    "silence": NoAnswerError,
    "hang": NoAnswerError,
    "busy": DeviceBusyError,
    "refuse": LinkError,
    "cut_body": BadAnswerError,
    "garbage": BadAnswerError,
    "wrong_generation": WrongDeviceError,
    "reboot": LinkError,
}


@pytest.mark.parametrize("model", GENERATIONS)
@pytest.mark.parametrize("fault", FAILURES)
async def test_a_fault_by_name_and_its_end(rig: Rig, model: str, fault: str) -> None:
    sim, client = await rig.known(model, timing=HASTY)
    sim.faults.set(fault)
    with pytest.raises(FAILURES[fault]):
        await client.read([GRID])
    assert not client.connected or fault in ("busy", "cut_body", "garbage", "wrong_generation")
    sim.faults.clear()
    if fault in ("reboot", "hang"):
        sim.advance(60)
    values(await client.read([GRID]))
    assert client.connected


@pytest.mark.parametrize("model", [EM, EM3, PRO_3EM, PRO_EM])
@pytest.mark.parametrize("fault", ["invalid", "nulls"])
async def test_a_reading_that_is_not_valid_has_no_value(rig: Rig, model: str, fault: str) -> None:
    sim, client = await rig.known(model)
    sim.faults.set(fault)
    report = await client.read(measured(client))
    assert report.failed == {}
    assert report.readings[GRID].value is None
    problem = report.readings[Ref("meter", "measurement_problem")]
    assert problem.value is (fault == "invalid")
    assert bool(problem.details.get("errors")) is (fault == "invalid")
    sim.faults.clear()
    assert values(await client.read([GRID]))[GRID] == pytest.approx(sim.grid_power, abs=0.2)


@pytest.mark.parametrize("model", [EM, EM3, PRO_3EM, PRO_EM])
async def test_counters_that_slip_keep_what_they_had(rig: Rig, model: str) -> None:
    sim, client = await rig.known(model)
    counters = [ref for ref in measured(client) if ref.key.startswith(("import_energy", "grid_import_energy_counter"))]
    before = values(await client.read(counters))
    sim.faults.set("counter_zero", count=1)
    report = await client.read([*counters, GRID])
    slipped = {ref for ref, value in before.items() if value > 0.001}
    assert slipped
    assert set(report.failed) == slipped
    assert GRID in report.readings
    assert values(await client.read(counters)) == before


async def test_the_last_restart_stands_still_until_the_meter_restarts(rig: Rig) -> None:
    when = Ref("meter", "last_restart")
    sim, client = await rig.known(EM)
    first = values(await client.read([when]))[when]
    assert isinstance(first, datetime)
    assert 86_000 < (datetime.now(UTC) - first).total_seconds() < 87_000
    assert values(await client.read([when]))[when] == first
    sim.reboot(0)
    assert values(await client.read([when]))[when] > first


async def test_polls_spare_a_meter_that_does_not_answer(rig: Rig) -> None:
    sim, client = await rig.known(EM, timing=replace(HASTY, first_hold_off=60.0, longest_hold_off=60.0))
    sim.faults.set("refuse")
    with pytest.raises(LinkError):
        await client.read([GRID])
    asked = client.stats.exchanges
    assert client.hold_off > 30
    with pytest.raises(LinkError):
        await client.read([GRID])
    assert client.stats.exchanges == asked
    sim.faults.clear()
    # A person does not wait.
    await client.identify()
    assert client.hold_off == 0
    values(await client.read([GRID]))


async def test_after_close_nothing_is_asked(rig: Rig) -> None:
    _, client = await rig.known(EM)
    await client.close()
    with pytest.raises(LinkClosedError):
        await client.read([GRID])
    with pytest.raises(LinkClosedError):
        client.follow_meter(lambda reading: None)


async def test_a_read_is_given_up_with_its_task(rig: Rig) -> None:
    sim, client = await rig.known(PRO_3EM)
    sim.faults.set("silence")
    reading = asyncio.create_task(client.read([GRID]))
    while not sim.requests:  # noqa: ASYNC110 - the simulator has no event for it
        await asyncio.sleep(0.005)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    sim.faults.clear()
    values(await client.read([GRID]))


# Relay


@pytest.mark.parametrize("model", [EM, EM3, PRO_EM, EM_GEN3])
async def test_the_relay(rig: Rig, model: str) -> None:
    sim, client = await rig.known(model, settings={"password": "geheim"}, password="geheim")
    assert isinstance(client, RelayClient)
    assert isinstance(client, MeterClient)
    assert await client.limits(RELAY) == Limits()
    for on in (True, False):
        assert (await client.write(RELAY, on)).value is on
        assert sim.relay.on is on
        assert values(await client.read([RELAY]))[RELAY] is on
    await client.hold_relay(899.2)
    assert (sim.relay.on, sim.relay.duration) == (True, 900.0)
    sim.advance(500)
    timer = Ref("meter", "relay_timer")
    assert values(await client.read([timer]))[timer] == pytest.approx(400, abs=2)
    await client.hold_relay(900)
    sim.advance(500)
    assert values(await client.read([RELAY]))[RELAY] is True
    sim.advance(500)
    assert values(await client.read([RELAY]))[RELAY] is False
    await client.hold_relay(900)
    await client.release_relay()
    assert not sim.relay.on


async def test_a_write_that_is_refused_early_asks_nothing(rig: Rig) -> None:
    sim, client = await rig.known(EM)
    with pytest.raises(ValueKindError):
        await client.write(RELAY, 1)
    with pytest.raises(NotWritableError):
        await client.write(GRID, 1.0)
    with pytest.raises(UnknownPointError):
        await client.write(Ref("meter", "nothing"), True)
    for seconds in (0, 86_401, float("nan")):
        with pytest.raises(ValueRangeError):
            await client.hold_relay(seconds)
    assert named(sim) == []
    _, without = await rig.known(PRO_3EM)
    assert "relay" not in without.points(without.installation.root)
    with pytest.raises(NotSupportedError):
        await without.hold_relay(900)


@pytest.mark.parametrize("model", [EM, PRO_EM])
async def test_a_relay_that_did_not_answer_is_uncertain(rig: Rig, model: str) -> None:
    sim, client = await rig.known(model, timing=HASTY)
    sim.faults.set("silence", count=1)
    with pytest.raises(WriteUncertainError):
        await client.write(RELAY, True)
    assert sum(what.startswith(("/relay", "/rpc")) for what in named(sim)) == 1
    await client.write(RELAY, True)
    assert sim.relay.on


@pytest.mark.parametrize("model", [EM, PRO_EM])
async def test_a_relay_that_does_not_obey(rig: Rig, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sim, client = await rig.known(model)
    monkeypatch.setattr(type(sim.relay), "switch", lambda *_: False)
    with pytest.raises(NotKeptError):
        await client.write(RELAY, True)


# Diagnostics


async def test_the_trace_names_nobody(rig: Rig) -> None:
    _, client = await rig.known(PRO_3EM, settings={"password": "geheim"}, password="geheim", name="Villa")
    await client.read([GRID])
    traced = b"".join(record.data for record in client.trace)
    assert b"total_act_power" in traced
    for secret in (b"aabbcc000001", b"AABBCC000001", b"Villa", b"geheim"):
        assert secret not in traced


async def test_everything_shows_at_some_meter(rig: Rig) -> None:
    shown: set[tuple[str, str]] = set()
    for model, profile in ((EM, None), (EM3, None), (PRO_3EM, "triphase"), (PRO_3EM, "monophase"), (PRO_EM, None)):
        _, client = await rig.known(model, profile=profile)
        shown |= {(unit.kind, key) for unit in client.installation.all_units for key in client.points(unit)}
    assert shown == {(kind, key) for kind in ("meter", "channel") for key in points_of(kind)}


async def test_a_poll_takes_no_longer_than_one_request(rig: Rig) -> None:
    _, client = await rig.known(PRO_3EM, timing=FAST)
    report = await client.read([GRID, Ref("meter", "import_energy_sum")])
    assert len({reading.at for reading in report.readings.values()}) == 1
    assert client.group(GRID) == client.group(RELAY)
