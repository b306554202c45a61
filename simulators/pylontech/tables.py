"""What the console prints about the modules of a low-voltage stack (reference sections 5 and 6)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from .models import Model
from .stack import Module, Reading, Stack

type Shape = Literal["table", "lines"]
"""Which line ends the firmware uses: those of a table or those of names and values (reference section 3)."""

ABSENT = ("Absent", *["-"] * 7)
PROTECTIONS = (
    "BOV BHV BLV BUV POV PHV PLV PUV CBOT CBHT CBLT CBUT DBOT DBHT DBLT DBUT POT PHT PLT PUT"
    " COC COC2 COCA DOCA DOC DOC2 SC LCOUL"
)
EVENT_TEXTS = {0x2000: "COULFULL"}
"""Words behind the power events, as far as they are known."""
NEWER_COUNTERS = ("COC2 Times", "DOC2 Times")


@dataclass(frozen=True, slots=True)
class Reply:
    """Lines between the at sign and the end mark; ``good`` False leaves out the line of success."""

    lines: tuple[str, ...]
    shape: Shape = "table"
    good: bool = True


@dataclass(frozen=True, slots=True)
class Column:
    """One column of `pwr`: widths of header and values differ in places, as the firmware's do."""

    title: str
    width: int
    value: Callable[[Module, Reading], object]
    title_width: int = 0


def _index_of(values: tuple[int, ...], extreme: Callable[[tuple[int, ...]], int]) -> int:
    return values.index(extreme(values))


def columns(stack: Stack) -> list[Column]:
    """Return the columns of `pwr` in the stack's layout."""
    layout, ids = stack.layout, stack.layout.index_columns

    def extreme(title: str, pick: Callable[[tuple[int, ...]], int], *, volts: bool) -> list[Column]:
        def values(reading: Reading) -> tuple[int, ...]:
            return reading.cells if volts else reading.cell_temperatures

        found = [Column(title, 6, lambda _, reading: pick(values(reading)))]
        if ids:
            found.append(Column(f"{title}.Id", 8, lambda _, reading: _index_of(values(reading), pick)))
        return found

    table = [
        Column("Power", 5, lambda module, _: module.slot),
        Column("Volt", 6, lambda _, reading: reading.voltage),
        Column("Curr", 6, lambda _, reading: reading.current),
        Column("Tempr", 6, lambda _, reading: reading.temperature),
        *extreme("Tlow", min, volts=False),
        *extreme("Thigh", max, volts=False),
        *extreme("Vlow", min, volts=True),
        *extreme("Vhigh", max, volts=True),
        Column("Base.St", 8, lambda _, reading: reading.base),
        Column("Volt.St", 8, lambda _, reading: reading.volt_state),
        Column("Curr.St", 8, lambda _, reading: reading.curr_state),
        Column("Temp.St", 8, lambda _, reading: reading.temp_state),
        Column("Coulomb", 8, lambda _, reading: f"{reading.charge}%"),
        Column("Time", 20, lambda _, reading: reading.time.strftime("%Y-%m-%d %H:%M:%S")),
        Column("B.V.St", 8, lambda _, reading: reading.cell_volt_state),
    ]
    if layout.barcode_columns:
        table.append(Column("B.T.St", 8, lambda _, reading: reading.cell_temp_state))
        table.append(Column("Barcode", 20, lambda module, _: module.serial))
        table.append(Column("DevType", 8, lambda module, _: module.model.name))
        return table
    table.append(Column("B.T.St", 7, lambda _, reading: reading.cell_temp_state, 8 if layout.mosfet_columns else 7))
    if layout.mosfet_columns:
        table.append(Column("MosTempr", 8, _mosfet(lambda reading: reading.mosfet_temperature)))
        table.append(Column("M.T.St", 8 if layout.alarm_column else 7, _mosfet(lambda reading: reading.mosfet_state)))
    if layout.alarm_column:
        table.append(Column("SysAlarm.St", 7, lambda _, reading: reading.system_alarm))
    return table


def _mosfet(value: Callable[[Reading], object]) -> Callable[[Module, Reading], object]:
    return lambda module, reading: value(reading) if module.model.mosfet else "-"


def _line(cells: Iterable[tuple[object, int]]) -> str:
    return "".join(f"{text!s:<{width}} " for text, width in cells)


