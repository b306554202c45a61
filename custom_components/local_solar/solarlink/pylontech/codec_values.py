"""Replies made of names and values: ``info``, ``pwr N``, ``stat``, ``pwrsys``, ``time`` and ``log`` (section 6)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ..errors import HighVoltageStackError
from . import alarms, counters, states
from .blocks import Fields, Identity
from .codec import DEVICE, damaged, moment

_NUMBER = re.compile(r"(-?\d{1,12})(?:\s*(mV|mA|mC|mAH|mAS|mAs|s|%))?", re.IGNORECASE)
_HEX = re.compile(r"0x([0-9a-fA-F]{1,8})\b")
_MOMENT = re.compile(r"\b(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\b")
_LOG_MOMENT = "%y-%m-%d %H:%M:%S"
_SPECIFICATION = re.compile(r"(\d{1,4})V/(\d{1,4})AH", re.IGNORECASE)
MAS_PER_AH = 3.6e6
MOST_VOLTS = 60
"""Rated voltage above which a battery is no stack of 48 V modules."""

type Pairs = Mapping[str, str]


def pairs(lines: list[str]) -> Pairs:
    """Names and values of a reply; ``Device address 3`` and ``Power 3`` stand without a colon."""
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            match = re.fullmatch(r"(Device address|Power)\s+(\d{1,3})", line)
            if match is None:
                continue
            name, value = match[1], match[2]
        name, value = " ".join(name.split()), value.strip()
        # A second value means that two replies are mixed; only the barcode lists of a tower repeat their names.
        if found.get(name, value) != value and not value.startswith(":"):
            raise damaged("reply", f"two values of {name[:20]}")
        found[name] = value
    return found


def number(what: str, told: Pairs, name: str) -> int | None:
    """The whole number behind a name, ``None`` where the reply has no such line; raises ``BadAnswerError``."""
    if name not in told:
        return None
    match = _NUMBER.fullmatch(told[name])
    if match is None:
        raise damaged(what, f"'{told[name][:30]}' is no {name}")
    return int(match[1])


def _check_address(what: str, told: Pairs, name: str, slot: int) -> None:
    found = number(what, told, name)
    if slot and found != slot:
        raise damaged(what, f"the reply is of module {found}, not of {slot}")


def read_identity(lines: list[str], slot: int = 0) -> Identity:
    """Read ``info``; raises ``BadAnswerError``, and ``HighVoltageStackError`` for the master of a tower."""
    told = pairs(lines)
    address = number("info", told, "Device address")
    if address is None or "Device name" not in told:
        raise damaged("info", "the address or the name is missing")
    specification = told.get("Specification", "")
    rated = _SPECIFICATION.fullmatch(specification)
    if "PowerSupply Barcode" in told or (rated and int(rated[1]) > MOST_VOLTS):
        raise HighVoltageStackError(device=DEVICE)
    _check_address("info", told, "Device address", slot)
    charge = number("info", told, "Max Charge Curr")
    discharge = number("info", told, "Max Dischg Curr")
    cells = number("info", told, "Cell Number")
    serial = told.get("Barcode", "")
    if serial and not re.fullmatch(r"[\w.\-/]{4,32}", serial):
        raise damaged("info", f"'{serial[:40]}' is no serial number")
    fields: Fields = {
        "main_firmware": told.get("Main Soft version"),
        "boot_version": told.get("Boot version"),
        "communication_version": told.get("Comm version"),
        "board_version": told.get("Board version"),
        "release_date": told.get("Release Date"),
        "specification": specification or None,
        "cell_count": cells,
        "charge_current_limit": None if charge is None else charge / 1000.0,
        "discharge_current_limit": None if discharge is None else abs(discharge) / 1000.0,
    }
    return Identity(
        serial=serial,
        manufacturer="Pylontech" if told.get("Manufacturer", "Pylon").startswith("Pylon") else told["Manufacturer"],
        model=told["Device name"],
        firmware=" ".join(filter(None, (told.get("Main Soft version"), told.get("Soft version")))),
        hardware=told.get("Board version", ""),
        capacity=float(rated[2]) if rated else None,
        cells=cells,
        fields={key: value for key, value in fields.items() if value is not None},
    )


def read_detail(lines: list[str], slot: int = 0) -> Fields:
    """Read ``pwr N`` (section 6.2); raises ``BadAnswerError``."""
    told = pairs(lines)
    if "Basic Status" not in told or "Voltage" not in told:
        raise damaged("pwr N", "the voltage or the status is missing")
    _check_address("pwr N", told, "Power", slot)
    total, usable = _capacity(told, "Total Coulomb"), _capacity(told, "Real Coulomb")
    highest = number("pwr N", told, "Max Voltage")
    words = [_word(told, name) for name in ("Bat Events", "Power Events", "System Fault")]
    fields: Fields = {
        "total_capacity": total,
        "usable_capacity": usable,
        "highest_allowed_voltage": None if highest is None else highest / 1000.0,
        "state_duration": number("pwr N", told, "Charge Sec."),
    }
    if fields["state_duration"] is None:
        fields["state_duration"] = number("pwr N", told, "Discharge Sec.")
    if "Coul. Status" in told:
        fields["charge_level_state"] = states.word_of(states.CHARGE_LEVELS, told["Coul. Status"])
    if "Soh. Status" in told:
        fields["health_state"] = states.word_of(states.HEALTH_STATES, told["Soh. Status"])
    if "Heater Status" in told:
        fields["heater_on"] = told["Heater Status"].upper() == "ON"
    if words[1] is not None or words[2] is not None:
        active = alarms.of_words(words[1] or 0, words[2] or 0)
        fields["module_fault"] = bool(active)
        fields["module_events"] = alarms.listing(active)
        fields["module_event_words"] = " ".join(f"0x{word or 0:x}" for word in words)
    return {key: value for key, value in fields.items() if value is not None}


def _capacity(told: Pairs, name: str) -> float | None:
    """Ah; some makes count in ampere-seconds."""
    value = number("pwr N", told, name)
    if value is None:
        return None
    return value / (MAS_PER_AH if told[name].upper().endswith("MAS") else 1000.0)


def _word(told: Pairs, name: str) -> int | None:
    if name not in told:
        return None
    match = _HEX.match(told[name])
    if match is None:
        raise damaged("pwr N", f"'{told[name][:30]}' is no {name}")
    return int(match[1], 16)


def read_counters(lines: list[str], slot: int = 0) -> Fields:
    """Read ``stat N`` (section 6.4); raises ``BadAnswerError``."""
    told = pairs(lines)
    cycles = number("stat", told, "CYCLE Times")
    if cycles is None:
        raise damaged("stat", "the number of cycles is missing")
    _check_address("stat", told, "Device address", slot)
    health = number("stat", told, "SOH")
    remaining, discharged = number("stat", told, "Pwr Coulomb"), number("stat", told, "Dsg Cap")
    fields: Fields = {
        "cycles": cycles,
        "state_of_health": number("stat", told, "Sys SOH") if health is None else health,
        "remaining_capacity": None if remaining is None else round(remaining / MAS_PER_AH, 3),
        "discharged_charge": None if discharged is None else discharged / 1000.0,
    }
    for name, counter in counters.EVENTS.items():
        fields[counter.key] = number("stat", told, name)
    return {key: value for key, value in fields.items() if value is not None}


def read_system(lines: list[str]) -> Fields:
    """Read ``pwrsys`` (section 6.9); raises ``BadAnswerError``."""
    told = pairs(lines)
    if "System Volt" not in told or "System SOC" not in told:
        raise damaged("pwrsys", "the voltage or the state of charge is missing")
    charge = number("pwrsys", told, "System SOC")
    fields: Fields = {
        "system_state_of_charge": None if charge is None else float(min(charge, 100)),
        "state_of_health": number("pwrsys", told, "System SOH"),
    }
    for key, quantity in (
        ("charge_voltage_limit", "chg voltage"),
        ("discharge_voltage_limit", "dsg voltage"),
        ("charge_current_limit", "chg current"),
        ("discharge_current_limit", "dsg current"),
    ):
        # Only the second set of lines is for the whole stack.
        value = number("pwrsys", told, f"system Recommend {quantity}")
        if value is not None:
            fields[key] = abs(value) / 1000.0
    return {key: value for key, value in fields.items() if value is not None}


def read_time(lines: list[str]) -> datetime:
    """Read ``time``: the first moment in the reply (section 6.6); raises ``BadAnswerError``."""
    for line in lines:
        if match := _MOMENT.search(line):
            return moment("time", match[1])
    raise damaged("time", "no time in the reply")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One record of the log (section 6.7)."""

    index: int
    time: datetime
    module: str
    code: int
    text: str


def read_log(lines: list[str]) -> tuple[LogEntry, ...]:
    """Read ``log``, newest first; raises ``BadAnswerError``."""
    entries: list[LogEntry] = []
    record: dict[str, str] = {}
    for line in [*lines, "Index : end"]:
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            continue
        if name == "Index" and record:
            entries.append(_entry(record))
            record = {}
        if name in ("Index", "Time", "ModID", "Code", "Info"):
            record[name] = value
    return tuple(entries)


def _entry(record: Mapping[str, str]) -> LogEntry:
    try:
        return LogEntry(
            int(record["Index"]),
            moment("log", record["Time"], _LOG_MOMENT),
            record["ModID"],
            int(record["Code"], 16),
            record["Info"],
        )
    except (KeyError, ValueError) as err:
        raise damaged("log", f"record {record.get('Index', '?')[:8]} is not whole") from err
