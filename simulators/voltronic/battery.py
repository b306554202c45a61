"""A virtual off-grid system with the charger whose firmware goes to float too early (reference section 12.1).

The model is pure: it knows no clock but its own and moves only when it is stepped, in ticks of fixed length, so that
the same seed and settings give the same system however the time was sliced. Thirty days take a few seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from time import monotonic

from .cells import LeadAcidBattery
from .sky import Sky, Weather

DEFAULT_START = datetime(2026, 4, 1)  # noqa: DTZ001 - a wall clock has no zone
SOLAR_CHARGER_EFFICIENCY = 0.98
INVERTER_EFFICIENCY = 0.93
FAULT_VARIANTS = {"older": 50.0, "newer": 600.0, "quick": 30.0}
"""Seconds of low current until the firmware goes to float, by kind of firmware (reference section 12.1)."""
HEALTHY_SECONDS = 600.0
"""How long the current must be low at the absorption voltage for a charger without the fault."""
NEAR_VOLTAGE = 0.5
"""Distance from the absorption voltage from which a CV time counts, V at 48 V."""
WAKE_POWER, SLEEP_POWER = 30.0, 5.0
"""Solar power that starts a charging day and below which it ends, W."""
SLEEP_SECONDS = 600.0
TAIL_SHARE = 0.02
"""Tail current that ends an absorption in truth, as share of the capacity."""
TAIL_SECONDS = 300.0
"""How long voltage and tail current must hold together."""
HELD_WITHIN = 0.2
"""Distance below the absorption voltage that still counts as held, V at 48 V."""


class Stage(StrEnum):
    """What the solar charger believes to do."""

    NONE = "none"
    BULK = "bulk"
    ABSORPTION = "absorption"
    FLOAT = "float"


@dataclass(slots=True)
class Day:
    """What one day was in truth, whatever the charger believed."""

    date: date
    weather: str = "clear"
    absorption_completed: bool = False
    """The battery held its absorption voltage until its current had fallen to the tail current."""
    absorption_seconds: float = 0.0
    """Time at absorption voltage."""
    premature_floats: int = 0
    """How often the charger went to float although the absorption voltage was not reached that day."""
    float_writes: int = 0
    """How often the float voltage was written."""
    solar_energy: float = 0.0
    """kWh."""
    load_energy: float = 0.0
    """kWh."""
    gassing_ah: float = 0.0
    lowest_state_of_charge: float = 100.0
    """%."""
    highest_voltage: float = 0.0


class ChargerModel:
    """Sun, loads, a lead-acid bank and the charger between them. Powers in W, currents in A, energies in kWh.

    The default voltages and powers are those of a 48 V system and are scaled for 24 and 12 V.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        weather: Weather = "mixed",
        fault_seconds: float | None = FAULT_VARIANTS["older"],
        arming: bool = True,
        nominal: float = 48.0,
        capacity: float = 400.0,
        state_of_charge: float = 70.0,
        bulk_voltage: float | None = None,
        float_voltage: float | None = None,
        absorption_voltage: float | None = None,
        tail_current: float | None = None,
        max_charge_current: float = 60.0,
        cv_minutes: float = 0.0,
        cutoff_voltage: float | None = None,
        recharge_voltage: float | None = None,
        redischarge_voltage: float | None = None,
        solar_peak: float = 4000.0,
        solar_charger_current: float = 80.0,
        standby_power: float = 45.0,
        load_scale: float = 1.0,
        grid: bool = True,
        start: datetime = DEFAULT_START,
        tick: float = 10.0,
        speed: float = 0.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Build the system at rest.

        ``fault_seconds``: how long the charge current must stay below one fifth of ``max_charge_current`` until the
        firmware goes to float, wherever the voltage is (50, 600 or 30: `FAULT_VARIANTS`); None is a charger without
        the fault, which counts only at its CV voltage. ``arming``: the count begins only after the current was above
        the fifth once, so that not every sunrise is a fault; the reference leaves this open. ``cv_minutes``: a fixed
        CV time that counts from 0.5 V below the CV voltage, also when the voltage falls again; 0 is automatic.
        ``bulk_voltage`` and ``float_voltage`` are the charger's settings (defaults 57.6 and 54.0 V).
        ``absorption_voltage`` and ``tail_current`` say when an absorption is complete in truth (defaults
        ``bulk_voltage`` and 2 % of the capacity). ``grid``: a grid takes the loads between ``recharge_voltage``
        (46.0 V) and ``redischarge_voltage`` (54.0 V); without, and below ``cutoff_voltage`` (44.0 V), the load is
        off until the battery has recovered. ``speed`` is simulated seconds per real second for `catch_up`.
        """
        scale = nominal / 48.0
        self.scale = scale
        self.battery = LeadAcidBattery(nominal, capacity, state_of_charge / 100.0)
        self.sky = Sky(seed, weather, load_scale)
        self.fault_seconds = fault_seconds
        self.arming = arming
        self.bulk_voltage = 57.6 * scale if bulk_voltage is None else bulk_voltage
        self._float_voltage = 54.0 * scale if float_voltage is None else float_voltage
        self.absorption_voltage = self.bulk_voltage if absorption_voltage is None else absorption_voltage
        self.tail_current = TAIL_SHARE * capacity if tail_current is None else tail_current
        self.max_charge_current = max_charge_current
        self.cv_minutes = cv_minutes
        self.cutoff_voltage = 44.0 * scale if cutoff_voltage is None else cutoff_voltage
        self.recharge_voltage = 46.0 * scale if recharge_voltage is None else recharge_voltage
        self.redischarge_voltage = 54.0 * scale if redischarge_voltage is None else redischarge_voltage
        self.solar_peak = solar_peak
        self.solar_charger_current = solar_charger_current
        self.standby_power = standby_power
        self.grid = grid
        self.tick = tick
        self.speed = speed
        self.now = start

        self.stage = Stage.NONE
        self.mode = "B"
        """The inverter's mode letter: B battery, L line (grid), S standby (load off)."""
        self.pv_power = 0.0
        """Power taken from the generator."""
        self.pv_available = 0.0
        """Power that the generator could give."""
        self.charge_current = 0.0
        self.discharge_current = 0.0
        self.load_power = 0.0
        self.grid_power = 0.0
        """Power that the grid gives to the loads."""
        self.losses = 0.0
        self.solar_energy = 0.0
        self.load_energy = 0.0
        self.grid_energy = 0.0
        self.loss_energy = 0.0
        self.charge_energy = 0.0
        self.discharge_energy = 0.0
        self.charge_ah = 0.0
        self.discharge_ah = 0.0
        self.today = Day(start.date())
        self.days: list[Day] = []
        """Every day that is over, the oldest first."""

        self._clock = clock
        self._seen = clock()
        self._pending = 0.0
        self._dark = 0.0
        self._low_current = 0.0
        self._armed = False
        self._reached = False
        self._cv_counting = False
        self._cv_seconds = 0.0
        self._tail_seconds = 0.0
        self._low_voltage = 0.0

    # Time

    def catch_up(self) -> None:
        """Advance by the real time since the last call, times the speed."""
        seen = self._clock()
        elapsed, self._seen = seen - self._seen, seen
        if self.speed > 0:
            self.step(elapsed * self.speed)

    def step(self, seconds: float) -> None:
        """Let simulated time pass; what is less than a tick is kept for the next call."""
        self._pending += seconds
        while self._pending >= self.tick:
            self._pending -= self.tick
            self._tick(self.tick)

    # What the inverter shows

    @property
    def battery_voltage(self) -> float:
        """Return the voltage at the battery, V."""
        return self.battery.voltage

    @property
    def state_of_charge(self) -> float:
        """Return the true state of charge, %."""
        return 100.0 * self.battery.state_of_charge

    @property
    def battery_power(self) -> float:
        """Return the battery's power, W, positive when discharging."""
        return (self.discharge_current - self.charge_current) * self.battery_voltage

    @property
    def float_voltage(self) -> float:
        """Return the float voltage set in the charger, V."""
        return self._float_voltage

    @float_voltage.setter
    def float_voltage(self, voltage: float) -> None:
        """Write the float voltage; it works at once and is counted."""
        self._float_voltage = voltage
        self.today.float_writes += 1

    @property
    def target_voltage(self) -> float:
        """Return the voltage that the charger does not exceed at present, V."""
        if self.stage is Stage.FLOAT:
            return min(self._float_voltage, self.bulk_voltage)
        return self.bulk_voltage

    # What is true of the battery

    @property
    def absorption_completed_today(self) -> bool:
        """Tell whether the battery has held its absorption voltage down to the tail current today."""
        return self.today.absorption_completed

    @property
    def absorption_seconds_today(self) -> float:
        """Return the time at absorption voltage today."""
        return self.today.absorption_seconds

    @property
    def premature_floats_today(self) -> int:
        """Return how often the charger went to float today before the absorption voltage was reached."""
        return self.today.premature_floats

    # The model

    def restart(self) -> None:
        """Restart the inverter: the charger begins anew, its settings stay."""
        self._enter(Stage.NONE)
        self._low_voltage = 0.0

    def _tick(self, seconds: float) -> None:
        before = self.now
        self.now = before + timedelta(seconds=seconds)
        if self.now.date() != before.date():
            self.days.append(self.today)
            self.today = Day(self.now.date())
        self.sky.step(self.now, seconds)
        self.today.weather = self.sky.day
        self.pv_available = self.solar_peak * self.sky.light
        self._wake(seconds)
        self._supply(seconds)
        self._flow(seconds)
        self._firmware(seconds)
        self._judge(seconds)

    def _wake(self, seconds: float) -> None:
        """Begin the charging day with the sun and end it with the dark."""
        if self.stage is Stage.NONE:
            if self.pv_available >= WAKE_POWER:
                self._enter(Stage.BULK)
            return
        self._dark = self._dark + seconds if self.pv_available < SLEEP_POWER else 0.0
        if self._dark >= SLEEP_SECONDS:
            self._enter(Stage.NONE)

    def _enter(self, stage: Stage) -> None:
        self.stage = stage
        self._low_current = 0.0
        self._dark = 0.0
        if stage in (Stage.NONE, Stage.BULK):
            self._armed = not self.arming
            self._reached = False
            self._cv_counting = False
            self._cv_seconds = 0.0

    def _supply(self, seconds: float) -> None:
        """Choose between battery and grid for the loads."""
        voltage = self.battery.voltage
        lowest = self.recharge_voltage if self.grid else self.cutoff_voltage
        if self.mode == "B":
            # A short load does not count; an inverter waits a while before it gives the battery up.
            self._low_voltage = self._low_voltage + seconds if voltage < lowest else 0.0
            if self._low_voltage >= 60.0:
                self.mode = "L" if self.grid else "S"
                self._low_voltage = 0.0
        elif voltage >= self.redischarge_voltage or self.stage is Stage.FLOAT:
            self.mode = "B"

    def _flow(self, seconds: float) -> None:
        """Divide the power; pv + grid + discharge = load + charge + losses holds exactly."""
        battery = self.battery
        self.load_power = 0.0 if self.mode == "S" else self.sky.load_power
        self.grid_power = self.load_power if self.mode == "L" else 0.0
        from_bus = self.load_power / INVERTER_EFFICIENCY if self.mode == "B" else 0.0
        from_bus += self.standby_power if self.mode == "B" else 0.0
        voltage = battery.voltage
        sun = 0.0
        if self.stage is not Stage.NONE:
            sun = self.pv_available * SOLAR_CHARGER_EFFICIENCY
            sun = min(sun, self.solar_charger_current * voltage)
        current = min((sun - from_bus) / voltage, self.max_charge_current)
        if self.stage is not Stage.NONE and battery.voltage_at(current, seconds) > self.target_voltage:
            # The charger holds its voltage: it gives less than it could, down to nothing.
            current = min(current, max(battery.current_at(self.target_voltage, seconds), -from_bus / voltage))
        battery.step(current, seconds)
        power = current * voltage
        bus = from_bus + power
        self.pv_power = max(0.0, bus) / SOLAR_CHARGER_EFFICIENCY
        self.charge_current = max(0.0, current)
        self.discharge_current = max(0.0, -current)
        self.losses = self.pv_power + self.grid_power - power - self.load_power
        hours = seconds / 3600.0
        kilo = hours / 1000.0
        self.solar_energy += self.pv_power * kilo
        self.load_energy += self.load_power * kilo
        self.grid_energy += self.grid_power * kilo
        self.loss_energy += self.losses * kilo
        self.charge_energy += max(0.0, power) * kilo
        self.discharge_energy += max(0.0, -power) * kilo
        self.charge_ah += self.charge_current * hours
        self.discharge_ah += self.discharge_current * hours
        today = self.today
        today.solar_energy += self.pv_power * kilo
        today.load_energy += self.load_power * kilo
        today.gassing_ah += battery.gassing_current(battery.voltage) * hours

    def _firmware(self, seconds: float) -> None:
        """Change the stage as the charger does."""
        if self.stage not in (Stage.BULK, Stage.ABSORPTION):
            return
        voltage = self.battery.voltage
        at_voltage = voltage >= self.bulk_voltage - 0.05 * self.scale
        self._reached = self._reached or at_voltage
        if at_voltage:
            self.stage = Stage.ABSORPTION
        if self.cv_minutes > 0:
            self._cv_counting = self._cv_counting or voltage >= self.bulk_voltage - NEAR_VOLTAGE * self.scale
            self._cv_seconds += seconds if self._cv_counting else 0.0
            if self._cv_seconds >= self.cv_minutes * 60.0:
                self._to_float()
            return
        low = self.charge_current < self.max_charge_current / 5.0
        self._armed = self._armed or not low or at_voltage
        counted = at_voltage if self.fault_seconds is None else self._armed
        self._low_current = self._low_current + seconds if low and counted else 0.0
        if self._low_current >= (HEALTHY_SECONDS if self.fault_seconds is None else self.fault_seconds):
            self._to_float()

    def _to_float(self) -> None:
        if not self._reached:
            self.today.premature_floats += 1
        self._enter(Stage.FLOAT)

    def _judge(self, seconds: float) -> None:
        """Keep the truth about the battery."""
        today, voltage = self.today, self.battery.voltage
        today.lowest_state_of_charge = min(today.lowest_state_of_charge, self.state_of_charge)
        today.highest_voltage = max(today.highest_voltage, voltage)
        held = voltage >= self.absorption_voltage - HELD_WITHIN * self.scale
        if held:
            today.absorption_seconds += seconds
        tail = held and self.discharge_current == 0.0 and self.charge_current <= self.tail_current
        self._tail_seconds = self._tail_seconds + seconds if tail else 0.0
        if self._tail_seconds >= TAIL_SECONDS:
            today.absorption_completed = True
