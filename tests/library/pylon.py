"""A small console and a small RS-485 bus of a battery, written from the protocol alone, and clients for them."""

import asyncio
import os
import pty
import termios
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from custom_components.local_solar.solarlink.client import Report
from custom_components.local_solar.solarlink.journal import Journal
from custom_components.local_solar.solarlink.links.backoff import Backoff
from custom_components.local_solar.solarlink.links.stats import LinkStats
from custom_components.local_solar.solarlink.links.tcp import TcpWire
from custom_components.local_solar.solarlink.links.wire import Wire
from custom_components.local_solar.solarlink.points import Quantity, Ref
from custom_components.local_solar.solarlink.pylontech.bus import Bus
from custom_components.local_solar.solarlink.pylontech.client import PylontechClient
from custom_components.local_solar.solarlink.pylontech.dialects import BusDialect, ConsoleDialect
from custom_components.local_solar.solarlink.pylontech.line import Timing
from custom_components.local_solar.solarlink.pylontech.session import Console
from custom_components.local_solar.solarlink.trace import Trace

HOST = "127.0.0.1"
PATIENT = Timing(
    first=10.0, idle=10.0, total=20.0, prompt=0.02, quiet=0.0, gap=0.0, settle=0.0, answer=10.0, bus_gap=0.0
)
"""Nothing is lost: a machine under load must not look like a silent battery."""
HASTY = Timing(
    first=0.3,
    idle=0.3,
    total=5.0,
    prompt=0.02,
    quiet=0.01,
    gap=0.0,
    settle=0.0,
    probe=0.3,
    probes=2,
    wake_probes=3,
    answer=0.2,
    bus_gap=0.0,
)
"""Silence is what the test is about."""
WAKE_UP = b"~20014682C0048520FCC3\r"

HEADS = {
    "A": "Power Volt Curr Tempr Tlow Thigh Vlow Vhigh Base.St Volt.St Curr.St Temp.St Coulomb Time B.V.St B.T.St",
}
HEADS["A+"] = f"{HEADS['A']} Barcode DevType"
HEADS["B"] = f"{HEADS['A']} MosTempr M.T.St"
HEADS["C"] = (
    "Power Volt Curr Tempr Tlow Tlow.Id Thigh Thigh.Id Vlow Vlow.Id Vhigh Vhigh.Id Base.St Volt.St Curr.St Temp.St "
    "Coulomb Time B.V.St B.T.St MosTempr M.T.St SysAlarm.St"
)
HIGH_VOLTAGE = (
    "AverageTempr   : 21000\r\r\nDC Volt        : 240010\r\r\nBat Volt       : 240900\r\r\n"
    "Volt   Curr   Tempr  BTlow  BThigh BVlow  BVhigh UTlow  UThigh UVlow  UVhigh Base.St  Volt.St  Curr.St  Temp.St  "
    "Time                 B.V.St   B.T.St   U.V.St   U.T.St   Err Code\r\r\n"
    "240100 -310   30000  17000  21000  3196   3263   26000  27000  47915  48268  Dischg   Normal   Normal   Normal   "
    "2024-01-12 09:22:15  Normal   Normal   Normal   Normal   0x0"
)


@dataclass
class Cells:
    """One module of own make."""

    serial: str
    model: str = "US3000C"
    current: int = -2000
    soc: int = 61
    base: str = "Dischg"
    cells: list[int] = field(default_factory=lambda: [3300 + n % 4 for n in range(15)])
    temperature: int = 21000
    words: dict[str, str] = field(default_factory=dict)
    capacity: int = 74
    firmware: str = "B69.7"
    cycles: int = 210
    events: tuple[int, int, int] = (0, 0, 0)
    clock: str = "2026-03-04 05:06:07"
    old: bool = False
    """Without temperature of the MOSFETs, as slaves of older make."""

    def row(self, slot: int, head: str) -> str:
        low, high = min(self.cells), max(self.cells)
        told = {
            "Power": slot,
            "Volt": sum(self.cells),
            "Curr": self.current,
            "Tempr": self.temperature,
            "Tlow": self.temperature - 1000,
            "Tlow.Id": 3,
            "Thigh": self.temperature + 500,
            "Thigh.Id": 9,
            "Vlow": low,
            "Vlow.Id": self.cells.index(low),
            "Vhigh": high,
            "Vhigh.Id": self.cells.index(high),
            "Base.St": self.base,
            "Coulomb": f"{self.soc}%",
            "Time": self.clock,
            "MosTempr": "-" if self.old else self.temperature + 2000,
            "M.T.St": "-" if self.old else "Normal",
            "Barcode": self.serial,
            "DevType": self.model,
        }
        return " ".join(f"{self.words.get(name, told.get(name, 'Normal'))!s:<6}" for name in head.split())


