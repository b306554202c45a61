"""The same stack over two links: which exchange brings a block, on the console and on RS-485."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple, Protocol as Interface

from ..errors import DeviceAbsentError, DeviceRefusedError, NoAnswerError, NotSupportedError
from ..links.turns import Priority
from .blocks import Block, Fields, Identity, Protocol
from .bus import Bus
from .codec import DEVICE, damaged
from .codec_cells import cell_fields, read_cells
from .codec_power import LAYOUTS, PowerTable, read_power
from .codec_rs485 import FIRST_ADDRESS, GROUP, MOST_MODULES
from .codec_values import read_counters, read_detail, read_identity, read_system
from .jumps import COUNTER_JUMPS, POWER_JUMPS, Jumps
from .line import Line
from .session import Console

ALL = 0
"""Stands for the slot where one reply brings all modules, or speaks of the stack."""
USUAL_SLOTS = (8, 16)
Look = Callable[[float, str], None]


class Expected(NamedTuple):
    """What is known of the module in a slot; ``serial`` is ``None`` for one that has none of its own."""

    serial: str | None
    firmware: str


class Dialect(Interface):
    """What the client needs of a link."""

    protocol: Protocol
    together: frozenset[Block]
    """Blocks of which one reply brings all modules, or the stack."""
    apart: tuple[Block, ...]
    """Blocks that each module is asked for, besides those that come together and who it is."""

    @property
    def line(self) -> Line:
        """The link itself."""

    @property
    def layout(self) -> str:
        """Which form the replies have."""

    async def slots(self, look: Look) -> list[int]:
        """The slots in which there is a module, in order."""

    async def same(self, expected: Mapping[int, Expected]) -> bool:
        """Whether these modules are there by slot, and no others as far as that can be told quickly."""

    async def identity(self, slot: int, priority: Priority = Priority.POLL) -> Identity:
        """Who is in that slot."""

    async def serial(self, slot: int) -> str:
        """The serial number of the module in that slot, in one exchange; empty where it has none."""

    async def fetch(self, block: Block, slot: int, *, retries: int | None = None) -> Mapping[int, Fields]:
        """The fields of a block by slot; a block that comes together is asked for with ``ALL``."""

    def forget(self) -> None:
        """Nothing that replies have shown so far need hold any more: the connection is new."""


class ConsoleDialect:
    """The console, where one table tells of all modules."""

    protocol = Protocol.CONSOLE
    together = frozenset({Block.POWER, Block.SYSTEM})
    apart: tuple[Block, ...] = (Block.DETAIL, Block.COUNTERS, Block.CELLS)

    def __init__(self, console: Console) -> None:
        """Take the console; nothing is asked."""
        self._console = console
        self._header: tuple[str, ...] = ()
        self._rows = 0
        self._cells: dict[int, int] = {}
        self._layout = ""
        self._jumps = Jumps("pwr", POWER_JUMPS)
        self._counts = Jumps("stat", COUNTER_JUMPS, falls=False)

    @property
    def line(self) -> Line:
        """The console."""
        return self._console

    @property
    def layout(self) -> str:
        """The letter of the table of modules."""
        return self._layout

    def forget(self) -> None:
        """Learn the shape of the tables anew."""
        self._header, self._rows = (), 0
        self._cells.clear()
        self._jumps.forget()
        self._counts.forget()

    async def slots(self, look: Look) -> list[int]:
        """The slots that the table shows as taken."""
        look(0.0, "modules")
        return sorted(await self.fetch(Block.POWER, ALL))

    async def same(self, expected: Mapping[int, Expected]) -> bool:
        """Compare the table, and serial number and firmware of every module."""
        if set(await self.fetch(Block.POWER, ALL)) != expected.keys():
            return False
        for slot, (serial, firmware) in expected.items():
            told = await self.identity(slot)
            if told.firmware != firmware or serial not in (None, told.serial):
                return False
        return True

    async def identity(self, slot: int, priority: Priority = Priority.POLL) -> Identity:
        """What ``info N`` tells."""
        found = await self._console.ask(f"info {slot}", lambda lines: read_identity(lines, slot), priority)
        if found.cells:
            self._cells[slot] = found.cells
        return found

    async def serial(self, slot: int) -> str:
        """What ``info N`` tells."""
        return (await self.identity(slot)).serial

    async def fetch(self, block: Block, slot: int, *, retries: int | None = None) -> Mapping[int, Fields]:
        """The fields of a block by slot; see ``Dialect.fetch``."""
        ask = self._console.ask
        match block:
            case Block.POWER:
                return (await ask("pwr", self._table, retries=retries)).modules
            case Block.SYSTEM:
                return {ALL: await ask("pwrsys", read_system, retries=retries)}
            case Block.DETAIL:
                fields = await ask(f"pwr {slot}", lambda lines: read_detail(lines, slot), retries=retries)
            case Block.COUNTERS:
                fields = await ask(f"stat {slot}", lambda lines: self._read_counters(lines, slot), retries=retries)
            case Block.CELLS:
                fields = await ask(f"bat {slot}", lambda lines: self._read_cells(lines, slot), retries=retries)
            case Block.IDENTITY:
                fields = (await self.identity(slot)).fields
            case _:
                raise NotSupportedError(device=DEVICE, code=block.value, reason="the console does not have it")
        return {slot: fields}

    def _table(self, lines: list[str]) -> PowerTable:
        """The table, if it has the shape that it must have; one that does not is damaged (section 3)."""
        table = read_power(lines)
        if table.header not in LAYOUTS.values() and table.header != self._header:
            # A header that nobody knows is believed when it comes twice.
            self._header = table.header
            raise damaged("pwr", "an unknown header")
        if table.slots != self._rows and (self._rows or table.slots not in USUAL_SLOTS):
            expected = self._rows or " or ".join(map(str, USUAL_SLOTS))
            raise damaged("pwr", f"{table.slots} rows instead of {expected}")
        self._jumps.check(table.modules)
        self._header, self._rows, self._layout = table.header, table.slots, table.layout
        return table

    def _read_counters(self, lines: list[str], slot: int) -> Fields:
        fields = read_counters(lines, slot)
        self._counts.check({slot: fields})
        return fields

    def _read_cells(self, lines: list[str], slot: int) -> Fields:
        cells = read_cells(lines)
        if len(cells) != self._cells.get(slot, len(cells)):
            raise damaged("bat", f"{len(cells)} cells instead of {self._cells[slot]}")
        return cell_fields(cells)


class BusDialect:
    """RS-485, where every module is asked by itself. ``group`` is what its DIP switches say (section 11)."""

    protocol = Protocol.RS485
    together: frozenset[Block] = frozenset()
    apart: tuple[Block, ...] = (Block.ANALOG, Block.ALARMS, Block.LIMITS)
    layout = "RS-485"
    MISSES = 2
    """Silent addresses in a row after which no more modules are expected."""

    def __init__(self, bus: Bus, group: int = 0) -> None:
        """Take the bus; nothing is asked."""
        self._bus, self._base = bus, FIRST_ADDRESS - 1 + GROUP * group

    @property
    def line(self) -> Line:
        """The bus."""
        return self._bus

    def forget(self) -> None:
        """Frames are checked by themselves, so there is nothing to forget."""

    async def slots(self, look: Look) -> list[int]:
        """The addresses at which somebody answers; the master must."""
        found: list[int] = []
        misses = 0
        for slot in range(1, MOST_MODULES + 1):
            look((slot - 1) / MOST_MODULES, f"module {slot}")
            try:
                await self._bus.ask(Block.ANALOG, self._base + slot, retries=None if slot == 1 else 1)
            except NoAnswerError, DeviceRefusedError:
                if slot == 1:
                    raise
                misses += 1
                if misses == self.MISSES:
                    break
            else:
                found.append(slot)
                misses = 0
        return found

    async def same(self, expected: Mapping[int, Expected]) -> bool:
        """Compare all serial numbers and the firmware of the first, and look for one module more.

        With its pauses the bus would need half a minute for everything.
        """
        first = min(expected)
        if (await self.identity(first)).firmware != expected[first].firmware:
            return False
        try:
            for slot, (serial, _) in expected.items():
                if serial is not None and await self.serial(slot) != serial:
                    return False
        except NoAnswerError, DeviceAbsentError:
            return False
        if (more := max(expected) + 1) > MOST_MODULES:
            return True
        try:
            await self._bus.ask(Block.ANALOG, self._base + more, retries=0)
        except NoAnswerError, DeviceRefusedError:
            return True
        return False

    async def identity(self, slot: int, priority: Priority = Priority.POLL) -> Identity:
        """Serial number, firmware and maker, as far as the module knows these commands."""
        told: Fields = {}
        for block in (Block.MAKER, Block.FIRMWARE, Block.SERIAL):
            with suppress(DeviceRefusedError):
                told |= await self._bus.ask(block, self._base + slot, priority)
        return Identity(
            serial=str(told.get("serial") or ""),
            manufacturer="Pylontech"
            if str(told.get("manufacturer", "Pylon")) == "Pylon"
            else str(told["manufacturer"]),
            model=str(told.get("model") or "US module"),
            firmware=" ".join(str(told[key]) for key in ("main_firmware", "firmware") if told.get(key)),
        )

    async def serial(self, slot: int) -> str:
        """What command 93 tells."""
        try:
            return str((await self._bus.ask(Block.SERIAL, self._base + slot))["serial"])
        except DeviceAbsentError:
            raise
        except DeviceRefusedError:
            return ""

    async def fetch(self, block: Block, slot: int, *, retries: int | None = None) -> Mapping[int, Fields]:
        """The fields of a block of one module."""
        if block not in self.apart:
            raise NotSupportedError(device=DEVICE, code=block.value, reason="RS-485 does not have it")
        return {slot: await self._bus.ask(block, self._base + slot, retries=retries)}
