"""The two switched sockets of the V2 appliances (reference section 11.2), in the time of the house."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..house import House
from .memory import Memory

SOCKETS = 2


@dataclass(slots=True)
class _Socket:
    surplus_since: datetime | None = None
    on_until: datetime | None = None
    switched_on: int | None = None
    """Ordinal of the day on which the automatic switched last."""
    power_on: bool = False


class Sockets:
    """Switches on surplus, at a time of day, or because the owner says so."""

    def __init__(self, house: House, memory: Memory) -> None:
        self._house = house
        self._memory = memory
        self._sockets = [_Socket() for _ in range(SOCKETS)]
        self._seen = house.now

    def update(self) -> None:
        """Bring both sockets in line with the settings, the surplus (W fed into the grid) and the time."""
        now, surplus = self._house.now, max(0.0, -self._house.grid.power)
        for index, socket in enumerate(self._sockets):
            self._automatic(index, socket, now, surplus)
            forced = self._setting("FORCE_ON", index) == 1
            socket.power_on = forced or socket.on_until is not None
        self._seen = now

    def _setting(self, name: str, index: int) -> float:
        return self._memory.number("SOCKETS", name, index)

    def _automatic(self, index: int, socket: _Socket, now: datetime, surplus: float) -> None:
        if socket.on_until is not None and now >= socket.on_until:
            socket.on_until = None
        if self._setting("ENABLE", index) != 1:
            socket.surplus_since = socket.on_until = None
            return
        upper, lower = self._setting("UPPER_LIMIT", index), self._setting("LOWER_LIMIT", index)
        if surplus < lower or upper == 0:
            socket.surplus_since = None
        elif surplus >= upper and socket.surplus_since is None:
            socket.surplus_since = now
        lasted = socket.surplus_since is not None and now - socket.surplus_since >= timedelta(
            minutes=self._setting("TIME_LIMIT", index)
        )
        if (lasted and socket.switched_on != now.toordinal()) or self._time_of_day(index, now):
            socket.switched_on = now.toordinal()
            socket.on_until = now + timedelta(minutes=self._setting("POWER_ON_TIME", index))

    def _time_of_day(self, index: int, now: datetime) -> bool:
        if self._setting("USE_TIME", index) != 1:
            return False
        hour, minute = int(self._setting("SWITCH_ON_HOUR", index)), int(self._setting("SWITCH_ON_MINUTE", index))
        return self._seen < now.replace(hour=hour, minute=minute, second=0, microsecond=0) <= now

    def readings(self) -> dict[tuple[str, str], list[int]]:
        """Return what the sockets do now."""
        now = self._house.now
        remaining = [
            0 if socket.on_until is None else max(0, round((socket.on_until - now).total_seconds() / 60))
            for socket in self._sockets
        ]
        return {
            ("SOCKETS", "POWER_ON"): [int(socket.power_on) for socket in self._sockets],
            ("SOCKETS", "ALREADY_SWITCHED"): [int(socket.switched_on == now.toordinal()) for socket in self._sockets],
            ("SOCKETS", "TIME_REM"): remaining,
        }
