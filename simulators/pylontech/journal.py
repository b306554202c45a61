"""The master's log: what its `log` command lists (reference section 6.7)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from .stack import LOW, Stack

MOST_RECORDS = 100
FIRST_CODE = 0x1A20
CHARGING = "The device start charging."
DISCHARGING = "The device start discharging."
CHARGE_LOW = "The coulomb of device is low."
CHARGE_NORMAL = "The coulomb of device is normal."


@dataclass(frozen=True, slots=True)
class Record:
    """One entry; charging is counted in its code."""

    index: int
    time: datetime
    code: int
    info: str

    def lines(self) -> list[str]:
        """Return it as it is printed."""
        return [
            f" Index   : {self.index}",
            f" Time    : {self.time:%y-%m-%d %H:%M:%S}",
            " ModID   : BMM",
            f" Code    : {self.code:x}",
            f" Info    : {self.info}",
            "",
        ]


class Journal:
    """Follows the house and notes when charging, discharging and a low charge begin."""

    def __init__(self, stack: Stack) -> None:
        """Begin with records of the hours before now."""
        self._stack = stack
        self.records: list[Record] = []
        self._charges = 0
        self._direction = 0
        self._low = stack.house.battery.soc <= LOW
        count = stack.behaviour.history
        for number in range(count):
            time = stack.now - timedelta(minutes=37 * (count - number))
            self._add(time, CHARGING if number % 2 else DISCHARGING)
        self._stop = stack.house.watch(self._step)

    def close(self) -> None:
        """Follow the house no longer."""
        self._stop()

    def _add(self, time: datetime, info: str) -> None:
        index = self.records[-1].index + 1 if self.records else 0
        code = 0
        if info == CHARGING:
            self._charges += 1
            code = FIRST_CODE + self._charges
        self.records = [*self.records, Record(index, time, code, info)][-MOST_RECORDS:]

    def _step(self) -> None:
        battery = self._stack.house.battery
        direction = 0 if abs(battery.current) < 1.0 else -1 if battery.current > 0 else 1
        if direction and direction != self._direction:
            self._direction = direction
            self._add(self._stack.now, CHARGING if direction > 0 else DISCHARGING)
        low = battery.soc <= LOW
        if low != self._low:
            self._low = low
            self._add(self._stack.now, CHARGE_LOW if low else CHARGE_NORMAL)

    def newest_first(self) -> list[Record]:
        """Return all records as they are listed."""
        return self.records[::-1]