def stack(*slots: int, **more: Any) -> dict[int, Cells]:
    """Modules in these slots."""
    return {slot: Cells(f"K{slot:015d}", **more) for slot in slots}


class Battery:
    """The console of a master: takes bytes and gives bytes."""

    def __init__(self, modules: dict[int, Cells] | None = None, *, layout: str = "B", slots: int = 16) -> None:
        self.modules = stack(1, 2) if modules is None else modules
        self.layout, self.slots = layout, slots
        self.prompt = "pylon>"
        self.awake = True
        self.silent = False
        self.high_voltage = False
        self.system = False
        """Whether ``pwrsys`` is known."""
        self.refused: set[str] = set()
        self.echo = True
        self.mark = True
        self.after = True
        """Whether a prompt follows a reply."""
        self.chunk = 0
        """Bytes that travel together; none for all at once."""
        self.asked: list[str] = []
        self.pages = 0
        self.spoil: dict[str, list[Callable[[bytes], bytes]]] = {}
        """By first word of the command: what is done to the next replies."""
        self._line = bytearray()
        self._rest: list[str] = []
        self._taps: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None

    # What it says

    def feed(self, data: bytes, baud: int = 115200) -> bytes:
        if not self.awake:
            self._line += data
            if baud == 1200 and WAKE_UP in self._line:
                self.awake = True
            return b""
        if self.silent or baud != 115200:
            return b""
        answer = b""
        for byte in data:
            if byte not in b"\r\n":
                self._line.append(byte)
            elif self._rest:
                answer += self._page()
            elif not self._line:
                answer += f"\n\r{self.prompt}".encode()
            else:
                command = self._line.decode("ascii", "replace")
                self._line.clear()
                answer += self._answer(command)
        return answer

    def _answer(self, command: str) -> bytes:
        self.asked.append(command)
        word, _, argument = command.partition(" ")
        slot = int(argument) if argument.isdecimal() else 0
        echo = f"{command}\n\r" if self.echo else ""
        mark = "@\r\r\n" if self.mark else ""
        rows = self._rows(word, slot) if word not in self.refused else None
        if rows is None:
            reply = f"{echo}{mark}Unknown command '{command}' - try 'help'\r\n\r$$\r\n\r{self.prompt}"
        elif word == "log":
            self._rest = rows[3:]
            return f"{echo}{mark}".encode() + self._paged(rows[:3])
        else:
            after = f"\r\n\r{self.prompt}" if self.after else "\r\n"
            reply = f"{echo}{mark}" + "\r\r\n".join(rows) + f"\r\n\rCommand completed successfully\r\n\r$${after}"
        data = reply.encode()
        if waiting := self.spoil.get(word):
            data = waiting.pop(0)(data)
        return data

    def _paged(self, rows: list[str]) -> bytes:
        text = "\r\n\r".join(rows)
        if self._rest:
            return f"{text}\r\n\rPress [Enter] to be continued,other key to exit".encode()
        return f"{text}\r\n\rCommand completed successfully\r\n\r$$\r\n\r{self.prompt}".encode()

    def _page(self) -> bytes:
        self.pages += 1
        rows, self._rest = self._rest[:3], self._rest[3:]
        return b"\r" + b" " * 50 + b"\r" + self._paged(rows)

    def _rows(self, word: str, slot: int) -> list[str] | None:
        module = self.modules.get(slot or 1)
        match word:
            case "pwr" if not slot and self.high_voltage:
                return [HIGH_VOLTAGE]
            case "pwr" if not slot:
                head = HEADS.get(self.layout, self.layout)
                empty = "-      " * 7 + "Absent   " + "-        " * 5
                return [head] + [
                    self.modules[n].row(n, head) if n in self.modules else f"{n:<6}{empty}            -        -"
                    for n in range(1, self.slots + 1)
                ]
            case "log":
                return [
                    f" Index   : {n}\r\n\r Time    : 26-03-04 05:06:{n:02d}\r\n\r ModID   : BMM\r\n\r"
                    f" Code    : {n:x}\r\n\r Info    : Event number {n}."
                    for n in range(9, -1, -1)
                ]
            case "pwrsys" if self.system:
                return [
                    "Power System Information",
                    "System Volt              : 49500    mV",
                    "System SOC               : 58       %",
                    "System SOH               : 97       %",
                    "Recommend chg current    : 9000     mA",
                    "system Recommend chg voltage: 53250    mV",
                    "system Recommend dsg voltage: 46500    mV",
                    "system Recommend chg current: 36000    mA",
                    "system Recommend dsg current: -72000   mA",
                ]
            case "time":
                return ["Ds3231 2026-03-04 05:06:08"]
            case _ if module is None:
                return None
            case "info":
                return [
                    f"Device address      : {slot or 1}",
                    "Manufacturer        : Pylon",
                    f"Device name         : {module.model}",
                    "Board version       : BOARD1",
                    f"Main Soft version   : {module.firmware}",
                    "Soft  version       : V2.4",
                    "Boot  version       : V2.0",
                    "Comm version        : V2.0",
                    "Release Date        : 24-05-28",
                    f"Barcode             : {module.serial}",
                    "",
                    f"Specification       : 48V/{module.capacity}AH",
                    f"Cell Number         : {len(module.cells)}",
                    "Max Dischg Curr     : -90000mA",
                    "Max Charge Curr     : 92000mA",
                    "Console Port rate   : 115200",
                ]
            case "stat":
                return [
                    f"Device address           {slot or 1}",
                    "Charge Times    :     1150",
                    "SC Times        :        2",
                    f"CYCLE Times     : {module.cycles:8d}",
                    "SOH             :       98",
                    "Pwr Percent     :       61",
                    f"Pwr Coulomb     : {module.capacity * 36000 * module.soc}",
                    "Dsg Cap         : 15540000",
                ]
            case "pwr":
                events = zip(("Bat Events", "Power Events", "System Fault"), module.events, strict=True)
                return [
                    f" Power  {slot}",
                    f" Voltage         : {sum(module.cells)}       mV",
                    f" Total Coulomb   : {module.capacity * 1000}       mAH",
                    " Max Voltage     : 54000       mV",
                    f" Basic Status    : {module.base}",
                    " Coul. Status    : Normal",
                    " Soh. Status     : Normal",
                    " Heater Status   : OFF",
                    *(f" {name:<16}: 0x{word:x}" for name, word in events),
                ]
            case "bat":
                head = "Battery Volt Curr Tempr Base State Volt. State Curr. State Temp. State SOC Coulomb BAL"
                words = f"{module.base} Normal Normal Normal {module.soc}% 45140 mAH"
                return [head] + [
                    f"{n:<9}{volt:<9}{module.current:<9}{module.temperature:<9}{words}  {'Y' if n == 4 else 'N'}"
                    for n, volt in enumerate(module.cells)
                ]
        return None

    # How it is reached

    async def listen(self) -> int:
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._taps.append(writer)
        with suppress(ConnectionError):
            while data := await reader.read(256):
                answer = self.feed(data)
                size = self.chunk or len(answer) or 1
                for at in range(0, len(answer), size):
                    writer.write(answer[at : at + size])
                    await asyncio.sleep(0)
        writer.close()

    def hang_up(self) -> None:
        """Cut every connection."""
        for writer in self._taps:
            writer.transport.abort()
        self._taps.clear()

    async def close(self) -> None:
        self.hang_up()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()


