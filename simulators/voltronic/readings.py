"""The live answers of the PI30 dialects: the plant's values in the digits of the profile's own answer."""

from dataclasses import dataclass

from .plant import Live
from .profile import Profile, Quirks
from .registers import shaped

POWER_FACTOR = 0.93
DEFAULT_PV_VOLTAGE = 240.0
SCC_OK, AC_CHARGING, SCC_CHARGING, LINE_LOSS, LOAD_ON, CHANGED = 0x80, 0x40, 0x20, 0x04, 0x02, 0x01


@dataclass(frozen=True, slots=True)
class View:
    """One moment of one unit; ``share`` is its part of the group, ``leg`` the part of the load on one leg."""

    live: Live
    profile: Profile
    quirks: Quirks
    rated_voltage: float
    """Output voltage, V."""
    rated_frequency: float
    """Hz; the house's own grid has 50 Hz, another one is shifted by the difference."""
    rated_power: float
    """Of the unit, VA."""
    changed: bool
    mode: str
    share: float = 1.0
    leg: float = 1.0

    @property
    def trackers(self) -> int:
        """Return how many trackers the unit tells apart."""
        return 2 if "QPIGS2" in self.profile.replies else 1

    @property
    def load(self) -> float:
        """Return the load on this unit, W (all of its legs)."""
        return 0.0 if self.mode in "SFDP" else self.live.load_power * self.share

    @property
    def apparent(self) -> float:
        """Return the load on this unit, VA."""
        return self.load / POWER_FACTOR

    def pv_power(self, tracker: int) -> float:
        """Return the power of a tracker, W."""
        if self.trackers == 1:
            return self.live.solar_power * self.share
        return self.live.solar[tracker] * self.share

    def pv_voltage(self, tracker: int) -> float:
        """Return the voltage of a generator: nearly constant in the light, nothing in the dark."""
        if self.live.light <= 0.001:
            return 0.0
        voltage = (self.profile.pv_voltage or DEFAULT_PV_VOLTAGE) * (1.0 - 0.04 * tracker)
        return voltage * (0.9 + 0.1 * min(1.0, 4.0 * self.live.light))

    def pv_current(self, tracker: int, template: str) -> float:
        """Return the current of a generator: its own with a decimal point, else on the battery's side."""
        power = self.pv_power(tracker)
        if "." not in template:
            return power / self.live.battery_voltage
        voltage = self.pv_voltage(tracker)
        return power / voltage if voltage else 0.0

    @property
    def grid_voltage(self) -> float:
        """Return the grid's voltage at the unit, V."""
        return self.live.grid_voltage / 230.0 * self.rated_voltage if self.live.grid_connected else 0.0

    @property
    def grid_frequency(self) -> float:
        """Return the grid's frequency, Hz."""
        return self.live.grid_frequency - 50.0 + self.rated_frequency if self.live.grid_connected else 0.0

    @property
    def output_voltage(self) -> float:
        """Return the output's voltage: the grid's in line mode."""
        if self.mode in "SFDP":
            return 0.0
        return self.grid_voltage if self.mode in "LY" else self.rated_voltage

    @property
    def output_frequency(self) -> float:
        """Return the output's frequency, Hz."""
        if self.mode in "SFDP":
            return 0.0
        return self.grid_frequency if self.mode in "LY" else self.rated_frequency

    @property
    def load_percent(self) -> float:
        """Return the load of one leg in % of its rating."""
        return 100.0 * self.apparent * self.leg / (self.rated_power or 1.0)

    @property
    def charge_current(self) -> float:
        """Return this unit's charge current, A."""
        return 0.0 if self.quirks.no_battery else self.live.charge_current * self.share

    @property
    def discharge_current(self) -> float:
        """Return this unit's discharge current, A."""
        return 0.0 if self.quirks.no_battery else self.live.discharge_current * self.share

    @property
    def state_of_charge(self) -> float:
        """Return the state of charge, %."""
        return 100.0 if self.quirks.no_battery else self.live.state_of_charge

    @property
    def solar_charging(self) -> bool:
        """Tell whether the sun charges the battery."""
        return self.live.solar_power > 5.0 and self.charge_current > 0.0

    @property
    def utility_charging(self) -> bool:
        """Tell whether the grid charges the battery."""
        return self.live.utility_charge_current > 0.5 and not self.quirks.no_battery

    def group_bits(self) -> str:
        """Return the status bits of the parallel answers and of the split-phase units."""
        bits = SCC_OK if self.live.light > 0.001 else 0
        bits |= AC_CHARGING if self.utility_charging else 0
        bits |= SCC_CHARGING if self.solar_charging else 0
        bits |= LINE_LOSS if not self.live.grid_connected else 0
        bits |= LOAD_ON if self.output_voltage > 0 else 0
        bits |= CHANGED if self.changed else 0
        return f"{bits:08b}"

    def status_bits(self, template: str) -> str:
        """Return the status bits of QPIGS; b7, b5 and b3 stay as they are."""
        if self.quirks.status_bits == "pi41":
            return self.group_bits()
        bits = int(template, 2) & 0b1010_1000
        bits |= 0x40 if self.changed else 0
        bits |= 0x10 if self.output_voltage > 0 else 0
        bits |= 0x04 if self.solar_charging or self.utility_charging else 0
        bits |= 0x02 if self.solar_charging else 0
        bits |= 0x01 if self.utility_charging else 0
        return f"{bits:08b}"


