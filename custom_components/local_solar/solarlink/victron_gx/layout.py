"""Which registers travel together: as many as a read may hold, never across a gap of the map (reference section 2)."""

from collections.abc import Collection, Iterable

from ..links.modbus import MOST_WORDS
from .registers import MAPS, SPANS, Register, Service

type Block = tuple[Register, ...]
"""Registers that one read brings, in the order of their numbers."""


class Layout:
    """The registers of one service, in runs that a read may cross."""

    def __init__(self, service: Service, *, holes: Collection[int] = (), walls: Collection[int] = ()) -> None:
        """``holes``: registers that the GX has refused; ``walls``: where a read has to begin anew."""
        self._run: dict[int, int] = {}
        self._group: dict[int, int] = {}
        run = group = 0
        start: int | None = None
        end = 0
        for register in MAPS[service]:
            if register.address in holes:
                continue
            between = range(end, register.address)
            parted = any(hole in between for hole in holes) or any(end <= wall <= register.address for wall in walls)
            if start is None or parted or not _together(service, end, register):
                run, group, start = run + 1, group + 1, register.address
            elif register.end - start > MOST_WORDS:
                group, start = group + 1, register.address
            self._run[register.address], self._group[register.address] = run, group
            end = register.end

    def __contains__(self, register: Register) -> bool:
        return register.address in self._run

    def group(self, register: Register) -> int:
        """Names the read that brings the register when all of them are read."""
        return self._group.get(register.address, -1)

    def blocks(self, wanted: Iterable[Register]) -> list[Block]:
        """The fewest reads that bring the wanted registers; what the GX does not have is left out."""
        blocks: list[list[Register]] = []
        ordered = sorted({register for register in wanted if register in self}, key=lambda each: each.address)
        for register in ordered:
            last = blocks[-1] if blocks else None
            if (
                last is not None
                and self._run[last[0].address] == self._run[register.address]
                and register.end - last[0].address <= MOST_WORDS
            ):
                last.append(register)
            else:
                blocks.append([register])
        return [tuple(block) for block in blocks]


def _together(service: Service, end: int, register: Register) -> bool:
    """Whether the map has everything between the register that ended before ``end`` and this one."""
    return any(first < end and register.end - 1 <= last for first, last in SPANS[service])


def halves(block: Block) -> tuple[Block, Block]:
    """A block in two, if possible where unused registers lie between, as near to its middle as may be."""
    middle = len(block) / 2
    gaps = [at for at in range(1, len(block)) if block[at].address != block[at - 1].end]
    at = min(gaps or range(1, len(block)), key=lambda each: abs(each - middle))
    return block[:at], block[at:]
