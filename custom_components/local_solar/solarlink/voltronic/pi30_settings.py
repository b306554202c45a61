"""Settings, ratings, counters and lists of the PI30 dialects as fields (reference sections 6.3, 6.6, 6.8, 6.10)."""

from collections.abc import Callable
from datetime import datetime

from ..errors import BadAnswerError
from . import states
from .blocks import Block
from .fields import Fields, bits, flag, number, numbers, scaled, state, whole
from .manner import Manner
from .pi30_live import output_mode, wrong_shape

type Parser = Callable[[list[str], Manner], Fields]
"""Takes the fields of a reply apart; raises ``BadAnswerError`` for a reply of another shape."""


_RATINGS_NUMBERS = (
    "rated_input_voltage",
    "rated_input_current",
    "rated_output_voltage",
    "rated_output_frequency",
    "rated_output_current",
    "rated_apparent_power",
    "rated_power",
    "rated_battery_voltage",
    "recharge_voltage",
    "cutoff_voltage",
    "absorption_voltage",
    "float_voltage",
)


def ratings(parts: list[str], manner: Manner) -> Fields:
    """QPIRI: 25 to 28 fields, some units with extras (section 6.3)."""
    # The four voltages tell this reply from others of about the same length.
    if len(parts) < 25 or not all("." in part for part in parts[8:12]):
        raise wrong_shape(Block.RATINGS, f"{len(parts)} fields instead of 25 or more")
    fields = numbers(_RATINGS_NUMBERS, parts)
    fields |= {
        "battery_type": state(states.BATTERY_TYPES, parts[12]),
        "max_utility_charge_current": number(parts[13]),
        "max_charge_current": number(parts[14]),
        "input_voltage_range": state(states.INPUT_RANGES, parts[15]),
        "output_source_priority": state(states.OUTPUT_PRIORITY_MAPS[manner.output_map], parts[16]),
        "charger_source_priority": state(states.CHARGER_PRIORITY_MAPS[manner.charger_map], parts[17]),
        "parallel_max": number(parts[18]),
        "machine_type": state(states.MACHINE_TYPES, parts[19]),
        "topology": state(states.TOPOLOGIES, parts[20]),
        "output_mode": output_mode(parts[21], manner),
        "redischarge_voltage": number(parts[22]),
        "pv_ok_condition": state(states.PV_CONDITIONS, parts[23]),
        "solar_power_balance": flag(parts[24]),
    }
    extra = parts[25:]
    if extra and "." in extra[0]:
        # PowMr and Fronus append three numbers whose meaning nobody knows (section 6.3).
        return fields | {"ratings_extra": " ".join(extra)}
    if extra:
        fields["max_absorption_time"] = number(extra[0])
    if len(extra) > 1:
        fields["operation_logic"] = state(states.OPERATION_LOGICS, extra[1])
    if len(extra) > 2:
        fields["max_discharge_current"] = number(extra[2])
    if len(extra) > 3:
        fields["ratings_extra"] = " ".join(extra[3:])
    return fields


def flags(parts: list[str], manner: Manner) -> Fields:
    """``E`` and the letters that are on, ``D`` and those that are off; lower-case ``d`` is a flag (section 6.6)."""
    text = "".join(parts)
    if not text.startswith("E") or "D" not in text:
        raise wrong_shape(Block.FLAGS, "no E or no D")
    on, off = text[1:].split("D", 1)
    return {key: letter in on for letter, key in states.FLAG_LETTERS.items() if letter in on or letter in off}


def equalization(parts: list[str], manner: Manner) -> Fields:
    """QBEQI: 10 fields (section 6.8)."""
    if len(parts) < 9 or flag(parts[0]) is None:
        raise wrong_shape(Block.EQUALIZATION, f"{len(parts)} fields instead of 10")
    fields: Fields = {
        "equalization_enabled": flag(parts[0]),
        "equalization_time": number(parts[1]),
        "equalization_period": number(parts[2]),
        "equalization_max_current": number(parts[3]),
        "equalization_voltage": number(parts[5]),
        "equalization_timeout": number(parts[7]),
        "equalization_active": flag(parts[8]),
    }
    if len(parts) > 9:
        fields["equalization_elapsed"] = number(parts[9])
    return fields


