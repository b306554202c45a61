"""Which registers travel together: as many as a read may hold, never across a hole (reference section 3)."""

from collections.abc import Collection, Sequence

from ..links.blocks import BlockLayout
from .registers import Register, RegisterMap

type Block = tuple[Register, ...]
"""Registers that one read brings, in the order of their addresses."""

BRIDGE = 1
"""Words of a hole that gateways are known to read across."""


class Layout(BlockLayout[Register]):
    """The readable registers of one unit, in runs that a read may cross."""

    def __init__(self, registers: RegisterMap, *, holes: Collection[int], bridges: bool, most: int) -> None:
        """``holes``: addresses that the unit has refused; ``bridges``: whether it lets single words be read across.

        ``most`` is the number of words that one read may ask for.
        """
        super().__init__(_runs(registers, holes, bridges=bridges), most)


def _runs(registers: RegisterMap, holes: Collection[int], *, bridges: bool) -> list[list[Register]]:
    runs: list[list[Register]] = []
    forbidden = {register.address for register in registers if not register.readable} | set(holes)
    for register in registers:
        if not register.readable or register.address in holes:
            continue
        between = range(runs[-1][-1].end, register.address) if runs else range(0)
        gap = BRIDGE if bridges and forbidden.isdisjoint(between) else 0
        if not runs or len(between) > gap:
            runs.append([])
        runs[-1].append(register)
    return runs


def bridged(block: Sequence[Register], known: RegisterMap) -> list[Block]:
    """The block in pieces without the holes that it is read across; the block itself when it has none."""
    pieces: list[list[Register]] = [[block[0]]]
    for register in block[1:]:
        covered = pieces[-1][-1].end
        # Defined registers that nobody wants lie between, and may be read.
        while covered in known.by_address and covered < register.address:
            covered = known.by_address[covered].end
        if covered < register.address:
            pieces.append([register])
        else:
            pieces[-1].append(register)
    return [tuple(piece) for piece in pieces]
