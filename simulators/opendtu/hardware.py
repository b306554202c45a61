"""An inverter as its radio shows it: model, DC inputs, measured values, event list (reference sections 3.1 and 8)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random

from ..house import House
from ..micro_inverters import WAKES_ABOVE, MicroInverter, Response
from .models import InverterClass, Model, inverter_class, model

START_EVENT = 1
SHUT_DOWN_EVENT = 124
NO_INPUT_EVENT = 209
"""Of the first input; the numbers of the next three follow."""
DAY = 86_400
PANEL_VOLTS = 37.0
HIGHEST_VALUE = 0xFFFF
"""A limit goes over the radio as ten times its value in two bytes."""


@dataclass(frozen=True, slots=True)
class InverterSpec:
    """One inverter to be simulated.

    ``serial``: 12 hexadecimal digits that tell its class; ``rated``: W, of a model of that class. ``source``: "battery"
    or "panel", then ``peak`` is its panels' power, W. ``strings``: names of the inputs. ``string_power``: W each, 0
    when the owner did not enter it. ``used_inputs``: how many have something connected, None for all. ``limit``: % that
    it keeps through a restart. ``yield_day``, ``yield_total``: kWh when the simulation begins. ``slow``: firmware of
    2020, whose limit moves by 0.5 % of the rated power in a second. ``response`` overrules the usual one.
    ``forgetful``: its read-back says 100 % whatever the limit is, as HMS firmware 2.0.4 does. ``night``: polled and
    commanded at night too; unless told, only what a battery feeds is.
    """

    serial: str
    name: str
    rated: float
    source: str = "battery"
    peak: float = 0.0
    lean: float = 0.0
    strings: Sequence[str] = ()
    string_power: int = 0
    used_inputs: int | None = None
    limit: float = 100.0
    yield_day: float = 0.4
    yield_total: float = 250.0
    slow: bool = False
    response: Response | None = None
    forgetful: bool = False
    night: bool | None = None


@dataclass(frozen=True, slots=True)
class InputReading:
    """What one DC input shows. Power in W, voltage in V, current in A, yields in Wh and kWh."""

    power: float = 0.0
    voltage: float = 0.0
    current: float = 0.0
    yield_day: float = 0.0
    yield_total: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """A complete statistics answer; all zeros before the first."""

    inputs: tuple[InputReading, ...]
    power: float = 0.0
    voltage: float = 0.0
    current: float = 0.0
    frequency: float = 0.0
    power_factor: float = 0.0
    reactive_power: float = 0.0
    temperature: float = 0.0
    events: int = 0

    @property
    def dc_power(self) -> float:
        """Return the sum over the inputs, W."""
        return sum(each.power for each in self.inputs)

    @property
    def yield_day(self) -> float:
        """Return the sum over the inputs, Wh."""
        return sum(each.yield_day for each in self.inputs)

    @property
    def yield_total(self) -> float:
        """Return the sum over the inputs, kWh."""
        return sum(each.yield_total for each in self.inputs)

    @property
    def efficiency(self) -> float:
        """Return AC by DC power, %; 0 without DC power."""
        return self.power / self.dc_power * 100 if self.dc_power > 0 else 0.0

    def without_runtime(self) -> Reading:
        """Return only what does not depend on the moment: the yields and the number of events."""
        quiet = tuple(replace(each, power=0.0, voltage=0.0, current=0.0) for each in self.inputs)
        return Reading(quiet, events=self.events)

    def with_more(self, yields: Sequence[float]) -> Reading:
        """Return the same with more of today's yield for each input, Wh."""
        inputs = zip(self.inputs, yields, strict=True)
        return replace(self, inputs=tuple(replace(each, yield_day=each.yield_day + more) for each, more in inputs))

    def without_day(self) -> Reading:
        """Return the same with the yield of the day at zero."""
        return replace(self, inputs=tuple(replace(each, yield_day=0.0) for each in self.inputs))


@dataclass(slots=True)
class Event:
    """An entry of the inverter's list. Times in seconds of the local day; an ``end`` of 0 means it still lasts."""

    message_id: int
    start: int
    end: int = 0


