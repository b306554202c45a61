"""The command line, run as owners run it, against the simulated installation."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from custom_components.local_solar.solarlink.cli.main import BAD_USE, NO_LINK, OK, SOME_FAILED
from simulators.house import House
from simulators.shelly_em import ShellySimulator
from simulators.studer import StuderSimulator

ROOT = Path(__file__).parents[1]
HOST = "127.0.0.1"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT / "custom_components" / "local_solar")}

ANSWER_3000 = "AA 34 65 00 00 00 01 00 00 00 0E 00 A7 45 02 01 01 00 B8 0B 00 00 01 00 00 C0 45 41 0D CB"
REFUSED_1607 = "AA 24 65 00 00 00 01 00 00 00 0C 00 95 91 03 02 02 00 47 06 00 00 0D 00 28 00 88 28"
ANSWER_15017 = "AA 24 BD 02 00 00 01 00 00 00 0E 00 F1 17 02 01 01 00 A9 3A 00 00 01 00 00 00 F8 40 1F 01"
READ_3000 = "AA 00 01 00 00 00 65 00 00 00 0A 00 6F 71 00 01 01 00 B8 0B 00 00 01 00 C5 90"


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str

    @property
    def shown(self) -> Any:
        """The one JSON object on standard output."""
        assert self.out.count("\n") == 1
        return json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))

    def failed_with(self, status: int, *words: str) -> None:
        """One sentence on standard error, nothing on standard output, no traceback."""
        assert (self.status, self.out) == (status, "")
        [line] = [line for line in self.err.splitlines() if "waiting for the gateway" not in line]
        assert line.startswith("solarlink: ")
        for word in words:
            assert word in line


async def solarlink(*arguments: str, text: str = "", module: str = "solarlink", password: str = "") -> Result:
    """Run the command line alone, as the installed package does; Home Assistant is not even imported."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=ENVIRONMENT | ({"SOLARLINK_PASSWORD": password} if password else {}),
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate(text.encode())
    assert process.returncode is not None
    result = Result(process.returncode, out.decode(), err.decode())
    assert "Traceback" not in result.err
    return result


@pytest.fixture
async def sim(socket_enabled: None) -> AsyncIterator[StuderSimulator]:
    simulator = StuderSimulator(house=House(seed=1, speed=0), pace=0.0)
    simulator.set_info(101, 3000, 51.5)
    simulator.set_info(102, 3000, 52.5)
    simulator.set_info(601, 7002, 87.0)
    yield simulator
    await simulator.close()


@pytest.fixture
async def link(sim: StuderSimulator) -> str:
    return f"tcp://{HOST}:{await sim.listen()}"


def writes(sim: StuderSimulator) -> list[tuple[int, int]]:
    return [(request.object_id, request.property_id) for request in sim.requests if request.service == "write"]


async def test_discover_with_a_gateway_that_dials_in(sim: StuderSimulator, unused_tcp_port: int) -> None:
    await sim.dial(HOST, unused_tcp_port)
    result = await solarlink("discover", "studer", f"listen://{HOST}:{unused_tcp_port}")
    assert result.status == OK
    assert [line.split()[0] for line in result.out.splitlines()] == ["gateway", "xt1", "xt2", "vs1", "vs2", "bms"]
    assert "serial 0001A2F3, firmware 1.6.78, hardware 4.2" in result.out
    assert f"waiting for the gateway on port {unused_tcp_port}" in result.err


async def test_the_command_line_inside_the_integration_is_the_same(link: str) -> None:
    module = "custom_components.local_solar.solarlink"
    inside = await solarlink("read", "studer", link, "3000", "--json", module=module)
    assert inside == await solarlink("read", "studer", link, "3000", "--json")
    assert inside.status == OK


async def test_discover_as_json(link: str) -> None:
    units = (await solarlink("discover", "studer", link, "--json")).shown["units"]
    assert list(units) == ["gateway", "xt1", "xt2", "vs1", "vs2", "bms"]
    assert units["xt1"]["serial"] == "0001A2F3"
    assert units["xt1"]["model"] == "XTM"


