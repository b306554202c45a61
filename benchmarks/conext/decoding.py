"""RS-485 answers of a simulated stack: how fast each decoder is, and how many damaged ones it believes."""

import importlib
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from custom_components.local_solar.solarlink.errors import SolarError
from custom_components.local_solar.solarlink.pylontech.codec_rs485 import Frame, decode, encode, read_analog
from simulators.house import House
from simulators.pylontech import PylontechSimulator

PEER = "pylontech"
MASTER, ANALOG = 2, 0x42
COUNT, TURNS = 2000, 7

type Decoder = Callable[[bytes], int]
"""Returns how many cells an answer has; raises what it likes for one that it does not believe."""


def answer() -> bytes:
    """The values of one module of 15 cells."""
    simulator = PylontechSimulator(house=House(seed=1, speed=0), layout="C", protocol="rs485", pace=0.0)
    (data,) = simulator.bus.take(encode(Frame(MASTER, ANALOG, bytes([MASTER]))))
    return data


def ours(data: bytes) -> int:
    """Our decoder, from the bytes of the line to the values."""
    return sum(key.startswith("cell_voltage_") and key[-1].isdigit() for key in read_analog(decode(data).info))


def peer() -> Decoder | None:
    """The published decoder on the same bytes, with its own check of the frame; None when it is not installed."""
    try:
        package = importlib.import_module(PEER)
    except ImportError:
        return None
    line = object.__new__(package.PylontechRS485)
    handler = _Handler()
    line.rs485 = handler
    decoder = package.PylontechDecode()

    def run(data: bytes) -> int:
        handler.data = data
        (frame,) = line.receive(0.1)
        decoder.decode_header(frame)
        return len(decoder.decodeAnalogValue()["CellVoltages"])

    return run


class _Handler:
    """Stands in for the serial port of the published package."""

    data = b""

    def receive_frame(self, end_time: float, start: Any = b"~", end: Any = b"\r") -> bytes:
        """The answer that is to be decoded."""
        return self.data


def believed(decoder: Decoder, data: bytes) -> int:
    """How many of the answers with one bit turned it takes for good."""
    taken = 0
    for index in range(1, len(data) - 1):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[index] ^= 1 << bit
            try:
                decoder(bytes(damaged))
            except SolarError, ValueError, IndexError, KeyError, TypeError:
                continue
            taken += 1
    return taken


def per_second(decoder: Decoder, data: bytes) -> float:
    """How many answers a second it decodes, in the best of several turns: the machine may be busy."""
    best = 0.0
    for _ in range(TURNS):
        started = time.perf_counter()
        for _ in range(COUNT):
            decoder(data)
        best = max(best, COUNT / (time.perf_counter() - started))
    return best


def _name() -> str:
    try:
        return f"{PEER} {version(PEER)}"
    except PackageNotFoundError:
        return PEER


def print_table() -> None:
    """Decode the same answer with both."""
    data = answer()
    turned = (len(data) - 2) * 8
    print("\nPylontech, one RS-485 answer with the values of a module of 15 cells\n")
    print("| decoder | answers per second | damaged answers believed |")
    print("|---|--:|--:|")
    for name, decoder in (("Local Solar", ours), (_name(), peer())):
        if decoder is None:
            print(f"| {name} | not installed | |")
            continue
        assert decoder(data) == 15
        print(f"| {name} | {per_second(decoder, data):.0f} | {believed(decoder, data)} of {turned} |", flush=True)
