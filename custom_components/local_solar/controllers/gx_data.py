"""What a GX is to be shown of the inverters, out of what their gateways and the zero feed-in control say.

Imported only where something is published, because it brings the whole family with it.
"""

import time
from collections.abc import Collection, Iterable, Iterator

from ..solarlink.control.feed_in_gate import GateReason
from ..solarlink.control.feed_in_loss import MeterState
from ..solarlink.control.feed_in_supervisor import SupervisorOrders, Work
from ..solarlink.control.feed_in_usable import Usable
from ..solarlink.live import GatewayPicture, InverterPicture
from ..solarlink.points import Reading
from ..solarlink.victron_gx.alarm_map import Alarm
from ..solarlink.victron_gx.dc_values import BatterySide, DcData, DcLoad

HOT, COOLED = 55.0, 50.0
"""°C from which an inverter counts as too hot, and below which it does not any more; where a zero feed-in control
works on it, the owner's own figures hold."""
SILENT_SECONDS = 60.0
"""Age from which silence is an alarm: a single packet is lost by radio all the time, and a GX beeps."""
_NOT_FOLLOWED = (Usable.NOT_ACKNOWLEDGED, Usable.LIMIT_NOT_KEPT)
_AT_REST = (Work.OFF, Work.PAUSED, Work.STARTING, Work.DTU_LOST)
"""What a zero feed-in control does while it misses nothing: it needs nothing, has not waited yet, or can do nothing."""


class InvertersForGx:
    """Remembers the last picture of each chosen inverter. Times are seconds of the monotonic clock."""

    def __init__(self, serials: Collection[str]) -> None:
        """Nothing is known of them yet."""
        self._begun = time.monotonic()
        self._chosen = frozenset(serials)
        self._pictures: dict[str, InverterPicture] = {}
        self._heard: dict[str, float] = {}
        """When the gateway of each was asked last."""
        self._hot: set[str] = set()

    def take(self, picture: GatewayPicture) -> None:
        """A gateway tells of its inverters; those that were not chosen are left out."""
        for each in picture.inverters:
            if each.serial in self._chosen:
                self._pictures[each.serial] = each
                self._heard[each.serial] = picture.at
                self._note_heat(each)

    def _note_heat(self, picture: InverterPicture) -> None:
        if picture.temperature is None or picture.temperature < COOLED:
            self._hot.discard(picture.serial)
        elif picture.temperature >= HOT:
            self._hot.add(picture.serial)

    def data(
        self,
        controls: Iterable[SupervisorOrders],
        *,
        system_key: str,
        voltage: Reading | None,
        discharge_limit: Reading | None,
    ) -> DcData:
        """Everything that is known now; ``controls`` is what the zero feed-in of these inverters decided last."""
        now, orders = time.monotonic(), tuple(controls)
        alarms = {alarm for each in orders for alarm in _missed(each)}
        if any(self._is_silent(serial, now) for serial in self._chosen):
            alarms.add(Alarm.DTU)
        return DcData(
            loads=tuple(self._load(picture, orders, now) for picture in self._pictures.values()),
            battery=_battery(voltage, discharge_limit),
            alarms=frozenset(alarms),
            system_key=system_key,
        )

    def _is_silent(self, serial: str, now: float) -> bool:
        """Whether no gateway has told anything of this inverter for long."""
        return now - self._heard.get(serial, self._begun) >= SILENT_SECONDS

    def _load(self, picture: InverterPicture, orders: Iterable[SupervisorOrders], now: float) -> DcLoad:
        controlled = [each for order in orders for each in order.inverters if each.serial == picture.serial]
        # Without its gateway nothing is known of an inverter, and that is another alarm.
        heard = not self._is_silent(picture.serial, now)
        lost = heard and picture.poll_enabled and now - picture.sampled_at >= SILENT_SECONDS
        hot = any(each.hot for each in controlled) if controlled else picture.serial in self._hot
        alarms = {
            Alarm.INVERTER: lost or any(each.reason in _NOT_FOLLOWED for each in controlled),
            Alarm.TEMPERATURE: hot,
        }
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


def _missed(orders: SupervisorOrders) -> Iterator[Alarm]:
    """What a zero feed-in control misses for its work."""
    if orders.work in _AT_REST:
        return
    if orders.meter in (MeterState.LOST, MeterState.NEVER):
        yield Alarm.GRID_METER
    if orders.gate_reason in (GateReason.DATA_LOST, GateReason.NO_DATA):
        yield Alarm.BATTERY
    if orders.others_w is None:
        yield Alarm.BALCONY


def _number(reading: Reading | None) -> float | None:
    value = reading.value if reading else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
