"""The command line with a Pylontech stack: replies decoded, values read over TCP, the log asked for."""

import io
import json
import sys

import pytest

from custom_components.local_solar.solarlink import family
from custom_components.local_solar.solarlink.cli import commands
from custom_components.local_solar.solarlink.cli.main import BAD_USE, OK, SOME_FAILED, main, parser

from .pylon import HOST, Battery, BusBattery, stack

pytestmark = pytest.mark.usefixtures("_known_family")


@pytest.fixture
def _known_family(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line knows the family, whatever the list of finished ones says."""
    names = tuple(dict.fromkeys((*family.NAMES, "pylontech")))
    for module in (family, sys.modules[main.__module__]):
        monkeypatch.setattr(module, "NAMES", names)


def decode(
    text: str, *arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    status = main(["decode", "pylontech", *arguments])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


@pytest.mark.parametrize(
    ("command", "what", "unit", "key", "value"),
    [
        ("pwr", "pwr", "stack", "state_of_charge", 61.0),
        ("pwr 2", "pwr", "module2", "module_fault", False),
        ("bat 2", "bat", "module2", "cell_voltage_1", 3.3),
        ("info 2", "info", "module2", "serial", f"K{2:015d}"),
        ("stat 2", "stat", "module2", "cycles", 210),
        ("time", "time", "stack", "device_clock", "2026-03-04T05:06:08"),
    ],
)
def test_a_reply_is_decoded(
    command: str,
    what: str,
    unit: str,
    key: str,
    value: object,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = Battery().feed(command.encode() + b"\r").decode()
    status, out, _ = decode(text, what, "--json", monkeypatch=monkeypatch, capsys=capsys)
    assert status == OK
    told = json.loads(out)["values"][unit][key]
    assert told.startswith(value) if isinstance(value, str) else told == value
    status, out, _ = decode(text, what, monkeypatch=monkeypatch, capsys=capsys)
    assert status == OK
    assert any(line.split()[:2] == [unit, key] for line in out.splitlines())


def test_frames_are_decoded_as_they_are_or_as_hex(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = BusBattery().feed(b"~20034642E00203FD31\r")
    for text in (raw.decode(), raw.hex(" ")):
        status, out, _ = decode(text, "rs485", "--json", monkeypatch=monkeypatch, capsys=capsys)
        assert status == OK
        assert json.loads(out)["values"]["module2"]["battery_voltage"] == 49.521


@pytest.mark.parametrize(
    ("text", "what", "status", "sentence"),
    [
        ("nonsense", "pwr", SOME_FAILED, "no header"),
        ("~2002", "rs485", SOME_FAILED, "no frame"),
        ("x", "unit", BAD_USE, "decodes pwr, bat, info, stat, soh, time, log, rs485, not 'unit'"),
    ],
)
def test_what_cannot_be_decoded(
    text: str,
    what: str,
    status: int,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found, _, err = decode(text, what, monkeypatch=monkeypatch, capsys=capsys)
    assert found == status
    assert sentence in err


@pytest.mark.usefixtures("socket_enabled")
async def test_values_and_the_log_come_over_tcp(capsys: pytest.CaptureFixture[str]) -> None:
    battery = Battery(stack(1, 2))
    link = f"tcp://{HOST}:{await battery.listen()}"
    try:
        chosen = parser().parse_args(["read", "pylontech", link, "lowest_state_of_charge", "cycles", "--json"])
        assert await commands.with_link(chosen)
        told = json.loads(capsys.readouterr().out)["values"]
        assert told["stack"] == {"lowest_state_of_charge": 61.0}
        assert told["module2"] == {"cycles": 210}
        chosen = parser().parse_args(["command", "pylontech", link, "log"])
        assert await commands.with_link(chosen)
        assert capsys.readouterr().out.count("Index") == 10
    finally:
        await battery.close()
