"""Which registers travel together: as many as a read may hold, never across a gap of the map (reference section 2)."""

from collections.abc import Collection

from ..links.blocks import BlockLayout
from ..links.modbus import MOST_WORDS
from .registers import MAPS, SPANS, Register, Service

type Block = tuple[Register, ...]
"""Registers that one read brings, in the order of their numbers."""


class Layout(BlockLayout[Register]):
    """The registers of one service, in runs that a read may cross."""

    def __init__(self, service: Service, *, holes: Collection[int] = (), walls: Collection[int] = ()) -> None:
        """``holes``: registers that the GX has refused; ``walls``: where a read has to begin anew."""
        super().__init__(_runs(service, holes, walls), MOST_WORDS)


def _runs(service: Service, holes: Collection[int], walls: Collection[int]) -> list[list[Register]]:
    runs: list[list[Register]] = []
    for register in MAPS[service]:
        if register.address in holes:
            continue
        end = runs[-1][-1].end if runs else 0
        between = range(end, register.address)
        parted = any(hole in between for hole in holes) or any(end <= wall <= register.address for wall in walls)
        if not runs or parted or not _together(service, end, register):
            runs.append([])
        runs[-1].append(register)
    return runs


def _together(service: Service, end: int, register: Register) -> bool:
    """Whether the map has everything between the register that ended before ``end`` and this one."""
    return any(first < end and register.end - 1 <= last for first, last in SPANS[service])


def halves(block: Block) -> tuple[Block, Block]:
    """A block in two, if possible where unused registers lie between, as near to its middle as may be."""
    middle = len(block) / 2
    gaps = [at for at in range(1, len(block)) if block[at].address != block[at - 1].end]
    at = min(gaps or range(1, len(block)), key=lambda each: abs(each - middle))
    return block[:at], block[at:]
