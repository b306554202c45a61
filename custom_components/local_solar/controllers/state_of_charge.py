"""Carries out what the state-of-charge control decides: load shave, grid support and the low battery cut-out."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, ClassVar, override

from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..providers import Host, Provider
from ..solarlink.control import state_of_charge as control
from ..solarlink.control.state_of_charge import (
    KEYS,
    Action,
    Decision,
    Found,
    Now,
    Outcome,
    Reason,
    Setting,
    Settings,
    Setup,
    Snapshot,
    State,
)
from ..solarlink.errors import (
    BadAnswerError,
    DeviceAbsentError,
    DeviceBusyError,
    DeviceRefusedError,
    LinkError,
    NeedsConsentError,
    NoAnswerError,
    NotAboveError,
    NotBelowError,
    NotKeptError,
    NotWritableError,
    SolarError,
    TooSoonError,
    ValueChoiceError,
    ValueKindError,
    ValueOrderError,
    ValueRangeError,
    ValueStepError,
    WriteBudgetError,
)
from ..solarlink.points import Point, Reading, Ref, Value, check_number
from .soc_battery import Battery, Sample
from .soc_options import HIGHEST_CELL, LOWEST, LOWEST_CELL, MEAN, SECTION, soc_settings

_LOGGER = logging.getLogger(__name__)

STOP_TIME = 20.0
"""Seconds that a stop of Home Assistant is given to restore the owner's values: five settings, each read back."""
MOST_WRITES = 12
"""Writes in a row; there are five settings, and each of them is asked for twice at the most."""
UPPER, LOWER = "soc_control_upper_limit", "soc_control_lower_limit"
DEFAULTS: Mapping[str, float] = {UPPER: 80.0, LOWER: 20.0}

ATTR_BATTERY = "battery"
ATTR_OWNER = "restores"
ATTR_WRITES = "writes_in_24_hours"
ATTR_WOULD_SET = "would_set"

_NOT_SENT = (LinkError, NoAnswerError, BadAnswerError, DeviceAbsentError, DeviceBusyError)
"""What a write ends with before anything is sent; once it is sent, no answer is ``WriteUncertainError``."""
_REFUSED = (
    DeviceRefusedError,
    NeedsConsentError,
    NotWritableError,
    ValueChoiceError,
    ValueKindError,
    ValueOrderError,
    ValueRangeError,
    ValueStepError,
    WriteBudgetError,
)


class StateOfChargeControl(Provider):
    """Owns the control of every XW: each has its own switch, limits and state."""

    key: ClassVar[str] = "state_of_charge"
    possible_troubles: ClassVar[Mapping[str, tuple[str, ...]]] = control.TROUBLES

    def __init__(self, host: Host, points: Mapping[Ref, Point[Any]]) -> None:
        """All are off, and have nothing to restore."""
        super().__init__(host, points)
        serials = {unit.id: unit.serial for unit in host.client.installation.all_units}
        self._inverters = {unit: Inverter(host, unit, points) for unit in dict.fromkeys(ref.unit for ref in points)}
        self._names = {unit: serials.get(unit, unit) for unit in self._inverters}

    @override
    def wants(self, shown: Collection[Ref]) -> set[Ref]:
        return {ref for inverter in self._inverters.values() for ref in inverter.wanted}

    @override
    def fresh(self, ref: Ref) -> bool:
        return True

    @override
    def reading(self, ref: Ref) -> Reading | None:
        return Reading(self._inverters[ref.unit].value(ref.key), time.monotonic())

    @override
    def attributes(self, ref: Ref) -> Mapping[str, Any]:
        return self._inverters[ref.unit].attributes() if ref.key == "soc_control_state" else {}

    @property
    @override
    def troubles(self) -> Mapping[str, Mapping[str, str]]:
        found: dict[str, Mapping[str, str]] = {}
        for inverter in self._inverters.values():
            found = {**control.troubles(inverter.state), **found}
        return found

    @override
    def as_dict(self) -> dict[str, Any]:
        return {self._names[unit]: inverter.as_dict() for unit, inverter in self._inverters.items()}

    @override
    def load(self, saved: Mapping[str, Any]) -> None:
        for unit, inverter in self._inverters.items():
            kept = saved.get(self._names[unit])
            if isinstance(kept, Mapping):
                inverter.load(kept)

    @override
    async def async_step(self) -> None:
        for inverter in self._inverters.values():
            await inverter.async_step()

    @override
    async def async_stop(self) -> None:
        try:
            async with asyncio.timeout(STOP_TIME):
                for inverter in self._inverters.values():
                    await inverter.async_stop()
        except TimeoutError:
            # What is to be restored is on disk.
            _LOGGER.warning("Not all settings could be restored in time; they are restored at the next start")

    @override
    async def async_touched(self, ref: Ref, value: Value) -> None:
        if ref.unit in self._inverters and isinstance(value, bool | int | float):
            await self._inverters[ref.unit].async_touched(ref.key, value)

    @override
    async def async_write(self, ref: Ref, value: Value) -> None:
        await self._inverters[ref.unit].async_write(self.points[ref], value)


