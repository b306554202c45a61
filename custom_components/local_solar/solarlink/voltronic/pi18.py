"""Replies of the PI18 dialect as fields of the point table (reference section 9)."""

from collections.abc import Callable, Mapping, Sequence

from ..errors import BadAnswerError
from . import states
from .alarms import FAULT_CODES
from .blocks import Block
from .fields import Fields, flag, number, product, scaled, signed, state, whole
from .manner import Manner
from .pi30_live import charge_source, grid_present, wrong_shape
from .pi30_settings import clock, listed
from .warnings import warning_list

_TENTH = 0.1

type Parser = Callable[[list[str], Manner], Fields]


def _scaled(keys: Mapping[int, tuple[str, float]], parts: Sequence[str]) -> Fields:
    return {key: scaled(parts[index], factor) for index, (key, factor) in keys.items() if index < len(parts)}


_STATUS = {
    0: ("ac_input_voltage", _TENTH),
    1: ("ac_input_frequency", _TENTH),
    2: ("ac_output_voltage", _TENTH),
    3: ("ac_output_frequency", _TENTH),
    4: ("ac_output_apparent_power", 1.0),
    5: ("ac_output_power", 1.0),
    6: ("load_percent", 1.0),
    7: ("battery_voltage", _TENTH),
    10: ("battery_discharge_current", 1.0),
    11: ("battery_charge_current", 1.0),
    12: ("state_of_charge", 1.0),
    13: ("heatsink_temperature", 1.0),
    16: ("pv1_power", 1.0),
    17: ("pv2_power", 1.0),
    18: ("pv1_voltage", _TENTH),
    19: ("pv2_voltage", _TENTH),
    27: ("parallel_id", 1.0),
}


def _directions(charger_1: str, charger_2: str, load: str, battery: str, dc_ac: str, line: str) -> Fields:
    solar = "2" in (charger_1, charger_2)
    # With the battery charging and power flowing from AC to DC, the grid has a part in it.
    utility = dc_ac == "1"
    return {
        "mppt1_status": state(states.CHARGER_STATUS, charger_1),
        "mppt2_status": state(states.CHARGER_STATUS, charger_2),
        "load_on": flag(load),
        "battery_direction": state(states.BATTERY_DIRECTIONS, battery),
        "dc_ac_direction": state(states.DC_AC_DIRECTIONS, dc_ac),
        "line_direction": state(states.LINE_DIRECTIONS, line),
        "charging": battery == "1",
        "solar_charging": solar,
        "utility_charging": utility,
        "charge_source": charge_source(solar, utility),
        "feed_in_active": line == "2",
    }


def _battery(charging: str, discharging: str, voltage: str) -> Fields:
    inward, outward = number(charging), number(discharging)
    return {
        "battery_current": signed(inward, outward),
        "battery_power": product(signed(outward, inward), scaled(voltage, _TENTH)),
    }


def _status(parts: list[str], manner: Manner) -> Fields:
    if len(parts) < 27:
        raise wrong_shape(Block.STATUS, f"{len(parts)} fields instead of 28")
    return (
        _scaled(_STATUS, parts)
        | _battery(parts[11], parts[10], parts[7])
        | _directions(*parts[21:27])
        | {
            # 0 means that the charger does not tell.
            "scc_battery_voltage": scaled(parts[8], _TENTH) or None,
            "scc2_battery_voltage": scaled(parts[9], _TENTH) or None,
            "mppt1_temperature": number(parts[14]) or None,
            "mppt2_temperature": number(parts[15]) or None,
            "configuration_changed": flag(parts[20]),
            "grid_present": grid_present(scaled(parts[0], _TENTH), scaled(parts[1], _TENTH)),
        }
    )


