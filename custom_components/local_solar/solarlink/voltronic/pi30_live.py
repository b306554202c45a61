"""Live replies of the PI30 dialects as fields of the point table (reference sections 6.1, 6.2, 6.4, 6.5, 6.7, 6.9)."""

from ..errors import BadAnswerError
from . import states
from .alarms import FAULT_CODES
from .blocks import Block, Dialect
from .fields import Fields, bits, flag, number, numbers, product, scaled, signed, state, whole
from .manner import Manner
from .warnings import warning_word

CHARGER_TIMES_FROM = 72.70
"""Firmware from which the first two fields of Q1 are the seconds that are left (section 6.9)."""


def wrong_shape(block: Block, reason: str) -> BadAnswerError:
    """The error for a good frame that is no reply to this request."""
    return BadAnswerError(device="The inverter", reason=f"{block.value}: {reason}")


_STATUS_NUMBERS = (
    "ac_input_voltage",
    "ac_input_frequency",
    "ac_output_voltage",
    "ac_output_frequency",
    "ac_output_apparent_power",
    "ac_output_power",
    "load_percent",
    "bus_voltage",
    "battery_voltage",
    "battery_charge_current",
    "state_of_charge",
    "",
    "pv1_current",
    "pv1_voltage",
    "",
    "battery_discharge_current",
)


def grid_present(voltage: float | None, frequency: float | None) -> bool | None:
    """Whether there is a grid: more than 50 V and more than 10 Hz (section 11)."""
    return None if voltage is None or frequency is None else voltage > 50.0 and frequency > 10.0


def charge_source(solar: bool, utility: bool) -> str:
    """What charges the battery."""
    return states.CHARGE_SOURCES[solar + 2 * utility]


def status(parts: list[str], manner: Manner) -> Fields:
    """QPIGS: 17, 21 or 24 fields (section 6.1)."""
    if len(parts) < 17:
        raise wrong_shape(Block.STATUS, f"{len(parts)} fields instead of 17 or more")
    fields = numbers(_STATUS_NUMBERS, parts)
    voltage = number(parts[8])
    fields["scc_battery_voltage"] = number(parts[14]) or None
    fields |= _heatsink(number(parts[11]), manner)
    fields["grid_present"] = grid_present(number(parts[0]), number(parts[1]))
    # Positive while charging; the power the other way round, as the energy dashboard wants it.
    charging, discharging = number(parts[9]), number(parts[15])
    fields["battery_current"] = signed(charging, discharging)
    fields["battery_power"] = product(signed(discharging, charging), voltage)
    fields |= _split_status_bits(parts[16]) if manner.dialect is Dialect.PI41 else _status_bits(parts[16], charging)
    if len(parts) >= 21:
        fields["fan_voltage_offset"] = scaled(parts[17], 0.01)
        fields["eeprom_version"] = parts[18]
        floating, on, kit = bits(parts[20], 3) or (None, None, None)
        fields |= {"float_charging": floating, "switched_on": on, "dust_proof_kit": kit}
    fields["pv1_power"] = _pv_power(parts)
    if len(parts) >= 24:
        fields["feed_in_active"] = flag(parts[21])
        fields["grid_regulation"] = state(states.GRID_REGULATIONS, parts[22])
        fields["feed_in_power"] = number(parts[23])
    if manner.dialect is Dialect.PI41:
        # Beside the sum of both phases the first one has its own place.
        fields["l1_ac_output_power"] = fields["ac_output_power"]
        fields["l1_ac_output_apparent_power"] = fields["ac_output_apparent_power"]
    return fields


def _pv_power(parts: list[str]) -> float | None:
    """Power of the first tracker (section 6.1): told, or from panel current, or from the charger's current."""
    if len(parts) >= 20:
        return number(parts[19])
    current = number(parts[12])
    if "." in parts[12]:
        return product(current, number(parts[13]))
    return product(current, number(parts[14]) or number(parts[8]))


def _heatsink(value: float | None, manner: Manner) -> Fields:
    if manner.heatsink_degrees:
        return {"heatsink_temperature": value if value is not None and value <= 120 else None}
    return {"heatsink_raw": value}


def _status_bits(text: str, charging: float | None) -> Fields:
    read = bits(text, 8)
    if read is None:
        raise wrong_shape(Block.STATUS, "no status bits")
    source, changed, updated, load, steady, charges, solar, utility = read
    return {
        "load_fed_by_source": source,
        "configuration_changed": changed,
        "charger_firmware_updated": updated,
        "load_on": load,
        "battery_voltage_steady": steady,
        "charging": charges or bool(charging),
        "solar_charging": solar,
        "utility_charging": utility,
        "charge_source": charge_source(solar, utility),
    }


