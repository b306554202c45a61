"""What the console of a high-voltage tower prints (reference section 9): units in series behind one controller."""

from .stack import Module, Reading, Stack
from .tables import Reply

_AH, _WH = 22, 22
UNIT_HEADER = (
    "Index  Volt   Curr   Tempr  AvgTempr BTlow  BThigh BVlow  BVhigh Base.St  Volt.St  Temp.St"
    "  CoulombAH                CoulombWH               Time"
)


class Tower:
    """The tables of one tower; its battery units are the stack's modules."""

    def __init__(self, stack: Stack) -> None:
        """Take the modules."""
        self._stack = stack
        self._readings: list[Reading] = []

    def _read(self) -> list[Reading]:
        return [self._stack.read(module) for module in self._stack.present]

    def _current(self, readings: list[Reading]) -> int:
        """Return the current of the string, which all units share, mA."""
        volts = sum(reading.voltage for reading in readings) / 1000
        current = round(-self._stack.house.battery.power / volts * 1000)
        return current if abs(current) >= 100 else 0

    def _base(self, current: int) -> str:
        return "Charge" if current > 0 else "Dischg" if current < 0 else "Idle"

    def _head(self) -> Module:
        return next(iter(self._stack.modules.values()))

    @staticmethod
    def _charge(reading: Reading, units: int = 1) -> tuple[str, str]:
        """Return the columns of charge and energy, with their units inside."""
        watt_hours = reading.remaining * reading.voltage * units // 1_000_000
        percent = f"{reading.charge:>3}%"
        return f"{percent} {reading.remaining:>14} mAH", f"{percent} {watt_hours:>15} WH"

    def pwr(self) -> Reply:
        """Return the tower's one row behind its preamble."""
        readings = self._read()
        current = self._current(readings)
        low = min(readings, key=lambda reading: reading.charge)
        cells = [cell for reading in readings for cell in reading.cells]
        degrees = [value for reading in readings for value in reading.cell_temperatures]
        board = [reading.temperature for reading in readings]
        units = [reading.voltage for reading in readings]
        volts = sum(units)
        charge, energy = self._charge(low, len(readings))
        header = (
            "Volt   Curr   Tempr  BTlow  BThigh BVlow  BVhigh UTlow  UThigh UVlow  UVhigh Base.St  Volt.St  Curr.St"
            "  Temp.St  CoulombAH                CoulombWH              Time                 B.V.St   B.T.St   U.V.St"
            "   U.T.St   Err Code"
        )
        numbers = [volts, current, max(board), min(degrees), max(degrees), min(cells), max(cells)]
        numbers += [min(board), max(board), min(units), max(units)]
        row = "".join(f"{number:<6} " for number in numbers)
        states = [self._base(current), low.volt_state, low.curr_state, low.temp_state]
        row += "".join(f"{state:<8} " for state in states)
        row += f"{charge:<{_AH}}  {energy:<{_WH}} {low.time:%Y-%m-%d %H:%M:%S}  "
        row += "".join(f"{state:<8} " for state in (low.cell_volt_state, low.cell_temp_state, "Normal", "Normal"))
        average = sum(degrees) // len(degrees)
        return Reply(
            (
                f"AverageTempr   : {average}",
                f"DC Volt        : {volts - 300}",
                f"Bat Volt       : {volts}",
                "",
                header,
                f"{row}{low.system_fault:#x}",
            )
        )

    def unit(self) -> Reply:
        """Return one row for each battery unit."""
        readings = self._read()
        current = self._current(readings)
        degrees = [value for reading in readings for value in reading.cell_temperatures]
        lines = [
            f"AverageTempr: {sum(degrees) // len(degrees)}",
            UNIT_HEADER,
        ]
        for index, reading in enumerate(readings, 1):
            average = sum(reading.cell_temperatures) // len(reading.cell_temperatures)
            charge, energy = self._charge(reading)
            numbers = [(index, 6), (reading.voltage, 6), (current, 6), (reading.temperature, 6), (average, 8)]
            numbers += [(min(reading.cell_temperatures), 6), (max(reading.cell_temperatures), 6)]
            numbers += [(min(reading.cells), 6), (max(reading.cells), 7)]
            row = "".join(f"{number:<{width}} " for number, width in numbers)
            row += "".join(f"{state:<8} " for state in (self._base(current), reading.volt_state, reading.temp_state))
            lines.append(f"{row}{charge:<{_AH}}  {energy:<{_WH}} {reading.time:%Y-%m-%d %H:%M:%S}")
        return Reply(tuple(lines))

    def bat(self) -> Reply:
        """Return the cells of the whole tower."""
        readings = self._read()
        current = self._current(readings)
        degrees = [value for reading in readings for value in reading.cell_temperatures]
        lines = [
            f"Time: {readings[0].time:%Y-%m-%d %H:%M:%S}",
            f"A.Tempr: {sum(degrees) // len(degrees)}",
            "C.Curr : 37000   mA",
            "D.Curr : -37000  mA",
            f"B.State: {self._base(current)}",
            "BalVolt: 3360",
            "Bat  Volt Curr    Tempr   V.State T.State AH(mAH)       WH(mWH)            Bal",
        ]
        index = 0
        for reading in readings:
            percent = f"{reading.charge:>3}%"
            for cell, warm in zip(reading.cells, reading.cell_temperatures, strict=True):
                left, watts = reading.remaining, reading.remaining * cell // 1000
                lines.append(
                    f"{index:<4} {cell:<4} {current:<7} {warm:<7} {reading.cell_volt_state:<7} "
                    f"{reading.cell_temp_state:<7} {percent} {left:>8} {percent} {watts:>12}   N"
                )
                index += 1
        return Reply(tuple(lines))

    def info(self) -> Reply:
        """Return the controller and its units, the last unit first."""
        head = self._head()
        model = head.model
        units = self._stack.present
        volts = 48 * len(units)
        rows: list[tuple[str, object] | None] = [
            ("Device address", 0),
            ("Manufacturer", model.maker),
            ("Device name", model.name),
            ("Board version", model.board_version),
            ("Hard  version", "V10R9C5"),
            ("Main Soft version", model.main_soft),
            ("Soft version", model.soft),
            ("Boot version", model.boot),
            ("Comm version", "V2.0"),
            ("Release Date", model.released),
            None,
            ("Barcode", f"{model.barcode}{'C' * (16 - len(model.barcode))}"),
            ("Module Barcode", f"{model.barcode}{'M' * (16 - len(model.barcode))}"),
            None,
            ("Specification", f"{volts}V/{head.capacity:.0f}AH"),
            ("Cell Number", sum(module.model.cells for module in units)),
            ("Max Dischg Curr", f"{model.most_discharge}mA"),
            ("Max Charge Curr", f"{model.most_charge}mA"),
        ]
        lines = ["" if row is None else f"{row[0]:<20}: {row[1]}" for row in rows]
        for index in reversed(range(len(units))):
            lines += ["", f"BMU {index} Barcode", f"Module:   : {units[index].serial}"]
        return Reply(tuple(lines), "lines")

    def sysinfo(self) -> Reply:
        """Return the limits."""
        cells = sum(module.model.cells for module in self._stack.present)
        rows = [
            ("Chg Sug Volt", 3550 * cells, "mV"),
            ("Chg Cut Volt", 3600 * cells, "mV"),
            ("Dsg Cut Volt", 2900 * cells, "mV"),
            ("Max Chg Curr", 37000, "mA"),
            ("Max Dsg Curr", -37000, "mA"),
        ]
        lines = [f" {name:<19}: {value:<10} {unit}" for name, value, unit in rows]
        lines += [f" {name:<19}: NO" for name in ("Bal Chg Req", "Force Chg Req")]
        return Reply(tuple(lines), "lines")

    def stat(self) -> Reply:
        """Return what the tower has counted."""
        readings = self._read()
        low = min(readings, key=lambda reading: reading.charge)
        counters = self._stack.house.counters
        rows = {
            "Charge Times": self._head().charge_times,
            "Bat HV Times": 141,
            "Reset Times": 5,
            "CYCLE Times": low.cycles,
            "Pwr Percent": low.charge,
            "Pwr Coulomb(mAS)": low.remaining * 3600,
            "Dsg Cap(mAH)": low.discharged,
            "SOH Percent": min(reading.health for reading in readings),
            "His.Chg Cap(WH)": int(counters.battery_charge.total * 1000),
            "His.Dsg Cap(WH)": int(counters.battery_discharge.total * 1000),
            "Day Chg Cap(WH)": int(counters.battery_charge.today * 1000),
            "Day Dsg Cap(WH)": int(counters.battery_discharge.today * 1000),
        }
        lines = [f"{'Device address':<16}{0:>10}", *(f"{name:<16}: {value:>8}" for name, value in rows.items())]
        return Reply(tuple(lines))

    def soh(self) -> Reply:
        """Return the health of the cells."""
        cells = [cell for reading in self._read() for cell in reading.cells]
        lines = ["Battery    Voltage    SOHCount   SOHStatus"]
        lines += [f"{index:<10} {cell:<10} {0:<10} Normal" for index, cell in enumerate(cells)]
        return Reply(tuple(lines))