@dataclass(slots=True)
class Hardware:
    """One inverter on the roof."""

    spec: InverterSpec
    house: House
    kind: InverterClass = field(init=False)
    model: Model = field(init=False)
    micro: MicroInverter = field(init=False)
    events: list[Event] = field(init=False, default_factory=list)
    deaf_until: float = field(init=False, default=-math.inf)
    """Time of the house (s) until which the DTU has not found its frequency again."""
    _starts: int = field(init=False)
    _random: Random = field(init=False)

    def __post_init__(self) -> None:
        """Put the inverter up in the house, at rest; `ValueError` for a serial number or power that no model has."""
        spec = self.spec
        self.kind = inverter_class(spec.serial)
        self.model = model(self.kind, spec.rated)
        self._random = Random(int(spec.serial, 16))
        gain = 1 + self._random.uniform(-0.02, 0.02)
        self.micro = MicroInverter(
            spec.rated,
            source=spec.source,
            peak=(spec.peak or spec.rated) if spec.source == "panel" else 0.0,
            lean=spec.lean,
            inputs=self.kind.inputs,
            used_inputs=self.kind.inputs if spec.used_inputs is None else spec.used_inputs,
            shares_power=self.shares_power,
            response=spec.response or Response(slew=0.005 if spec.slow else None, gain=gain),
            seed=int(spec.serial, 16),
            persistent_limit=spec.limit,
            energy_today=spec.yield_day,
            energy_total=spec.yield_total,
        )
        available = math.inf if spec.source == "battery" else self.micro.peak * self.house.light(spec.lean)
        if available > self.micro.peak * WAKES_ABOVE:
            self.micro.settle(available)
            self.events.append(self._event(START_EVENT, ended=True))
        self._starts = self.micro.starts
        self.house.micro_inverters.append(self.micro)

    @property
    def shares_power(self) -> bool:
        """Return whether it limits the sum of its inputs (HMS with four)."""
        return self.kind.family == "HMS" and self.kind.inputs == 4

    @property
    def build_date(self) -> str:
        """Return when its firmware was built, which tells how it follows a limit."""
        return "2020-07-03 11:05:00" if self.spec.slow else "2022-08-11 09:40:00"

    # What happens

    def update(self) -> None:
        """Note a start that the house's step brought: the list begins anew, and an HMS must be found again."""
        if self._starts == self.micro.starts:
            return
        self._starts = self.micro.starts
        self.events = [self._event(START_EVENT, ended=True)]
        unused = range(self.micro.used_inputs, min(self.kind.inputs, 4))
        self.events += [self._event(NO_INPUT_EVENT + index) for index in unused]
        if self.kind.radio == "cmt":
            self.deaf_until = self.house.elapsed + self._random.uniform(30, 90)

    def seconds_of_day(self) -> int:
        """Return the time of the day, s."""
        now = self.house.now
        return now.hour * 3600 + now.minute * 60 + now.second

    def _event(self, message_id: int, *, ended: bool = False) -> Event:
        now = self.seconds_of_day()
        return Event(message_id, now, now if ended else 0)

    def hears(self) -> bool:
        """Tell whether it is awake and the DTU is on its frequency."""
        return self.micro.awake and self.house.elapsed >= self.deaf_until

    def take_limit(self, value: float, *, relative: bool, persistent: bool, at: float) -> None:
        """Take a limit in % or W from the radio at a time of the house, s."""
        # A negative one looks like a huge one in the two unsigned bytes, and the inverter takes no more than it is.
        value = (round(value * 10) & HIGHEST_VALUE) / 10
        watts = self.micro.rated * value / 100 if relative else value
        self.micro.set_limit(watts, at, persistent=persistent)

    def take_power(self, *, on: bool) -> None:
        """Take the command to feed or not to feed from the radio."""
        if on:
            for event in self.events:
                if event.message_id == SHUT_DOWN_EVENT and event.end == 0:
                    event.end = self.seconds_of_day()
        elif self.micro.enabled:
            self.events.append(self._event(SHUT_DOWN_EVENT))
        self.micro.switch(on=on)

    def take_restart(self) -> None:
        """Take the command to start anew from the radio."""
        self.micro.switch(on=True)
        self.micro.restart(self.house.elapsed)
        self.update()

    # What it answers

    @property
    def limit_percent(self) -> float:
        """Return the limit that it would tell, %."""
        return 100.0 if self.spec.forgetful else self.micro.commanded / self.micro.rated * 100

    def blank(self) -> Reading:
        """Return what the DTU shows before the first answer."""
        return Reading((InputReading(),) * self.kind.inputs)

    def reading(self) -> Reading:
        """Return a statistics answer of this moment, in the resolution of the radio."""
        micro, grid, count = self.micro, self.house.grid, self.kind.inputs
        volts = self.house.battery.voltage if micro.source == "battery" else PANEL_VOLTS
        powers = self._shares(micro.dc_power)
        inputs = tuple(
            InputReading(
                power=round(power, 1),
                voltage=round(volts if index < micro.used_inputs else 0.0, 1),
                current=round(power / volts, 2),
                yield_day=float(int(micro.energy_today * 1000 * share)),
                yield_total=round(micro.energy_total / count, 3),
            )
            for index, (power, share) in enumerate(zip(powers, self._shares(1.0), strict=True))
        )
        power = round(micro.output, 1)
        return Reading(
            inputs,
            power=power,
            voltage=round(grid.voltage, 1),
            current=round(power / grid.voltage, 2),
            frequency=round(grid.frequency, 2),
            power_factor=1.0 if power > 0 else 0.0,
            reactive_power=round(0.004 * power, 1),
            temperature=round(micro.temperature, 1),
            events=len(self.events),
        )

    def _shares(self, whole: float) -> list[float]:
        """Divide something among the inputs in use, not quite evenly."""
        used = self.micro.used_inputs
        weights = [1.0 + 0.01 * (index % 2) if index < used else 0.0 for index in range(self.kind.inputs)]
        return [whole * weight / (sum(weights) or 1.0) for weight in weights]