def pwr(stack: Stack) -> Reply:
    """Return the table of all slots."""
    table = columns(stack)
    lines = [_line((column.title, column.title_width or column.width) for column in table)]
    present = {module.slot: module for module in stack.present}
    # Absent rows have the columns of the oldest layout, whatever the header says.
    absent = [*["-"] * 7, *ABSENT]
    widths = [6] * 7 + [8] * 5 + [20, 8, 7]
    for slot in range(1, stack.layout.slots + 1):
        if slot in present:
            reading = stack.read(present[slot])
            lines.append(_line((column.value(present[slot], reading), column.width) for column in table))
            if stack.layout.barcode_columns:
                lines.append("")
            continue
        row = _line([(slot, 5), *zip(absent, widths, strict=True)])
        lines.append(row + _line([("-", 20), ("-", 8)]) if stack.layout.barcode_columns else row)
    return Reply(tuple(lines))


def pwr_module(stack: Stack, module: Module) -> Reply:
    """Return the block of one module."""
    reading, model = stack.read(module), module.model
    seconds = int((stack.house.now - module.state_since).total_seconds()) if module.state_since else 0
    master = module is stack.present[0]
    rows: list[tuple[str, object, str]] = [
        ("Voltage", reading.voltage, "mV"),
        ("Current", reading.current, "mA"),
        ("Temperature", reading.temperature, "mC"),
        ("Coulomb", reading.charge, "%"),
        ("Total Coulomb", reading.total, "mAH"),
    ]
    if model.real_capacity:
        rows.append(("Real Coulomb", reading.total * reading.health // 100, "mAH"))
    rows += [
        ("Max Voltage", model.most_voltage, "mV"),
        # The master does not know how often a slave was charged (reference section 6.2).
        ("Charge Times", module.charge_times if master else 0, ""),
        ("Basic Status", reading.base, ""),
    ]
    lines = [f" {name:<16}: {value!s:<12}{unit}".rstrip() for name, value, unit in rows]
    if reading.base in ("Charge", "Dischg"):
        name = "Charge Sec." if reading.base == "Charge" else "Discharge Sec."
        lines.append(f" {name:<16}: {seconds if master else 0:<8}s")
    states = [
        ("Volt Status", reading.volt_state),
        ("Current Status", reading.curr_state),
        ("Tmpr. Status", reading.temp_state),
        ("Coul. Status", reading.charge_state),
        ("Soh. Status", "Normal"),
        ("Heater Status", "OFF"),
        ("Protect ENA", PROTECTIONS),
        ("Bat Events", f"{reading.bat_events:#x}"),
        ("Power Events", f"{reading.power_events:#x} {EVENT_TEXTS.get(reading.power_events, '')}".rstrip()),
        ("System Fault", f"{reading.system_fault:#x}"),
    ]
    lines += [f" {name:<16}: {value}" for name, value in states]
    rule = " " + "-" * 28
    return Reply((rule, f" Power  {module.slot}", "", *lines, rule), "lines")


def bat(stack: Stack, module: Module) -> Reply:
    """Return the table of one module's cells."""
    form = stack.behaviour.bat_form or stack.layout.bat_form
    reading = stack.read(module)
    states = ["Volt. State", "Curr. State", "Temp. State"]
    if form == "split_states":
        states += ["DTemp. State", "CTemp. State"]
    head = [("Battery", 8), ("Volt", 8), *([] if form == "no_current" else [("Curr", 8)]), ("Tempr", 8)]
    head += [("Base State", 12), *((state, 12) for state in states)]
    old = form in ("old", "no_current")
    head += [("Coulomb", 12)] if old else [("SOC", 12), ("Coulomb", 12), ("BAL", 4)]
    lines = [_line(head)]
    # A master prints no charge for the older modules behind it in this form (reference section 6.1).
    no_charge = form == "split_states" and module.model is not stack.layout.model
    for index, (cell, degrees) in enumerate(zip(reading.cells, reading.cell_temperatures, strict=True)):
        row: list[tuple[object, int]] = [(index, 8), (cell, 8)]
        if form != "no_current":
            row.append((reading.current, 8))
        row += [(degrees, 8), (reading.base, 12)]
        row += [(reading.cell_volt_state, 12), (reading.curr_state, 12), (reading.cell_temp_state, 12)]
        row += [("Normal", 12)] * (len(states) - 3)
        text = _line(row)
        balancing = "Y" if index in reading.balancing else "N"
        if old:
            text += f"{reading.charge:>3}% {reading.remaining:>10} mAH"
        elif no_charge:
            text += f"{'-':<12}{'-':<15}{balancing}"
        elif form == "split_states":
            text += f"{f'{reading.charge}%':<12}{reading.remaining}        mAH {balancing}"
        else:
            text += f"{f'{reading.charge}%':<12}{f'{reading.remaining} mAH':<15}{balancing}"
        lines.append(text)
    return Reply(tuple(lines))


def info(stack: Stack, module: Module) -> Reply:
    """Return who a module is."""
    model = module.model
    rows = [
        ("Device address", module.slot),
        ("Manufacturer", model.maker),
        ("Device name", model.name),
        ("Board version", model.board_version),
        *([("Board", model.board)] if model.board else []),
        ("Main Soft version", model.main_soft),
        ("Soft  version", model.soft),
        ("Boot  version", model.boot),
        ("Comm version", "V2.0"),
        ("Release Date", model.released),
        *([] if "no_barcode" in stack.faults else [("Barcode", module.serial)]),
        None,
        ("Specification", f"48V/{module.capacity:.0f}AH"),
        ("Cell Number", model.cells),
        ("Max Dischg Curr", f"{model.most_discharge}mA"),
        ("Max Charge Curr", f"{model.most_charge}mA"),
        *([("EPONPort rate", 1200)] if model.link_rate else []),
        ("Console Port rate", 115200),
    ]
    return Reply(tuple("" if row is None else f"{row[0]:<20}: {row[1]}" for row in rows), "lines")


def stat(module: Module, reading: Reading) -> Reply:
    """Return what a module has counted."""
    random = module.first_cycles
    counters: dict[str, int] = {
        "Data Items": random * 3 + 7,
        "HisData Items": 1794,
        "MiscData Items": random * 11,
        "Charge Cnt.": 4000 + random,
        "Discharge Cnt.": 0,
        "Charge Times": module.charge_times,
        "Status Cnt.": 3999 + random,
        "Idle Times": 900 + 20 * random,
        **dict.fromkeys(("COC Times", "DOC Times"), 0),
        **(dict.fromkeys(NEWER_COUNTERS, 0) if module.model.health else {}),
        **dict.fromkeys(("COCA Times", "DOCA Times"), 0),
        "SC Times": random % 4,
        "Bat OV Times": random % 7,
        "Bat HV Times": random // 2,
        **dict.fromkeys(("Bat LV Times", "Bat UV Times", "Bat SLP Times"), 0),
        "Pwr OV Times": random % 5,
        "Pwr HV Times": random // 3,
        **dict.fromkeys(("Pwr LV Times", "Pwr UV Times", "Pwr SLP Times"), 0),
        **dict.fromkeys((f"{word} Times" for word in ("COT", "CUT", "DOT", "DUT", "CHT", "CLT", "DHT", "DLT")), 0),
        "Shut Times": random // 9,
        "Reset Times": random // 12,
        **dict.fromkeys(("RV Times", "Input OV Times", "SOH Times", "BMICERR Times"), 0),
        "CYCLE Times": reading.cycles,
        **({"SOH": reading.health} if module.model.health else {}),
        "Pwr Percent": reading.charge,
        "Pwr Coulomb": reading.remaining * 3600,
        "Dsg Cap": reading.discharged,
        **dict.fromkeys(("HT@0.5C Cnt", "LT@0.5C Cnt", "HT Cnt", "LT Cnt"), 0),
        "LV Cnt": random % 9,
        **dict.fromkeys(("LifeWarn Times", "LifeAlarm Times"), 0),
    }
    lines = [
        f"{'Device address':<16}{module.slot:>10}",
        *(f"{name:<16}: {count:>8}" for name, count in counters.items()),
    ]
    return Reply(tuple(lines))


def soh(module: Module, reading: Reading) -> Reply:
    """Return the health of the cells."""
    lines = [f"Power   {module.slot}", _line([("Battery", 10), ("Voltage", 10), ("SOHCount", 10), ("SOHStatus", 9)])]
    lines += [_line([(index, 10), (cell, 10), (0, 10), ("Normal", 9)]) for index, cell in enumerate(reading.cells)]
    return Reply(tuple(lines))


def getpwr(reading: Reading) -> Reply:
    """Return module and cells as records of fields that end with a number sign (reference section 6.8)."""
    states = (reading.volt_state, reading.curr_state, reading.temp_state)
    head = (reading.voltage, reading.current, reading.temperature, reading.remaining, reading.base, *states)
    cells = [
        (cell, degrees, reading.cell_volt_state, reading.cell_temp_state)
        for cell, degrees in zip(reading.cells, reading.cell_temperatures, strict=True)
    ]
    records = [head, *cells, (0,), (reading.cycles,)]
    return Reply(tuple("".join(f"{value}#" for value in record) for record in records), "lines")


def pwrsys(stack: Stack) -> Reply:
    """Return the totals of the stack and what it asks of its inverter (reference section 6.9)."""
    modules = stack.present
    readings = [stack.read(module) for module in modules]
    current = sum(reading.current for reading in readings)
    cells = [cell for reading in readings for cell in reading.cells]
    degrees = [value for reading in readings for value in reading.cell_temperatures]
    total = sum(reading.total * reading.health // 100 for reading in readings)
    left = sum(reading.remaining for reading in readings)
    # The stack's own figure follows its lowest module while it discharges.
    charges = [reading.charge for reading in readings]
    charge = min(charges) if current < 0 else round(100 * left / sum(reading.total for reading in readings))
    count = len(readings)
    charge_share, discharge_share = limits(readings[0])
    volts = modules[0].model.cells
    rows: list[tuple[str, object, str]] = [
        ("Total Num", len(stack.modules), ""),
        ("Present Num", count, ""),
        ("Sleep Num", sum(reading.base == "Sleep" for reading in readings), ""),
        ("System Volt", round(sum(reading.voltage for reading in readings) / count), "mV"),
        ("System Curr", current, "mA"),
        ("System RC", left, "mAH"),
        ("System FCC", total, "mAH"),
        ("System SOC", charge, "%"),
        ("System SOH", min(reading.health for reading in readings), "%"),
        ("Highest voltage", max(cells), "mV"),
        ("Average voltage", round(sum(cells) / len(cells)), "mV"),
        ("Lowest voltage", min(cells), "mV"),
        ("Highest temperature", max(degrees), "mC"),
        ("Average temperature", round(sum(degrees) / len(degrees)), "mC"),
        ("Lowest temperature", min(degrees), "mC"),
        ("Recommend chg voltage", 3550 * volts, "mV"),
        ("Recommend dsg voltage", 3066 * volts, "mV"),
        ("Recommend chg current", charge_share, "mA"),
        ("Recommend dsg current", discharge_share, "mA"),
    ]
    lines = [f" {name:<25}: {value!s:<9}{unit}".rstrip() for name, value, unit in rows]
    lines += [
        f" system Recommend chg voltage: {3550 * volts:<9}mV",
        f" system Recommend dsg voltage: {3066 * volts:<9}mV",
        f" system Recommend chg current: {charge_share * count:<9}mA",
        f" system Recommend dsg current: {discharge_share * count:<9}mA",
    ]
    doing = "charging" if current > 0 else "discharging" if current < 0 else "idle"
    title = " Power System Information"
    return Reply((title, " " + "-" * 33, f" System is {doing}", *lines), "lines")


def limits(reading: Reading) -> tuple[int, int]:
    """Return the charge and discharge current that one module allows, mA: half its rated charge in an hour."""
    share = reading.total // 2
    return (0 if reading.charge >= 100 else share), (0 if reading.charge <= 0 else -share)


def commands(model: Model) -> list[str]:
    """Return what `help` tells of the commands."""
    texts = {
        "bat": "Battery data show - bat [pwr][index]",
        "data": "History data load - data [event/history/misc][item]",
        "datalist": "Show recorded data - datalist [event/history/misc][item/bat][batnun][volt/curr/temp/coul][item]",
        "disp": "Display Info at regular intervals - disp [(pwrs pwrNo)/val]/[(bats batNo)/volt/curr/temp]",
        "getpwr": "Get power Info - getpwr",
        "help": "Help [cmd]",
        "info": "Device infomation - info",
        "log": "Log information show - log",
        "login": "Login Admin mode - login [password]",
        "logout": "user mode  - logout",
        "pwr": "Power data show - pwr [index]",
        "shut": "Shut down - shut",
        "soh": "State of health - soh [addr]",
        "stat": "Statistic data show - stat",
        "time": "Time - time [year] [month] [day] [hour] [minute] [second]",
        "trst": "Test Soft Reset - trst",
        **({"updata": "updata system - updata"} if not model.health else {}),
    }
    return [f"{name:<8} {text}" for name, text in texts.items()]