async def test_read_all(link: str) -> None:
    result = await solarlink("read", "studer", link)
    assert (result.status, result.err) == (OK, "")
    lines = {tuple(line.split()[:2]): line for line in result.out.splitlines()}
    assert lines["xt1", "battery_voltage"].split()[2:] == ["51.5", "V"]
    assert lines["bms", "state_of_charge"].split()[2:] == ["87", "%"]
    assert ("vs2", "pv_energy_total") in lines
    assert ("bms", "soc_for_backup") in lines


async def test_read_all_as_json(link: str) -> None:
    result = await solarlink("read", "studer", link, "--json")
    assert result.status == OK
    assert set(result.shown) == {"values", "failed"}
    assert result.shown["failed"] == {}
    assert set(result.shown["values"]) == {"gateway", "xt1", "xt2", "vs1", "vs2", "bms"}
    assert result.shown["values"]["xt1"]["battery_voltage"] == 51.5
    assert result.shown["values"]["xt1"]["smart_boost_limit"] == 100.0


@pytest.mark.parametrize("name", ["battery_voltage", "3000"])
async def test_read_by_key_and_by_number(name: str, link: str) -> None:
    result = await solarlink("read", "studer", link, name, "--json", "--unit", "xt2")
    assert (result.status, result.shown) == (OK, {"values": {"xt2": {"battery_voltage": 52.5}}, "failed": {}})


@pytest.mark.parametrize("name", ["1206", "start_hour_aux_1_1206"])
async def test_read_of_what_is_only_in_the_catalogue(name: str, link: str) -> None:
    result = await solarlink("read", "studer", link, name, "3000", "--unit", "xt1", "--json")
    assert result.shown == {
        "values": {"xt1": {"battery_voltage": 51.5, "start_hour_aux_1_1206": "07:00:00"}},
        "failed": {},
    }
    several = await solarlink("read", "studer", link, "start_hour_aux_1", "--unit", "xt1")
    several.failed_with(BAD_USE, "start_hour_aux_1")


async def test_read_of_all_units_and_several_points(link: str) -> None:
    result = await solarlink("read", "studer", link, "3000", "state_of_charge", "--json")
    assert result.shown["values"] == {
        "xt1": {"battery_voltage": 51.5},
        "xt2": {"battery_voltage": 52.5},
        "bms": {"state_of_charge": 87.0},
    }


async def test_no_value_is_null(sim: StuderSimulator, link: str) -> None:
    sim.set_info(101, 3000, float("nan"))
    result = await solarlink("read", "studer", link, "3000", "--unit", "xt1", "--json")
    assert (result.status, result.shown["values"]) == (OK, {"xt1": {"battery_voltage": None}})
    assert "no value" in (await solarlink("read", "studer", link, "3000", "--unit", "xt1")).out


async def test_what_fails_is_told_and_gives_status_1(sim: StuderSimulator, link: str) -> None:
    known = sim.gateway.installation.units[101].parameters
    sim.gateway.installation.units[101].parameters = {n: each for n, each in known.items() if n != 1607}
    result = await solarlink("read", "studer", link, "1607", "3000", "--unit", "xt1", "--json")
    assert result.status == SOME_FAILED
    assert result.shown["values"] == {"xt1": {"battery_voltage": 51.5}}
    assert "does not support this" in result.shown["failed"]["xt1"]["smart_boost_limit"]
    result = await solarlink("read", "studer", link, "1607", "3000", "--unit", "xt1")
    assert result.status == SOME_FAILED
    assert "battery_voltage" in result.out
    assert "smart_boost_limit" in result.err


@pytest.mark.parametrize("name", ["smart_boost_limit", "1607"])
async def test_write_goes_to_ram(name: str, sim: StuderSimulator, link: str) -> None:
    result = await solarlink("write", "studer", link, name, "20", "--unit", "xt1", "--json")
    assert (result.status, result.shown) == (OK, {"values": {"xt1": {"smart_boost_limit": 20.0}}, "failed": {}})
    assert sim.ram == {(101, 1607): 20.0}
    assert not sim.flash_writes