_RATINGS = {
    0: ("rated_input_voltage", _TENTH),
    1: ("rated_input_current", _TENTH),
    2: ("rated_output_voltage", _TENTH),
    3: ("rated_output_frequency", _TENTH),
    4: ("rated_output_current", _TENTH),
    5: ("rated_apparent_power", 1.0),
    6: ("rated_power", 1.0),
    7: ("rated_battery_voltage", _TENTH),
    8: ("recharge_voltage", _TENTH),
    9: ("redischarge_voltage", _TENTH),
    10: ("cutoff_voltage", _TENTH),
    11: ("absorption_voltage", _TENTH),
    12: ("float_voltage", _TENTH),
    14: ("max_utility_charge_current", 1.0),
    15: ("max_charge_current", 1.0),
    19: ("parallel_max", 1.0),
    24: ("mppt_strings", 1.0),
}


def _ratings(parts: list[str], manner: Manner) -> Fields:
    if len(parts) < 24:
        raise wrong_shape(Block.RATINGS, f"{len(parts)} fields instead of 25 or more")
    fields = _scaled(_RATINGS, parts) | {
        "battery_type": state(states.BATTERY_TYPES, parts[13]),
        "input_voltage_range": state(states.INPUT_RANGES, parts[16]),
        "output_source_priority": state(states.PI18_OUTPUT_PRIORITIES, parts[17]),
        "charger_source_priority": state(states.CHARGER_PRIORITY_MAPS[states.PriorityMap.SHIFTED], parts[18]),
        "machine_type": _machine(parts[20]),
        "topology": state(states.TOPOLOGIES, parts[21]),
        "output_mode": state(states.OUTPUT_MODES, parts[22]),
        "solar_power_priority": state(states.PV_ORDERS, parts[23]),
    }
    if len(parts) > 25:
        fields["ratings_extra"] = " ".join(parts[25:])
    return fields


def _machine(text: str) -> str | None:
    """The type, which PI18 numbers the other way round."""
    return state(states.PI18_MACHINE_TYPES, text)


def _mode(parts: list[str], manner: Manner) -> Fields:
    code = whole(parts[0]) if len(parts) == 1 else None
    if code is None or len(parts[0]) != 2:
        raise wrong_shape(Block.MODE, "no two digits")
    return {"inverter_mode": states.MODES.get(code)}


def _warnings(parts: list[str], manner: Manner) -> Fields:
    if len(parts) < 17:
        raise wrong_shape(Block.WARNINGS, f"{len(parts)} fields instead of 17 or more")
    return warning_list(parts)


def _flags(parts: list[str], manner: Manner) -> Fields:
    if len(parts) < len(states.PI18_FLAGS) or any(flag(each) is None for each in parts[: len(states.PI18_FLAGS)]):
        raise wrong_shape(Block.FLAGS, "no list of flags")
    return {key: flag(part) for key, part in zip(states.PI18_FLAGS, parts, strict=False)}


def _counter(key: str) -> Parser:
    def read(parts: list[str], manner: Manner) -> Fields:
        if len(parts) != 1 or whole(parts[0]) is None:
            raise BadAnswerError(device="The inverter", reason=f"{key}: no counter")
        return {key: scaled(parts[0], manner.energy_factor)}

    return read


def _told(key: str) -> Parser:
    def read(parts: list[str], manner: Manner) -> Fields:
        return {key: ", ".join(parts)}

    return read


def _firmware(parts: list[str], manner: Manner) -> Fields:
    return {"firmware": parts[0], "charger_firmware": ", ".join(parts[1:])}


_PARALLEL = {
    3: ("ac_input_voltage", _TENTH),
    4: ("ac_input_frequency", _TENTH),
    5: ("ac_output_voltage", _TENTH),
    6: ("ac_output_frequency", _TENTH),
    7: ("ac_output_apparent_power", 1.0),
    8: ("ac_output_power", 1.0),
    9: ("group_apparent_power", 1.0),
    10: ("group_output_power", 1.0),
    11: ("load_percent", 1.0),
    12: ("group_load_percent", 1.0),
    13: ("battery_voltage", _TENTH),
    14: ("battery_discharge_current", 1.0),
    15: ("battery_charge_current", 1.0),
    16: ("group_charge_current", 1.0),
    17: ("state_of_charge", 1.0),
    18: ("pv1_power", 1.0),
    19: ("pv2_power", 1.0),
    20: ("pv1_voltage", _TENTH),
    21: ("pv2_voltage", _TENTH),
    28: ("highest_temperature", 1.0),
}


