"""Which registers travel together: as many as a read may hold, never across a hole (reference section 3)."""

from collections.abc import Collection, Iterable, Sequence

from .registers import Register, RegisterMap

type Block = tuple[Register, ...]
"""Registers that one read brings, in the order of their addresses."""

BRIDGE = 1
"""Words of a hole that gateways are known to read across."""


class Layout:
    """The readable registers of one unit, in runs that a read may cross."""

    def __init__(self, registers: RegisterMap, *, holes: Collection[int], bridges: bool, most: int) -> None:
        """``holes``: addresses that the unit has refused; ``bridges``: whether it lets single words be read across.

        ``most`` is the number of words that one read may ask for.
        """
        self.most = most
        self._run: dict[int, int] = {}
        self._group: dict[int, int] = {}
        written = {register.address for register in registers if not register.readable}
        run = group = 0
        start = before = -2
        for register in registers:
            if not register.readable or register.address in holes:
                continue
            gap = register.address - before
            undefined = not (written & set(range(before, register.address))) and not (
                set(holes) & set(range(before, register.address))
            )
            if gap > (BRIDGE if bridges and undefined else 0):
                run += 1
                group += 1
                start = register.address
            elif register.end - start > most:
                group += 1
                start = register.address
            self._run[register.address], self._group[register.address] = run, group
            before = register.end

    def __contains__(self, register: Register) -> bool:
        return register.address in self._run

    def group(self, register: Register) -> int:
        """Names the read that brings the register when all of them are read."""
        return self._group.get(register.address, -1)

    def blocks(self, wanted: Iterable[Register]) -> list[Block]:
        """The fewest reads that bring the wanted registers; what the unit does not have is left out."""
        blocks: list[list[Register]] = []
        ordered = sorted({register for register in wanted if register in self}, key=lambda each: each.address)
        for register in ordered:
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
