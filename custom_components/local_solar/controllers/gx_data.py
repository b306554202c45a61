"""What a GX is to be shown of the inverters, out of what their gateway and the zero feed-in control say.

Imported only where something is published, because it brings the whole family with it.
"""

from collections.abc import Iterable

from ..solarlink.control.feed_in_gate import GateReason
from ..solarlink.control.feed_in_loss import MeterState
from ..solarlink.control.feed_in_supervisor import SupervisorOrders, Work
from ..solarlink.live import InverterPicture
from ..solarlink.points import Reading
from ..solarlink.victron_gx.alarm_map import Alarm
from ..solarlink.victron_gx.dc_values import BatterySide, DcData, DcLoad

HOT = 55.0
"""°C from which an inverter counts as too hot, as for the zero feed-in control."""


def shown(
    pictures: Iterable[InverterPicture],
    orders: Iterable[SupervisorOrders],
    *,
    system_key: str,
    voltage: Reading | None,
    discharge_limit: Reading | None,
) -> DcData:
    """Everything that is known now; ``orders`` are those of the controls of these inverters."""
    return DcData(
        loads=tuple(_load(each) for each in pictures),
        battery=_battery(voltage, discharge_limit),
        alarms=frozenset(alarm for each in orders for alarm in _alarms(each)),
        system_key=system_key,
    )


def _load(picture: InverterPicture) -> DcLoad:
    silent = picture.poll_enabled and not picture.reachable
    hot = picture.temperature is not None and picture.temperature >= HOT
    alarms = {Alarm.INVERTER: silent, Alarm.TEMPERATURE: hot}
    return DcLoad(
        key=picture.serial,
        name=picture.name,
        at=picture.sampled_at,
        power=picture.dc_power,
        ac_power=picture.power,
        temperature=picture.temperature,
        energy=picture.energy,
        alarms=frozenset(alarm for alarm, on in alarms.items() if on),
    )


def _battery(voltage: Reading | None, discharge_limit: Reading | None) -> BatterySide | None:
    if voltage is None:
        return None
    return BatterySide(at=voltage.at, voltage=_number(voltage), discharge_limit=_number(discharge_limit))


def _alarms(orders: SupervisorOrders) -> list[Alarm]:
    """What a zero feed-in control misses."""
    on = {
        Alarm.GRID_METER: orders.meter in (MeterState.LOST, MeterState.NEVER),
        Alarm.DTU: orders.work is Work.DTU_LOST,
        Alarm.BATTERY: orders.gate_reason is GateReason.DATA_LOST,
        Alarm.BALCONY: orders.others_w is None,
    }
    return [alarm for alarm, wrong in on.items() if wrong]


def _number(reading: Reading | None) -> float | None:
    value = reading.value if reading else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