def counter(key: str) -> Parser:
    """A parser for an energy counter in Wh (section 6.10)."""

    def read(parts: list[str], manner: Manner) -> Fields:
        if len(parts) != 1 or len(parts[0]) > 9 or whole(parts[0]) is None:
            raise BadAnswerError(device="The inverter", reason=f"{key}: no counter")
        return {key: scaled(parts[0], 0.001)}

    return read


def wall_clock(text: str) -> datetime | None:
    """The unit's clock, which has no time zone; ``None`` when it is not set."""
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S")  # noqa: DTZ007 - the zone is that of the machine, not known here
    except ValueError:
        return None


def clock(parts: list[str], manner: Manner) -> Fields:
    """QT: date and time of the unit."""
    if len(parts) != 1 or len(parts[0]) != 14 or whole(parts[0]) is None:
        raise wrong_shape(Block.CLOCK, "no date and time")
    return {"wall_clock": wall_clock(parts[0])}


def listed(key: str) -> Parser:
    """A parser for the list of currents that a setting takes."""

    def read(parts: list[str], manner: Manner) -> Fields:
        found = [each for each in map(number, parts) if each is not None]
        if not found:
            raise BadAnswerError(device="The inverter", reason=f"{key}: no list of currents")
        return {key: " ".join(f"{each:g}" for each in found)}

    return read


def told(key: str) -> Parser:
    """A parser that keeps the reply as it is."""

    def read(parts: list[str], manner: Manner) -> Fields:
        return {key: " ".join(parts)}

    return read


def firmware(key: str) -> Parser:
    """A parser for ``VERFW:`` and its relatives (section 5)."""

    def read(parts: list[str], manner: Manner) -> Fields:
        version = "".join(parts).partition(":")[2]
        if not version:
            raise BadAnswerError(device="The inverter", reason=f"{key}: no version")
        return {key: version}

    return read


def battery_control(parts: list[str], manner: Manner) -> Fields:
    """QBATCD: three digits (section 7.4)."""
    if len(parts) != 1 or bits(parts[0], 3) is None:
        raise wrong_shape(Block.BATTERY_CONTROL, "no three digits")
    return {"battery_control": states.BATTERY_CONTROLS.get(int(parts[0]))}


def cv_time(parts: list[str], manner: Manner) -> Fields:
    """QCVT: minutes, 255 for automatic (Plus Duo and Tri)."""
    minutes = number(parts[0]) if len(parts) == 1 else None
    # These units call the automatic time 255.
    return {"max_absorption_time": 0.0 if minutes == 255 else minutes}


def stages(parts: list[str], manner: Manner) -> Fields:
    """QCST: the charging stages (Plus Duo and Tri)."""
    return {"charging_stages": state(states.CHARGING_STAGES, "".join(parts))}


_DEFAULTS = (
    "rated_output_voltage",
    "rated_output_frequency",
    "max_utility_charge_current",
    "cutoff_voltage",
    "float_voltage",
    "absorption_voltage",
    "recharge_voltage",
    "max_charge_current",
)


def defaults(parts: list[str], manner: Manner) -> Fields:
    """The factory's settings; three chargers have the two currents the other way round (section 6.8)."""
    if len(parts) < 22:
        raise wrong_shape(Block.DEFAULTS, f"{len(parts)} fields instead of 25 or more")
    keys = list(_DEFAULTS)
    if len(parts) == 29:
        keys[2], keys[7] = keys[7], keys[2]
    fields = numbers(keys, parts)
    if len(parts) > 22:
        fields["redischarge_voltage"] = number(parts[22])
    return {f"default_{key}": value for key, value in fields.items()}