class Pty:
    """A console on a pseudo terminal, whose speed the other side sets as on a real port."""

    def __init__(self, battery: Battery) -> None:
        self.battery = battery
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self.bauds: list[int] = []
        asyncio.get_running_loop().add_reader(self._master, self._read)

    def _read(self) -> None:
        data = os.read(self._master, 4096)
        speed = termios.tcgetattr(self._slave)[5]
        baud = {termios.B1200: 1200, termios.B115200: 115200}.get(speed, 0)
        if baud not in self.bauds[-1:]:
            self.bauds.append(baud)
        answer = self.battery.feed(data, baud)
        if answer:
            os.write(self._master, answer)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)


def frame(address: int, code: int, info: str = "") -> bytes:
    """A frame of RS-485 out of the text of its INFO."""
    size = len(info)
    nibbles = (size & 15) + (size >> 4 & 15) + (size >> 8 & 15)
    body = f"20{address:02X}46{code:02X}{(16 - nibbles % 16) % 16:X}{size:03X}{info}"
    return f"~{body}{(65536 - sum(map(ord, body))) % 65536:04X}\r".encode()


class BusBattery(Battery):
    """The same modules on RS-485."""

    def __init__(self, modules: dict[int, Cells] | None = None, *, group: int = 0) -> None:
        super().__init__(modules)
        self.first = 2 + 16 * group
        self.hears_itself = False
        self.noise = b""
        self.unknown: set[int] = set()
        self.bad_sums = 0

    def feed(self, data: bytes, baud: int = 115200) -> bytes:
        self._line += data
        answer = b""
        while (end := self._line.find(b"\r")) >= 0:
            request = bytes(self._line[: end + 1])
            del self._line[: end + 1]
            answer += (request if self.hears_itself else b"") + self._reply(request)
        return answer

    def _reply(self, request: bytes) -> bytes:
        address, command = int(request[3:5], 16), int(request[7:9], 16)
        self.asked.append(f"{address:02X} {command:02X}")
        module = self.modules.get(address - self.first + 1)
        if module is None or self.silent:
            return b""
        if command in self.unknown:
            return frame(address, 4)
        reply = frame(address, 0, self._info(module, address, command))
        if self.bad_sums:
            self.bad_sums -= 1
            reply = reply[:-3] + b"00\r"
        return self.noise + reply

    def _info(self, module: Cells, address: int, command: int) -> str:
        count = f"{len(module.cells):02X}"
        kelvin = f"{module.temperature // 100 + 2731:04X}"
        match command:
            case 0x42:
                left = module.capacity * 10 * module.soc
                total = module.capacity * 1000
                return (
                    f"00{address:02X}{count}{''.join(f'{cell:04X}' for cell in module.cells)}05{kelvin * 5}"
                    f"{module.current // 100 & 0xFFFF:04X}{sum(module.cells):04X}FFFF04FFFF"
                    f"{module.cycles:04X}{left:06X}{total:06X}"
                )
            case 0x44:
                first = 0x80 if module.words.get("Volt.St") == "UV" else 0
                return f"00{address:02X}{count}{'00' * len(module.cells)}05{'00' * 5}000000{first:02X}0E400000"
            case 0x51:
                return f"{b'US2KBPL'.hex()}0000000203{'Pylon'.ljust(20, '-').encode().hex()}".upper()
            case 0x92:
                return f"{address:02X}D002B7980170FE90D0"
            case 0x93:
                return f"{address:02X}{module.serial.encode().hex()}".upper()
            case 0x96:
                return f"{address:02X}0203000605"
        raise AssertionError(command)


