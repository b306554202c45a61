"""Where an Xcom-485i keeps what (reference section 13): units by address, registers by number. No I/O."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .catalogue import point_at
from .codec import GATEWAY, Format, Property
from .units import BATTERY_LINK, KINDS, VARIO_STRING, VARIO_TRACK, XTENDER

OFFSETS = (0, 32, 64, 128)
"""What DIP switches 1 and 2 add to all unit addresses."""
BAUDS = (9600, 19200, 38400, 115200)
"""What DIP switches 7 and 8 choose; 8 data bits, even parity, 1 stop bit."""
GATEWAY_UNIT, SYSTEM_UNIT = 1, 2
PHASE_UNITS = {191: 7, 192: 8, 193: 9}
_FAMILY_UNITS = {XTENDER.base: 10, VARIO_TRACK.base: 20, VARIO_STRING.base: 40, BATTERY_LINK.base: 60}

_INFO_BASES = {XTENDER.base: 3000, VARIO_TRACK.base: 11000, VARIO_STRING.base: 15000, BATTERY_LINK.base: 7000}
_PARAMETER_BASES = {XTENDER.base: 1100, VARIO_TRACK.base: 10000, VARIO_STRING.base: 14000, BATTERY_LINK.base: 6000}
_BLOCK = 2000
_READS = {Property.VALUE: 0, Property.UNSAVED_VALUE: 0, Property.MINIMUM: 1, Property.MAXIMUM: 2}
_WRITES = {Property.VALUE: 0, Property.UNSAVED_VALUE: 3}


def unit_of(address: int) -> int | None:
    """The Modbus unit (without offset) of an address of the bus; ``None`` for the gateway and what has none."""
    if address in PHASE_UNITS:
        return PHASE_UNITS[address]
    for base, first in _FAMILY_UNITS.items():
        most = max(kind.most for kind in KINDS.values() if kind.base == base)
        if base <= address <= base + most:
            return first + address - base
    return None


def address_of(unit: int) -> int:
    """The address on the bus of a Modbus unit (without offset); that of the gateway for one that is no device."""
    return next((base + unit - first for base, first in _FAMILY_UNITS.items() if first < unit < first + 16), GATEWAY)


def _base(address: int) -> int:
    return XTENDER.base if address in PHASE_UNITS else address // 100 * 100


def info_register(address: int, number: int) -> int | None:
    """The input register of a user info on the unit at an address; ``None`` where it has none."""
    return _register(number - _INFO_BASES.get(_base(address), number + 1))


def parameter_register(address: int, number: int, which: int, *, write: bool) -> int | None:
    """The holding register of a property of a parameter; ``None`` where there is none."""
    block = (_WRITES if write else _READS).get(Property(which)) if which in Property else None
    place = _register(number - _PARAMETER_BASES.get(_base(address), number + 1))
    return None if block is None or place is None else block * _BLOCK + place


def _register(steps: int) -> int | None:
    return 2 * steps if 0 <= steps < _BLOCK // 2 else None


def format_of(address: int, number: int) -> Format | None:
    """The wire format that SCOM has for a parameter; ``None`` for a number that no unit at that address has."""
    for kind in KINDS.values():
        if kind.base == _base(address) and (point := point_at(kind.key, number)) is not None:
            return point.address.format
    return None


@dataclass(frozen=True, slots=True)
class Block:
    """Infos of one unit in registers that follow each other."""

    address: int
    first: int
    """Number of the first info."""
    count: int

    @property
    def numbers(self) -> range:
        """All infos in the block."""
        return range(self.first, self.first + self.count)


def blocks(places: Iterable[tuple[int, int]], most: int) -> Iterator[Block]:
    """Reads that cover (address, info number), each of at most ``most`` values without a gap."""
    run: Block | None = None
    for address, number in sorted(set(places)):
        if run is not None and run.address == address and number == run.first + run.count and run.count < most:
            run = Block(address, run.first, run.count + 1)
            continue
        if run is not None:
            yield run
        run = Block(address, number, 1)
    if run is not None:
        yield run
