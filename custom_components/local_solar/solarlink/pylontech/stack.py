"""The whole stack out of its modules: totals, weighted means and extremes (reference section 5). Pure."""

from collections.abc import Mapping

from . import alarms, states
from .blocks import Fields

_WHOLE = 100.0
_NEVER_MIXED = ("system_error",)


def _numbers(members: Mapping[int, Fields], key: str) -> list[float]:
    return [
        float(value)
        for fields in members.values()
        if isinstance(value := fields.get(key), int | float) and not isinstance(value, bool)
    ]


def totals(members: Mapping[int, Fields], capacities: Mapping[int, float]) -> Fields:
    """What the modules that are there make together, by slot; ``capacities`` are rated Ah by slot.

    The mean state of charge is weighted by capacity; where one capacity is not known, all modules count the same.
    """
    fields: Fields = {"modules_answering": len(members)}
    if not members:
        return fields
    fields |= _electric(members) | _charge(members, capacities) | _extremes(members)
    if all("active_alarms" in each for each in members.values()):
        active = active_by_slot(members)
        fields["battery_problem"] = bool(active)
        fields["active_alarms"] = alarms.listing([f"{slug} ({slot})" for slot, slug in active])
    return fields


def active_by_slot(members: Mapping[int, Fields]) -> dict[tuple[int, str], str]:
    """The alarms of all modules by slot and slug, each with the state that the module tells."""
    found: dict[tuple[int, str], str] = {}
    for slot, fields in sorted(members.items()):
        told = alarms.of_states(fields)
        for slug in alarms.listed(fields.get("active_alarms")):
            found[slot, slug] = told.get(slug, slug)
    return found


def _electric(members: Mapping[int, Fields]) -> Fields:
    voltages, currents = _numbers(members, "battery_voltage"), _numbers(members, "battery_current")
    powers = _numbers(members, "battery_power")
    if not len(voltages) == len(currents) == len(powers) == len(members):
        return {}
    # The modules are in parallel: their currents add up, their voltages are the same but for the cables.
    power, current = round(sum(powers), 3), round(sum(currents), 3)
    told = {str(fields.get("battery_state")) for fields in members.values()}
    mixed = "charging" if current > 0 else "discharging" if current < 0 else "idle"
    state = next((word for word in _NEVER_MIXED if word in told), told.pop() if len(told) == 1 else mixed)
    return {
        "battery_voltage": round(sum(voltages) / len(voltages), 3),
        "battery_current": current,
        "battery_power": power,
        "battery_state": state,
    }


def _charge(members: Mapping[int, Fields], capacities: Mapping[int, float]) -> Fields:
    shares = {
        slot: float(value)
        for slot, fields in members.items()
        if isinstance(value := fields.get("state_of_charge"), int | float)
    }
    if len(shares) != len(members):
        return {}
    weighted = all(capacities.get(slot) for slot in shares)
    weights = {slot: capacities[slot] if weighted else 1.0 for slot in shares}
    whole = sum(weights.values())
    filled = sum(share * weights[slot] for slot, share in shares.items())
    lowest = min(shares.values())
    fields: Fields = {
        "state_of_charge": round(filled / whole, 1),
        "lowest_state_of_charge": lowest,
        "highest_state_of_charge": max(shares.values()),
        "weakest_module": min(slot for slot, share in shares.items() if share == lowest),
    }
    if weighted:
        fields["total_capacity"] = round(whole, 3)
        fields["remaining_capacity"] = round(filled / _WHOLE, 3)
    return fields


def _extremes(members: Mapping[int, Fields]) -> Fields:
    fields: Fields = {}
    for key, source, pick in (
        ("highest_temperature", "battery_temperature", max),
        ("lowest_temperature", "battery_temperature", min),
        ("highest_cell_temperature", "highest_cell_temperature", max),
        ("lowest_cell_temperature", "lowest_cell_temperature", min),
        ("highest_cell_voltage", "highest_cell_voltage", max),
        ("lowest_cell_voltage", "lowest_cell_voltage", min),
    ):
        if found := _numbers(members, source):
            fields[key] = pick(found)
    # Cells of different modules are not in series, so only the spread within a module tells of balance.
    if spreads := _numbers(members, "cell_voltage_spread"):
        fields["cell_voltage_spread"] = max(spreads)
        fields["cell_balance"] = states.balance(max(spreads))
    return fields
