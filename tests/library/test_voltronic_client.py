"""The Voltronic client against the simulated inverter: what is there, its values, every disturbance by name."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from custom_components.local_solar.solarlink.client import Installation
from custom_components.local_solar.solarlink.errors import (
    BadAnswerError,
    DeviceAbsentError,
    DeviceRefusedError,
    LinkError,
    NeedsConsentError,
    NoAnswerError,
    NotSupportedError,
    SolarError,
    UnknownPointError,
    UnsupportedDialectError,
    ValueKindError,
    WrongDeviceError,
)
from custom_components.local_solar.solarlink.links.serial import SerialWire
from custom_components.local_solar.solarlink.links.tcp import TcpWire
from custom_components.local_solar.solarlink.points import Ref
from custom_components.local_solar.solarlink.voltronic.facts import Facts
from custom_components.local_solar.solarlink.voltronic.identify import long_serial, plain_serial, unique_serial
from simulators.voltronic.faults import FAULTS

from .axpert import HASTY, HOST, PATIENT, client_on, identified, measured, quick, root, simulated, usb, value

pytestmark = pytest.mark.usefixtures("socket_enabled")

PROFILES = {
    "mks_48v_parallel": "PI30",
    "max_8k_48v": "PI30MAX",
    "maxtwin_11k_48v": "PI30MAX",
    "vmii_24v": "PI30",
    "hs_24v_old": "PI30",
    "easun_48v": "PI30",
    "powmr_48v": "PI30",
    "lv5048_pi41": "PI41",
    "lv5048_pi18": "PI18",
}
LIVE = ("ac_output_power", "battery_voltage", "inverter_mode")


# What is there


@pytest.mark.parametrize(("profile", "dialect"), PROFILES.items(), ids=list(PROFILES))
async def test_every_kind_of_unit_is_identified_and_read(profile: str, dialect: str) -> None:
    async with identified(profile) as (sim, client):
        installation = client.installation
        assert installation.facts["dialect"] == dialect
        assert installation.root.firmware
        assert installation.root.serial
        report = await client.read(measured(client))
        assert report.failed == {}
        assert sim.bad_requests == [] or dialect == "PI41"
        for key in ("ac_output_power", "battery_voltage", "pv_power", "charge_stage", "output_source_priority"):
            assert value(report, key) is not None, key
        # Every point of the table that the unit offers is really told by it.
        assert set(measured(client)) == set(report.readings)
        assert client.troubles == {}


@pytest.mark.parametrize(("profile", "name"), [("infini_pi17", "PI17"), ("sunny_pi16", "PI16"), ("revo_48v", "Revo")])
async def test_other_dialects_are_refused(profile: str, name: str) -> None:
    async with simulated(profile=profile) as sim, client_on(TcpWire(HOST, await sim.listen()), HASTY) as client:
        with pytest.raises(UnsupportedDialectError, match=f"{name}.*not supported"):
            await client.identify()
        with pytest.raises(AttributeError):
            _ = client.installation


async def test_a_known_unit_is_not_asked_again() -> None:
    async with identified("max_8k_48v") as (sim, client):
        stored = json.loads(json.dumps({"root": client.installation.root.id, "facts": client.installation.facts}))
        known = Installation(client.installation.root, client.installation.units, stored["facts"])
        async with client_on(TcpWire(HOST, await sim.listen())) as again:
            again.expect(known)
            assert await again.identify() == client.installation
            assert sim.requests == ["QSID", "QVFW"]
            report = await again.read([root("pv_power")])
            assert value(report, "pv_power") is not None


async def test_new_firmware_is_looked_at_again() -> None:
    async with identified("max_8k_48v") as (sim, client):
        known = client.installation
        sim.set_reply("QVFW", "VERFW:00099.99")
        async with client_on(TcpWire(HOST, await sim.listen())) as again:
            again.expect(known)
            assert (await again.identify()).root.firmware == "00099.99"
            assert "QPIRI" in sim.requests


async def test_facts_of_another_version_are_found_out_again() -> None:
    async with identified() as (sim, client):
        known = client.installation
        async with client_on(TcpWire(HOST, await sim.listen())) as again:
            again.expect(Installation(known.root, known.units, {**known.facts, "version": 0}))
            assert await again.identify() == known
            assert "QPIRI" in sim.requests


async def test_another_unit_at_the_same_address_is_refused() -> None:
    async with identified() as (sim, client):
        known = client.installation
        other = Installation(replace(known.root, serial="1"), known.units, {**known.facts, "serial": "96332207100999"})
        async with client_on(TcpWire(HOST, await sim.listen())) as again:
            again.expect(other)
            with pytest.raises(WrongDeviceError, match="96332207100999"):
                await again.identify()
            with pytest.raises(WrongDeviceError):
                await again.read([root("pv_power")])


async def test_a_parallel_group() -> None:
    async with identified() as (_, client):
        [member] = client.installation.units
        assert (member.kind, member.serial) == ("parallel_inverter", "96332207100125")
        report = await client.read(measured(client))
        own, others = value(report, "ac_output_power"), report.readings[Ref(member.id, "ac_output_power")].value
        assert isinstance(others, float)
        assert value(report, "group_output_power") == pytest.approx(own + others, abs=2)
        assert report.readings[Ref(member.id, "max_charge_current")].value == value(report, "max_charge_current")
        # The unit itself is not listed a second time.
        assert client.installation.root.serial != member.serial


async def test_a_unit_that_leaves_the_group_costs_only_itself() -> None:
    async with identified() as (sim, client):
        [member] = client.installation.units
        fields = sim.registers.fields("QPGS1")
        sim.inverter.live = False
        sim.set_reply("QPGS1", " ".join(["0", "0" * 14, *fields[2:]]))
        report = await client.read([Ref(member.id, "ac_output_power"), root("ac_output_power")])
        assert isinstance(report.failed[Ref(member.id, "ac_output_power")], DeviceAbsentError)
        assert value(report, "ac_output_power") is not None


async def test_a_unit_without_serial_number_is_known_by_its_port() -> None:
    async with simulated(profile="hs_24v_old") as sim:
        for word in ("QID", "QSID"):
            sim.remove_reply(word)
        port = await sim.listen()
        async with client_on(TcpWire(HOST, port)) as client:
            installation = await client.identify()
            assert installation.root.serial == f"{installation.facts['firmware']}-{HOST}:{port}"


@pytest.mark.parametrize(
    ("told", "serial"),
    [("92931905106463", "92931905106463"), ("9293190510646\0\0", "9293190510646"), ("9293190510646 ", "9293190510646")],
)
def test_serial_numbers_without_padding(told: str, serial: str) -> None:
    assert plain_serial(told) == serial


def test_long_and_useless_serial_numbers() -> None:
    assert long_serial("1492932105105335005535") == "92932105105335"
    assert long_serial("XX92931905106463") == "XX92931905106463"
    assert unique_serial(Facts(serial="00000000000000"), "usb-1") == "00000000000000-usb-1"
    assert unique_serial(Facts(serial="92932105105335"), "usb-1") == "92932105105335"


async def test_nobody_answers() -> None:
    async with simulated() as sim, client_on(TcpWire(HOST, await sim.listen()), HASTY) as client:
        sim.faults.set("silence")
        with pytest.raises(NoAnswerError):
            await client.identify()


async def test_a_unit_that_refuses_everything() -> None:
    async with simulated() as sim, client_on(TcpWire(HOST, await sim.listen()), HASTY) as client:
        sim.faults.set("all_nak")
        with pytest.raises(DeviceRefusedError, match="switch it off and on"):
            await client.identify()
        assert "inverter_refuses_everything" in client.troubles


# Reading


async def test_each_block_is_asked_once() -> None:
    async with identified("max_8k_48v") as (sim, client):
        keys = (
            "pv_power",
            "pv1_voltage",
            "battery_power",
            "ac_output_power",
            "inverter_mode",
            "float_voltage",
            "buzzer",
        )
        refs = [root(key) for key in keys]
        await client.read(refs)
        assert sorted(sim.requests) == ["QFLAG", "QMOD", "QPIGS", "QPIGS2", "QPIRI"]
        assert len({client.group(ref) for ref in refs}) == 4


async def test_what_is_not_read() -> None:
    async with identified("max_8k_48v") as (sim, client):
        report = await client.read([root("charge_manager"), root("set_clock"), root("pv_energy"), root("nonsense")])
        assert sim.requests == []
        assert report.readings == {}
        assert isinstance(report.failed[root("charge_manager")], NotSupportedError)
        assert isinstance(report.failed[root("pv_energy")], NotSupportedError)
        assert isinstance(report.failed[root("set_clock")], NotSupportedError)
        assert isinstance(report.failed[root("nonsense")], UnknownPointError)


async def test_alarms_come_and_go() -> None:
    async with identified() as (sim, client):
        refs = [root("alarm"), root("warning"), root("fault"), root("active_alarms")]
        report = await client.read(refs)
        assert (report.happenings, value(report, "warning")) == ([], False)
        sim.state.warnings.add(16)
        report = await client.read(refs)
        [happening] = report.happenings
        assert (happening.ref, happening.kind) == (root("alarm"), "overload")
        assert dict(happening.details) == {"active": True, "severity": "warning"}
        assert value(report, "active_alarms") == "overload"
        assert value(report, "warning") is True
        assert (await client.read(refs)).happenings == []
        sim.state.warnings.clear()
        [happening] = (await client.read(refs)).happenings
        assert dict(happening.details) == {"active": False, "severity": "warning"}


async def test_settings_that_somebody_changed_are_read_at_once() -> None:
    async with identified() as (sim, client):
        await client.read([root("ac_output_power")])
        sim.set_field("QPIRI", 11, "54.8")
        sim.requests.clear()
        report = await client.read([root("ac_output_power")])
        assert value(report, "float_voltage") == 54.8
        assert sim.requests == ["QPIGS", "QPIRI", "QFLAG"]
        sim.requests.clear()
        await client.read([root("ac_output_power")])
        assert sim.requests == ["QPIGS"]


async def test_a_bit_that_stays_set_does_not_cost_every_cycle() -> None:
    async with identified(settings_changed_sticks=True) as (sim, client):
        sim.set_field("QPIRI", 11, "54.8")
        for _ in range(3):
            await client.read([root("ac_output_power")])
        assert sim.requests.count("QPIRI") == 1


async def test_owner_options() -> None:
    async with identified(settings={"priority_map": "shifted"}, unknown="nak") as (sim, client):
        report = await client.read([root("output_source_priority")])
        assert sim.field("QPIRI", 16) == "2"
        assert value(report, "output_source_priority") == "utility_first"
    async with identified("lv5048_pi18", settings={"pi18_energy_unit": "kwh", "gap_ms": 0}) as (sim, client):
        report = await client.read([root("pv_energy_total")])
        assert value(report, "pv_energy_total") > 1_000_000


async def test_energy_counters_by_date_are_asked_with_the_date_of_the_unit() -> None:
    async with identified("max_8k_48v") as (sim, client):
        await client.read([root("device_clock"), root("pv_energy_today"), root("pv_energy_year")])
        day = f"{sim.inverter.wall_clock:%Y%m%d}"
        assert f"QED{day}" in sim.requests
        assert f"QEY{day[:4]}" in sim.requests


async def test_a_counter_that_counts_nothing_is_not_offered() -> None:
    async with (
        simulated(profile="max_8k_48v", live=False) as sim,
        client_on(TcpWire(HOST, await sim.listen())) as client,
    ):
        sim.set_reply("QET", "00000000")
        await client.identify()
        points = client.points(client.installation.root)
        assert "pv_energy_total" not in points
        assert "pv_energy_today" not in points
        assert "load_energy_total" in points


async def test_charge_manager_is_offered_where_the_float_voltage_can_be_set() -> None:
    async with identified() as (_, client):
        points = client.points(client.installation.root)
        managed = [key for key, point in points.items() if point.controller == "charge_manager"]
        assert len(managed) == 8
        assert "pv_energy" in points
        assert not any(points[key].measured for key in (*managed, "pv_energy"))


# Disturbances

HARMLESS = {
    "bare_answer",
    "delay",
    "echo",
    "extra_fields",
    "five_digits",
    "foreign",
    "garbage",
    "glued",
    "leading_zeros",
    "line_feed",
    "padding",
    "split",
    "unadjusted_crc",
    "zero_in_crc",
}
"""What costs no retry: the reply is found in spite of it."""
RETRIED = {"lost_request", "lost_answer", "truncate", "bit_flip", "missing_crc_byte", "wrong_crc", "disconnect"}
"""What is made good by asking again, without anybody noticing."""
OTHERS = {"swallow", "silence", "all_nak", "refused", "disguised_nak", "stale", "restart", "write_timeout"}
"""What has a test of its own."""


def test_every_fault_is_tested() -> None:
    assert set(FAULTS) == HARMLESS | RETRIED | OTHERS


@pytest.mark.parametrize("fault", sorted(HARMLESS))
async def test_harmless_disturbances(fault: str) -> None:
    async with identified() as (sim, client):
        argument = 0.05 if fault == "delay" else None
        sim.faults.set(fault, argument)
        for _ in range(4):
            report = await client.read([root(key) for key in LIVE])
            assert report.failed == {}
        assert client.stats.retries == 0


@pytest.mark.parametrize("fault", sorted(RETRIED))
async def test_disturbances_that_are_made_good(fault: str) -> None:
    async with identified(timing=HASTY) as (sim, client):
        sim.faults.set(fault, count=1)
        report = await client.read([root(key) for key in LIVE])
        assert report.failed == {}
        assert client.stats.retries == 1
        assert client.troubles == {}


async def test_the_first_request_after_a_rest_is_swallowed() -> None:
    async with identified(timing=HASTY) as (sim, client):
        sim.faults.set("swallow", 0.6)
        await asyncio.sleep(0.7)
        report = await client.read([root(key) for key in LIVE])
        assert report.failed == {}


async def test_a_stale_reply_is_not_taken_for_the_new_one() -> None:
    async with identified() as (sim, client):
        await client.read([root("inverter_mode")])
        sim.faults.set("stale")
        for _ in range(3):
            report = await client.read([root(key) for key in LIVE])
            assert report.failed == {}
            assert value(report, "inverter_mode") in ("battery", "line")


async def test_silence_is_an_error_and_then_a_trouble() -> None:
    async with identified(timing=replace(HASTY, reply=0.02, slow_reply=0.02, first_reply=0.02, retries=0)) as (
        sim,
        client,
    ):
        sim.faults.set("silence")
        for number in range(11):
            with pytest.raises(SolarError):
                await client.read([root("ac_output_power")])
            assert ("inverter_does_not_answer" in client.troubles) == (number >= 9)
        sim.faults.clear("silence")
        client._exchange.timing = PATIENT
        report = await client.read([root("ac_output_power")])
        assert value(report, "ac_output_power") is not None
        assert client.troubles == {}
        # The line was opened again after every third failure.
        assert client.stats.connects > 2


async def test_one_silent_block_does_not_blank_the_rest() -> None:
    async with identified("max_8k_48v", replace(HASTY, retries=0)) as (sim, client):
        sim.inverter.quirks = sim.quirks = replace(sim.quirks, unknown="silence")
        sim.remove_reply("QPIGS2")
        report = await client.read([root(key) for key in (*LIVE, "pv2_power", "pv_power")])
        assert set(report.failed) == {root("pv2_power"), root("pv_power")}
        assert all(isinstance(error, NoAnswerError) for error in report.failed.values())


async def test_refusals_in_a_row_are_a_trouble_until_the_unit_answers() -> None:
    async with identified() as (sim, client):
        sim.faults.set("all_nak")
        for _ in range(5):
            with pytest.raises(DeviceRefusedError) as caught:
                await client.read([root("ac_output_power")])
            # It was known to answer this, so it is no lack of support.
            assert not isinstance(caught.value, NotSupportedError)
        assert "inverter_refuses_everything" in client.troubles
        sim.faults.clear("all_nak")
        await client.read([root("ac_output_power")])
        assert client.troubles == {}


async def test_a_damaged_no_is_no_refusal() -> None:
    async with identified(timing=replace(HASTY, retries=1)) as (sim, client):
        sim.faults.set("all_nak")
        sim.faults.set("disguised_nak")
        with pytest.raises(BadAnswerError, match="wrong checksum"):
            await client.read([root("ac_output_power")])
        assert client.stats.refusals == 16


async def test_another_program_on_the_port() -> None:
    async with identified() as (sim, client):
        for _ in range(6):
            sim.other_program()
            await asyncio.sleep(0.01)
        await client.read([root("ac_output_power")])
        assert set(client.troubles) == {"another_program_on_port"}


async def test_a_restart_of_the_unit() -> None:
    async with identified(timing=HASTY) as (sim, client):
        client._exchange.timing = replace(HASTY, retries=0, reply=0.1, slow_reply=0.1)
        sim.faults.set("restart", 0.3)
        with pytest.raises(NoAnswerError):
            await client.read([root("ac_output_power")])
        await asyncio.sleep(0.35)
        client._exchange.timing = PATIENT
        report = await client.read([root("ac_output_power")])
        assert value(report, "ac_output_power") is not None


async def test_no_server() -> None:
    async with client_on(TcpWire(HOST, 1, quick())) as client:
        with pytest.raises(LinkError):
            await client.connect(1.0)
        with pytest.raises(LinkError):
            await client.identify()


@pytest.mark.parametrize("unknown", ["nak", "silence", "echo", "#-1", "^0"])
async def test_whatever_a_unit_says_to_words_that_it_does_not_know(unknown: str) -> None:
    async with identified("easun_48v", unknown=unknown) as (_, client):
        assert "second" not in client.installation.facts["blocks"]
        assert "status" in client.installation.facts["blocks"]


QUIRKS: list[dict[str, Any]] = [
    {"answer_zero_bumped": True},
    {"line_feed": True},
    {"padding": 8},
    {"bare_answers": True},
    {"no_battery": True},
    {"pv_loss_warning": True},
    {"serial_padding": 1},
]


@pytest.mark.parametrize("quirk", QUIRKS, ids=[next(iter(quirk)) for quirk in QUIRKS])
async def test_quirks_of_firmwares_and_clones(quirk: dict[str, Any]) -> None:
    async with identified(**quirk) as (_, client):
        report = await client.read(measured(client))
        assert report.failed == {}


# Other lines


async def test_over_a_pseudo_terminal() -> None:
    async with simulated() as sim, client_on(SerialWire(await sim.pty(), baudrate=2400)) as client:
        installation = await client.identify()
        report = await client.read(measured(client))
        assert installation.root.serial == "96332207100118"
        assert report.failed == {}


async def test_over_a_socket_url() -> None:
    async with simulated() as sim:
        wire = SerialWire(f"socket://{HOST}:{await sim.listen()}", baudrate=2400)
        async with client_on(wire) as client:
            await client.identify()
            report = await client.read([root(key) for key in LIVE])
            assert report.failed == {}


async def test_over_usb() -> None:
    async with simulated() as sim, client_on(usb(sim)) as client:
        await client.identify()
        report = await client.read(measured(client))
        assert report.failed == {}


async def test_a_usb_write_that_fails_is_made_good_by_opening_again() -> None:
    async with simulated() as sim, client_on(usb(sim), HASTY) as client:
        await client.identify()
        sim.faults.set("write_timeout", count=1)
        report = await client.read([root(key) for key in LIVE])
        assert report.failed == {}
        assert client.stats.connects == 2


async def test_a_new_node_after_a_restart() -> None:
    async with simulated() as sim, client_on(usb(sim, "/dev/hidraw0"), HASTY) as client:
        await client.identify()
        sim.unplug()
        with pytest.raises(LinkError):
            await client.read([root("ac_output_power")])
        sim.replug(b"/dev/hidraw3")
        await asyncio.sleep(0.05)
        report = await client.read([root("ac_output_power")])
        assert value(report, "ac_output_power") is not None


# Commands


async def test_queries_are_free_and_everything_else_needs_consent() -> None:
    async with identified() as (sim, client):
        assert await client.command("QMOD") == "B"
        assert await client.command("QXYZ") == "NAK"
        for text in ("POP01", "PF", "F50", "nonsense"):
            with pytest.raises(NeedsConsentError):
                await client.command(text)
        assert sim.writes == []
        assert await client.command("POP01", confirmed=True) == "ACK"
        assert sim.field("QPIRI", 16) == "1"
        # What it changed shows at the next read.
        report = await client.read([root("ac_output_power")])
        assert value(report, "output_source_priority") == "solar_first"


@pytest.mark.parametrize("text", ["", "Q" * 200, "QPIGS\r", "QPÏGS", "(ACK"])
async def test_what_is_no_command(text: str) -> None:
    async with identified() as (sim, client):
        with pytest.raises(ValueKindError):
            await client.command(text, confirmed=True)
        assert sim.requests == []


async def test_commands_of_the_comma_dialect() -> None:
    async with identified("lv5048_pi18") as (_, client):
        assert (await client.command("^P006MOD")).startswith("^D005")
        with pytest.raises(NeedsConsentError):
            await client.command("^S007POP0")
        assert await client.command("^S007POP0", confirmed=True) == "^1"


# Calm


async def test_a_person_goes_before_polls() -> None:
    async with identified("max_8k_48v") as (sim, client):
        poll = asyncio.create_task(client.read(measured(client)))
        await asyncio.sleep(0)
        write = asyncio.create_task(client.write(root("buzzer"), False))
        await asyncio.gather(poll, write)
        # The poll has 20 requests; the write did not wait for them.
        assert sim.requests.index("PDa") < 10


async def test_a_read_that_is_given_up_leaves_the_line_free() -> None:
    async with identified() as (sim, client):
        sim.faults.set("delay", 0.1, count=1)
        read = asyncio.create_task(client.read([root("ac_output_power")]))
        await asyncio.sleep(0.02)
        read.cancel()
        with pytest.raises(asyncio.CancelledError):
            await read
        report = await client.read([root(key) for key in LIVE])
        assert report.failed == {}
        # The late reply to what was given up is no sign of another program.
        assert client.troubles == {}


async def test_closing_ends_what_waits() -> None:
    async with identified() as (sim, client):
        sim.faults.set("silence")
        read = asyncio.create_task(client.read([root("ac_output_power")]))
        await asyncio.sleep(0.02)
        await client.close()
        with pytest.raises(LinkError):
            await read


async def test_the_gap_between_two_requests() -> None:
    async with identified(settings={"gap_ms": 60}) as (_, client):
        client._exchange.timing = replace(PATIENT, gap=0.06)
        started = asyncio.get_running_loop().time()
        await client.read([root(key) for key in LIVE])
        # Two requests: one rest before each of them.
        assert asyncio.get_running_loop().time() - started >= 0.06


async def test_nothing_is_asked_twice_in_a_cycle() -> None:
    async with identified("lv5048_pi41") as (sim, client):
        await client.read(measured(client))
        assert len(sim.requests) == len(set(sim.requests))


async def test_counters_and_trace_are_kept() -> None:
    async with identified() as (_, client):
        await client.read([root("ac_output_power")])
        stats = client.stats.as_dict()
        assert (stats["connects"], stats["time_outs"]) == (1, 0)
        assert isinstance(stats["exchanges"], int)
        assert stats["exchanges"] > 20
        assert any(b"QPIGS" in record.data for record in client.trace)
