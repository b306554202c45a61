"""The services of a GX: reads registers in as few exchanges as the maps allow and learns what this firmware lacks."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..errors import DeviceAbsentError, DeviceRefusedError, NotSupportedError, ServiceGoneError
from ..links.blocks import Fetched as WordsFetched, fetch_blocks
from ..links.modbus import ModbusLink
from ..links.turns import Priority
from .codec import number_of, text_of
from .facts import Facts
from .layout import Block, Layout, halves
from .registers import MAPS, Service

ABSENT_REASON = "no service answers at this unit id"


@dataclass(slots=True, kw_only=True)
class Fetched(WordsFetched):
    """What a read of one service brought: words by key of the register, and why others are missing."""

    service: Service
    holes: set[int] = field(default_factory=set)
    """Registers that turned out not to be there."""
    parted: list[tuple[Block, int]] = field(default_factory=list)
    """Blocks that were refused, and the register before which they were parted."""

    def number(self, key: str) -> float | int | None:
        """The value of a register; ``None`` where it was not read or has none."""
        return number_of(MAPS[self.service][key], self.words[key]) if key in self.words else None

    def text(self, key: str) -> str:
        """The text of a register; "" where it was not read or is empty."""
        return text_of(self.words[key]) if key in self.words else ""


class Access:
    """Reads registers of services, with what is known of the GX."""

    def __init__(self, link: ModbusLink, facts: Facts | None = None) -> None:
        """Nothing is asked before it is wanted."""
        self.link = link
        self.facts = facts or Facts()
        self._layouts: dict[Service, tuple[object, Layout]] = {}

    def layout(self, service: Service) -> Layout:
        """What of its map the service has, and what travels together."""
        holes, walls = (tuple(known.get(service, ())) for known in (self.facts.holes, self.facts.walls))
        kept = self._layouts.get(service)
        if kept is None or kept[0] != (holes, walls):
            kept = self._layouts[service] = ((holes, walls), Layout(service, holes=holes, walls=walls))
        return kept[1]

    def has(self, service: Service, key: str) -> bool:
        """Whether the service has that register, as far as is known."""
        return MAPS[service][key] in self.layout(service)

    async def fetch(
        self,
        service: Service,
        keys: Iterable[str],
        *,
        name: str,
        unit_id: int = 0,
        priority: Priority = Priority.POLL,
        retries: int | None = None,
    ) -> Fetched:
        """Read registers of a service; what the GX turns out not to have is remembered.

        ``unit_id`` is where to ask, if not where the service is known to be. A service that is not there, silence and
        a lost link end the read: ``ServiceGoneError``, ``NoAnswerError`` and ``LinkError`` are raised when nothing was
        read before, and else told for every register that is missing.
        """
        fetched = Fetched(service=service)
        wanted = [MAPS[service][key] for key in keys]
        for register in wanted:
            if register not in self.layout(service):
                fetched.failed[register.key] = NotSupportedError(
                    device=name, code=2, reason=f"its firmware has no register {register.address}"
                )
        unit_id = unit_id or self.facts.unit_id(service)

        async def read(start: int, count: int) -> list[int]:
            try:
                return await self.link.read(unit_id, start, count, device=name, priority=priority, retries=retries)
            except DeviceAbsentError as err:
                raise ServiceGoneError(device=name, code=err.code, reason=ABSENT_REASON) from err

        await fetch_blocks(
            self.layout(service).blocks(wanted),
            fetched,
            read=read,
            refused=lambda block, err: self._split(block, fetched, err),
        )
        self._learn(fetched)
        return fetched

    def _split(self, block: Block, fetched: Fetched, refused: DeviceRefusedError) -> list[Block]:
        """What to read instead of a block that was refused because something in it is unknown to this firmware."""
        if not isinstance(refused, NotSupportedError):
            fetched.failed |= {register.key: refused for register in block}
            return []
        if len(block) == 1:
            fetched.failed[block[0].key] = refused
            fetched.holes.add(block[0].address)
            return []
        first, second = halves(block)
        if second[0].address != first[-1].end:
            fetched.parted.append((block, second[0].address))
        return [first, second]

    def _learn(self, fetched: Fetched) -> None:
        """Remember what was refused.

        Where no register of a block is missing, it is something between them for which nobody will ever ask alone.
        """
        for block, wall in fetched.parted:
            span = range(block[0].address, block[-1].end)
            if not any(hole in span for hole in fetched.holes):
                self._remember(self.facts.walls, fetched.service, wall)
        for hole in fetched.holes:
            self._remember(self.facts.holes, fetched.service, hole)

    @staticmethod
    def _remember(known: dict[str, list[int]], service: Service, address: int) -> None:
        known[service.value] = sorted({*known.get(service.value, ()), address})
