"""Which registers travel together: the fewest reads that bring the wanted ones, and what follows when one fails.

A map of registers falls into runs: within a run a read may go from any register to any other, as long as it asks for no
more words than the device gives at once. Where runs end, only the family knows.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..errors import (
    DeviceAbsentError,
    DeviceRefusedError,
    LinkError,
    NoAnswerError,
    ServiceGoneError,
    SolarError,
)


class Spanning(Protocol):
    """A register: ``words`` words from ``address``, the last of them before ``end``."""

    @property
    def key(self) -> str:
        """What it is called within its map."""

    @property
    def address(self) -> int:
        """Of its first word."""

    @property
    def words(self) -> int:
        """How many words it has."""

    @property
    def end(self) -> int:
        """The address after its last word."""


class BlockLayout[R: Spanning]:
    """The registers that a unit has, in runs that a read may cross."""

    def __init__(self, runs: Iterable[Iterable[R]], most: int) -> None:
        """``runs`` and the registers in them are in the order of their addresses.

        ``most`` is the number of words that one read may ask for.
        """
        self.most = most
        self._run: dict[int, int] = {}
        self._group: dict[int, int] = {}
        group = 0
        for number, run in enumerate(runs):
            start: int | None = None
            for register in run:
                if start is None or register.end - start > most:
                    group, start = group + 1, register.address
                self._run[register.address], self._group[register.address] = number, group

    def __contains__(self, register: R) -> bool:
        return register.address in self._run

    def group(self, register: R) -> int:
        """Names the read that brings the register when all of them are read."""
        return self._group.get(register.address, -1)

    def blocks(self, wanted: Iterable[R]) -> list[tuple[R, ...]]:
        """The fewest reads that bring the wanted registers; what the unit does not have is left out."""
        blocks: list[list[R]] = []
        for register in sorted({each for each in wanted if each in self}, key=lambda each: each.address):
            last = blocks[-1] if blocks else None
            if (
                last is not None
                and self._run[last[0].address] == self._run[register.address]
                and register.end - last[0].address <= self.most
            ):
                last.append(register)
            else:
                blocks.append([register])
        return [tuple(block) for block in blocks]


@dataclass(slots=True)
class Fetched:
    """What a read brought: words by key of the register, and why others are missing."""

    words: dict[str, list[int]] = field(default_factory=dict)
    failed: dict[str, SolarError] = field(default_factory=dict)


async def fetch_blocks[R: Spanning](
    blocks: Sequence[tuple[R, ...]],
    fetched: Fetched,
    *,
    read: Callable[[int, int], Awaitable[list[int]]],
    refused: Callable[[tuple[R, ...], DeviceRefusedError], Sequence[tuple[R, ...]]],
) -> None:
    """Read blocks into ``fetched``.

    ``read`` brings so many words from an address. ``refused`` is told of a block that the device refuses and returns
    the smaller blocks that are to be read instead; where there are none, it notes what has failed. Any other error
    costs its block only, save silence, a lost link and a unit that is not there. These end the read:
    ``NoAnswerError``, ``LinkError``, ``DeviceAbsentError`` and ``ServiceGoneError`` are raised when nothing was read
    before, and else told for every register that is missing.
    """
    waiting = list(blocks)
    while waiting:
        block = waiting.pop(0)
        start = block[0].address
        try:
            words = await read(start, block[-1].end - start)
        except (NoAnswerError, LinkError, DeviceAbsentError, ServiceGoneError) as err:
            if not fetched.words:
                raise
            fetched.failed |= {register.key: err for missing in (block, *waiting) for register in missing}
            return
        except DeviceRefusedError as err:
            waiting[:0] = refused(block, err)
        except SolarError as err:
            fetched.failed |= {register.key: err for register in block}
        else:
            for register in block:
                at = register.address - start
                fetched.words[register.key] = words[at : at + register.words]