def _parallel(parts: list[str], manner: Manner) -> Fields:
    if len(parts) < 28:
        raise wrong_shape(Block.PARALLEL, f"{len(parts)} fields instead of 29")
    mode, code = whole(parts[1]), whole(parts[2])
    return (
        _scaled(_PARALLEL, parts)
        | _battery(parts[15], parts[14], parts[13])
        | _directions(*parts[22:28])
        | {
            "member_present": flag(parts[0]),
            "inverter_mode": None if mode is None else states.MODES.get(mode),
            "fault_code": None if code is None else FAULT_CODES.get(code),
            "fault": None if code is None else code != 0,
            "grid_present": grid_present(scaled(parts[3], _TENTH), scaled(parts[4], _TENTH)),
            "pv_power": _sum(number(parts[18]), number(parts[19])),
        }
    )


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None else first + (second or 0.0)


def _parallel_ratings(parts: list[str], manner: Manner) -> Fields:
    if len(parts) < 7:
        raise wrong_shape(Block.PARALLEL_RATINGS, f"{len(parts)} fields instead of 7")
    length = whole(parts[1])
    return {
        "member_present": flag(parts[0]),
        "member_serial": parts[2] if length is None else parts[2][:length],
        "charger_source_priority": state(states.CHARGER_PRIORITY_MAPS[states.PriorityMap.SHIFTED], parts[3]),
        "max_charge_current": number(parts[4]),
        "max_utility_charge_current": number(parts[5]),
        "output_mode": state(states.OUTPUT_MODES, parts[6]),
    }


_DEFAULTS = {
    0: ("rated_output_voltage", _TENTH),
    1: ("rated_output_frequency", _TENTH),
    3: ("cutoff_voltage", _TENTH),
    4: ("float_voltage", _TENTH),
    5: ("absorption_voltage", _TENTH),
    6: ("recharge_voltage", _TENTH),
    7: ("redischarge_voltage", _TENTH),
    8: ("max_charge_current", 1.0),
    9: ("max_utility_charge_current", 1.0),
}


def _defaults(parts: list[str], manner: Manner) -> Fields:
    return {f"default_{key}": value for key, value in _scaled(_DEFAULTS, parts).items()}


PARSERS: Mapping[Block, Parser] = {
    Block.STATUS: _status,
    Block.MODE: _mode,
    Block.RATINGS: _ratings,
    Block.FLAGS: _flags,
    Block.WARNINGS: _warnings,
    Block.PARALLEL: _parallel,
    Block.PARALLEL_RATINGS: _parallel_ratings,
    Block.PV_TOTAL: _counter("pv_energy_total"),
    Block.PV_DAY: _counter("pv_energy_today"),
    Block.PV_MONTH: _counter("pv_energy_month"),
    Block.PV_YEAR: _counter("pv_energy_year"),
    Block.CLOCK: clock,
    Block.CHARGE_WINDOW: _told("charge_window"),
    Block.SUPPLY_WINDOW: _told("supply_window"),
    Block.DEFAULTS: _defaults,
    Block.CHARGE_CURRENTS: listed("charge_currents"),
    Block.UTILITY_CURRENTS: listed("utility_currents"),
    Block.FIRMWARE: _firmware,
}
"""How each reply is read."""


def parse(block: Block, payload: str, manner: Manner) -> Fields:
    """The fields of one reply; raises ``BadAnswerError`` when it is not of the shape that this request has."""
    if len(payload) < 4 or payload[0] != "D" or not payload[1:4].isdecimal():
        raise wrong_shape(block, "no data reply")
    return PARSERS[block]([part.strip() for part in payload[4:].split(",")], manner)
