"""The simulated Studer installation: how it connects, and what a test may change about it."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Coroutine
from typing import Any, Self

from ..faults import Fault, Faults
from ..house import House
from . import catalogue
from .behaviour import Behaviour
from .clock import WallClock
from .faults import FAULTS
from .frames import Frame, Request
from .gateway import Gateway
from .installation import GATEWAY, Plan, Unit
from .lines import CR_LF, DELIMITERS, PERSONALITIES, Line, PtyLine, TcpLine, UdpLine
from .messages import Message
from .modbus import ModbusBehaviour, Xcom485i
from .portal import Portal, Upload, values_request
from .rtu import Modbus
from .serial_line import SerialLine
from .watchdogs import Stop

BAUD = 115200
CATCH_UP_SECONDS = 0.05
"""How often the house's time is looked at, real seconds."""


class StuderSimulator:
    """A Studer installation that dials in, listens, takes datagrams, or sits on a pseudo terminal.

    One serial line serves all its clients: requests are answered one after another, and each answer goes to all. Its
    time is the house's: it runs with the house's speed, or in steps when a test advances the house.
    """

    def __init__(
        self,
        *,
        house: House | None = None,
        plan: Plan | None = None,
        behaviour: Behaviour | None = None,
        upload: Upload | None = None,
        modbus: ModbusBehaviour | None = None,
        pace: float = 1.0,
        baud: int = BAUD,
        delimiters: str = "clean",
        redial: float | None = None,
        portal_period: float | None = None,
        zone: str = "UTC",
        clock_offset: float = 0.0,
        clock_drift: float = 0.0,
        seed: int = 1,
        **options: Any,
    ) -> None:
        """Build the installation.

        ``pace`` scales the time that wire and bus take (1: real, 0: none), ``baud`` is the rate it follows from.
        ``delimiters`` is what the Moxa does with CR LF: "clean", "strip" or "pass".
        ``redial`` is the delay before dialling again, seconds (default 2 at a real pace, 0.05 without).
        ``portal_period``: seconds between the portal's own requests (default: only on demand), real ones in a house
        that stands still; ``upload``: how it fetches the datalog every night (None: it does not). ``zone`` is where the
        house stands, ``clock_offset`` what the remote control's clock is wrong at first (s), ``clock_drift`` what it
        gains (s a day). Every field of `Plan` and `Behaviour` may be given as an option.
        """
        plan_options = {key: options.pop(key) for key in list(options) if key in Plan.__dataclass_fields__}
        behaviour_options = {key: options.pop(key) for key in list(options) if key in Behaviour.__dataclass_fields__}
        if options:
            raise TypeError(f"unknown option {', '.join(sorted(options))}")
        if delimiters not in DELIMITERS:
            raise ValueError(f"unknown delimiters {delimiters!r}: choose from {', '.join(DELIMITERS)}")
        self.house = house or House()
        self.faults = Faults(FAULTS)
        self.faults.on_set(self._fault_set)
        self.clock = WallClock(self.house, zone=zone, offset=clock_offset, drift=clock_drift)
        self.gateway = Gateway(
            self.house,
            plan or Plan(**plan_options),
            behaviour or Behaviour(**behaviour_options),
            self.faults,
            self.clock,
        )
        self._delimiters = delimiters
        self._modbus = Xcom485i(self.house, self.gateway, self.faults, modbus or ModbusBehaviour(), pace)
        self._serial = SerialLine(self.house, self.gateway, self.faults, pace, baud, seed)
        self.portal = Portal(self.house, self.clock, upload or Upload(), self._serial.portal, self._file)
        self._serial.on_request.append(self.portal.heard)
        self._redial = redial if redial is not None else (2.0 if pace > 0 else 0.05)
        self._portal_period = portal_period
        self.nightly_upload = upload is not None
        self._connected = asyncio.Event()
        self._servers: list[asyncio.Server] = []
        self._dialler: asyncio.Task[None] | None = None
        self._target: tuple[str, int] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._unwatch = self.house.watch(self._tick)

    async def __aenter__(self) -> Self:
        """Return the simulator."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close it."""
        await self.close()

    # Time

    def _tick(self) -> None:
        self.gateway.tick()
        if self.nightly_upload:
            self.portal.tick()

    def _start(self) -> None:
        if self._tasks:
            return
        self._serial.start()
        self._spawn(self._catch_up())
        if self._portal_period is not None:
            self._spawn(self._ask_for_portal(self._portal_period / (self.house.speed or 1.0)))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _catch_up(self) -> None:
        while True:
            await asyncio.sleep(CATCH_UP_SECONDS)
            self.house.catch_up()

    # Connections

    @property
    def connected(self) -> bool:
        """Tell whether a client is there (a pseudo terminal and a UDP port always are)."""
        return self._connected.is_set()

    async def wait_connected(self, timeout: float = 10.0) -> None:
        """Wait until a client is there; `TimeoutError` otherwise."""
        async with asyncio.timeout(timeout):
            await self._connected.wait()

    async def dial(self, host: str, port: int) -> None:
        """Connect to a listener now and whenever it comes back; returns at once."""
        await self.stop_dialling()
        self._start()
        self._target = (host, port)
        self._dialler = asyncio.create_task(self._keep_dialling(host, port), name="studer dialler")

    async def stop_dialling(self) -> None:
        """Dial no more; a present connection stays."""
        self._target = None
        dialler, self._dialler = self._dialler, None
        if dialler is not None:
            dialler.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await dialler

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Serve clients that connect to us; returns the port."""
        self._start()
        server = await asyncio.get_running_loop().create_server(self._new_line, host, port)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def udp(self, answer_to: tuple[str, int], host: str = "127.0.0.1", port: int = 0) -> int:
        """Take requests as datagrams and send every answer to one address; returns the port."""
        self._start()
        _, line = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: UdpLine(self._serial.request, answer_to), local_addr=(host, port)
        )
        self._behind_moxa(line)
        self._begin(line)
        return line.port

    async def pty(self, personality: str = "xcom-232i", *, strict_baud: bool = False) -> str:
        """Serve a client on a pseudo terminal; returns the path to open.

        ``personality`` is how the module is configured: "xcom-232i" (38400 baud, nothing after an answer) or
        "xcom-lan" (115200 baud, CR LF after each). With ``strict_baud`` only a client that has set that rate is heard.
        """
        self._start()
        port = PERSONALITIES[personality]
        line = PtyLine(self._serial.request, port.baud if strict_baud else None)
        line.ends = port.ends
        self._begin(line)
        return line.path

    async def listen_modbus(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Serve the same installation as an Xcom-485i, Modbus RTU over TCP; returns the port."""
        self._start()
        return await self._modbus.listen(host, port)

    async def pty_modbus(self) -> str:
        """Serve the same installation as an Xcom-485i on a pseudo terminal; returns the path to open."""
        self._start()
        return self._modbus.pty()

    async def drop(self) -> None:
        """Reset all present connections; dialling goes on."""
        for line in list(self._serial.lines):
            line.abort()
        await self._ended()

    async def close(self) -> None:
        """End all connections and tasks; the house goes on without this installation."""
        self._unwatch()
        await self.stop_dialling()
        for server in self._servers:
            server.close()
        for line in list(self._serial.lines):
            line.close()
            if not isinstance(line, TcpLine):
                self._end(line)
        await self._ended()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._modbus.close()
        await self._serial.close()

    async def _ended(self) -> None:
        for line in list(self._serial.lines):
            if isinstance(line, TcpLine):
                await line.ended.wait()

    def _new_line(self) -> TcpLine:
        line = TcpLine(self._serial.request, self._begin, self._end)
        self._behind_moxa(line)
        return line

    def _behind_moxa(self, line: Line) -> None:
        line.strips = self._delimiters == "strip"
        line.ends = CR_LF if self._delimiters == "pass" else b""

    def _begin(self, line: Line) -> None:
        self._serial.lines.append(line)
        self._connected.set()

    def _end(self, line: Line) -> None:
        lines = self._serial.lines
        if line in lines:
            lines.remove(line)
        if all(other.half_open for other in lines):
            self._connected.clear()

    async def _keep_dialling(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                _, line = await loop.create_connection(self._new_line, host, port)
            except OSError:
                await asyncio.sleep(self._redial)
                continue
            await line.ended.wait()
            await asyncio.sleep(self._redial)

    def _fault_set(self, fault: Fault) -> None:
        if fault.name == "second_connection":
            self.faults.clear(fault.name)
            self._forget_connections()

    def _forget_connections(self) -> None:
        """Forget the present connections without telling the other side, and dial again."""
        for line in self._serial.lines:
            line.half_open = True
        if self._serial.lines:
            self._connected.clear()
        if self._dialler is not None and self._target is not None:
            self._dialler.cancel()
            self._dialler = asyncio.create_task(self._keep_dialling(*self._target), name="studer dialler")

    # The line and the portal

    @property
    def requests(self) -> list[Request]:
        """Return every request that came from a client, oldest first."""
        return self._serial.requests

    @property
    def modbus_requests(self) -> list[Modbus]:
        """Return every Modbus request that was understood, oldest first."""
        return self._modbus.requests

    @property
    def pace(self) -> float:
        """Return the share of real time that wire and bus take."""
        return self._serial.pace

    @property
    def portal_answers(self) -> int:
        """Return the answers to the portal's requests that clients got to see."""
        return self._serial.portal_answers

    def portal_request(self) -> asyncio.Future[None]:
        """Let the portal read something now; its answer is mirrored to all clients. Wait for it or not."""
        self._start()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def answered(answer: Frame | None) -> None:
            if not done.done():
                done.set_result(None)

        self._serial.portal(values_request(), answered)
        return done

    async def _ask_for_portal(self, period: float) -> None:
        while True:
            await asyncio.sleep(period)
            await self.portal_request()

    def _file(self, name: str) -> bytes:
        return self.gateway.card.files.get(name, b"")

    # The devices

    def restart(self, address: int) -> None:
        """Restart the devices of an address at once: RAM is lost and the restart flag set."""
        self.gateway.restart(address)

    def stop_unit(self, address: int) -> None:
        """Stop a unit as its watchdog does: it is away while it starts, and has lost its RAM."""
        if address == GATEWAY:
            self.gateway.reset("stopped")
        else:
            self.gateway.stop(self.gateway.installation.units[address], "stopped")

    @property
    def stops(self) -> list[Stop]:
        """Return every unit that was stopped and every reset of the gateway, oldest first."""
        return self.gateway.stops

    def add_unit(self, family: str, **identity: Any) -> Unit:
        """Connect one more unit while everything runs; ``fid``, ``type_code`` and ``phase`` may be given."""
        unit = self.gateway.installation.add(family, **identity)
        self.gateway.apply()
        return unit

    def remove_unit(self, address: int, *, close_gap: bool = True) -> Unit:
        """Take a unit away; those behind it move up by one address, or stay."""
        unit = self.gateway.installation.remove(address, close_gap=close_gap)
        self.gateway.apply()
        return unit

    def replace_unit(self, address: int, **identity: Any) -> Unit:
        """Put another unit with default settings in the place of one; ``fid``, ``type_code``, ``software``."""
        unit = self.gateway.installation.replace(address, **identity)
        self.gateway.apply()
        return unit

    def swap_units(self, one: int, other: int) -> None:
        """Exchange the addresses of two units of a family; their settings go with them."""
        self.gateway.installation.swap(one, other)
        self.gateway.apply()

    def set_info(self, address: int, number: int, value: float) -> None:
        """Let an info read ``value`` (may be NaN) instead of what the house says."""
        self.gateway.overrides[address, number] = value

    def clear_info(self, address: int | None = None, number: int | None = None) -> None:
        """Undo `set_info` for one info, for all of a device, or for all."""
        for key in list(self.gateway.overrides):
            if address in (None, key[0]) and number in (None, key[1]):
                del self.gateway.overrides[key]

    @property
    def flash_writes(self) -> Counter[tuple[int, int]]:
        """Return how often each (address, parameter) was written to flash."""
        return self.gateway.installation.flash_writes

    @property
    def ram(self) -> dict[tuple[int, int], float]:
        """Return the values in RAM by (address, parameter)."""
        units = self.gateway.installation.units.values()
        return {(unit.address, number): value for unit in units for number, value in unit.ram.items()}

    def flash(self, address: int, number: int) -> float:
        """Return the value in flash."""
        return self.gateway.installation.units[address].flash[number]

    def set_flash(self, address: int, number: int, value: float) -> None:
        """Put a value into flash as if the owner had set it before; not counted as a write."""
        unit = self.gateway.installation.units[address]
        if number not in catalogue.parameters(unit.family):
            raise KeyError(number)
        unit.flash[number] = value
        self.gateway.apply()

    def effective(self, address: int, number: int) -> float:
        """Return the value that the device works with: RAM before flash."""
        return self.gateway.installation.units[address].effective(number)

    def add_message(
        self, message_type: int, source: int = 101, *, timestamp: int | None = None, value: int = 0
    ) -> None:
        """Store a new message, which sets the pending flag; the time is the remote control's unless given."""
        when = self.gateway.clock if timestamp is None else timestamp
        self.gateway.store(Message(message_type, source, when, value))
