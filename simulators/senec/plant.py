"""The appliance's part in the house: what its meters see, and what its settings make the house do."""

from dataclasses import dataclass

from ..faults import Fault, Faults
from ..house import House, Settings
from .clock import Clock
from .force_charge import ForceCharge
from .memory import Memory
from .profiles import Profile
from .wallboxes import Wallboxes
from .wire import single

EMPTY, FULL = 6.0, 99.0
"""States of charge of the cells (%) that the appliance shows as 0 and 100 %."""
AC_METER_OFFSET = 3.6
"""W by which the battery power of a V2 lies below voltage times current (reference section 8)."""
NOMINAL_VOLTS = 52.0
FEEDING_AMPERES = 60.0

START_UP, FORCE_CHARGE, FORCE_CHARGE_DONE, FULL_STATE, CHARGE, EMPTY_STATE = 78, 8, 9, 13, 14, 15
DISCHARGE, SUN_AND_DISCHARGE, GRID_AND_DISCHARGE, PASSIVE, OWN_CONSUMPTION = 16, 17, 18, 19, 21
NO_SERVER, PEAK_SHAVING_WAIT, REMOTE_SHUTDOWN, INSULATION_TEST = 38, 56, 70, 83
BACKUP_POWER, BACKUP_POWER_EMPTY, GRID_OFFLINE = 75, 76, 80


@dataclass(frozen=True, slots=True)
class Powers:
    """One snapshot of the power flow as the appliance shows it: W, V, A and %, in 32-bit floating point numbers.

    Grid power is positive when importing, battery power and current are positive when charging.
    """

    grid: float
    solar: float
    battery: float
    house: float
    voltage: float
    current: float
    charge: float
    inputs: tuple[float, ...]


