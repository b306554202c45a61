"""Settings: what they accept, the commands that set them, and whether they were kept (reference section 7)."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from ..client import Unit
from ..errors import (
    BadAnswerError,
    DeviceRefusedError,
    LinkLostError,
    NeedsConsentError,
    NoAnswerError,
    NotAboveError,
    NotBelowError,
    NotKeptError,
    NotSupportedError,
    NotWritableError,
    SolarError,
    TooSoonError,
    ValueKindError,
    WriteUncertainError,
)
from ..journal import Journal
from ..links.turns import Priority
from ..points import Access as Allowed, Limits, Quantity, Reading, Risk, Value, check_flag, check_number, check_option
from . import states
from .access import Access, output_modes
from .blocks import ROOT, Block, Dialect, VoltronicPoint
from .codec import Checksum, Frame, ambiguous
from .exchange import DEVICE, Request, Timing
from .facts import MKS2_CODES
from .fields import Fields
from .points import points_of
from .queries import PER_UNIT
from .ranges import VOLTAGES, WHEN_FULL, voltage_limits
from .settings import SETTABLE, Place, commands, set_clock

WRITES_PER_DAY = 20
"""Budget of one setting: at this pace an EEPROM of 100 000 cycles lasts 13 years (section 7.2)."""
RESTORES_PER_DAY = 60
"""Budget of the float voltage. The charge manager has a smaller one of its own for boosts, but its restores must not
fail for want of a budget: an overcharged battery is the greater harm."""
DAY = 86400.0
CLOCK_NEAR = 30.0
"""A clock that is set this near (s) to ours was set."""
_ORDER_MAY_BE_EQUAL = {("recharge_voltage", "float_voltage"), ("float_voltage", "absorption_voltage")}
"""Of these the lower one may reach the higher one (section 7.1, rule 6)."""
_TRUE_VOLTAGES = ("float_voltage", "absorption_voltage", "cutoff_voltage")
"""Settings that some clones refuse altogether (section 8)."""
_DISCHARGE_LIMITS = (0.0, *(float(each) for each in range(30, 151, 10)))
_MKS2_DISCHARGE_LIMITS = (0.0, *(float(each) for each in range(30, 121, 10)))
_PLUS_TIMES = (0.0, 10.0, 20.0, 40.0, 60.0, 90.0, 120.0, 150.0, 180.0, 210.0, 240.0)
_EARLY_BATTERY_TYPES = ("agm", "flooded", states.USER_BATTERY)


class Writer:
    """Writes settings of one unit: refuses early, never repeats blindly, and reads back."""

    MANY_WRITES = 60
    """Writes of all settings in one day above which the owner is told (section 7.1, rule 5)."""

    def __init__(self, access: Access, journal: Journal, timing: Timing) -> None:
        """Nothing is sent before ``write``."""
        self._access, self._journal, self._timing = access, journal, timing
        self._one_at_a_time = asyncio.Lock()
        self._written_at: dict[tuple[str, str], float] = {}
        self._writes: deque[float] = deque(maxlen=1000)

    @property
    def writes_today(self) -> int:
        """Settings that were written in the last 24 hours."""
        return sum(time.monotonic() - at < DAY for at in self._writes)

    # What is offered

    def as_offered(self, point: VoltronicPoint) -> VoltronicPoint:
        """The point as this unit has it: read only where it cannot be set, with or without a list of values."""
        if point.access is not Allowed.READ_WRITE:
            return point
        facts = self._access.facts
        if point.key not in SETTABLE[self._access.dialect] or point.key in facts.refused:
            return replace(point, access=Allowed.READ)
        listed = self._listed(point.key)
        unknown = point.key in VOLTAGES and voltage_limits(point.key, facts.series, facts.battery, None) is None
        if unknown or (point.listed and not listed):
            # Without a list or a range nobody knows what it takes.
            return replace(point, access=Allowed.READ)
        return replace(point, listed=bool(listed)) if point.quantity is not Quantity.STATE else point

    def _listed(self, key: str) -> tuple[float, ...]:
        """The values that the unit lists for a numeric setting; empty for one that takes a range."""
        facts = self._access.facts
        match key:
            case "max_charge_current":
                return tuple(facts.charge_currents)
            case "max_utility_charge_current":
                return tuple(facts.utility_currents)
            case "max_discharge_current":
                return _MKS2_DISCHARGE_LIMITS if facts.model_code in MKS2_CODES else _DISCHARGE_LIMITS
            case "max_absorption_time" if facts.has(Block.CV_TIME):
                return _PLUS_TIMES
            case key if key in VOLTAGES:
                limits = voltage_limits(key, facts.series, facts.battery, None)
                return () if limits is None else tuple(float(each) for each in limits.choices or ())
        return ()

    def limits(self, point: VoltronicPoint, ratings: Fields, current: Value) -> Limits:
        """What a setting accepts now, narrowed by the order of the voltages."""
        own = self._own_limits(point, current)
        if point.unit != "V" or point.key not in VOLTAGES:
            return own
        low, high = own.minimum, own.maximum
        below, above = self._neighbours(point, ratings)
        step = own.step or 0.1
        if below is not None and high is not None:
            high = min(high, below[1] if (point.key, below[0]) in _ORDER_MAY_BE_EQUAL else below[1] - step)
        if above is not None and low is not None:
            low = max(low, above[1] if (above[0], point.key) in _ORDER_MAY_BE_EQUAL else above[1] + step)
        if own.choices is not None:
            choices = tuple(
                each
                for each in own.choices
                if isinstance(each, float) and ((low or 0.0) <= each <= (high or each) or _means_full(point, each))
            )
            return Limits(low, high, own.step, choices)
        if point.key == "redischarge_voltage":
            low = WHEN_FULL
        return Limits(_tidy(low), _tidy(high), own.step)

    def _own_limits(self, point: VoltronicPoint, current: Value) -> Limits:
        number = current if isinstance(current, float) else None
        facts = self._access.facts
        if point.key in VOLTAGES:
            found = voltage_limits(point.key, facts.series, facts.battery, number)
            return found or Limits(point.minimum, point.maximum, point.step)
        if listed := self._listed(point.key):
            choices = sorted({*listed, *([number] if number is not None else [])})
            return Limits(choices[0], choices[-1], None, tuple(choices))
        if point.quantity is Quantity.STATE:
            return Limits(choices=self._options(point, current))
        return Limits(point.minimum, point.maximum, point.step)

    def _options(self, point: VoltronicPoint, current: Value) -> tuple[str, ...]:
        manner, facts = self._access.manner, self._access.facts
        match point.key:
            case "output_source_priority" if manner.dialect is Dialect.PI18:
                options = tuple(states.PI18_OUTPUT_PRIORITIES.values())
            case "output_source_priority":
                options = tuple(states.OUTPUT_PRIORITY_MAPS[manner.output_map].values())
            case "charger_source_priority" if manner.dialect is Dialect.PI18:
                options = tuple(states.CHARGER_PRIORITY_MAPS[states.PriorityMap.SHIFTED].values())
            case "charger_source_priority":
                options = tuple(states.CHARGER_PRIORITY_MAPS[manner.charger_map].values())
            case "battery_type":
                newer = manner.dialect is Dialect.PI30MAX or facts.model_code >= "022"
                options = tuple(states.BATTERY_TYPES.values()) if newer else _EARLY_BATTERY_TYPES
            case "output_mode":
                options = output_modes(manner.dialect, low_voltage=self._low_voltage())
            case "battery_control":
                # What the unit says after "cleared" is one of the others.
                options = tuple(states.BATTERY_CONTROLS.values())
            case _:
                options = tuple(point.options.values())
        return options if not isinstance(current, str) or current in options else (*options, current)

    def _low_voltage(self) -> bool:
        rated = self._access.latest.get((0, Block.RATINGS), {}).get("rated_output_voltage")
        return isinstance(rated, float) and rated < 160.0

    def _neighbours(
        self, point: VoltronicPoint, ratings: Fields
    ) -> tuple[tuple[str, float] | None, tuple[str, float] | None]:
        """The settings that this one must stay below and above, with their values."""

        def value(key: str | None) -> tuple[str, float] | None:
            number = ratings.get(key) if key else None
            return (key, float(number)) if key and isinstance(number, int | float) else None

        return value(point.below), value(point.above)

    # Writing

    async def write(
        self, unit: Unit, point: VoltronicPoint, block: Block | None, value: Value, *, confirmed: bool, permanent: bool
    ) -> Reading:
        """Set a point and return what the unit keeps. See ``client.Client.write`` for what is raised.

        ``permanent`` writes also what is already so, which proves that the setting can be set (section 12.4).
        """
        if not point.writable or not point.measured or block is None:
            raise NotWritableError(point=point.name)
        if point.risk is Risk.OUTAGE and not confirmed:
            raise NeedsConsentError(point=point.name, reason="this can cut the supply")
        async with self._one_at_a_time:
            if point.access is Allowed.PRESS:
                return await self._set_clock(unit, point, value)
            fields = await self._fetch(unit, block)
            ratings = fields if block is Block.RATINGS else self._access.latest.get((0, Block.RATINGS), {})
            wanted = self._checked(point, value, ratings, fields.get(point.key))
            if not permanent and _same(point, fields.get(point.key), wanted):
                return Reading(fields.get(point.key), time.monotonic())
            return await self._write(unit, point, block, wanted, fields)

    def _checked(self, point: VoltronicPoint, value: Value, ratings: Fields, current: Value) -> Value:
        own = self._own_limits(point, current)
        match point.quantity:
            case Quantity.FLAG:
                return check_flag(point, value)
            case Quantity.STATE:
                return check_option(point, value, own)
        if _means_full(point, value) and own.choices is None:
            return WHEN_FULL
        number = check_number(point, value, own)
        self._check_order(point, number, ratings)
        return number

    def _check_order(self, point: VoltronicPoint, number: float, ratings: Fields) -> None:
        below, above = self._neighbours(point, ratings)
        table = {"recharge_voltage": "redischarge_voltage"}
        pairs = [(below, NotBelowError, True), (above, NotAboveError, False)]
        if (other := table.get(point.key)) is not None and (limit := ratings.get(other)) not in (None, WHEN_FULL):
            assert isinstance(limit, float)
            pairs.append(((other, limit), NotBelowError, True))
        if _means_full(point, number):
            return
        for neighbour, error, must_be_below in pairs:
            if neighbour is None:
                continue
            key, limit = neighbour
            low_key, high_key = (point.key, key) if must_be_below else (key, point.key)
            low, high = (number, limit) if must_be_below else (limit, number)
            if low > high or (low == high and (low_key, high_key) not in _ORDER_MAY_BE_EQUAL):
                raise error(
                    point=point.name, other=points_of(ROOT)[key].name, limit=limit, unit=point.unit, value=number
                )

    async def _fetch(self, unit: Unit, block: Block) -> Fields:
        own = unit.kind == ROOT and block in PER_UNIT
        index = unit.address if block in PER_UNIT else 0
        return await self._access.fetch(block, index, Priority.PERSON, own_index=own)

    def _place(self, unit: Unit, fields: Fields, block: Block) -> Place:
        facts = self._access.facts
        return Place(
            manner=self._access.manner,
            battery=facts.battery,
            index=unit.address,
            grouped=facts.group_index is not None,
            highest_utility_current=max(facts.utility_currents, default=0.0),
            automatic_time=255 if facts.has(Block.CV_TIME) else 0,
            ratings=fields if block is Block.RATINGS else {},
        )

    async def _write(self, unit: Unit, point: VoltronicPoint, block: Block, wanted: Value, fields: Fields) -> Reading:
        name = (unit.serial, point.key)
        rest = self._written_at.get(name, -1e9) + self._timing.between_writes - time.monotonic()
        if rest > 0:
            raise TooSoonError(point=point.name, seconds=round(rest, 1))
        budget = RESTORES_PER_DAY if point.key == "float_voltage" else WRITES_PER_DAY
        self._journal.check_flash(unit.serial, point.key, point.name, budget)
        place, before = self._place(unit, fields, block), fields.get(point.key)
        attempt = _Attempt(self, unit, point, block, before, wanted)
        for form, text in self._in_order(point, commands(point.key, wanted, place)):
            if not await attempt.send(text):
                continue
            kept = await self._read_back(attempt)
            if _same(point, kept, wanted):
                self._access.facts = self._access.facts.with_form(point.key, form)
                return Reading(kept, time.monotonic())
            if not _same(point, kept, before):
                raise NotKeptError(point=point.name, value=_shown(wanted), kept=_shown(kept))
        if attempt.accepted:
            raise NotKeptError(point=point.name, value=_shown(wanted), kept=_shown(attempt.kept))
        await self._judge_refusal(attempt, place)
        reason = f"it does not accept {_shown(wanted)} for {point.name} now"
        if point.key in _TRUE_VOLTAGES:
            reason += "; most units let it be set only with the battery type User"
        raise DeviceRefusedError(device=DEVICE, code="NAK", reason=reason)

    def _in_order(self, point: VoltronicPoint, texts: Sequence[str]) -> list[tuple[int, str]]:
        """The commands to try, the one that worked before first."""
        known = self._access.facts.forms.get(point.key)
        return sorted(enumerate(texts), key=lambda each: each[0] != known)

    async def _judge_refusal(self, attempt: _Attempt, place: Place) -> None:
        """Find out, by a harmless rewrite of the present value, whether the setting can be set at all (7.1, rule 2)."""
        point = attempt.point
        if point.key not in _TRUE_VOLTAGES or point.key in self._access.facts.forms or attempt.before is None:
            return
        for text in commands(point.key, attempt.before, place):
            if await attempt.send(text):
                return
        self._access.facts = self._access.facts.with_refused(point.key)
        raise NotSupportedError(device=DEVICE, code="NAK", reason=f"it does not let {point.name} be set")

    async def _read_back(self, attempt: _Attempt) -> Value:
        """The value after a write; some units take a moment to carry it out (7.1, rule 1)."""
        passed = 0.0
        for at in self._timing.read_back:
            await asyncio.sleep(at - passed)
            passed = at
            try:
                kept = await attempt.read()
            except SolarError as err:
                if at == self._timing.read_back[-1]:
                    raise WriteUncertainError(device=attempt.unit.name, point=attempt.point.name) from err
                continue
            if _same(attempt.point, kept, attempt.wanted):
                break
        return attempt.kept

    def count(self, unit: Unit, key: str) -> None:
        """Count a write that was, or may have been, carried out."""
        self._journal.wrote_flash(unit.serial, key)
        self._writes.append(time.monotonic())
        self._written_at[unit.serial, key] = time.monotonic()

    async def send(self, text: str, form: Checksum) -> bool:
        """Send a set command once; false when it was refused."""
        request = Request(text, form=form)
        try:
            return await self._access.exchange.ask(request, _accepted, Priority.PERSON, retries=0, known=False)
        except NotSupportedError:
            return False

    async def fetch(self, unit: Unit, block: Block) -> Fields:
        """Read a block again."""
        return await self._fetch(unit, block)

    def forms(self, text: str) -> tuple[Checksum, ...]:
        """The checksum forms to try, the one that this unit is known to take first (section 3.3)."""
        preferred = self._access.exchange.preferred_form
        if not ambiguous(text):
            return (Checksum.VENDOR,)
        other = Checksum.VENDOR if preferred is Checksum.ZERO_BUMPED else Checksum.ZERO_BUMPED
        return (preferred, other)

    def prefer(self, form: Checksum) -> None:
        """Remember the form that this unit took."""
        self._access.facts = replace(self._access.facts, checksum=form.value)

    async def _set_clock(self, unit: Unit, point: VoltronicPoint, value: Value) -> Reading:
        if value is not True:
            raise ValueKindError(point=point.name, value=str(value), expected="on")
        text = set_clock(self._access.dialect, self._access.wall_clock())
        try:
            accepted = await self.send(text, self.forms(text)[0])
        except (NoAnswerError, BadAnswerError, LinkLostError) as err:
            await self._fetch(unit, Block.CLOCK)
            if abs(self._access.clock_ahead.total_seconds()) > CLOCK_NEAR:
                raise WriteUncertainError(device=unit.name, point=point.name) from err
            return Reading(True, time.monotonic())
        if not accepted:
            raise DeviceRefusedError(device=DEVICE, code="NAK", reason="its clock cannot be set")
        told = (await self._fetch(unit, Block.CLOCK)).get("wall_clock")
        if abs(self._access.clock_ahead.total_seconds()) > CLOCK_NEAR:
            raise NotKeptError(point=point.name, value="now", kept=str(told))
        return Reading(True, time.monotonic())


class _Attempt:
    """The tries to give one setting one value, with what became of them."""

    def __init__(
        self, writer: Writer, unit: Unit, point: VoltronicPoint, block: Block, before: Value, wanted: Value
    ) -> None:
        self._writer = writer
        self.unit, self.point, self.block = unit, point, block
        self.before, self.wanted = before, wanted
        self.kept = before
        self.accepted = False
        """Whether the unit has said yes at least once."""

    async def read(self) -> Value:
        """The value that the unit has now."""
        self.kept = (await self._writer.fetch(self.unit, self.block)).get(self.point.key)
        return self.kept

    async def send(self, text: str) -> bool:
        """Send one command in its checksum forms; true when it was accepted or, unanswered, carried out.

        After silence the setting is read back first, and the command is sent again only when nothing has changed.
        Raises ``WriteUncertainError`` when the unit does not say what became of it.
        """
        for form in self._writer.forms(text):
            for _ in range(2):
                try:
                    if not await self._writer.send(text, form):
                        break
                except (NoAnswerError, BadAnswerError, LinkLostError) as err:
                    self._writer.count(self.unit, self.point.key)
                    if await self._carried_out(err):
                        self._accepted(form, text)
                        return True
                    continue
                self._writer.count(self.unit, self.point.key)
                self._accepted(form, text)
                return True
            else:
                if form is self._writer.forms(text)[-1]:
                    raise WriteUncertainError(device=self.unit.name, point=self.point.name)
        return False

    def _accepted(self, form: Checksum, text: str) -> None:
        self.accepted = True
        if ambiguous(text):
            self._writer.prefer(form)

    async def _carried_out(self, lost: SolarError) -> bool:
        try:
            kept = await self.read()
        except SolarError as err:
            raise WriteUncertainError(device=self.unit.name, point=self.point.name) from err
        if _same(self.point, kept, self.wanted):
            return True
        if not _same(self.point, kept, self.before):
            raise NotKeptError(point=self.point.name, value=_shown(self.wanted), kept=_shown(kept)) from lost
        return False


def _accepted(frame: Frame) -> bool:
    """Whether a set command was accepted; anything but yes and no is no reply to one."""
    if not frame.accepts:
        raise BadAnswerError(device=DEVICE, reason="neither ACK nor NAK")
    return True


def _means_full(point: VoltronicPoint, value: Value) -> bool:
    return point.key == "redischarge_voltage" and value == WHEN_FULL and not isinstance(value, bool)


def _same(point: VoltronicPoint, kept: Value, wanted: Value) -> bool:
    """Whether the unit has what is wanted; numbers are the same within half of what their field can show."""
    if isinstance(kept, float) and isinstance(wanted, float):
        return abs(kept - wanted) < (0.005 if point.step == 0.01 else 0.05)
    return kept == wanted


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "nothing" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _tidy(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
