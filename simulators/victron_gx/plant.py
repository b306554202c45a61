"""What the GX knows of the house, by D-Bus path (reference sections 2.2 and 4.6).

A GX counts battery powers and currents as positive while charging, grid power as positive when importing.
"""

from collections.abc import Callable

from ..house import INVERTER_EFFICIENCY, SOLAR_CHARGER_EFFICIENCY, House
from .registers import Value

PHASE_SHARES = {1: (1.0,), 3: (0.5, 0.3, 0.2)}
"""How loads, grid and inverter are spread over the phases."""
IDLE, CHARGING, DISCHARGING = 0, 1, 2
IDLE_POWER = 5.0
"""W below which the battery counts as idle."""
GRID, NOT_CONNECTED = 1, 240
EXTERNAL_CONTROL, INVERTING = 252, 9
CELLS = 16
CAPACITY_LOST = 0.03
"""Share of the capacity that the battery has lost."""

type Power = Callable[[], float] | float | None


class Plant:
    """Measures the house."""

    def __init__(self, house: House, *, phases: int = 1) -> None:
        """``phases`` is 1 or 3; `ValueError` for another number."""
        if phases not in PHASE_SHARES:
            raise ValueError(f"a GX has 1 or 3 phases, not {phases}")
        self.house = house
        self.phases = phases
        self.dc_system_power: Power = self._from_the_bus
        """What DC systems draw, W: a number or what returns one; None where nobody measures it."""
        self.charge_current_limit: Power = None
        """CCL of the battery, A; None: what the house's battery allows."""
        self.discharge_current_limit: Power = None

    def _from_the_bus(self) -> float:
        """Return what the micro-inverters on the battery draw."""
        return sum(each.dc_power for each in self.house.micro_inverters if each.source == "battery")

    def _spread(self, path: str, power: float) -> dict[str, Value]:
        shares = PHASE_SHARES[self.phases]
        return {path.format(phase): power * share for phase, share in enumerate(shares, 1)}

    def system(self) -> dict[str, Value]:
        """Return what the GX itself tells."""
        house, battery = self.house, self.house.battery
        power = -battery.power
        state = IDLE if abs(power) < IDLE_POWER else CHARGING if power > 0 else DISCHARGING
        inverter = self._inverter_power()
        solar = house.solar_power * SOLAR_CHARGER_EFFICIENCY
        return {
            **self._spread("/Ac/Consumption/L{}/Power", max(0.0, house.load_power)),
            **self._spread("/Ac/Grid/L{}/Power", house.grid_power_now()),
            "/Ac/ActiveIn/Source": GRID if house.grid.connected else NOT_CONNECTED,
            "/Dc/Battery/Voltage": battery.voltage,
            "/Dc/Battery/Current": -battery.current,
            "/Dc/Battery/Power": power,
            "/Dc/Battery/Soc": battery.soc,
            "/Dc/Battery/State": state,
            "/Dc/Battery/ConsumedAmphours": self._consumed(),
            "/Dc/Battery/TimeToGo": self._time_to_go(),
            "/Dc/Pv/Power": solar,
            "/Dc/Pv/Current": solar / battery.voltage,
            "/Dc/System/Power": _number(self.dc_system_power),
            "/Dc/Vebus/Power": inverter,
            "/Dc/Vebus/Current": inverter / battery.voltage,
        }

    def battery(self) -> dict[str, Value]:
        """Return what the battery's BMS tells."""
        battery = self.house.battery
        cell = battery.voltage / CELLS
        charge, discharge = _number(self.charge_current_limit), _number(self.discharge_current_limit)
        charge = battery.allowed_charge() if charge is None else charge
        discharge = battery.allowed_discharge() if discharge is None else discharge
        counters = self.house.counters
        return {
            "/Dc/0/Power": -battery.power,
            "/Dc/0/Voltage": battery.voltage,
            "/Dc/0/Current": -battery.current,
            "/Dc/0/Temperature": battery.temperature,
            "/ConsumedAmphours": self._consumed(),
            "/Soc": battery.soc,
            "/History/ChargeCycles": 120,
            "/History/ChargedEnergy": counters.battery_charge.total,
            "/History/DischargedEnergy": counters.battery_discharge.total,
            "/TimeToGo": self._time_to_go(),
            "/Soh": 100 * (1 - CAPACITY_LOST),
            "/Info/MaxChargeVoltage": 3.5 * CELLS,
            "/Info/BatteryLowVoltage": 2.9 * CELLS,
            "/Info/MaxChargeCurrent": charge,
            "/Info/MaxDischargeCurrent": discharge,
            "/Capacity": battery.capacity,
            "/System/MinCellTemperature": battery.temperature - 0.6,
            "/System/MaxCellTemperature": battery.temperature + 0.9,
            "/System/MinCellVoltage": cell - 0.01,
            "/System/MaxCellVoltage": cell + 0.01,
            "/Io/AllowToCharge": int(charge > 0),
            "/Io/AllowToDischarge": int(discharge > 0),
            **dict.fromkeys(ALARM_PATHS, 0),
        }

    def vebus(self) -> dict[str, Value]:
        """Return what the inverter and charger tells; the loads are behind it, the meter before it."""
        house, battery = self.house, self.house.battery
        inverter = self._inverter_power()
        connected = house.grid.connected
        values: dict[str, Value] = {
            "/Ac/NumberOfPhases": self.phases,
            "/Ac/ActiveIn/ActiveInput": 0 if connected else NOT_CONNECTED,
            "/Ac/ActiveIn/L1/F": house.grid.frequency if connected else None,
            "/Ac/Out/L1/F": house.output_frequency,
            "/Dc/0/Voltage": battery.voltage,
            "/Dc/0/Current": inverter / battery.voltage,
            "/Dc/0/Temperature": battery.temperature,
            "/State": EXTERNAL_CONTROL if connected else INVERTING,
            "/VebusError": 0,
        }
        outgoing = house.load_power - house.micro_output
        incoming = outgoing - house.inverter_output if connected else 0.0
        for side, power, volts in (
            ("/Ac/ActiveIn", incoming, house.grid.voltage if connected else 0.0),
            ("/Ac/Out", outgoing, house.grid.voltage if connected else 230.0),
        ):
            values |= self._spread(side + "/L{}/P", power)
            for phase, share in enumerate(PHASE_SHARES[self.phases], 1):
                values[f"{side}/L{phase}/V"] = volts
                values[f"{side}/L{phase}/I"] = power * share / volts if volts else 0.0
        return values

    def _inverter_power(self) -> float:
        """Return the DC power of the inverter and charger, W, positive while it charges."""
        output = self.house.inverter_output
        return -output / INVERTER_EFFICIENCY if output > 0 else -output * INVERTER_EFFICIENCY

    def _consumed(self) -> float:
        """Return the charge that is missing, Ah, below zero as the GX counts it."""
        battery = self.house.battery
        return -battery.capacity * (100 - battery.soc) / 100

    def _time_to_go(self) -> float | None:
        """Return how long the battery lasts at this current, s; None while it is not discharging."""
        battery = self.house.battery
        if battery.current <= 0:
            return None
        return min(battery.capacity * battery.soc / 100 / battery.current * 3600, 864_000.0)


def _number(power: Power) -> float | None:
    return power() if callable(power) else power


ALARM_PATHS = ("/Alarms/LowVoltage", "/Alarms/HighVoltage", "/Alarms/LowSoc", "/Alarms/InternalFailure")
"""Alarms that the simulated battery knows; it has no value for the others."""