async def test_write_of_what_is_only_in_the_catalogue(sim: StuderSimulator, link: str) -> None:
    result = await solarlink("write", "studer", link, "1206", "06:30", "--unit", "xt1", "--json")
    assert result.shown["values"] == {"xt1": {"start_hour_aux_1_1206": "06:30:00"}}
    assert sim.ram == {(101, 1206): 390.0}
    for name, value, word in (
        ("1206", "noon", "a time of day"),
        ("1395", "on", "add --yes"),
        ("1128", "off", "add --yes"),
    ):
        (await solarlink("write", "studer", link, name, value, "--unit", "xt1")).failed_with(BAD_USE, word)
    never = await solarlink("write", "studer", link, "1395", "on", "--unit", "xt1", "--yes")
    never.failed_with(SOME_FAILED, "cannot be written")
    assert writes(sim) == [(1206, 13)]


async def test_write_shows_what_is_in_flash_beneath(link: str) -> None:
    result = await solarlink("write", "studer", link, "1607", "20", "--unit", "xt1")
    assert result.status == OK
    assert result.out.split(maxsplit=2)[2].strip() == "20 % (flash: 100.0)"


async def test_a_permanent_write_needs_consent(sim: StuderSimulator, link: str) -> None:
    arguments = ("write", "studer", link, "soc_for_backup", "40", "--permanent")
    (await solarlink(*arguments)).failed_with(BAD_USE, "flash memory", "--yes")
    assert writes(sim) == []
    assert (await solarlink(*arguments, "--yes")).status == OK
    assert sim.flash_writes == {(601, 6062): 1}


@pytest.mark.parametrize(
    ("value", "status", "word"),
    [
        ("150", SOME_FAILED, "accepts 0 to 100 %"),
        ("-5", SOME_FAILED, "accepts 0 to 100 %"),
        ("12", SOME_FAILED, "steps of 5 %"),
        ("nan", SOME_FAILED, "expected a number"),
        ("much", BAD_USE, "is a number"),
    ],
)
async def test_a_bad_value_is_refused(value: str, status: int, word: str, sim: StuderSimulator, link: str) -> None:
    (await solarlink("write", "studer", link, "1607", value, "--unit", "xt1")).failed_with(status, word)
    assert writes(sim) == []


async def test_a_read_only_value_cannot_be_written(sim: StuderSimulator, link: str) -> None:
    (await solarlink("write", "studer", link, "3000", "50", "--unit", "xt1")).failed_with(SOME_FAILED, "cannot be")
    assert writes(sim) == []


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("read", "studer", "LINK", "no_such_value"), "no_such_value"),
        (("read", "studer", "LINK", "--unit", "xt9"), "xt9"),
        (("write", "studer", "LINK", "no_such_value", "5"), "no_such_value"),
        (("write", "studer", "LINK", "1607", "20"), "--unit xt1 or xt2"),
    ],
)
async def test_names_that_do_not_exist_are_bad_use(
    arguments: tuple[str, ...], word: str, link: str, sim: StuderSimulator
) -> None:
    result = await solarlink(*(link if each == "LINK" else each for each in arguments))
    result.failed_with(BAD_USE, word)
    assert writes(sim) == []


@pytest.mark.parametrize("address", ["ftp://127.0.0.1", "127.0.0.1", "tcp://", "tcp://127.0.0.1:port"])
async def test_a_bad_link_is_bad_use(address: str) -> None:
    (await solarlink("read", "studer", address)).failed_with(BAD_USE, "no link address that Studer understands")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("read",),
        ("read", "studer"),
        ("read", "nobody", "tcp://127.0.0.1"),
        ("fly", "studer", "tcp://127.0.0.1"),
        ("read", "studer", "tcp://127.0.0.1", "--watch", "0"),
        ("read", "studer", "tcp://127.0.0.1", "--watch", "often"),
        ("read", "studer", "tcp://127.0.0.1", "--nonsense"),
        ("write", "studer", "tcp://127.0.0.1", "1607"),
        ("decode", "studer"),
    ],
    ids=" ".join,
)
async def test_bad_use(arguments: tuple[str, ...]) -> None:
    result = await solarlink(*arguments)
    assert (result.status, result.out) == (BAD_USE, "")
    assert "usage: " in result.err


@pytest.mark.parametrize("option", ["--help", "--version"])
async def test_help_and_version(option: str) -> None:
    result = await solarlink(option)
    assert (result.status, result.err) == (OK, "")
    assert "solarlink" in result.out


