"""The watchdogs that stop a unit or reset the gateway (protocol reference, section 7.2).

A unit whose watchdog is enabled starts a timer with the first write that is not saved in flash; without a further write
to that unit in time it stops and resets. The gateway's watchdog resets the gateway when no request comes for a while.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from .installation import GATEWAY, Installation, Unit

UNIT_WATCHDOGS = {"xt": (1628, 1629), "vt": (10342, 10343), "vs": (14218, 14219)}
"""Numbers of the switch and of the delay (s) by family."""
SCOM_WATCHDOG, SCOM_DELAY = 5095, 5096


@dataclass(frozen=True, slots=True)
class Stop:
    """A device that was stopped or reset: when (the house's time), which, and why."""

    when: datetime
    address: int
    fid: int
    reason: str


class Watchdogs:
    """The timers of all units and that of the gateway."""

    def __init__(
        self,
        installation: Installation,
        now: datetime,
        stop_unit: Callable[[Unit, str], None],
        reset_gateway: Callable[[str], None],
    ) -> None:
        """Start with no unit's timer running."""
        self._installation = installation
        self._stop_unit = stop_unit
        self._reset_gateway = reset_gateway
        self._deadlines: dict[int, datetime] = {}
        self._asked = now

    @property
    def armed(self) -> dict[int, datetime]:
        """Return when each unit whose timer runs will stop, by address."""
        return {unit.address: self._deadlines[unit.identity.fid] for unit in self._timed()}

    def _timed(self) -> list[Unit]:
        return [unit for unit in self._installation.units.values() if unit.identity.fid in self._deadlines]

    def written(self, unit: Unit, *, saved: bool, now: datetime) -> None:
        """Note that a parameter of a unit was written; ``saved`` tells whether that went to flash."""
        numbers = UNIT_WATCHDOGS.get(unit.family)
        fid = unit.identity.fid
        if numbers is None or not unit.effective(numbers[0]):
            self._deadlines.pop(fid, None)
        elif not saved or fid in self._deadlines:
            self._deadlines[fid] = now + timedelta(seconds=unit.effective(numbers[1]))

    def forget(self, unit: Unit) -> None:
        """Stop the timer of a unit, as its reset does."""
        self._deadlines.pop(unit.identity.fid, None)

    def asked(self, now: datetime) -> None:
        """Note that a request reached the gateway."""
        self._asked = now

    def check(self, now: datetime) -> None:
        """Stop and reset what has waited too long."""
        if self._deadlines:
            for unit in self._timed():
                if now >= self._deadlines[unit.identity.fid]:
                    self.forget(unit)
                    self._stop_unit(unit, "watchdog")
        gateway = self._installation.units[GATEWAY]
        if gateway.effective(SCOM_WATCHDOG) and (now - self._asked).total_seconds() >= gateway.effective(SCOM_DELAY):
            self._asked = now
            self._reset_gateway("watchdog")