def _split_status_bits(text: str) -> Fields:
    """The bits of a split-phase unit, and of any unit of a parallel group, mean something else."""
    read = bits(text, 8)
    if read is None:
        raise wrong_shape(Block.STATUS, "no status bits")
    scc_ok, utility, solar, _, _, lost, load, changed = read
    return {
        "scc_ok": scc_ok,
        "utility_charging": utility,
        "solar_charging": solar,
        "charging": utility or solar,
        "charge_source": charge_source(solar, utility),
        "battery_status": states.BATTERY_STATUS.get(int(text[3:5], 2)),
        "grid_present": not lost,
        "load_on": load,
        "configuration_changed": changed,
    }


def second(parts: list[str], manner: Manner) -> Fields:
    """QPIGS2 in its three shapes (section 6.2)."""
    match len(parts):
        case 3:
            return numbers(("pv2_current", "pv2_voltage", "pv2_power"), parts)
        case 11:
            return _second_phase(parts)
        case 12:
            return _three_chargers(parts)
    raise wrong_shape(Block.SECOND, f"{len(parts)} fields instead of 3, 11 or 12")


def _second_phase(parts: list[str]) -> Fields:
    fields = numbers(
        (
            "l2_ac_input_voltage",
            "l2_ac_input_frequency",
            "l2_ac_output_voltage",
            "l2_ac_output_frequency",
            "l2_ac_output_apparent_power",
            "l2_ac_output_power",
            "l2_load_percent",
            "pv2_current",
            "pv2_voltage",
            "l2_battery_voltage",
        ),
        parts,
    )
    # The second charger tells the current on its battery side.
    fields["pv2_power"] = product(number(parts[7]), number(parts[9]))
    return fields | _second_phase_bits(parts[10])


def _second_phase_bits(text: str) -> Fields:
    read = bits(text, 8)
    if read is None:
        raise wrong_shape(Block.SECOND, "no status bits")
    return {
        "scc2_ok": read[0],
        "l2_utility_charging": read[1],
        "scc2_charging": read[2],
        "l2_grid_present": not read[5],
        "l2_load_on": read[6],
    }


def _three_chargers(parts: list[str]) -> Fields:
    fields = numbers(
        (
            "pv2_current",
            "pv2_voltage",
            "",
            "pv2_power",
            "",
            "ac_charge_current",
            "ac_charge_power",
            "pv3_current",
            "pv3_voltage",
            "",
            "pv3_power",
            "pv_total_power",
        ),
        parts,
    )
    fields["scc2_battery_voltage"] = number(parts[2]) or None
    fields["scc3_battery_voltage"] = number(parts[9]) or None
    charging = bits(parts[4], 8)
    fields["scc2_charging"] = charging[0] if charging else None
    fields["scc3_charging"] = charging[1] if charging else None
    return fields


def mode(parts: list[str], manner: Manner) -> Fields:
    """QMOD: one letter (section 6.4); the slug of an unknown one is unknown."""
    if len(parts) != 1 or len(parts[0]) != 1 or not parts[0].isalpha():
        raise wrong_shape(Block.MODE, "no single letter")
    return {"inverter_mode": states.MODES.get(ord(parts[0]))}


def warnings(parts: list[str], manner: Manner) -> Fields:
    """QPIWS: 32, 36 or 38 digits (section 6.5)."""
    if len(parts) != 1 or not parts[0].isdecimal() or len(parts[0]) < 30:
        raise wrong_shape(Block.WARNINGS, "no warning word")
    return warning_word(parts[0], manner)


_CHARGER_NUMBERS = {
    4: "charge_average_current",
    5: "scc_temperature",
    6: "inverter_temperature",
    7: "battery_side_temperature",
    8: "transformer_temperature",
    12: "fan_speed",
    13: "scc_charge_power",
    15: "sync_frequency",
}


def charger(parts: list[str], manner: Manner) -> Fields:
    """Section 6.9: 17 fields, 27 with ten more behind, 18 on the VMII; of another count nothing is known."""
    if len(parts) == 18:
        keys = ("scc_temperature", "inverter_temperature", "battery_side_temperature", "transformer_temperature")
        return numbers(keys, parts[8:12]) | {"charge_stage": state(states.CHARGE_STAGES, parts[17])}
    if len(parts) not in (17, 27):
        return {}
    fields: Fields = {key: number(parts[index]) for index, key in _CHARGER_NUMBERS.items()}
    if manner.firmware is not None and manner.firmware >= CHARGER_TIMES_FROM:
        fields |= numbers(("absorption_remaining", "float_remaining"), parts)
    return fields | {
        "scc_communicating": flag(parts[2][-1:]),
        "scc_allowed": flag(parts[3][-1:]),
        "parallel_role": state(states.PARALLEL_ROLES, parts[9]),
        "fan_blocked": flag(parts[10][-1:]),
        "parallel_warning": parts[14],
        "charge_stage": state(states.CHARGE_STAGES, parts[16]),
    }


