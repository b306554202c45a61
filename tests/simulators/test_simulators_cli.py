"""The simulators' command line as its own process."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from simulators.cli import main
from simulators.registry import FAMILIES
from simulators.studer.frames import Frame, FrameReader
from tests.simulators.wire import connect

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
async def test_listens_prints_its_endpoint_and_ends_cleanly(socket_enabled: None, stop: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators", "studer", "--listen", "127.0.0.1:0", "--fault", "busy*1"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    assert line.startswith("studer tcp://127.0.0.1:")
    async with connect(int(line.rpartition(":")[2])) as client:
        (frame,) = FrameReader().feed(await client.ask(Frame(1, 101, 1, 1, 3000, 1).encode(), 2))
        assert frame.data == b"\x13\x00"
    process.send_signal(stop)
    _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert (process.returncode, errors) == (0, b"")


@pytest.mark.parametrize(
    "argv",
    [
        ["studer", "--fault", "unheard_of"],
        ["studer", "--listen", "nowhere"],
        ["house", "--dial", "127.0.0.1:4001"],
        ["studer", "--dial", "other=127.0.0.1:4001"],
    ],
)
def test_bad_command_lines_are_one_sentence(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_every_family_is_registered_with_a_usual_way() -> None:
    for family in FAMILIES.values():
        assert family.way in ("dial", "listen", "pty")
