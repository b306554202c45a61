"""Carries out what people write: checked first, sent once, and confirmed (reference sections 4 and 5)."""

import time
from collections.abc import Callable

from ..client import Unit
from ..errors import NeedsConsentError
from ..journal import Journal
from ..links.turns import Priority
from ..live import lowest_limit
from ..points import Limits, Value, check_flag, check_number
from .address import DtuPoint, Source
from .commands import Commands
from .feed import Feed
from .points_dtu import DTU_KIND
from .points_inverter import HIGHEST_LIMIT, LIMIT_ABSOLUTE, LIMIT_RELATIVE, RESET_STATISTICS, SWITCH
from .values import Values


class Writer:
    """The writes of one DTU."""

    def __init__(
        self,
        feed: Feed,
        commands: Commands,
        values: Values,
        journal: Journal,
        *,
        inputs: Callable[[str], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is sent before the first write; ``inputs`` tells the DC inputs of an inverter."""
        self._feed, self._commands, self._values, self._journal = feed, commands, values, journal
        self._inputs, self._clock = inputs, clock

    def limits(self, serial: str, point: DtuPoint) -> Limits:
        """What the setting accepts now: never below what the inverter stands (section 4.2)."""
        inverter = self._feed.state.inverters.get(serial)
        rated = inverter.rated_power if inverter else None
        percent = lowest_limit(rated, self._inputs(serial))
        match point.key:
            case key if key == LIMIT_RELATIVE:
                return Limits(percent, 100.0, point.step)
            case key if key == LIMIT_ABSOLUTE:
                highest = rated or HIGHEST_LIMIT
                # Rounded up.
                return Limits(-(-percent * highest // 100.0), highest, point.step)
        return Limits(point.minimum, point.maximum, point.step)

    async def write(self, unit: Unit, point: DtuPoint, value: Value) -> None:
        """Set ``point`` of ``unit``; see ``OpenDtuClient.write`` for what is raised."""
        match point.key:
            case key if key in (LIMIT_RELATIVE, LIMIT_ABSOLUTE):
                await self._set_limit(unit, point, value)
            case key if key == SWITCH:
                power = check_flag(point, value)
                await self._feed.check(Priority.PERSON)
                await self._commands.set_power(unit.serial, unit.name, power=power)
                self._values.switched[unit.serial] = (power, self._clock())
            case key if key == RESET_STATISTICS:
                await self._feed.check(Priority.PERSON)
                await self._commands.reset_statistics(unit.serial)
            case _ if unit.kind == DTU_KIND:
                await self._feed.check(Priority.PERSON)
                await self._commands.reboot()
            case _:
                await self._feed.check(Priority.PERSON)
                await self._commands.set_power(unit.serial, unit.name, restart=True)
                self._values.switched.pop(unit.serial, None)
                # What it does not keep is gone.
                self._journal.forget_ram(unit.serial)

    async def _known_limits(self, serial: str, point: DtuPoint) -> Limits:
        """The limits by what the DTU says of the inverter now."""
        await self._feed.check(Priority.PERSON)
        await self._feed.bring(Source.LIMIT, priority=Priority.PERSON)
        return self.limits(serial, point)

    async def _set_limit(self, unit: Unit, point: DtuPoint, value: Value) -> None:
        number = check_number(point, value, self.limits(unit.serial, point))
        number = check_number(point, number, await self._known_limits(unit.serial, point))
        absolute = point.key == LIMIT_ABSOLUTE
        await self._commands.check_sending(unit.serial, unit.name)
        if self._commands.holds(unit.serial, number, absolute=absolute):
            return
        await self._commands.set_limit(unit.serial, number, absolute=absolute, name=point.name)
        self._journal.wrote_ram(unit.serial, point.key, number, None)

    async def set_persistent_limit(self, unit: Unit, point: DtuPoint, value: Value, *, confirmed: bool) -> None:
        """Set the limit in % that an inverter keeps in its flash; see ``live.LimitClient``."""
        number = check_number(point, value, self.limits(unit.serial, point))
        if not confirmed:
            raise NeedsConsentError(
                point=point.name, reason="the inverter keeps this limit in its flash memory, which wears out"
            )
        number = check_number(point, number, await self._known_limits(unit.serial, point))
        await self._commands.set_kept_limit(unit.serial, number, point.name)