def bms(parts: list[str], manner: Manner) -> Fields:
    """QBMS: ten fields with a known meaning, else kept as they are; some units only say ACK."""
    if parts in (["ACK"], []):
        return {}
    if len(parts) != 10:
        return {"bms_raw": " ".join(parts)}
    disconnected = flag(parts[0])
    return {
        "bms_connected": None if disconnected is None else not disconnected,
        "bms_state_of_charge": number(parts[1]),
        "bms_force_ac_charge": flag(parts[2]),
        "bms_stop_discharge": flag(parts[3]),
        "bms_stop_charge": flag(parts[4]),
        "bms_charge_voltage": scaled(parts[5], 0.1),
        "bms_float_voltage": scaled(parts[6], 0.1),
        "bms_cutoff_voltage": scaled(parts[7], 0.1),
        "bms_max_charge_current": number(parts[8]),
        "bms_max_discharge_current": number(parts[9]),
    }


_PARALLEL_NUMBERS = {
    4: "ac_input_voltage",
    5: "ac_input_frequency",
    6: "ac_output_voltage",
    7: "ac_output_frequency",
    8: "ac_output_apparent_power",
    9: "ac_output_power",
    10: "load_percent",
    11: "battery_voltage",
    12: "battery_charge_current",
    13: "state_of_charge",
    14: "pv1_voltage",
    15: "group_charge_current",
    16: "group_apparent_power",
    17: "group_output_power",
    18: "group_load_percent",
    22: "max_charge_current",
    23: "max_charge_range",
    24: "max_utility_charge_current",
    25: "pv1_current",
    26: "battery_discharge_current",
    27: "pv2_voltage",
    28: "pv2_current",
}


def parallel(parts: list[str], manner: Manner) -> Fields:
    """QPGSn: one unit of a group, 27 or 29 fields (section 6.7)."""
    if len(parts) < 27 or len(parts[1]) < 10:
        raise wrong_shape(Block.PARALLEL, f"{len(parts)} fields instead of 27 or 29")
    fields: Fields = {key: number(parts[index]) for index, key in _PARALLEL_NUMBERS.items() if index < len(parts)}
    charging, discharging, voltage = number(parts[12]), number(parts[26]), number(parts[11])
    code = whole(parts[3])
    return (
        _split_status_bits(parts[19])
        | fields
        | {
            "member_present": flag(parts[0]),
            "member_serial": parts[1],
            "inverter_mode": states.MODES.get(ord(parts[2])) if len(parts[2]) == 1 else None,
            "fault_code": None if code is None else FAULT_CODES.get(code),
            "fault": None if code is None else code != 0,
            "output_mode": output_mode(parts[20], manner),
            "charger_source_priority": state(states.CHARGER_PRIORITY_MAPS[manner.charger_map], parts[21]),
            "battery_current": signed(charging, discharging),
            "battery_power": product(signed(discharging, charging), voltage),
        }
    )


def parallel_second(parts: list[str], manner: Manner) -> Fields:
    """QP2GSn: the other trackers or the second phase of a unit of a group."""
    match len(parts):
        case 9:
            keys = ("", "pv1_power", "pv2_voltage", "pv2_current", "pv2_power", "pv3_voltage", "pv3_current")
            fields = numbers((*keys, "pv3_power"), parts)
            powers = [number(parts[index]) for index in (1, 4, 7)]
            return fields | {"pv_power": sum(each for each in powers if each is not None)}
        case 17:
            keys = ("", "", "", "", "l2_ac_input_voltage", "l2_ac_input_frequency", "l2_ac_output_voltage")
            more = ("l2_ac_output_frequency", "l2_ac_output_apparent_power", "l2_ac_output_power", "l2_load_percent")
            last = ("l2_battery_voltage", "", "", "pv2_voltage", "pv2_current")
            fields = numbers((*keys, *more, *last), parts)
            fields["member_serial"] = parts[1]
            return fields | _second_phase_bits(parts[16])
    raise wrong_shape(Block.PARALLEL_SECOND, f"{len(parts)} fields instead of 9 or 17")


def parallel_feed(parts: list[str], manner: Manner) -> Fields:
    """Q2PGSn: what a unit of a group feeds in."""
    if len(parts) < 4:
        raise wrong_shape(Block.PARALLEL_FEED, f"{len(parts)} fields instead of 4")
    return {"pv_power": number(parts[1]), "feed_in_active": flag(parts[2][-1:]), "feed_in_power": number(parts[3])}


def output_mode(text: str, manner: Manner) -> str | None:
    """The output mode; split-phase units number theirs differently (section 6.3)."""
    code = whole(text)
    if manner.dialect is Dialect.PI41 and code is not None:
        code = states.PI41_OUTPUT_MODES.get(code)
    return None if code is None else states.OUTPUT_MODES.get(code)
