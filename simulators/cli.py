"""Start simulators from the command line and keep them running until a signal."""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from .faults import Fault, UnknownFaultError, parse
from .house import House
from .registry import FAMILIES, Dialling, Listening, OnBus, OnTerminal, Simulator
from .victron_gx import BUS_PORT
from .victron_gx.dbus_daemon import NoDaemonError

ALL = "house"


@dataclass(frozen=True, slots=True)
class Way:
    """How one family connects."""

    family: str
    way: str
    address: str


class UsageError(ValueError):
    """The command line makes no sense; the text says why."""


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m simulators",
        description="Simulated devices of one simulated house.",
        epilog="With 'house', an ADDRESS is FAMILY=HOST:PORT and may be given once for each family.",
    )
    parser.add_argument("family", choices=[*FAMILIES, ALL], help="what to start; 'house' starts all families")
    parser.add_argument("--listen", action="append", default=[], metavar="ADDRESS", help="serve on HOST:PORT (TCP)")
    parser.add_argument("--dial", action="append", default=[], metavar="ADDRESS", help="connect to HOST:PORT (TCP)")
    parser.add_argument(
        "--pty", nargs="?", const="", action="append", default=[], metavar="FAMILY", help="serve on a pseudo terminal"
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[=ARG][*COUNT]",
        help="a fault that is on from the start (not with 'house'): "
        + "; ".join(f"{name}: {', '.join(sorted(family.faults))}" for name, family in FAMILIES.items()),
    )
    parser.add_argument(
        "--dbus",
        metavar="HOST:PORT",
        help=f"where the D-Bus of a simulated GX listens (default 127.0.0.1:{BUS_PORT}, where there is a dbus-daemon)",
    )
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds per real second (default 1)")
    parser.add_argument("--seed", type=int, default=1, help="which weather and which loads (default 1)")
    parser.add_argument("--pace", type=float, default=1.0, help="time that the wire takes, 1 real, 0 none (default 1)")
    return parser.parse_args(argv)


def _ways(arguments: argparse.Namespace) -> list[Way]:
    """Return how each chosen family connects: as told, else in its usual way."""
    everything = arguments.family == ALL
    told: list[Way] = []
    for way in ("listen", "dial", "pty"):
        for text in getattr(arguments, way):
            family, equals, address = text.partition("=")
            if way == "pty":
                family, address = text or arguments.family, ""
            elif not equals:
                family, address = arguments.family, text
            if family not in FAMILIES or (not everything and family != arguments.family):
                raise UsageError(f"--{way} {text}: name the family, one of {', '.join(FAMILIES)}")
            told.append(Way(family, way, address))
    chosen = list(FAMILIES) if everything else [arguments.family]
    named = {way.family for way in told}
    return told + [Way(name, FAMILIES[name].way, FAMILIES[name].address) for name in chosen if name not in named]


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    try:
        return host.strip("[]") or "127.0.0.1", int(port)
    except ValueError as error:
        raise UsageError(f"{address!r} is no HOST:PORT") from error


async def _connect(simulator: Simulator, way: Way) -> str:
    """Connect a simulator and return its endpoint as a client writes it."""
    if way.way == "pty" and isinstance(simulator, OnTerminal):
        return await simulator.pty()
    if way.way == "dial" and isinstance(simulator, Dialling):
        host, port = _host_and_port(way.address)
        await simulator.dial(host, port)
        return f"listen://{host}:{port}"
    if way.way == "listen" and isinstance(simulator, Listening):
        host, port = _host_and_port(way.address)
        return f"{FAMILIES[way.family].scheme}://{host}:{await simulator.listen(host, port)}"
    raise UsageError(f"--{way.way}: a simulated {way.family} cannot be reached in this way")


async def _open_bus(simulator: OnBus, told: str | None) -> str:
    """Start the bus of a simulator and return its endpoint, or why there is none.

    `NoDaemonError` where it was asked for and cannot be had.
    """
    host, port = _host_and_port(told or f"127.0.0.1:{BUS_PORT}")
    try:
        return f"dbus://{host}:{await simulator.listen_bus(host, port)}"
    except NoDaemonError as error:
        if told:
            raise
        return f"without D-Bus: {error}"


async def _run(ways: list[Way], faults: list[Fault], house: House, pace: float, dbus: str | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        simulators: dict[str, Simulator] = {}
        for way in ways:
            if way.family not in simulators:
                simulator = FAMILIES[way.family].build(house, pace)
                stack.push_async_callback(simulator.close)
                simulators[way.family] = simulator
            endpoint = await _connect(simulators[way.family], way)
            print(f"{way.family} {endpoint}", flush=True)
        for family, simulator in simulators.items():
            if isinstance(simulator, OnBus):
                print(f"{family} {await _open_bus(simulator, dbus)}", flush=True)
        for simulator in simulators.values():
            for fault in faults:
                simulator.faults.add(fault)
        await stop.wait()


def main(argv: Sequence[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM; 0 then, 2 for a bad command line, 3 for an address that cannot be used."""
    arguments = _arguments(argv)
    try:
        ways = _ways(arguments)
        if arguments.fault and arguments.family == ALL:
            raise UsageError("faults belong to one family: start it alone")
        faults = [parse(text, FAMILIES[arguments.family].faults) for text in arguments.fault]
        # The house lives in the wall clock of this machine.
        now = datetime.now().replace(microsecond=0)  # noqa: DTZ005
        house = House(arguments.seed, speed=arguments.speed, start=now)
        if arguments.dbus:
            _host_and_port(arguments.dbus)
        asyncio.run(_run(ways, faults, house, arguments.pace, arguments.dbus))
    except (UsageError, UnknownFaultError) as error:
        print(error, file=sys.stderr)
        return 2
    except NoDaemonError as error:
        print(error, file=sys.stderr)
        return 3
    except OSError as error:
        print(f"cannot use the address: {error}", file=sys.stderr)
        return 3
    return 0