class Plant:
    """Reads the house through the appliance's meters and steers it by the appliance's settings."""

    def __init__(
        self,
        house: House,
        profile: Profile,
        memory: Memory,
        clock: Clock,
        faults: Faults,
        wallboxes: Wallboxes,
        *,
        wallbox_in_house: bool,
        button_delay: float,
    ) -> None:
        self.house = house
        self.profile = profile
        self.force_charge = ForceCharge(clock, faults, button_delay)
        self.wallboxes = wallboxes
        self.insulation_test = False
        self._memory = memory
        self._clock = clock
        self._wallbox_in_house = wallbox_in_house
        self._empty = False
        self._kept: dict[str, float] = {}
        if profile.senec and house.settings == Settings():
            self._commission()

    def _commission(self) -> None:
        """Set up a house that no device steers yet: the appliance's battery, no grid charging, surplus is fed in."""
        settings, battery = self.house.settings, self.house.battery
        settings.grid_feeding_allowed = True
        settings.grid_feeding_current = FEEDING_AMPERES
        settings.excess_feeding = True
        settings.soc_grid_feeding = 100.0
        settings.soc_backup = 0.0
        battery.capacity = self._memory.number("FACTORY", "DESIGN_CAPACITY") / NOMINAL_VOLTS
        battery.charge_current_limit = self._memory.number("FACTORY", "MAX_CHARGE_POWER_DC") / NOMINAL_VOLTS
        battery.discharge_current_limit = self._memory.number("FACTORY", "MAX_DISCHARGE_POWER_DC") / NOMINAL_VOLTS

    # Steering

    def update(self) -> None:
        """Let the appliance's settings act on the house; what they leave again gets its former value back."""
        wanted: dict[str, float] = {}
        if self.force_charge.running:
            watts = self._memory.number("BMS", "NOM_CHARGEPOWER_MODULE") * self.profile.modules
            wanted["soc_backup"] = 100.0
            wanted["grid_charge_current"] = watts / self.house.battery.voltage
        elif self.peak_shaving_waits:
            wanted["soc_grid_feeding"] = 0.0
        # A battery that was empty gives nothing before it has been charged a little.
        self._empty = self.charge <= (1.0 if self._empty else 0.0)
        if self._empty:
            wanted["battery_discharge_current"] = 0.0
        if self._memory.number("ENERGY", "ZERO_EXPORT") == 1:
            wanted["grid_feeding_allowed"] = False
        settings = self.house.settings
        for name in [name for name in self._kept if name not in wanted]:
            setattr(settings, name, self._kept.pop(name))
        for name, value in wanted.items():
            self._kept.setdefault(name, getattr(settings, name))
            setattr(settings, name, value)

    def restart(self) -> None:
        """Forget what was going on, and let the house go its own way until the next `update`."""
        self.force_charge.running = False
        if self.insulation_test:
            self._insulation(False)
        for name, value in self._kept.items():
            setattr(self.house.settings, name, value)
        self._kept.clear()

    def test_insulation(self, seconds: float) -> None:
        """Test the insulation, which takes the solar generators off for a while."""
        self._insulation(True)
        self._clock.after(seconds, lambda: self._insulation(False))

    def _insulation(self, running: bool) -> None:
        self.insulation_test = running
        for array in self.house.arrays:
            array.enabled = not running

    @property
    def peak_shaving_waits(self) -> bool:
        """Tell whether the battery keeps room for the peak (reference section 11.4)."""
        number = self._memory.number
        if number("WIZARD", "PS_ENABLE") != 1:
            return False
        now = self.house.now
        until = number("WIZARD", "PS_HOUR") * 60 + number("WIZARD", "PS_MINUTE")
        return now.hour * 60 + now.minute < until and self.charge >= 100.0 - number("WIZARD", "PS_RESERVOIR")

    # What the meters see

    @property
    def charge(self) -> float:
        """Return the state of charge that the owner sees, %."""
        return min(100.0, max(0.0, (self.house.battery.soc - EMPTY) / (FULL - EMPTY) * 100.0))

    def _inputs(self) -> tuple[float, ...]:
        """Spread the generators of the house over the inputs: the last input of three takes the second generator."""
        inputs = [0.0] * self.profile.mpps
        powers = [array.power for array in self.house.arrays]
        if len(inputs) == 3 and len(powers) == 2:
            powers.insert(1, 0.0)
        for index, power in enumerate(powers):
            inputs[min(index, len(inputs) - 1)] += power
        return tuple(single(power) for power in inputs)

    def powers(self, faults: dict[str, Fault]) -> Powers:
        """Return one snapshot, with the faults that are shown in this answer."""
        house, boxes = self.house, self.wallboxes.power
        inputs = self._inputs() if self.profile.v3 else ()
        solar = single(sum(inputs) if self.profile.v3 else house.solar_power)
        if "pv_not_measured" in faults:
            solar = 0.0
        grid = single(house.grid.power + boxes)
        voltage = single(round(house.battery.voltage, 2))
        current = single(-house.battery.power / voltage)
        battery = flow = single(-house.battery.power)
        if not self.profile.v3:
            flow = voltage * current
            battery = single(flow - AC_METER_OFFSET)
        used = grid + solar - flow - (0.0 if self._wallbox_in_house else boxes)
        if imbalance := faults.get("imbalance"):
            used += imbalance.argument or 0.0
        if spike := faults.get("spike"):
            grid = single(spike.argument or 0.0)
        # At night the inverter's own sum is a negative zero.
        return Powers(
            grid, solar or -0.0, battery, single(max(0.0, used)), voltage, current, single(self.charge), inputs
        )

    def state(self, powers: Powers, faults: dict[str, Fault], *, overloaded: bool) -> int:
        """Return the state of the system (reference section 10)."""
        if unknown := faults.get("unknown_state"):
            return int(unknown.argument or 0)
        if "no_server_connection" in faults or overloaded:
            return NO_SERVER
        if "nonsense_temperatures" in faults:
            return REMOTE_SHUTDOWN
        if self.insulation_test:
            return INSULATION_TEST
        if not self.house.grid.connected:
            if self._memory.number("FEATURES", "ISLAND") != 1:
                return GRID_OFFLINE
            return BACKUP_POWER_EMPTY if powers.charge <= 0 else BACKUP_POWER
        if self.force_charge.running:
            return FORCE_CHARGE_DONE if powers.charge >= 100.0 else FORCE_CHARGE
        if self.peak_shaving_waits:
            return PEAK_SHAVING_WAIT
        if powers.battery < -50.0:
            if powers.solar > 50.0:
                return SUN_AND_DISCHARGE
            return GRID_AND_DISCHARGE if powers.grid > 100.0 else DISCHARGE
        if powers.charge >= 100.0:
            return FULL_STATE
        if powers.battery > 50.0:
            return CHARGE
        if powers.charge <= 0.0:
            return EMPTY_STATE
        return OWN_CONSUMPTION if powers.solar > 50.0 else PASSIVE
