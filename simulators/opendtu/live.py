"""Live data in the form of every firmware (reference sections 3.1 and 9)."""

from collections.abc import Iterable
from dataclasses import asdict

from .dtu import Dtu
from .hardware import Reading
from .numbers import Json
from .view import View

NRF_RSSI = (-30, -80)
"""A 2.4 GHz radio only tells a strong signal from a weak one."""


def measured(value: float, unit: str, digits: int) -> dict[str, Json]:
    """Return a value as all live data write it."""
    return {"v": float(value), "u": unit, "d": digits}


class LiveData:
    """Builds live data."""

    def __init__(self, dtu: Dtu, default_password: bool) -> None:
        self._dtu = dtu
        self._default_password = default_password

    def document(self, views: Iterable[View], *, full: bool) -> dict[str, Json]:
        """Return live data that hold some inverters, in full or only their state."""
        full = full or self._dtu.firmware.all_in_one
        nulls = full and self._dtu.faults.take("nulls") is not None
        inverters: list[Json] = [self.inverter(view, full=full, nulls=nulls) for view in views]
        return {"inverters": inverters, "total": self.total(), "hints": self.hints()}

    def hints(self) -> dict[str, Json]:
        """Return the hints; ``time_sync`` is true while the clock is not set."""
        hints: dict[str, Json] = {
            "time_sync": not self._dtu.clock_set,
            "radio_problem": False,
            "default_password": self._default_password,
        }
        if self._dtu.firmware.pin_mapping_hint:
            hints["pin_mapping_issue"] = False
        return hints

    def reading(self, view: View) -> Reading:
        """Return the values that the DTU shows of an inverter."""
        if view.configuration.zero_runtime and not self._dtu.reachable(view):
            return view.reading.without_runtime()
        return view.reading

    def yield_total(self, view: View) -> float:
        """Return an inverter's counter with the owner's offsets, kWh."""
        return view.reading.yield_total + sum(channel.yield_total_offset for channel in view.configuration.channel)

    def total(self) -> dict[str, Json]:
        """Return the sums: power of what is polled now, yields of what is polled at all."""
        now = [view for view in self._dtu.views if self._dtu.polled(view)]
        ever = [view for view in self._dtu.views if view.configuration.poll_enable]
        return {
            "Power": measured(sum(self.reading(view).power for view in now), "W", 1 if now else 0),
            "YieldDay": measured(sum(view.reading.yield_day for view in ever), "Wh", 0),
            "YieldTotal": measured(
                sum(self.yield_total(view) for view in ever), "kWh", 2 if self._dtu.firmware.all_in_one else 3
            ),
        }

    def inverter(self, view: View, *, full: bool, nulls: bool = False) -> dict[str, Json]:
        """Return one inverter; ``nulls``: without a number for any measured value."""
        dtu, firmware = self._dtu, self._dtu.firmware
        age, reading = dtu.data_age(view), self.reading(view)
        relative = min(view.limit_relative, 100.0) if firmware.limit_cut else view.limit_relative
        entry: dict[str, Json] = {"serial": view.serial, "name": view.configuration.name}
        if firmware.order:
            entry["order"] = view.configuration.order
        entry["data_age"] = int(age)
        if firmware.data_age_ms:
            entry["data_age_ms"] = int(age * 1000)
        if firmware.poll_enabled:
            entry["poll_enabled"] = dtu.polled(view)
        entry["reachable"] = dtu.reachable(view)
        entry["producing"] = dtu.polled(view) and reading.power > 0
        entry["limit_relative"] = float(relative)
        entry["limit_absolute"] = float(relative * view.max_power / 100 if view.max_power > 0 else -1)
        if firmware.radio_stats:
            entry["radio_stats"] = self._radio_stats(view)
        if full:
            values = self._values(view, reading)
            entry |= _without_numbers(values) if nulls else values
            entry["events"] = reading.events
        return entry

    def _radio_stats(self, view: View) -> dict[str, Json]:
        stats: dict[str, Json] = asdict(view.stats)
        if self._dtu.firmware.radio_rssi:
            weak = view.failures > 0
            stats["rssi"] = NRF_RSSI[weak] if view.hardware.kind.radio == "nrf" else -71 - 12 * weak
        return stats

    def _values(self, view: View, reading: Reading) -> dict[str, Json]:
        ac: dict[str, Json] = {
            "Power": measured(reading.power, "W", 1),
            "Voltage": measured(reading.voltage, "V", 1),
            "Current": measured(reading.current, "A", 2),
            "Frequency": measured(reading.frequency, "Hz", 2),
            "PowerFactor": measured(reading.power_factor, "", 3),
            "ReactivePower": measured(reading.reactive_power, "var", 1),
        }
        whole: dict[str, Json] = {
            "Power DC": measured(reading.dc_power, "W", 1),
            "YieldDay": measured(reading.yield_day, "Wh", 0),
            "YieldTotal": measured(self.yield_total(view), "kWh", 3),
        }
        efficiency: dict[str, Json] = {"Efficiency": measured(reading.efficiency, "%", 3)}
        temperature: dict[str, Json] = {"Temperature": measured(reading.temperature, "°C", 1)}
        if self._dtu.firmware.all_in_one:
            ac |= whole | efficiency
            inverter = temperature
        else:
            inverter = whole | temperature | efficiency
        if self._dtu.firmware.by_serial:
            ac, inverter = ac | temperature, {}
        inputs: dict[str, Json] = {
            str(index): self._input(view, reading, index) for index in range(len(reading.inputs))
        }
        values: dict[str, Json] = {"AC": {"0": ac}, "DC": inputs}
        if inverter:
            values["INV"] = {"0": inverter}
        return values

    def _input(self, view: View, reading: Reading, index: int) -> dict[str, Json]:
        values, channel = reading.inputs[index], view.configuration.channel[index]
        entry: dict[str, Json] = {
            "name": {"u": channel.name},
            "Power": measured(values.power, "W", 1),
            "Voltage": measured(values.voltage, "V", 1),
            "Current": measured(values.current, "A", 2),
            "YieldDay": measured(values.yield_day, "Wh", 0),
            "YieldTotal": measured(values.yield_total + channel.yield_total_offset, "kWh", 3),
        }
        if channel.max_power > 0:
            share = measured(values.power / channel.max_power * 100, "%", 3)
            entry["Irradiation"] = share | {"max": channel.max_power}
        return entry


def _without_numbers(value: dict[str, Json]) -> dict[str, Json]:
    return {
        key: _without_numbers(each) if isinstance(each, dict) else None if key == "v" else each
        for key, each in value.items()
    }
