"""How an inverter with these settings behaves (reference section 7), carried out by the house's own settings.

Everything goes by the house's clock, so that days can pass in a moment.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from .plant import Plant

INVERT, PASS_THROUGH, DISABLED, INVERT_FAULT, STANDBY_STATE = 1024, 1025, 1028, 1031, 1032
GRID_SUPPORT, SELLING, LOAD_SHAVING = 1034, 1036, 1037
NOT_CHARGING, BULK, ABSORPTION, FLOAT, NO_FLOAT, CHARGER_DISABLED, SUSPENDED = 768, 769, 770, 773, 774, 776, 781
STANDBY = 2
ENTRY_SECONDS, FAST_ENTRY_SECONDS, SLOW_ENTRY_SECONDS = 20.0, 1.0, 40.0
FAST_ENTRY_VOLTS, SUPPORT_EXIT_VOLTS = 2.0, 0.5
SHAVE_LEAVE_VOLTS, SHAVE_ENTER_VOLTS = 1.0, 2.0
"""Distance from the cut-out at which load shaving ends, and from which it begins."""
SHAVE_VOLTAGE_SECONDS, SHAVE_CURRENT_SECONDS = 2.0, 6.0
LEAST_GRID_CURRENT = 1.0
"""What is always drawn from the grid while shaving, A."""
RECHARGE_VOLTS = 1.0
"""Above the cut-out: where a charge cycle begins at the latest."""
RATED_CHARGE_CURRENT = 140.0
FULL = 99.0
"""State of charge at which a charge cycle is over, %."""
ABSORBING = 95.0
FORCE_BULK, FORCE_FLOAT, FORCE_NO_FLOAT = 1, 2, 3
NEVER, ALWAYS = 0.0, 200.0
"""States of charge below which the house charges from the grid."""

SW_NAMES = {
    "load_shave": "peak_load_shaving_enable",
    "grid_support": "ac_support_mode_enable",
    "grid_support_voltage": "ac_support_voltage",
    "load_shave_amps": "peak_load_shaving_current",
    "load_shave_start": "load_shave_block_start",
    "load_shave_stop": "load_shave_block_stop",
}
"""What a Conext SW calls the same settings."""


class Since:
    """How long a condition has held."""

    def __init__(self) -> None:
        """It has not held yet."""
        self._since: datetime | None = None

    def holds(self, now: datetime, condition: bool, seconds: float) -> bool:
        """Tell whether the condition has held for some seconds up to now."""
        if not condition:
            self._since = None
            return False
        self._since = self._since or now
        return now - self._since >= timedelta(seconds=seconds)


class InverterControl:
    """The mode of the inverter; ``setting`` gives its settings by their names on an XW."""

    def __init__(self, plant: Plant, setting: Callable[[str], float]) -> None:
        """Take the settings as they are."""
        self._plant = plant
        self._setting = setting
        self.tripped = False
        """The low battery cut-out has stopped the inverter."""
        self.shaving = False
        self.supporting = False
        self.selling = False
        self.cycle = False
        """A charge cycle runs."""
        self._low = Since()
        self._above = Since()
        self._far_above = Since()
        self._below = Since()
        self._little = Since()
        self._weak = Since()
        self.forced_float = False
        plant.on_step.append(self._step)
        self._act()

    def _step(self, _seconds: float) -> None:
        self._cut_out()
        self._support()
        self._shave()
        self._charge()
        self._act()

    def changed(self) -> None:
        """Act on settings that have just been written."""
        if not (self._on("load_shave") and self._on("grid_support")):
            self.shaving = False
        if not self._on("grid_support"):
            self.supporting = False
        self._act()

    def force(self, state: int) -> None:
        """Carry out the command Force Charger State."""
        self.cycle = state == FORCE_BULK
        self.forced_float = state == FORCE_FLOAT
        self._act()

    # The settings

    def _on(self, name: str) -> bool:
        return self._setting(name) == 1

    @property
    def operating(self) -> bool:
        """Tell whether the device is not in standby."""
        return self._setting("operating_mode") != STANDBY

    @property
    def inverting_allowed(self) -> bool:
        """Tell whether the inverter is switched on."""
        return self.operating and self._on("inverter_enable_disable")

    def _inside(self, start: str, stop: str, *, equal: bool) -> bool:
        """Tell whether the clock is between two settings; ``equal`` is the answer when they are the same."""
        first, last = self._setting(start), self._setting(stop)
        if first == last:
            return equal
        now = self._plant.now
        minutes = now.hour * 60 + now.minute
        return first <= minutes < last if first < last else minutes >= first or minutes < last

    @property
    def shave_window(self) -> bool:
        """Tell whether load shaving is wanted now."""
        wanted = self._on("load_shave") and self._on("grid_support") and self.inverting_allowed
        return wanted and self._inside("load_shave_start", "load_shave_stop", equal=True)

    @property
    def charging_allowed(self) -> bool:
        """Tell whether the charger may work on the grid now."""
        blocked = self._inside("charge_block_start", "charge_block_stop", equal=False)
        return self.operating and self._on("charger_enable_disable") and not blocked and not self.shave_window

    @property
    def _volts(self) -> float:
        return self._plant.house.battery.voltage * self._plant.scale

    # The states

    def _cut_out(self) -> None:
        low = self._setting("low_battery_cut_out")
        if self._low.holds(self._plant.now, self._volts <= low, self._setting("low_battery_cut_out_delay")):
            self.tripped = True
        if self.tripped and self._volts > low + self._setting("low_battery_cut_out_hysteresis"):
            self.tripped = False

    def _support(self) -> None:
        now, volts = self._plant.now, self._volts
        threshold = self._setting("grid_support_voltage")
        wanted = self._on("grid_support") and self.inverting_allowed and self._plant.house.grid.connected
        if not wanted:
            self.supporting = False
        delay = SLOW_ENTRY_SECONDS if self._on("sell_delay_40_sec") else ENTRY_SECONDS
        entered = self._above.holds(now, wanted and volts > threshold, delay)
        jumped = self._far_above.holds(now, wanted and volts > threshold + FAST_ENTRY_VOLTS, FAST_ENTRY_SECONDS)
        if entered or jumped:
            self.supporting = True
        if self._below.holds(now, self.supporting and volts < threshold - SUPPORT_EXIT_VOLTS, ENTRY_SECONDS):
            self.supporting = False

    def _shave(self) -> None:
        plant = self._plant
        house, now, volts = plant.house, plant.now, self._volts
        low = self._setting("low_battery_cut_out")
        wanted = self.shave_window and house.grid.connected and not self.tripped
        amps = house.load_power / house.grid.voltage / plant.inverters
        too_little = amps < self._shave_limit()
        if not wanted or volts >= self._setting("grid_support_voltage"):
            self.shaving = False
        elif not self.shaving:
            self.shaving = not too_little and volts > low + SHAVE_ENTER_VOLTS
        if self._weak.holds(now, self.shaving and volts < low + SHAVE_LEAVE_VOLTS, SHAVE_VOLTAGE_SECONDS):
            self.shaving = False
        if self._little.holds(now, self.shaving and too_little, SHAVE_CURRENT_SECONDS):
            self.shaving = False

    def _shave_limit(self) -> float:
        return max(LEAST_GRID_CURRENT, self._setting("load_shave_amps"))

    def _charge(self) -> None:
        battery = self._plant.house.battery
        starts = max(self._setting("recharge_voltage"), self._setting("low_battery_cut_out") + RECHARGE_VOLTS)
        if self._volts < starts:
            self.cycle, self.forced_float = True, False
        if battery.soc >= FULL:
            self.cycle = False

    def _act(self) -> None:
        """Bring the house in line with the present mode."""
        plant = self._plant
        if not plant.steers:
            return
        house, count = plant.house, plant.inverters
        settings = house.settings
        settings.boost_limit = 100.0
        settings.grid_feeding_allowed = False
        settings.soc_backup = NEVER
        settings.input_limit = self._setting("ac1_breaker_size") * count
        settings.grid_charge_current = 0.0
        settings.charger_allowed = False
        self.selling = False
        if not house.grid.connected:
            settings.inverter_allowed = self.inverting_allowed and not self.tripped
        elif self.shaving:
            # The house charges from the grid with 0 A, and helps where the loads want more than the limit.
            settings.inverter_allowed = True
            settings.soc_backup = ALWAYS
            settings.input_limit = self._shave_limit() * count
        elif self.supporting and not self.tripped:
            settings.inverter_allowed = True
            above = self._volts - self._setting("grid_support_voltage")
            settings.boost_limit = 100.0 * min(1.0, max(0.0, above / SUPPORT_EXIT_VOLTS))
            blocked = self._inside("sell_block_start", "sell_block_end", equal=False)
            self.selling = self._on("sell_enable_disable") and not blocked
            settings.grid_feeding_allowed = self.selling
            settings.grid_feeding_current = self._setting("maximum_sell_amps") * count
            settings.soc_grid_feeding = 0.0
        else:
            settings.inverter_allowed = False
            if self.charging_allowed and self.cycle:
                settings.charger_allowed = True
                settings.soc_backup = ALWAYS
                rate = self._setting("maximum_charge_rate") / 100
                amps = min(RATED_CHARGE_CURRENT * rate, self._setting("maximum_bulk_charge_current"))
                settings.grid_charge_current = amps * count * plant.scale

    # What the inverter shows

    @property
    def inverter_status(self) -> int:
        """Return the code of what the inverter does."""
        house = self._plant.house
        if not self.operating:
            return STANDBY_STATE
        if not house.grid.connected:
            if self.tripped:
                return INVERT_FAULT
            return INVERT if self.inverting_allowed else DISABLED
        if not self._plant.steers:
            return GRID_SUPPORT if house.inverter_output > 0 else PASS_THROUGH
        if self.shaving:
            return LOAD_SHAVING
        if self.supporting:
            return SELLING if self.selling and house.grid.power < 0 else GRID_SUPPORT
        return PASS_THROUGH

    @property
    def charger_status(self) -> int:
        """Return the code of what the charger does."""
        house = self._plant.house
        if not self.operating or not self._on("charger_enable_disable"):
            return CHARGER_DISABLED
        if not house.grid.connected:
            return NOT_CHARGING
        if not self.charging_allowed:
            return SUSPENDED
        if self.cycle:
            return ABSORPTION if house.battery.soc >= ABSORBING else BULK
        if self.forced_float:
            return FLOAT
        return FLOAT if house.battery.soc >= FULL else NOT_CHARGING