async def test_a_link_that_is_not_reachable(socket_enabled: None, unused_tcp_port: int) -> None:
    refused = await solarlink("read", "studer", f"tcp://{HOST}:{unused_tcp_port}", "--json")
    refused.failed_with(NO_LINK, "No connection to")
    nobody = await solarlink("read", "studer", f"listen://{HOST}:{unused_tcp_port}", "--wait", "0.2")
    nobody.failed_with(NO_LINK, "No gateway has connected")
    missing = await solarlink("read", "studer", "/dev/no-such-port")
    missing.failed_with(NO_LINK, "No connection to /dev/no-such-port")


async def test_a_port_in_use(sim: StuderSimulator) -> None:
    port = await sim.listen()
    result = await solarlink("read", "studer", f"listen://{HOST}:{port}")
    result.failed_with(NO_LINK, f"Port {port} is used by another program")


async def test_watch_reads_again_until_it_is_interrupted(link: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "solarlink", "read", "studer", link, "3000", "--json", "--watch", "1"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=ENVIRONMENT,
        # A shell without job control lets background jobs, this test among them, ignore the interrupt.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        for _ in range(2):
            assert json.loads(await process.stdout.readline())["values"]["xt1"] == {"battery_voltage": 51.5}
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert (process.returncode, err) == (OK, b"")


# Decoding without a device


async def test_decode_several_frames() -> None:
    text = f"{ANSWER_3000}\n0D 0A\nFF {ANSWER_15017.replace(' ', '').lower()}\n"
    result = await solarlink("decode", "studer", "frame", "--json", text=text)
    assert result.status == OK
    assert result.shown["values"] == {"xt1": {"battery_voltage": 12.359375}, "vs1": {"pv_energy_today": 7.75}}
    assert result.shown["failed"] == {}
    assert len(result.shown["frames"]) == 2
    assert result.shown["dropped_bytes"] == 1


async def test_decode_for_people() -> None:
    result = await solarlink("decode", "studer", "frame", text=f"{READ_3000} {ANSWER_3000}")
    assert (result.status, result.err) == (OK, "")
    assert "battery_voltage" in result.out
    assert "12.359375" in result.out
    assert "request" in result.out


async def test_decode_an_error_answer() -> None:
    result = await solarlink("decode", "studer", "frame", "--json", text=f"{ANSWER_3000}{REFUSED_1607}")
    assert result.status == SOME_FAILED
    assert result.shown["values"] == {"xt1": {"battery_voltage": 12.359375}}
    assert result.shown["failed"] == {"xt1": {"smart_boost_limit": "data too big (0028)"}}


@pytest.mark.parametrize("text", ["", "hello", "AA BB CC", ANSWER_3000[:-2] + "00", "AA 0"])
async def test_decode_what_is_no_frame(text: str) -> None:
    (await solarlink("decode", "studer", "frame", text=text)).failed_with(SOME_FAILED, "The input")


async def test_decode_what_is_unknown() -> None:
    (await solarlink("decode", "studer", "poem", text=ANSWER_3000)).failed_with(BAD_USE, "frame", "poem")


# A device that asks for a password


@pytest.fixture
async def meter(socket_enabled: None) -> AsyncIterator[str]:
    """A meter with a password."""
    simulator = ShellySimulator(house=House(seed=1, speed=0), password="open sesame", pace=0.0)
    try:
        yield f"http://127.0.0.1:{await simulator.listen('127.0.0.1', 0)}"
    finally:
        await simulator.close()


async def test_the_password_comes_from_the_environment(meter: str) -> None:
    asked = ("read", "shelly_em", meter, "grid_power", "--json")
    (await solarlink(*asked)).failed_with(1, "password")
    told = (await solarlink(*asked, password="open sesame")).shown
    (power,) = [values["grid_power"] for values in told["values"].values()]
    turned = (await solarlink(*asked, "--set", "inverted=true", password="open sesame")).shown
    (opposite,) = [values["grid_power"] for values in turned["values"].values()]
    assert opposite == -power != 0


async def test_a_setting_without_a_value_is_bad_use(meter: str) -> None:
    (await solarlink("read", "shelly_em", meter, "--set", "inverted")).failed_with(2, "NAME=VALUE")