def status(view: View, fields: list[str]) -> list[str]:
    """Return the fields of QPIGS."""
    live = view.live
    values: dict[int, float] = {
        0: view.grid_voltage,
        1: view.grid_frequency,
        2: view.output_voltage,
        3: view.output_frequency,
        4: view.apparent * view.leg,
        5: view.load * view.leg,
        6: view.load_percent,
        8: round(live.battery_voltage, 1),
        9: view.charge_current,
        10: view.state_of_charge,
        12: view.pv_current(0, fields[12]),
        13: view.pv_voltage(0),
        15: view.discharge_current,
        19: view.pv_power(0),
        23: live.feed_power * view.share,
    }
    if float(fields[11]) <= 120:
        values[11] = live.temperature
    if float(fields[14]) > 0:
        values[14] = round(live.battery_voltage, 1)
    shown = [shaped(text, values[index]) if index in values else text for index, text in enumerate(fields)]
    shown[16] = view.status_bits(fields[16])
    if len(shown) > 20:
        shown[20] = ("1" if live.stage == "float" else "0") + fields[20][1:]
    if len(shown) > 21:
        shown[21] = "1" if live.feed_power > 20 else "0"
    return shown


def status_2(view: View, fields: list[str]) -> list[str]:
    """Return the fields of QPIGS2 in each of its three shapes (reference section 6.2)."""
    count = len([text for text in fields if text])
    values: dict[int, float] = {}
    bits: dict[int, str] = {}
    if count == 3:
        values = {0: view.pv_current(1, fields[0]), 1: view.pv_voltage(1), 2: view.pv_power(1)}
    elif count == 11:
        values = {
            0: view.grid_voltage,
            1: view.grid_frequency,
            2: view.output_voltage,
            3: view.output_frequency,
            4: view.apparent * view.leg,
            5: view.load * view.leg,
            6: view.load_percent,
            7: view.pv_current(1, fields[7]),
            8: view.pv_voltage(1),
            9: view.live.battery_voltage,
        }
        bits = {10: view.group_bits()}
    elif count == 12:
        charging = view.live.utility_charge_current * view.share
        values = {
            0: view.pv_current(1, fields[0]),
            1: view.pv_voltage(1),
            2: view.live.battery_voltage,
            3: view.pv_power(1),
            5: charging,
            6: charging * view.live.battery_voltage,
            11: view.pv_power(0) + view.pv_power(1),
        }
        bits = {4: ("1" if view.pv_power(1) > 5 else "0") + fields[4][1:]}
    return [
        bits.get(index) or (shaped(text, values[index]) if index in values else text)
        for index, text in enumerate(fields)
    ]


def group_member(view: View, fields: list[str], *, serial: str | None, fault_code: int, group: int) -> list[str]:
    """Return the fields of QPGSn; ``serial`` None keeps the profile's, ``group`` is the number of units."""
    live = view.live
    values: dict[int, float] = {
        4: view.grid_voltage,
        5: view.grid_frequency,
        6: view.output_voltage,
        7: view.output_frequency,
        8: view.apparent * view.leg,
        9: view.load * view.leg,
        10: view.load_percent,
        11: live.battery_voltage,
        12: view.charge_current,
        13: view.state_of_charge,
        14: view.pv_voltage(0),
        15: live.charge_current,
        16: view.apparent * group,
        17: view.load * group,
        18: view.load_percent,
        25: view.pv_current(0, "00"),
        26: view.discharge_current,
        27: view.pv_voltage(1),
        28: view.pv_current(1, "00"),
    }
    shown = [shaped(text, values[index]) if index in values else text for index, text in enumerate(fields)]
    if serial is not None:
        shown[1] = serial
    shown[2] = view.mode
    shown[3] = f"{fault_code:02d}"
    shown[19] = view.group_bits()
    return shown


def second_leg(view: View, fields: list[str], *, fault_code: int) -> list[str]:
    """Return the fields of QP2GSn of a split-phase unit (17 fields)."""
    values: dict[int, float] = {
        4: view.grid_voltage,
        5: view.grid_frequency,
        6: view.output_voltage,
        7: view.output_frequency,
        8: view.apparent * view.leg,
        9: view.load * view.leg,
        10: view.load_percent,
        11: view.live.battery_voltage,
        12: view.charge_current,
        13: view.state_of_charge,
        14: view.pv_voltage(1),
        15: view.pv_current(1, "00"),
    }
    shown = [shaped(text, values[index]) if index in values else text for index, text in enumerate(fields)]
    shown[2] = view.mode
    shown[3] = f"{fault_code:02d}"
    shown[16] = view.group_bits()
    return shown


def internals(view: View, fields: list[str], stage_code: int) -> list[str]:
    """Return the fields of Q1: temperatures, the charger's power and the stage (reference section 6.9)."""
    shown = list(fields)
    count = len(fields)
    if count not in (17, 18, 27):
        return shown
    base = view.live.temperature
    first = 8 if count == 18 else 5
    for index, above in enumerate((6.0, 2.0, 4.0, 9.0)):
        shown[first + index] = shaped(fields[first + index], base + above)
    if count == 17:
        shown[4] = shaped(fields[4], view.charge_current)
        shown[13] = shaped(fields[13], view.pv_power(0))
        shown[16] = f"{stage_code:02d}"
    elif count == 18:
        shown[17] = f"{stage_code:02d}"
    return shown
