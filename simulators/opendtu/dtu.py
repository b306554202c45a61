"""The DTU without its network: polling, commands, night, restart (reference sections 3.1, 5 and 6).

Everything happens in the time of the house.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random

from ..faults import Faults
from ..house import House
from .firmware import Firmware
from .hardware import Hardware, InverterSpec
from .radio import Kind, Radio, RadioModel, Request
from .view import FAILURE, OK, PENDING, Channel, Configuration, Limit, View

READ_BACK_SECONDS = 120.0
READ_BACK_AFTER_LIMIT = 240.0
CLOCK_SECONDS = 3.0
"""From the start of the firmware to the first time from the network."""


@dataclass(frozen=True, slots=True)
class Command:
    """A limit or power command as it was accepted."""

    at: float
    """Time of the house, s."""
    serial: str
    limit: Limit | None
    """None for a power command."""
    power: bool | None = None
    """True on, False off, None restart or a limit."""
    sent: bool = True
    """False when sending commands was off, so that nothing happens."""


class Dtu:
    """One DTU and its inverters."""

    def __init__(
        self,
        house: House,
        firmware: Firmware,
        faults: Faults,
        inverters: Sequence[InverterSpec],
        *,
        poll_interval: float = 5.0,
        radio: RadioModel | None = None,
        uptime: float = 86_400.0,
        seed: int = 1,
    ) -> None:
        """``uptime``: seconds that it has been running; from 300 on it knows its inverters already."""
        self.house = house
        self.firmware = firmware
        self.faults = faults
        self.poll_interval = poll_interval
        self.booted_at = house.elapsed - uptime
        self.gone_until: float | None = None
        """Time of the house until which a restart keeps it from the network."""
        self.commands: list[Command] = []
        """Every command that was accepted."""
        self.boots = 0
        self.views: list[View] = []
        model = radio or RadioModel()
        if firmware.short_waits and radio is None:
            model = RadioModel(limit=(0.1, 0.15))
        random = Random(seed)
        self.radios = {
            name: Radio(model, random, ready=lambda: self.clock_set, hears=self._hears, lost=self._lost)
            for name in ("nrf", "cmt")
        }
        self._time: float | None = None
        self._turn = 0
        self._next_poll = house.elapsed + poll_interval
        self._day: date = house.now.date()
        for spec in inverters:
            self.add(spec)
        if uptime >= 300.0:
            for index, view in enumerate(self.views):
                asleep = 0.0 if view.hardware.micro.awake else self._since_sunset()
                age = asleep + poll_interval * (len(self.views) - index - 0.9)
                if age < uptime:
                    view.know(self.now, age)
        self._unwatch = house.watch(self.run, fine=True)

    def add(self, spec: InverterSpec) -> View:
        """Put up an inverter and serve it; `ValueError` for one that is there, or for too many."""
        if any(view.serial == spec.serial.lower() for view in self.views):
            raise ValueError(f"{spec.serial} is there already")
        if len(self.views) >= self.firmware.most_inverters:
            raise ValueError(f"this firmware serves {self.firmware.most_inverters} inverters")
        hardware = Hardware(spec, self.house)
        night = spec.source == "battery" if spec.night is None else spec.night
        channels = [
            Channel(spec.strings[index] if index < len(spec.strings) else "", spec.string_power)
            for index in range(hardware.kind.inputs)
        ]
        index = len(self.views)
        configuration = Configuration(
            index, spec.name, index, poll_enable_night=night, command_enable_night=night, channel=channels
        )
        view = View(hardware, configuration, limit_at=self.now, read_back_at=self.now, published_at=self.now)
        self.views.append(view)
        return view

    def close(self) -> None:
        """Follow the house no more; its inverters stay as they are."""
        self._unwatch()

    # State

    @property
    def now(self) -> float:
        """Return the seconds since the start of the house, inside an event the time of that event."""
        return self.house.elapsed if self._time is None else self._time

    @property
    def uptime(self) -> float:
        """Return the seconds since the last start."""
        return self.now - self.booted_at

    @property
    def gone(self) -> bool:
        """Return whether a restart keeps it from the network."""
        return self.gone_until is not None and self.now < self.gone_until

    @property
    def clock_set(self) -> bool:
        """Return whether it got the time."""
        started = self.gone_until is None or self.now >= self.gone_until + CLOCK_SECONDS
        return started and "clock_not_set" not in self.faults

    @property
    def day(self) -> bool:
        """Return whether the sun is up."""
        return self.house.sun() > 0

    def polled(self, view: View) -> bool:
        """Tell whether an inverter is polled now."""
        return view.configuration.poll_enable and (self.day or view.configuration.poll_enable_night)

    def commanded(self, view: View) -> bool:
        """Tell whether commands to an inverter are sent now."""
        settings = view.configuration
        allowed = settings.command_enable and (self.day or settings.command_enable_night)
        return allowed and "commands_disabled" not in self.faults

    def reachable(self, view: View) -> bool:
        """Tell whether an inverter counts as reachable."""
        return self.polled(view) and view.failures <= view.configuration.reachable_threshold

    def data_age(self, view: View) -> float:
        """Return the age of an inverter's values, s: since the DTU's start when there are none."""
        return self.uptime if view.read_at is None else self.now - view.read_at

    def _since_sunset(self) -> float:
        """Return the seconds since the sun last set."""
        _, fall = self.house.daylight()
        return (self.house.now - fall).total_seconds() % 86_400

    def find(self, serial: int) -> View | None:
        """Return the inverter of a serial number."""
        return next((view for view in self.views if int(view.serial, 16) == serial), None)

    def _hears(self, hardware: Hardware) -> bool:
        fault = self.faults.peek("unreachable")
        if fault is not None and self.views[int(fault.argument or 0) % len(self.views)].hardware is hardware:
            return False
        return hardware.hears()

    def _lost(self) -> tuple[float, float]:
        sends, answers = self.faults.peek("lost_sends"), self.faults.peek("lost_acknowledgements")
        return (sends.argument or 0.0) if sends else 0.0, (answers.argument or 0.0) if answers else 0.0

    def _radio(self, view: View) -> Radio:
        return self.radios[view.hardware.kind.radio]

    # Time

    def run(self) -> None:
        """Do everything that is due by now, in the order of its time."""
        until = self.house.elapsed
        for view in self.views:
            view.hardware.update()
        if self.house.now.date() != self._day:
            self._midnight()
        if self.gone:
            return
        try:
            while (due := self._next_due()) <= until:
                self._time = due
                if due == self._next_poll:
                    self._next_poll += self.poll_interval
                    self._poll()
                for radio in self.radios.values():
                    if radio.next_end == due:
                        radio.finish()
        finally:
            self._time = None

    def _next_due(self) -> float:
        ends = [end for radio in self.radios.values() if (end := radio.next_end) is not None]
        return min([self._next_poll, *ends])

    def _midnight(self) -> None:
        self._day = self.house.now.date()
        for view in self.views:
            view.midnight()

    def reboot(self, seconds: float) -> None:
        """Restart: away for some seconds, then all that is not in the settings is forgotten. The inverters stay."""
        self.boots += 1
        self.booted_at = self.now
        self.gone_until = self.now + seconds
        for radio in self.radios.values():
            radio.forget()
        for view in self.views:
            view.forget(self.now)
        self._turn = 0
        self._next_poll = self.gone_until + self.poll_interval

    # Polling

    def _poll(self) -> None:
        """Give one inverter its turn."""
        if not self.clock_set or not self.views:
            return
        view = self.views[self._turn % len(self.views)]
        self._turn += 1
        for radio in self.radios.values():
            radio.start(self.now)
        if self.polled(view):
            self._ask_statistics(view)
            if self.now - view.read_back_at >= READ_BACK_SECONDS and self.now - view.limit_at >= READ_BACK_AFTER_LIMIT:
                self._ask(view, Kind.READ_BACK, lambda: self._read_back(view))
        if self.commanded(view):
            if view.limit_status == FAILURE:
                self._send_limit(view)
            if view.power_status == FAILURE:
                self._send_power(view)
        if self.polled(view) and not view.max_power:
            self._ask(view, Kind.DEVICE_INFO, lambda: self._device_info(view))

    def _ask_statistics(self, view: View) -> None:
        radio = self._radio(view)
        if radio.waits(Kind.STATISTICS, view.hardware):
            return

        def done(good: bool) -> None:
            view.stats.tx_request += 1
            if not good:
                view.failures += 1
                view.stats.rx_fail_nothing += 1
                return
            view.stats.rx_success += 1
            view.take(view.hardware.reading(), self.now)
            if view.reading.events != view.events_seen:
                self._ask(view, Kind.EVENTS, lambda: self._event_list(view))

        radio.add(Request(Kind.STATISTICS, view.hardware, done=done), self.now)

    def _ask(self, view: View, kind: Kind, answered: Callable[[], None]) -> None:
        def done(good: bool) -> None:
            view.stats.tx_request += 1
            if good:
                view.stats.rx_success += 1
                answered()
            else:
                view.stats.rx_fail_nothing += 1

        radio = self._radio(view)
        if not radio.waits(kind, view.hardware):
            radio.add(Request(kind, view.hardware, done=done), self.now)

    def _event_list(self, view: View) -> None:
        view.events = list(view.hardware.events)
        view.events_seen = len(view.events)

    def _read_back(self, view: View) -> None:
        view.read_back_at = self.now
        view.limit_relative = view.hardware.limit_percent

    def _device_info(self, view: View) -> None:
        view.max_power = view.hardware.model.rated

    # Commands

    def set_limit(self, view: View, limit: Limit) -> None:
        """Take a limit command: it is queued, or silently dropped when sending commands is off."""
        sent = self.commanded(view)
        self.commands.append(Command(self.now, view.serial, limit, sent=sent))
        if sent:
            view.limit = limit
            self._send_limit(view)

    def _send_limit(self, view: View) -> None:
        limit = view.limit
        if limit is None:
            return
        view.limit_status = PENDING
        view.limit_at = self.now
        value = min(limit.value, 100.0) if limit.relative else limit.value
        radio = self._radio(view)

        def deliver(at: float) -> None:
            view.hardware.take_limit(value, relative=limit.relative, persistent=limit.persistent, at=at)

        def done(good: bool) -> None:
            view.limit_at = self.now
            if good:
                self._acknowledged(view, value, relative=limit.relative)
            # The newest command decides, where the firmware looks whether there is one.
            if not (self.firmware.replacing_queue and radio.waits(Kind.LIMIT, view.hardware)):
                view.limit_status = OK if good else FAILURE

        request = Request(Kind.LIMIT, view.hardware, deliver, done)
        radio.add(request, self.now, replace=self.firmware.replacing_queue)

    def _acknowledged(self, view: View, value: float, *, relative: bool) -> None:
        if relative:
            view.limit_relative = value
        elif view.max_power > 0:
            view.limit_relative = value / view.max_power * 100

    def set_power(self, view: View, *, on: bool | None) -> None:
        """Take a command to switch on or off, None to restart."""
        sent = self.commanded(view)
        self.commands.append(Command(self.now, view.serial, None, on, sent))
        if sent:
            view.power = on
            self._send_power(view)

    def _send_power(self, view: View) -> None:
        view.power_status = PENDING
        on = view.power

        def deliver(_at: float) -> None:
            if on is None:
                view.hardware.take_restart()
            else:
                view.hardware.take_power(on=on)

        def done(good: bool) -> None:
            view.power_status = OK if good else FAILURE

        self._radio(view).add(Request(Kind.POWER, view.hardware, deliver, done), self.now)
