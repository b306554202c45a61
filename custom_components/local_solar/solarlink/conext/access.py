"""The units behind one gateway: reads registers in as few exchanges as the map allows and learns where holes are."""

from collections.abc import Iterable, Mapping

from ..errors import DeviceRefusedError, NotSupportedError
from ..links.blocks import Fetched, fetch_blocks
from ..links.modbus import DEVICE_FAILURE, ILLEGAL_VALUE, ModbusLink
from ..links.turns import Priority
from ..points import Pace, Value
from .codec import Order, raw_of, value_of
from .facts import Facts, UnitFacts
from .layout import Block, Layout, bridged
from .registers import Form, Kind, Register, RegisterMap, map_of

SMALLEST_BLOCK = 2
"""Words that every device must give at once, or there would be no long numbers."""


class Access:
    """Reads and writes registers of units by their keys, with what is known of the installation."""

    def __init__(self, link: ModbusLink, facts: Facts | None = None) -> None:
        """Nothing is asked before it is wanted."""
        self.link = link
        self.facts = facts or Facts()
        self._layouts: dict[str, tuple[object, Layout]] = {}

    @property
    def order(self) -> Order:
        """The order of words of this gateway."""
        return Order(self.facts.order)

    def map(self, unit: UnitFacts) -> RegisterMap:
        """The map of a unit."""
        return map_of(Kind(unit.kind), shifted=unit.shifted, newer=unit.newer)

    def layout(self, unit: UnitFacts) -> Layout:
        """What of its map the unit has, and what travels together."""
        state = (unit.shifted, unit.bridges, self.facts.block, tuple(unit.holes))
        kept = self._layouts.get(f"{unit.kind}_{unit.address}")
        if kept is None or kept[0] != state:
            layout = Layout(self.map(unit), holes=unit.holes, bridges=unit.bridges, most=self.facts.block)
            kept = self._layouts[f"{unit.kind}_{unit.address}"] = (state, layout)
        return kept[1]

    def has(self, unit: UnitFacts, key: str) -> bool:
        """Whether the unit has that register, as far as is known."""
        known = self.map(unit)
        return key in known and known[key] in self.layout(unit)

    async def fetch(
        self,
        unit: UnitFacts,
        registers: Iterable[Register],
        *,
        name: str,
        priority: Priority = Priority.POLL,
        retries: int | None = None,
    ) -> Fetched:
        """Read registers of a unit in blocks; what the unit turns out not to have is remembered.

        Silence, an absent unit and a lost link end the read of that unit: ``NoAnswerError``, ``DeviceAbsentError`` and
        ``LinkError`` are raised when nothing was read before, and else told for every register that is missing.
        """
        wanted = list(registers)
        fetched = Fetched()
        for register in wanted:
            if register not in self.layout(unit):
                fetched.failed[register.key] = NotSupportedError(
                    device=name, code=2, reason=f"it has no register {register.address:#06x}"
                )

        async def read(start: int, count: int) -> list[int]:
            return await self.link.read(unit.address, start, count, device=name, priority=priority, retries=retries)

        await fetch_blocks(
            self.layout(unit).blocks(wanted),
            fetched,
            read=read,
            refused=lambda block, err: self._split(unit, block, fetched, err),
        )
        return fetched

    def _split(self, unit: UnitFacts, block: Block, fetched: Fetched, refused: DeviceRefusedError) -> list[Block]:
        """What to read instead of a block that was refused (sections 2 and 4)."""
        count = block[-1].end - block[0].address
        if refused.code == ILLEGAL_VALUE and count > SMALLEST_BLOCK and len(block) > 1:
            # It is too long for the gateway, and so is every other one of that length.
            self.facts.block = max(SMALLEST_BLOCK, min(self.facts.block, count) // 2)
            return Layout(self.map(unit), holes=unit.holes, bridges=unit.bridges, most=self.facts.block).blocks(block)
        pieces = bridged(block, self.map(unit))
        if len(pieces) > 1:
            unit.bridges = False
            return pieces
        if len(block) > 1:
            middle = len(block) // 2
            return [block[:middle], block[middle:]]
        register = block[0]
        fetched.failed[register.key] = refused
        # Some devices fail at their serial number for good (section 2); other failures may pass.
        fails = refused.code == DEVICE_FAILURE and register.pace is Pace.ONCE
        if isinstance(refused, NotSupportedError) or refused.code == ILLEGAL_VALUE or fails:
            unit.holes = sorted({*unit.holes, register.address})
        return []

    def value(self, unit: UnitFacts, key: str, words: Mapping[str, list[int]]) -> Value:
        """The value of a register out of what was read; ``None`` where the device has none or it was not read."""
        return value_of(self.map(unit)[key], words[key], self.order) if key in words else None

    def raw(self, unit: UnitFacts, key: str, words: Mapping[str, list[int]]) -> int | None:
        """The number of a register out of what was read; ``None`` where there is none."""
        register = self.map(unit).by_key.get(key)
        if register is None or key not in words or register.form is Form.TEXT:
            return None
        return raw_of(register, words[key], self.order)
