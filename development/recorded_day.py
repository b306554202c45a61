"""A day of a simulated house with a Conext XW, two MPPT 60 and a Pylontech stack, as Home Assistant records it.

The tables are made from the recorder's own models, and the names of the entities from the tables of points, so that a
query for a name that does not exist finds nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from homeassistant.components.recorder.db_schema import Base, States, StatesMeta, Statistics, StatisticsMeta
from homeassistant.components.recorder.models import StatisticMeanType
from homeassistant.util import slugify
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from custom_components.local_solar.descriptions import platform_of
from custom_components.local_solar.solarlink.family import load_family
from custom_components.local_solar.solarlink.points import Counting, Point, Quantity
from simulators.house import House

STEP = 300.0
"""Seconds between two records of an entity."""
DAYS = 3
"""Days of statistics; states are kept of the last."""
DEVICES: Mapping[str, tuple[str, str]] = {
    "XW 8548": ("conext", "xw"),
    "MPPT 60": ("conext", "mppt60"),
    "MPPT 60 2": ("conext", "mppt60"),
    "Pylontech stack": ("pylontech", "stack"),
    "Module 1": ("pylontech", "module"),
    "Module 2": ("pylontech", "module"),
}
"""Name of a device to its family and kind."""
HOUR = 3600.0


@dataclass
class Entity:
    """One entity of a device."""

    entity_id: str
    point: Point[Any]
    hours: list[list[float]] = field(default_factory=list)
    """Every number of each hour."""


def entities() -> list[Entity]:
    """Every entity of the devices, those that are off from the start as well."""
    found: list[Entity] = []
    for name, (family, kind) in DEVICES.items():
        for point in load_family(family).points:
            platform = platform_of(point) if point.unit_kind == kind else None
            if platform is not None and point.quantity is not Quantity.EVENT:
                found.append(Entity(f"{platform}.{slugify(f'{name} {point.name}')}", point))
    return found


def _values(house: House) -> Mapping[str, Callable[[], float]]:
    """What the house has for points of that key; everything else stands still."""
    battery, counters = house.battery, house.counters
    return {
        "state_of_charge": lambda: battery.soc,
        "lowest_state_of_charge": lambda: max(0.0, battery.soc - 2.0),
        "battery_voltage": lambda: battery.voltage,
        "battery_current": lambda: -battery.current,
        "battery_power": lambda: battery.power,
        "battery_temperature": lambda: battery.temperature,
        "lowest_cell_voltage": lambda: battery.voltage / 16 - 0.004,
        "highest_cell_voltage": lambda: battery.voltage / 16 + 0.004,
        "grid_power": lambda: house.grid.power,
        "grid_voltage": lambda: house.grid.voltage,
        "grid_frequency": lambda: house.grid.frequency,
        "load_power": lambda: house.load_power,
        "load_voltage": lambda: house.grid.voltage,
        "load_frequency": lambda: house.output_frequency,
        "pv_power": lambda: house.solar_power / 2,
        "output_power": lambda: house.solar_power * 0.49,
        "grid_current": lambda: house.grid.power / house.grid.voltage,
        "load_current": lambda: house.load_power / house.grid.voltage,
        "invert_dc_power": lambda: max(0.0, house.inverter_output) / 0.95,
        "invert_dc_current": lambda: max(0.0, house.inverter_output) / 0.95 / battery.voltage,
        "pv_voltage": lambda: 95.0 if house.solar_power > 0 else 0.0,
        "pv_current": lambda: house.solar_power / 2 / 95.0,
        "output_voltage": lambda: battery.voltage,
        "output_current": lambda: house.solar_power * 0.49 / battery.voltage,
        "grid_import_energy": lambda: counters.grid_import.total,
        "grid_export_energy": lambda: counters.grid_export.total,
        "load_energy": lambda: counters.load.total,
        "battery_energy_in": lambda: counters.battery_charge.total,
        "battery_energy_out": lambda: counters.battery_discharge.total,
        "pv_energy": lambda: counters.solar.total / 2,
    }


def _state(point: Point[Any], value: float | None, house: House) -> str:
    """How Home Assistant writes the value of a point."""
    if point.key == "load_shave":
        return "on" if house.battery.soc > 60.0 else "off"
    if value is not None:
        return f"{value:.3f}"
    match point.quantity:
        case Quantity.STATE:
            return next(iter(point.options.values()))
        case Quantity.FLAG | Quantity.PROBLEM:
            return "off"
        case Quantity.TEXT:
            return "none"
        case Quantity.TIME_OF_DAY:
            return "00:00:00"
        case Quantity.TIMESTAMP:
            return house.now.replace(tzinfo=UTC).isoformat()
    return "0"


def _times() -> Iterator[float]:
    """Moments of the recorded days, whole hours first; the last one is the present."""
    begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    for number in range(int(DAYS * 24 * HOUR / STEP)):
        yield begin.timestamp() + number * STEP


def record(engine: Engine) -> tuple[int, int]:
    """Make the recorder's tables and fill them; returns the numbers of states and of statistics."""
    Base.metadata.create_all(engine)
    house = House(7, speed=0.0, start=datetime(2026, 6, 15))  # noqa: DTZ001 - a wall clock has no zone
    house.battery.capacity = 200.0
    known, values = entities(), _values(house)
    with Session(engine) as session:
        metas = [StatesMeta(entity_id=entity.entity_id) for entity in known]
        session.add_all(metas)
        session.flush()
        states: list[States] = []
        times = list(_times())
        for at in times:
            house.advance(STEP)
            for entity, meta in zip(known, metas, strict=True):
                make = values.get(entity.point.key)
                value = make() if make else None
                if int((at - times[0]) // HOUR) >= len(entity.hours):
                    entity.hours.append([])
                if value is not None:
                    entity.hours[-1].append(value)
                # What does not move is written once, as the recorder does.
                moves = make is not None or entity.point.key == "load_shave"
                if at >= times[-1] - 24 * HOUR and (moves or at < times[-1] - 24 * HOUR + STEP):
                    states.append(
                        States(
                            metadata_id=meta.metadata_id,
                            state=_state(entity.point, value, house),
                            last_updated_ts=at,
                            last_changed_ts=at,
                            last_reported_ts=at,
                            origin_idx=0,
                        )
                    )
        session.add_all(states)
        count = _statistics(session, known, times[0])
        session.commit()
        return len(states), count


def _statistics(session: Session, known: list[Entity], begin: float) -> int:
    count = 0
    for entity in known:
        if not any(entity.hours):
            continue
        counted = entity.point.counting is not Counting.NOT
        meta = StatisticsMeta(
            statistic_id=entity.entity_id,
            source="recorder",
            unit_of_measurement=entity.point.unit,
            has_sum=counted,
            mean_type=StatisticMeanType.NONE if counted else StatisticMeanType.ARITHMETIC,
            name=None,
        )
        session.add(meta)
        session.flush()
        first = entity.hours[0][0]
        for number, values in enumerate(entity.hours):
            start = begin + number * HOUR
            row: dict[str, Any] = {"created_ts": start + HOUR, "metadata_id": meta.id, "start_ts": start}
            if counted:
                row |= {"state": values[-1], "sum": values[-1] - first}
            else:
                row |= {"mean": sum(values) / len(values), "min": min(values), "max": max(values)}
            session.add(Statistics(**row))
            count += 1
    return count
