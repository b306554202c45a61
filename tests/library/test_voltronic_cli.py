"""The command line with a Voltronic inverter: replies decoded, commands sent."""

import argparse
import io
import json
import sys

import pytest

from custom_components.local_solar.solarlink import family
from custom_components.local_solar.solarlink.cli import commands
from custom_components.local_solar.solarlink.cli.main import BAD_USE, OK, SOME_FAILED, main, parser
from custom_components.local_solar.solarlink.errors import NeedsConsentError

from .axpert import HOST, simulated

pytestmark = pytest.mark.usefixtures("_known_family")

STATUS = "233.8 49.8 230.2 49.8 0277 0250 005 363 52.00 000 028 0045 0000 289.6 00.00 00001 10010010 00 00 00241 010"


@pytest.fixture
def _known_family(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line knows the family, whatever the list of finished ones says."""
    names = tuple(dict.fromkeys((*family.NAMES, "voltronic")))
    for module in (family, sys.modules[main.__module__]):
        monkeypatch.setattr(module, "NAMES", names)


def decode(
    text: str, *arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    status = main(["decode", "voltronic", *arguments])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_a_reply_is_decoded(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = decode("28 42 E7 C9 0D", "QMOD", "--json", monkeypatch=monkeypatch, capsys=capsys)
    assert status == OK
    assert json.loads(out)["values"] == {"inverter": {"inverter_mode": "battery"}}
    status, out, _ = decode(STATUS, "QPIGS", monkeypatch=monkeypatch, capsys=capsys)
    assert status == OK
    assert ["inverter", "battery_voltage", "52.0"] in [line.split() for line in out.splitlines()]


def test_the_dialect_is_an_option(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("QPIGS", "--json", "--dialect")
    _, out, _ = decode(STATUS, *arguments, "PI30", monkeypatch=monkeypatch, capsys=capsys)
    assert "scc_ok" not in json.loads(out)["values"]["inverter"]
    _, out, _ = decode(STATUS, *arguments, "PI41", monkeypatch=monkeypatch, capsys=capsys)
    assert json.loads(out)["values"]["inverter"]["scc_ok"] is True


@pytest.mark.parametrize(
    ("text", "arguments", "status", "sentence"),
    [
        ("28 42 E7 C8 0D", ("QMOD",), SOME_FAILED, "no reply with a right checksum"),
        (STATUS, ("QPIGS", "--dialect", "PI99"), SOME_FAILED, "no dialect"),
        ("B", ("QNONSENSE",), BAD_USE, "voltronic decodes QPIGS"),
    ],
)
def test_what_cannot_be_decoded(
    text: str,
    arguments: tuple[str, ...],
    status: int,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    result, out, err = decode(text, *arguments, monkeypatch=monkeypatch, capsys=capsys)
    assert (result, out) == (status, "")
    assert sentence in err


def chosen(*arguments: str) -> argparse.Namespace:
    return parser().parse_args(arguments)


async def test_a_command(socket_enabled: None, capsys: pytest.CaptureFixture[str]) -> None:
    async with simulated() as sim:
        link = f"tcp://{HOST}:{await sim.listen()}"
        assert await commands.with_link(chosen("command", "voltronic", link, "QMOD"))
        assert capsys.readouterr().out == "B\n"
        with pytest.raises(NeedsConsentError):
            await commands.with_link(chosen("command", "voltronic", link, "POP01"))
        assert sim.writes == []
        assert await commands.with_link(chosen("command", "voltronic", link, "POP01", "--yes", "--json"))
        assert json.loads(capsys.readouterr().out) == {"answer": "ACK"}
        assert [write.text for write in sim.writes] == ["POP01"]


async def test_a_family_without_commands(socket_enabled: None) -> None:
    from simulators.house import House
    from simulators.studer import StuderSimulator

    simulator = StuderSimulator(house=House(seed=1, speed=0), pace=0.0)
    try:
        link = f"tcp://{HOST}:{await simulator.listen()}"
        with pytest.raises(commands.UsageError, match="studer takes no commands"):
            await commands.with_link(chosen("command", "studer", link, "QMOD"))
    finally:
        await simulator.close()


async def test_discover_and_write(socket_enabled: None, capsys: pytest.CaptureFixture[str]) -> None:
    async with simulated(profile="max_8k_48v") as sim:
        link = f"tcp://{HOST}:{await sim.listen()}"
        assert await commands.with_link(chosen("discover", "voltronic", link, "--json"))
        units = json.loads(capsys.readouterr().out)["units"]
        assert units["inverter"]["model"] == "MKS2-8000"
        assert await commands.with_link(chosen("write", "voltronic", link, "buzzer", "off"))
        assert [write.text for write in sim.writes if write.accepted] == ["PDa"]
