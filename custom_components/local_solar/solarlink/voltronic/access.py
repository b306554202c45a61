"""One unit at the end of a line: asks it for blocks in its own words and keeps the newest reply of each."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from ..links.turns import Priority
from . import states
from .blocks import Block, Dialect
from .codec import Checksum, Frame
from .exchange import Exchange, Request
from .facts import Facts
from .fields import Fields
from .manner import Manner
from .queries import COUNTED_BY_DATE, SLOW_REPLIES, word
from .replies import fields_of

KILOWATT_HOURS = "kwh"


def now() -> datetime:
    """The wall-clock time of this machine, without zone, as the units have it."""
    return datetime.now().astimezone().replace(tzinfo=None)


class Access:
    """The requests of one unit, and what is known of it."""

    def __init__(
        self, exchange: Exchange, settings: Mapping[str, Any], wall_clock: Callable[[], datetime] = now
    ) -> None:
        """``settings`` are the owner's options: ``priority_map`` and ``pi18_energy_unit``."""
        self.exchange = exchange
        self.latest: dict[tuple[int, Block], Fields] = {}
        """Newest fields by number in the group (0 for the unit itself) and block."""
        self.clock_ahead = timedelta()
        """How far the unit's clock is ahead of ours."""
        self.wall_clock = wall_clock
        self._priorities = str(settings.get("priority_map", "auto"))
        self._energy_factor = 1.0 if settings.get("pi18_energy_unit") == KILOWATT_HOURS else 0.001
        self._facts = Facts()
        self._manner = Manner()
        self.facts = self._facts

    @property
    def facts(self) -> Facts:
        """What was found out about the unit."""
        return self._facts

    @facts.setter
    def facts(self, facts: Facts) -> None:
        self._facts = facts
        self._manner = facts.manner(self._priorities, self._energy_factor)
        self.exchange.preferred_form = Checksum(facts.checksum)

    @property
    def manner(self) -> Manner:
        """How its replies are to be understood."""
        return self._manner

    @property
    def dialect(self) -> Dialect:
        """The dialect it speaks."""
        return self._manner.dialect

    def request(self, block: Block, index: int = 0) -> Request:
        """The request for a block; ``index`` is the number of a unit of the group."""
        text = self.facts.words.get(block.value) or word(
            self.dialect,
            block,
            index=index,
            at=self.wall_clock() + self.clock_ahead if block in COUNTED_BY_DATE else None,
        )
        return Request(text, sum_in_reply=block is Block.BMS, slow=block in SLOW_REPLIES)

    def reader(self, block: Block) -> Callable[[Frame], Fields]:
        """How a reply to the request for a block is read."""
        return lambda frame: fields_of(block, frame, self.manner)

    async def fetch(
        self, block: Block, index: int = 0, priority: Priority = Priority.POLL, *, own_index: bool = False
    ) -> Fields:
        """Ask for a block and return its fields; raises what ``Exchange.ask`` raises.

        ``own_index`` says that the block is that of the unit itself, under its number in the group.
        """
        fields = await self.exchange.ask(self.request(block, index), self.reader(block), priority)
        self.keep(block, -1 if own_index else index, fields)
        return fields

    def keep(self, block: Block, index: int, fields: Fields) -> None:
        """Remember the newest fields of a block, and what follows from its clock."""
        self.latest[index, block] = fields
        if block is Block.CLOCK and isinstance(told := fields.get("wall_clock"), datetime):
            self.clock_ahead = told - self.wall_clock()


def output_modes(dialect: Dialect, *, low_voltage: bool) -> tuple[str, ...]:
    """The output modes that a unit of this kind can be set to (section 6.3)."""
    if dialect is Dialect.PI41:
        codes = tuple(states.PI41_OUTPUT_MODES.values())
    else:
        codes = (0, 1, 2, 3, 4, 5, 6, 7) if low_voltage else (0, 1, 2, 3, 4)
    return tuple(states.OUTPUT_MODES[code] for code in codes)