type Open = Callable[..., Any]


def client_for(
    wire: Wire, timing: Timing = PATIENT, *, rs485: bool = False, group: int = 0, **more: Any
) -> PylontechClient:
    stats, trace = LinkStats(), Trace()
    wake = more.pop("wake", None)
    if rs485:
        dialect: Any = BusDialect(Bus(wire, timing=timing, stats=stats, trace=trace), group)
    else:
        dialect = ConsoleDialect(Console(wire, timing=timing, stats=stats, trace=trace, wake=wake))
    return PylontechClient(dialect, journal=Journal(), stats=stats, trace=trace, **more)


@asynccontextmanager
async def connected(battery: Battery, timing: Timing = PATIENT, **more: Any) -> AsyncIterator[PylontechClient]:
    """A client for a battery, over TCP."""
    wire = TcpWire(HOST, await battery.listen(), Backoff(0.01, 0.02))
    client = client_for(wire, timing, rs485=isinstance(battery, BusBattery), **more)
    try:
        yield client
    finally:
        await client.close()
        await battery.close()


@asynccontextmanager
async def identified(battery: Battery, timing: Timing = PATIENT, **more: Any) -> AsyncIterator[PylontechClient]:
    """A client that has identified the battery; no command is counted yet."""
    async with connected(battery, PATIENT, **more) as client:
        await client.identify()
        client._line.timing = timing
        battery.asked.clear()
        yield client


def measured(client: PylontechClient, unit: str = "") -> list[Ref]:
    """Every point that can be read."""
    return [
        Ref(each.id, key)
        for each in client.installation.all_units
        for key, point in client.points(each).items()
        if point.measured and point.quantity is not Quantity.EVENT and unit in ("", each.id)
    ]


def value(report: Report, unit: str, key: str) -> Any:
    return report.readings[Ref(unit, key)].value
