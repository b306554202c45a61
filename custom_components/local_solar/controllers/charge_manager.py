"""Carries out what the charge manager decides: raises the float voltage and restores the owner's."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import date
from typing import Any, ClassVar, override

from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT, STATE_UNAVAILABLE, STATE_UNKNOWN, UnitOfTemperature
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util
from homeassistant.util.unit_conversion import TemperatureConverter

from ..const import DOMAIN
from ..providers import Host, Provider
from ..solarlink.control import charge_manager as manager
from ..solarlink.control.charge_manager import (
    Action,
    Decision,
    Now,
    Outcome,
    Reason,
    Settings,
    Setup,
    Snapshot,
    State,
)
from ..solarlink.errors import (
    DeviceRefusedError,
    LinkError,
    LinkLostError,
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
from ..solarlink.points import Point, Reading, Ref, Value
from .charge_options import PROVE, SECTION, TEMPERATURE, charge_settings

_LOGGER = logging.getLogger(__name__)

STOP_TIME = 15.0
"""Seconds that a stop of Home Assistant is given to restore the float voltage: also when it was set a moment ago."""
REMEMBER_EVERY = 60.0
"""Seconds between two saves while only the absorption time grows."""

SETTINGS = ("float_voltage", "absorption_voltage", "battery_type", "rated_battery_voltage", "bms_connected")
LIVE = (
    "battery_voltage",
    "battery_charge_current",
    "battery_discharge_current",
    "pv_power",
    "charging",
    "utility_charging",
    "fault",
    "alarm_battery_voltage_high",
    "inverter_mode",
)

ATTR_WOULD_SET = "would_set_float_voltage"
ATTR_WRITES_TODAY = "writes_today"
ATTR_COMPLETED_ON = "completed_on"

_REFUSED = (
    DeviceRefusedError,
    NotWritableError,
    ValueChoiceError,
    ValueKindError,
    ValueOrderError,
    ValueRangeError,
    ValueStepError,
    WriteBudgetError,
)


class ChargeManager(Provider):
    """Owns the switches, the state and the buttons of the charge manager of one inverter."""

    key: ClassVar[str] = "charge_manager"
    possible_troubles: ClassVar[Mapping[str, tuple[str, ...]]] = manager.TROUBLES

    def __init__(self, host: Host, points: Mapping[Ref, Point[Any]]) -> None:
        """It is off, and has nothing to restore."""
        super().__init__(host, points)
        self._unit = next(iter(points)).unit
        self._state = State()
        self._dry_run = False
        self._own_float: float | None = None
        """The inverter's float and bulk voltage when the owner switched on: the defaults of the two voltages."""
        self._own_bulk: float | None = None
        self._would_set: float | None = None
        self._resumed = False
        self._remembered_at = -math.inf
        self._deciding = asyncio.Lock()

    def _ref(self, key: str) -> Ref:
        return Ref(self._unit, key)

    @override
    def wants(self, shown: Collection[Ref]) -> set[Ref]:
        # The settings are asked for seldom and together; without them nothing can be restored at once.
        keys = (*SETTINGS, *LIVE) if self._state.enabled or self._state.boosted else SETTINGS
        unit = self.host.client.installation.root
        return {self._ref(key) for key in keys if key in self.host.points(unit)}

    @override
    def fresh(self, ref: Ref) -> bool:
        return True

    @override
    def reading(self, ref: Ref) -> Reading | None:
        values: dict[str, Value] = {
            "charge_manager": self._state.enabled,
            "charge_manager_dry_run": self._dry_run,
            "charge_manager_state": self._state.mode.value,
            "charge_manager_reason": self._state.reason.value,
            "absorption_time": round(self._state.absorption_seconds / 60.0, 1),
            "charge_boost_active": self._state.boost_active,
        }
        return Reading(values.get(ref.key), time.monotonic())

    @override
    def attributes(self, ref: Ref) -> Mapping[str, Any]:
        if ref.key != "charge_manager_state":
            return {}
        shown: dict[str, Any] = {
            ATTR_WRITES_TODAY: self._state.writes_today if self._state.writes_on == _today() else 0,
            ATTR_COMPLETED_ON: self._state.completed_on,
        }
        return shown | ({ATTR_WOULD_SET: self._would_set} if self._dry_run else {})

    @property
    @override
    def troubles(self) -> Mapping[str, Mapping[str, str]]:
        return manager.troubles(self._state)

    @override
    def as_dict(self) -> dict[str, Any]:
        return {
            "state": self._state.as_dict(),
            "dry_run": self._dry_run,
            "own_float": self._own_float,
            "own_bulk": self._own_bulk,
        }

    @override
    def load(self, saved: Mapping[str, Any]) -> None:
        self._state = State.from_dict(saved.get("state", {}))
        self._dry_run = saved.get("dry_run") is True
        self._own_float = _voltage(saved.get("own_float"))
        self._own_bulk = _voltage(saved.get("own_bulk"))

    # Acting

    @override
    async def async_step(self) -> None:
        async with self._deciding:
            setup, now = self._setup(), _now()
            settings = self._settings(setup)
            if settings is None:
                return
            if not self._resumed:
                self._resumed = True
                await self._async_carry_out(manager.resume(settings, self._state, setup, now), now)
            else:
                await self._async_carry_out(manager.decide(settings, self._state, self._snapshot(now), now), now)

    @override
    async def async_stop(self) -> None:
        try:
            async with asyncio.timeout(STOP_TIME), self._deciding:
                now = _now()
                await self._async_carry_out(manager.stop(self._state, now), now)
        except TimeoutError:
            # That it is raised is on disk; the next start restores it.
            _LOGGER.warning("The float voltage could not be restored in time; it is restored at the next start")

    async def _async_carry_out(self, decision: Decision, now: Now) -> None:
        before, self._state = self._state, decision.state
        if decision.action is not None:
            # What is to be undone must be on disk before it is done.
            await self.host.async_remember()
            outcome, kept = await self._async_write(decision.action)
            self._state = manager.written(self._state, decision.action, outcome, kept, _now())
        moved = (before.mode, before.reason, before.enabled) != (
            self._state.mode,
            self._state.reason,
            self._state.enabled,
        )
        if moved or decision.action is not None or now.seconds - self._remembered_at >= REMEMBER_EVERY:
            self._remembered_at = now.seconds
            await self.host.async_remember()
        if moved:
            _LOGGER.debug("Charge manager: %s, because of %s", self._state.mode, self._state.reason)
            self.host.tell()

    async def _async_write(self, action: Action) -> tuple[Outcome, float | None]:
        voltage = round(action.voltage, 1)
        if action.dry:
            self._would_set = voltage
            return Outcome.KEPT, voltage
        try:
            reading = await _patiently(lambda: self.host.async_set(self._ref("float_voltage"), voltage))
        except NotKeptError:
            return Outcome.DIFFERENT, _voltage(self._value("float_voltage"))
        except _REFUSED as err:
            _LOGGER.warning("The float voltage was not set to %s V: %s", voltage, err)
            return Outcome.REFUSED, None
        except LinkLostError:
            return Outcome.UNCERTAIN, None
        except LinkError:
            return Outcome.NOT_SENT, None
        except SolarError:
            return Outcome.UNCERTAIN, None
        return Outcome.KEPT, _voltage(reading.value)

    # What a person wants

    @override
    async def async_write(self, ref: Ref, value: Value) -> None:
        async with self._deciding:
            now = _now()
            match ref.key:
                case "charge_manager" if value:
                    await self._async_switch_on(now)
                case "charge_manager":
                    await self._async_carry_out(manager.stop(self._state, now, Reason.SWITCHED_OFF), now)
                case "charge_manager_dry_run":
                    await self._async_set_dry_run(bool(value), now)
                case "charge_finish_now":
                    await self._async_carry_out(manager.finish_now(self._state, now), now)
                case "charge_start_now":
                    await self._async_start_now(now)
                case _:
                    raise NotWritableError(point=self.points[ref].name)

    async def _async_switch_on(self, now: Now) -> None:
        if not self._state.boosted:
            self._own_float = _voltage(self._value("float_voltage"))
            self._own_bulk = _voltage(self._value("absorption_voltage"))
        setup = self._setup()
        if (settings := self._settings(setup)) is None:
            raise _objection(manager.Objection.UNKNOWN_VALUES)
        against = manager.objections(settings, self._state, setup)
        if against == (manager.Objection.NOT_PROVEN,) and self._options.get(PROVE):
            await self._async_prove(now)
            against = manager.objections(settings, self._state, setup)
        if against:
            raise _objection(against[0])
        self._resumed = True
        await self._async_carry_out(Decision(manager.switch_on(settings, self._state, setup)), now)

    async def _async_prove(self, now: Now) -> None:
        """Write the float voltage that the inverter has: the owner has agreed to that in the options."""
        ref, outcome = self._ref("float_voltage"), Outcome.KEPT
        try:
            await _patiently(lambda: self.host.client.write(ref, self._value(ref.key), permanent=True))
        except SolarError as err:
            _LOGGER.warning("The inverter does not keep a float voltage that is written to it: %s", err)
            outcome = Outcome.REFUSED
        self._state = manager.proved(self._state, outcome, now)
        await self.host.async_remember()

    async def _async_set_dry_run(self, dry_run: bool, now: Now) -> None:
        if dry_run == self._dry_run:
            return
        # What was played through must not be taken for real, nor the other way round.
        await self._async_carry_out(manager.stop(self._state, now, Reason.SWITCHED_OFF), now)
        self._dry_run, self._would_set = dry_run, None
        await self.host.async_remember()
        self.host.tell()

    async def _async_start_now(self, now: Now) -> None:
        setup = self._setup()
        if (settings := self._settings(setup)) is None or not self._state.enabled:
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="charge_not_on")
        await self._async_carry_out(manager.start_now(settings, self._state, self._snapshot(now), now), now)

    # What it sees

    @property
    def _options(self) -> Mapping[str, Any]:
        options: Mapping[str, Any] = self.host.options.get(SECTION, {})
        return options

    def _value(self, key: str) -> Value:
        reading = self.host.reading(self._ref(key))
        return reading.value if reading else None

    def _number(self, key: str) -> float | None:
        return _voltage(self._value(key)) if self.host.fresh(self._ref(key)) else None

    def _flag(self, key: str) -> bool | None:
        value = self._value(key)
        return bool(value) if value is not None and self.host.fresh(self._ref(key)) else None

    def _settings(self, setup: Setup) -> Settings | None:
        own_float = self._own_float or setup.float_voltage
        own_bulk = self._own_bulk or setup.bulk_voltage
        system = _voltage(self._value("rated_battery_voltage"))
        if own_float is None or own_bulk is None or system is None:
            return None
        return charge_settings(
            self._options,
            system_voltage=round(system),
            bulk=own_bulk,
            float_voltage=own_float,
            dry_run=self._dry_run,
        )

    def _setup(self) -> Setup:
        limits = self.host.limits(self._ref("float_voltage"))
        battery_type = self._value("battery_type")
        return Setup(
            battery_type=battery_type if isinstance(battery_type, str) else None,
            bulk_voltage=_voltage(self._value("absorption_voltage")),
            float_voltage=_voltage(self._value("float_voltage")),
            float_minimum=limits.minimum,
            float_maximum=limits.maximum,
            bms=self._flag("bms_connected") is True,
        )

    def _snapshot(self, now: Now) -> Snapshot:
        live, stored = self.host.reading(self._ref("battery_voltage")), self.host.reading(self._ref("float_voltage"))
        battery_type = self._value("battery_type")
        fault = self._flag("fault")
        return Snapshot(
            age=now.seconds - live.at if live else math.inf,
            battery_voltage=_voltage(live.value) if live else None,
            charge_current=self._number("battery_charge_current"),
            discharge_current=self._number("battery_discharge_current"),
            solar_power=self._number("pv_power"),
            charging=self._flag("charging"),
            grid_charging=self._flag("utility_charging"),
            fault=True if self._value("inverter_mode") == "fault" else fault,
            battery_high=self._flag("alarm_battery_voltage_high"),
            temperature=self._temperature(),
            float_voltage=_voltage(stored.value) if stored else None,
            float_age=now.seconds - stored.at if stored else 0.0,
            bulk_voltage=_voltage(self._value("absorption_voltage")),
            battery_type=battery_type if isinstance(battery_type, str) else None,
        )

    def _temperature(self) -> float | None:
        entity_id = self._options.get(TEMPERATURE)
        state = self.host.hass.states.get(entity_id) if entity_id else None
        if state is None or state.state in (STATE_UNAVAILABLE, STATE_UNKNOWN):
            return None
        unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT, UnitOfTemperature.CELSIUS)
        try:
            return TemperatureConverter.convert(float(state.state), unit, UnitOfTemperature.CELSIUS)
        except ValueError, HomeAssistantError:
            return None


async def _patiently(write: Callable[[], Awaitable[Reading]]) -> Reading:
    """Write, and wait where the inverter was set a moment ago: a restore that follows a boost must not be lost."""
    try:
        return await write()
    except TooSoonError as err:
        # What the error says is rounded.
        await asyncio.sleep(float(err.details["seconds"]) + 0.1)
        return await write()


def _now() -> Now:
    return Now(time.monotonic(), dt_util.now())


def _today() -> date:
    return dt_util.now().date()


def _voltage(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _objection(objection: manager.Objection) -> ServiceValidationError:
    return ServiceValidationError(translation_domain=DOMAIN, translation_key=f"charge_{objection.value}")
