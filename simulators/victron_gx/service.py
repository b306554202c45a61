"""One service of the GX as Modbus TCP shows it: its map, what is measured, and what it keeps of a write."""

from collections.abc import Callable, Collection, Mapping

from ..modbus import BAD_COUNT, MOST_READ, REJECTED, UNDEFINED, ModbusError
from .registers import Register, Value, load


class GxService:
    """A service at one unit id."""

    def __init__(
        self,
        kind: str,
        measured: Callable[[], Mapping[str, Value]],
        settings: Mapping[str, Value] | None = None,
        *,
        missing: Collection[int] = (),
    ) -> None:
        """``measured`` returns what is measured, by path; ``missing`` are registers that the firmware does not have."""
        self.kind = kind
        self._measured = measured
        self.settings: dict[str, Value] = dict(settings or {})
        """What it keeps of writes, by path."""
        self.overrides: dict[str, Value] = {}
        """What paths show instead of their own value."""
        self.hidden: set[str] = set()
        """Paths that have no value now."""
        self.limits: dict[str, tuple[float, float]] = {}
        """Lowest and highest value of a setting, by path; its owner rejects others."""
        self.present = True
        """Whether it is there."""
        self.valid = True
        """Whether it has values; without, every path is invalid."""
        self._at: dict[int, Register] = {}
        for register in load(kind).values():
            if register.address not in missing:
                self._at.update(dict.fromkeys(range(register.address, register.address + register.words), register))

    def __contains__(self, address: int) -> bool:
        """Tell whether the map has that register."""
        return address in self._at

    def lose(self, *addresses: int) -> None:
        """Forget registers, as an update may."""
        for address in addresses:
            del self._at[address]

    def value(self, path: str) -> Value:
        """Return what a path shows."""
        return self._values().get(path)

    def _values(self) -> dict[str, Value]:
        if not self.valid:
            return {}
        values = {**self._measured(), **self.settings, **self.overrides}
        return {path: value for path, value in values.items() if path not in self.hidden}

    def _registers(self, address: int, count: int) -> list[Register]:
        """Return the registers of a request; `ModbusError` for one that touches what the map does not have."""
        if any(each not in self._at for each in range(address, address + count)):
            raise ModbusError(UNDEFINED)
        registers = list(dict.fromkeys(self._at[each] for each in range(address, address + count)))
        last = registers[-1]
        if registers[0].address != address or last.address + last.words != address + count:
            raise ModbusError(UNDEFINED)
        return registers

    def read(self, address: int, count: int) -> list[int]:
        """Return words; `ModbusError` for a request that spans a gap or cuts a value in two."""
        if not 1 <= count <= MOST_READ:
            raise ModbusError(BAD_COUNT)
        values = self._values()
        return [word for each in self._registers(address, count) for word in each.encode(values.get(each.path))]

    def write(self, address: int, words: list[int]) -> dict[str, Value]:
        """Return what is to be set, by path; `ModbusError` for what cannot be written or is rejected."""
        taken: dict[str, Value] = {}
        rest = list(words)
        for register in self._registers(address, len(words)):
            own, rest = rest[: register.words], rest[register.words :]
            if "w" not in register.access or not register.path:
                raise ModbusError(UNDEFINED)
            value = register.decode(own)
            low, high = self.limits.get(register.path, (float("-inf"), float("inf")))
            if isinstance(value, float) and not low <= value <= high:
                raise ModbusError(REJECTED)
            taken[register.path] = value
        return taken