class Inverter:
    """The control of one inverter."""

    def __init__(self, host: Host, unit: str, points: Mapping[Ref, Point[Any]]) -> None:
        """It is off."""
        self._host, self._unit = host, unit
        self._points = {ref.key: point for ref, point in points.items() if ref.unit == unit}
        self.state = State()
        self._limits = dict(DEFAULTS)
        self._dry_run = False
        self._would_set: dict[str, Setting] = {}
        self._resumed = False
        self._sample = Sample()
        self._deciding = asyncio.Lock()

    def _ref(self, key: str) -> Ref:
        return Ref(self._unit, key)

    @property
    def wanted(self) -> set[Ref]:
        """The settings of the inverter: they change seldom, and without them nothing can be restored."""
        unit = next(unit for unit in self._host.client.installation.all_units if unit.id == self._unit)
        return {self._ref(key) for key in (*KEYS, "nominal_battery_voltage") if key in self._host.points(unit)}

    def value(self, key: str) -> Value:
        """The value of one of the points."""
        age = self._sample.age
        values: dict[str, Value] = {
            "soc_control": self.state.enabled,
            "soc_control_dry_run": self._dry_run,
            "soc_control_state": self.state.mode.value,
            "soc_control_reason": self.state.reason.value,
            "soc_control_data_age": round(age) if age < 1e9 else None,
            **self._limits,
        }
        return values.get(key)

    def attributes(self) -> Mapping[str, Any]:
        """What else people see beside the state."""
        shown: dict[str, Any] = {
            ATTR_BATTERY: self._battery.source,
            ATTR_WRITES: self.state.writes_today(_now()),
            ATTR_OWNER: {key: each.owner for key, each in self.state.taken.items()},
        }
        return shown | ({ATTR_WOULD_SET: dict(self._would_set)} if self._dry_run else {})

    def as_dict(self) -> dict[str, Any]:
        """What it has to remember."""
        return {"state": self.state.as_dict(), "dry_run": self._dry_run, "limits": dict(self._limits)}

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take over what ``as_dict`` gave before."""
        self.state = State.from_dict(_mapping(saved.get("state")))
        self._dry_run = saved.get("dry_run") is True
        limits = _mapping(saved.get("limits"))
        for key in DEFAULTS:
            value = limits.get(key)
            if isinstance(value, int | float) and not isinstance(value, bool) and 0.0 <= value <= 100.0:
                self._limits[key] = float(value)

    # Acting

    async def async_step(self) -> None:
        """Look at the battery and the inverter, and act."""
        async with self._deciding:
            self._sample = self._battery.sample()
            if not self._resumed:
                self._resumed = True
                await self._async_carry_out(control.resume(self._settings, self.state, self._setup, _now()))
            await self._async_go_on()

    async def async_stop(self) -> None:
        """Restore everything; the link still stands."""
        async with self._deciding:
            await self._async_end(Reason.STOPPED)

    async def async_touched(self, key: str, value: Setting) -> None:
        """A person, or an automation, has set a setting of the inverter."""
        async with self._deciding:
            await self._async_carry_out(control.touched(self.state, key, value, _now()))
            await self._async_go_on()

    async def _async_go_on(self) -> None:
        for _ in range(MOST_WRITES):
            if not await self._async_carry_out(control.decide(self._settings, self.state, self._snapshot(), _now())):
                return

    async def _async_end(self, reason: Reason) -> None:
        for _ in range(MOST_WRITES):
            if not await self._async_carry_out(control.stop(self.state, _now(), reason)):
                return

    async def _async_carry_out(self, decision: Decision) -> bool:
        """Do it; returns whether there was an action, so that there may be more to do."""
        before, self.state = self.state, decision.state
        action = decision.action
        if action is not None:
            # What is to be undone must be on disk before it is done.
            await self._host.async_remember()
            outcome, kept = await self._async_write(action)
            self.state = control.written(self.state, action, outcome, kept, _now())
        if self.state.as_dict() != before.as_dict():
            await self._host.async_remember()
            if (before.mode, before.reason) != (self.state.mode, self.state.reason):
                _LOGGER.debug("State-of-charge control: %s, because of %s", self.state.mode, self.state.reason)
            self._host.tell()
        return action is not None

    async def _async_write(self, action: Action) -> tuple[Outcome, Setting | None]:
        ref = self._ref(action.key)
        if action.dry:
            self._would_set[action.key] = action.value
            return Outcome.KEPT, action.value
        try:
            reading = await _patiently(lambda: self._host.async_set(ref, action.value))
        except NotKeptError:
            self._host.read_soon({ref})
            # Of two values it has the other one.
            return Outcome.DIFFERENT, not action.value if isinstance(action.value, bool) else None
        except _NOT_SENT:
            return Outcome.NOT_SENT, None
        except _REFUSED as err:
            _LOGGER.warning("%s was not set to %s: %s", action.key, action.value, err)
            return Outcome.REFUSED, None
        except SolarError:
            return Outcome.UNCERTAIN, None
        return Outcome.KEPT, _setting(reading.value)

    # What a person wants

    async def async_write(self, point: Point[Any], value: Value) -> None:
        """A person sets one of the points; raises ``SolarError`` and ``ServiceValidationError``."""
        async with self._deciding:
            match point.key:
                case "soc_control" if value:
                    await self._async_switch_on()
                case "soc_control":
                    await self._async_end(Reason.SWITCHED_OFF)
                case "soc_control_dry_run":
                    await self._async_set_dry_run(bool(value))
                case "soc_control_upper_limit" | "soc_control_lower_limit":
                    await self._async_set_limit(point, value)
                case _:
                    raise NotWritableError(point=point.name)

    async def _async_switch_on(self) -> None:
        if against := control.objections(self._settings, self._setup):
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key=f"soc_control_{against[0].value}")
        self._resumed = True
        self._would_set = {}
        await self._async_carry_out(Decision(control.switch_on(self._settings, self.state, self._setup)))
        self._sample = self._battery.sample()
        await self._async_go_on()

    async def _async_set_dry_run(self, dry_run: bool) -> None:
        if dry_run == self._dry_run:
            return
        # What was played through must not be taken for real, nor the other way round.
        await self._async_end(Reason.SWITCHED_OFF)
        self._dry_run, self._would_set = dry_run, {}
        await self._host.async_remember()
        self._host.tell()

    async def _async_set_limit(self, point: Point[Any], value: Value) -> None:
        number = check_number(point, value, self._host.limits(self._ref(point.key)))
        upper = point.key == UPPER
        other = self._points[LOWER if upper else UPPER]
        limit = self._limits[other.key]
        if (upper and number <= limit) or (not upper and number >= limit):
            error = NotAboveError if upper else NotBelowError
            raise error(point=point.name, other=other.name, limit=limit, unit=point.unit, value=number)
        self._limits[point.key] = number
        await self._host.async_remember()
        await self._async_go_on()
        self._host.tell()

    # What it sees

    @property
    def _options(self) -> Mapping[str, Any]:
        return _mapping(self._host.options.get(SECTION))

    @property
    def _battery(self) -> Battery:
        return Battery(self._host.hass, self._options)

    @property
    def _settings(self) -> Settings:
        battery = self._battery
        return soc_settings(
            self._options,
            charged=self._limits[UPPER],
            empty=self._limits[LOWER],
            roles=battery.roles,
            pace=battery.pace,
            dry_run=self._dry_run,
        )

    def _device(self) -> dict[str, tuple[Setting, float]]:
        """What the inverter has and when that was read, as far as it may still be believed."""
        found: dict[str, tuple[Setting, float]] = {}
        for key in KEYS:
            ref = self._ref(key)
            reading = self._host.reading(ref)
            value = _setting(reading.value) if reading else None
            if reading is not None and value is not None and self._host.fresh(ref):
                found[key] = (value, reading.at)
        return found

    @property
    def _setup(self) -> Setup:
        nominal = self._host.reading(self._ref("nominal_battery_voltage"))
        voltage = _setting(nominal.value) if nominal else None
        limits = {ref.key: self._host.limits(ref) for ref in self.wanted if ref.key in KEYS}
        return Setup(
            battery=self._battery.there,
            device={key: value for key, (value, _) in self._device().items()},
            limits={key: (each.minimum, each.maximum) for key, each in limits.items()},
            **({"nominal_voltage": float(voltage)} if voltage else {}),
        )

    def _snapshot(self) -> Snapshot:
        now, sample = time.monotonic(), self._sample
        numbers = sample.numbers
        return Snapshot(
            age=sample.age,
            mean=numbers.get(MEAN),
            lowest=numbers.get(LOWEST),
            lowest_cell=numbers.get(LOWEST_CELL),
            highest_cell=numbers.get(HIGHEST_CELL),
            alarm=sample.alarm,
            device={key: Found(value, max(now - at, 0.0)) for key, (value, at) in self._device().items()},
        )


async def _patiently(write: Callable[[], Awaitable[Reading]]) -> Reading:
    """Write, and wait where the inverter was set a moment ago: what switches off must not be lost."""
    try:
        return await write()
    except TooSoonError as err:
        # What the error says is rounded.
        await asyncio.sleep(float(err.details["seconds"]) + 0.1)
        return await write()


def _now() -> Now:
    return Now(time.monotonic(), dt_util.utcnow())


def _setting(value: Any) -> Setting | None:
    return value if isinstance(value, bool) else float(value) if isinstance(value, int | float) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
