"""A week of the state-of-charge control on the simulated house, at the settings of the simulated inverter."""

import json
import math
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date

from custom_components.local_solar.solarlink.control.state_of_charge import (
    KEYS,
    Decision,
    Found,
    Mode,
    Now,
    Outcome,
    Reason,
    Setting,
    Settings,
    Setup,
    Snapshot,
    State,
    decide,
    resume,
    stop,
    switch_on,
    written,
)
from simulators.conext import ConextSimulator
from simulators.house import House

UNIT = 10
POLL = 30.0
FLAGS = ("load_shave", "grid_support")
UNBALANCED = 4.0
"""So much (%) less than the mean has the lowest of the modules."""


def house_of(seed: int) -> House:
    """A house whose sun is worth about what it uses, on two small modules."""
    house = House(seed, speed=0.0, arrays=(2400.0, 1400.0))
    house.battery.capacity = 100.0
    house.battery.charge_current_limit = 50.0
    house.battery.discharge_current_limit = 50.0
    house.battery.resistance = 0.015
    house.battery.soc = 50.0
    return house


@dataclass
class Week:
    """The host of the control in simulated time; the battery is read every ``POLL`` s unless it is frozen."""

    seed: int = 1
    settings: Settings = field(
        default_factory=lambda: Settings(lowest_cell=None, protection={"low_battery_cut_out": 47.0})
    )
    controlled: bool = True
    linked: bool = True
    """Whether the gateway can be reached."""
    running: bool = True
    """Whether Home Assistant runs."""
    frozen: tuple[float, float] | None = None
    """What the battery told last, and since when, while it tells nothing new."""
    writes: Counter[tuple[date, str]] = field(default_factory=Counter)
    lows: list[float] = field(default_factory=list)
    """State of charge of the lowest module, whenever load shave was on."""
    highest: float = 0.0
    """Highest mean state of charge."""
    shaved: float = 0.0
    """Seconds with load shave on."""

    def __post_init__(self) -> None:
        self.house = house_of(self.seed)
        self.inverter = ConextSimulator(house=self.house, units=("xw",), pace=0.0, needs_grid_support=True)
        self.inverter.put(UNIT, "load_shave_amps", 1.0)
        self.inverter.put(UNIT, "grid_support_voltage", 64.0)
        # The charger must not hide what the control does.
        self.inverter.put(UNIT, "charger_enable_disable", 0.0)
        self.owner = self.device
        self.saved = json.dumps(State().as_dict())
        self.state = State()
        self.began = self.house.now
        if self.controlled:
            self.state = switch_on(self.settings, self.state, self.setup)
            assert self.state.enabled
        else:
            self.inverter.put(UNIT, "grid_support", 1.0)
            self.inverter.put(UNIT, "load_shave", 1.0)

    @property
    def device(self) -> dict[str, Setting]:
        return {
            key: bool(value) if key in FLAGS else value for key in KEYS for value in (self.inverter.value(UNIT, key),)
        }

    @property
    def setup(self) -> Setup:
        return Setup(battery=True, device=self.device)

    @property
    def now(self) -> Now:
        return Now((self.house.now - self.began).total_seconds(), self.house.now.replace(tzinfo=UTC))

    @property
    def lowest(self) -> float:
        return max(0.0, self.house.battery.soc - UNBALANCED)

    @property
    def shaving(self) -> bool:
        return self.inverter.value(UNIT, "load_shave") == 1.0

    @property
    def most_writes(self) -> int:
        """The most real writes of all settings in one day."""
        days = Counter[date]()
        for (day, _), count in self.writes.items():
            days[day] += count
        return max(days.values(), default=0)

    def run(self, hours: float) -> None:
        for _ in range(round(hours * 3600.0 / POLL)):
            self.house.advance(POLL)
            self.highest = max(self.highest, self.house.battery.soc)
            if self.shaving:
                self.lows.append(self.lowest)
                self.shaved += POLL
            if self.running and self.controlled:
                self.look()

    def look(self) -> None:
        for _ in range(10):
            if not self.take(decide(self.settings, self.state, self.snapshot(), self.now)):
                return
        raise AssertionError("it never comes to rest")

    def snapshot(self) -> Snapshot:
        now = self.now.seconds
        # The settings are read every five minutes.
        age = 0.0 if now % 300.0 < POLL else now % 300.0
        device = {key: Found(value, age) for key, value in self.device.items()} if self.linked else {}
        if self.frozen is not None:
            soc, since = self.frozen
            return Snapshot(age=now - since, mean=soc, lowest=soc - UNBALANCED, device=device)
        soc = float(round(self.house.battery.soc))
        return Snapshot(age=0.0, mean=soc, lowest=float(math.floor(self.lowest)), device=device)

    def freeze(self) -> None:
        self.frozen = (self.house.battery.soc, self.now.seconds)

    def take(self, decision: Decision) -> bool:
        self.state = decision.state
        self.saved = json.dumps(self.state.as_dict())
        if (action := decision.action) is None:
            return False
        outcome = Outcome.NOT_SENT
        if self.linked:
            before = self.device[action.key]
            # As the inverter takes it: load shave only with grid support.
            dropped = action.key == "load_shave" and action.value is True and not self.device["grid_support"]
            outcome = Outcome.DIFFERENT if dropped else Outcome.KEPT
            if outcome is Outcome.KEPT:
                self.inverter.put(UNIT, action.key, float(action.value))
                if before != action.value:
                    self.writes[self.house.now.date(), action.key] += 1
        kept = self.device[action.key] if self.linked else None
        self.state = written(self.state, action, outcome, kept, self.now)
        self.saved = json.dumps(self.state.as_dict())
        return True

    def kill(self) -> None:
        self.running = False

    def start(self) -> None:
        self.running = True
        self.state = State.from_dict(json.loads(self.saved))
        self.take(resume(self.settings, self.state, self.setup, self.now))
        # The battery's own entry is set up later.
        snapshot = replace(self.snapshot(), age=math.inf, mean=None, lowest=None)
        while self.take(decide(self.settings, self.state, snapshot, self.now)):
            pass

    def end(self) -> Mode:
        while self.take(stop(self.state, self.now, Reason.SWITCHED_OFF)):
            pass
        return self.state.mode

    def until_discharging(self) -> Week:
        """Begin where the battery is in use, between its limits."""
        for _ in range(3 * 24):
            self.run(1.0)
            if self.state.mode is Mode.DISCHARGING and 30.0 < self.lowest < 75.0:
                return self
        raise AssertionError("the battery is never in use")
