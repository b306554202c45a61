"""The demo: a simulated house with every device on it and a real Home Assistant that talks to it, until Ctrl-C.

Started by ``scripts/demo``. What it prepares stays in ``.demo/<Home Assistant version>`` of the checkout, so that a
second start takes seconds and keeps its history.
"""

import argparse
import asyncio
import fcntl
import json
import shutil
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeassistant import const

from development.home_assistant import (
    HOST,
    PASSWORD,
    REPOSITORY,
    USERNAME,
    HomeAssistantInstance,
    InstanceError,
    PortInUseError,
    RequestError,
    free_port,
    port_is_free,
)
from development.owner import (
    FlowError,
    add_dashboard,
    add_feed_in_control,
    add_installation,
    last_lines,
    own_entities,
    publish_inverters,
    say,
    until_loaded,
)
from simulators.opendtu.simulator import FACTORY_PASSWORD
from simulators.victron_gx import BUS_PORT
from simulators.victron_gx.dbus_daemon import find_daemon


class DemoError(Exception):
    """The demo cannot go on; the text says what to do."""


class Simulator:
    """The simulated house, as a process of its own that is started again should it end."""

    def __init__(self, ports: dict[str, int], bus_port: int, speed: float, log: Path) -> None:
        """``bus_port`` is where the D-Bus of the GX listens, 0 where this machine cannot have one."""
        ways = [(f"--{INSTALLATIONS[family].way}", f"{family}={HOST}:{port}") for family, port in ports.items()]
        self._command = (
            *(sys.executable, "-m", "simulators", "house", "--speed", f"{speed:g}"),
            *(argument for way in ways for argument in way),
            *(("--dbus", f"{HOST}:{bus_port}") if bus_port else ()),
        )
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """Keep the simulator running until cancelled."""
        quick = 0
        while True:
            started = time.monotonic()
            try:
                with self._log.open("ab") as log:
                    self._process = await asyncio.create_subprocess_exec(
                        *self._command,
                        cwd=REPOSITORY,
                        stdin=asyncio.subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                code = await self._process.wait()
            finally:
                await self._stop()
            quick = quick + 1 if time.monotonic() - started < 5 else 0
            if quick == 5:
                raise DemoError(f"the simulated house ends at once (exit code {code})\n{last_lines(self._log)}")
            await asyncio.sleep(1)

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@contextmanager
def exclusively(directory: Path) -> Iterator[None]:
    """Hold the prepared directory: only one demo may run in it."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoError("the demo of this checkout is running already") from None
        yield


@dataclass(frozen=True, slots=True)
class Installation:
    """One family in the demo: the port of its simulator, and the way through the config flow."""

    way: str
    """How the simulator connects: it listens on the port, or dials it."""
    port: int
    """Usual port; another one is taken where it is not free."""
    choices: tuple[str, ...]
    known: Callable[[int], dict[str, Any]]
    """The fields of the form for that port."""


INSTALLATIONS: dict[str, Installation] = {
    "studer": Installation("dial", 4001, ("studer", "studer_listen"), lambda port: {"port": port}),
    "voltronic": Installation(
        "listen", 8899, ("voltronic", "voltronic_tcp"), lambda port: {"host": HOST, "port": port}
    ),
    "senec": Installation("listen", 8443, ("senec", "senec_host"), lambda port: {"host": f"{HOST}:{port}"}),
    "conext": Installation("listen", 1502, ("conext", "conext_tcp"), lambda port: {"host": HOST, "port": port}),
    "pylontech": Installation(
        "listen",
        8896,
        ("pylontech", "pylontech_tcp"),
        lambda port: {"host": HOST, "port": port, "protocol": "console"},
    ),
    "opendtu": Installation(
        "listen",
        8480,
        ("opendtu", "opendtu_host"),
        lambda port: {"host": f"{HOST}:{port}", "password": FACTORY_PASSWORD},
    ),
    "shelly_em": Installation("listen", 8481, ("shelly_em", "shelly_em_host"), lambda port: {"host": f"{HOST}:{port}"}),
    "victron_gx": Installation(
        "listen", 1503, ("victron_gx", "victron_gx_tcp"), lambda port: {"host": HOST, "port": port}
    ),
}
BUS = "victron_gx_dbus"
"""How the port of the D-Bus of the GX is remembered, once inverters are shown there."""


CONTROL = "feed_in_control"
"""The controller that was added last, because it needs devices of several others; it has no port."""
BATTERY = {"state_of_charge": "-stack-state_of_charge", "voltage": "-stack-battery_voltage"}
"""What it wants to know of the battery, and how the unique ids of these entities end."""


async def battery_of(home: HomeAssistantInstance) -> dict[str, str]:
    """Return the entities that tell of the simulated battery, by what they tell."""
    found = {what: await own_entities(home, ending) for what, ending in BATTERY.items()}
    return {what: entities[0] for what, entities in found.items() if entities}


def prepared_ports(directory: Path) -> dict[str, int]:
    """Return the ports of the families that an earlier demo has added."""
    with suppress(OSError, ValueError, KeyError):
        ports: dict[str, int] = json.loads((directory / "demo.json").read_text(encoding="utf-8"))["ports"]
        return ports
    return {}


def chosen_ports(directory: Path) -> dict[str, int]:
    """Return the port of each family: the one of the prepared entry, else the usual or a free one."""
    kept = prepared_ports(directory)
    ports = {}
    for family, installation in INSTALLATIONS.items():
        port = kept.get(family, 0)
        if port and not port_is_free(port):
            raise DemoError(
                f"port {port}, which the demo uses for its simulated {family}, is used by another program; "
                "stop that program, or begin anew with: scripts/demo --fresh"
            )
        ports[family] = port or (installation.port if port_is_free(installation.port) else free_port())
    return ports


def chosen_bus_port(directory: Path, taken: Collection[int]) -> int:
    """Return the port of the D-Bus of the GX, 0 on a machine that cannot have one."""
    if find_daemon() is None:
        return 0
    kept = prepared_ports(directory).get(BUS, BUS_PORT)
    return kept if port_is_free(kept) and kept not in taken else free_port()


async def demo(port: int, speed: float, directory: Path) -> None:
    """Start everything, tell how to get in, and keep it running until cancelled."""
    ports = chosen_ports(directory)
    home = HomeAssistantInstance(directory / "config", port, progress=say)
    bus_port = chosen_bus_port(directory, ports.values())
    simulator = Simulator(ports, bus_port, speed, directory / "simulator.log")
    started = time.monotonic()
    try:
        async with asyncio.TaskGroup() as group:
            # First: on a later start, Home Assistant is up only when its entry has heard from the installation.
            say(f"starting the simulated house: {', '.join(f'{family} on port {ports[family]}' for family in ports)}")
            keeper = group.create_task(simulator.run())
            await home.start()
            prepared = prepared_ports(directory) if await home.entries() else {}
            for family in [name for name in ports if name not in prepared]:
                installation = INSTALLATIONS[family]
                await add_installation(home, installation.choices, installation.known(ports[family]))
                prepared[family] = ports[family]
                (directory / "demo.json").write_text(json.dumps({"ports": prepared}), encoding="utf-8")
            await until_loaded(home)
            if CONTROL not in prepared:
                await add_feed_in_control(home, await battery_of(home))
                prepared[CONTROL] = 0
                (directory / "demo.json").write_text(json.dumps({"ports": prepared}), encoding="utf-8")
            if not bus_port:
                say("no inverters on the GX: there is no dbus-daemon on this machine (Debian: apt-get install dbus)")
            elif prepared.get(BUS) != bus_port:
                await publish_inverters(home, bus_port)
                prepared[BUS] = bus_port
                (directory / "demo.json").write_text(json.dumps({"ports": prepared}), encoding="utf-8")
            path = await add_dashboard(home)
            say(f"ready after {time.monotonic() - started:.0f} s")
            say("")
            say(f"    {home.base}{path}")
            say(f"    user {USERNAME}, password {PASSWORD}")
            say("")
            say(f"logs: {relative(directory / 'config' / 'console.log')}, {relative(directory / 'simulator.log')}")
            say("Ctrl-C stops everything")
            code = await home.wait()
            keeper.cancel()
            raise DemoError(f"Home Assistant ended (exit code {code})\n{last_lines(home.directory / 'console.log')}")
    finally:
        if home.running:
            say("stopping Home Assistant")
        await home.stop()


def relative(path: Path) -> Path:
    """Return a path as seen from where the user is, if it is below."""
    with suppress(ValueError):
        return path.relative_to(Path.cwd())
    return path


async def supervised(port: int, speed: float, directory: Path) -> None:
    """Run the demo as a task that Ctrl-C and the like cancel, once: a second one does not break the clean-up."""
    task = asyncio.create_task(demo(port, speed, directory))
    loop = asyncio.get_running_loop()
    stopping = False

    def stop() -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        say("stopped")


def first_cause(error: BaseException) -> BaseException:
    """Return the one error that a task group wraps."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description="A real Home Assistant with Local Solar on a simulated house."
    )
    parser.add_argument("--port", type=int, default=8123, help="port of Home Assistant on this machine (8123)")
    parser.add_argument("--speed", type=float, default=10.0, help="simulated seconds per second (10)")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier demo prepared and recorded")
    options = parser.parse_args(arguments)
    if not 0 < options.port < 65536:
        parser.error(f"{options.port} is no TCP port")
    if not port_is_free(options.port):
        say(f"error: port {options.port} is used by another program; take another: scripts/demo --port {free_port()}")
        return 1
    directory = REPOSITORY / ".demo" / const.__version__
    try:
        with exclusively(REPOSITORY / ".demo"):
            if options.fresh:
                shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True, exist_ok=True)
            for log in (directory / "simulator.log", directory / "config" / "console.log"):
                log.unlink(missing_ok=True)
            asyncio.run(supervised(options.port, options.speed, directory))
    except* (DemoError, FlowError, InstanceError, PortInUseError, RequestError) as errors:
        say(f"error: {first_cause(errors)}")
        return_code = 1
    else:
        return_code = 0
    return return_code


if __name__ == "__main__":
    sys.exit(main())
