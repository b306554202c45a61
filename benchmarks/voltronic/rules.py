"""Who looks after the charge: nobody, somebody once for ever, the rule of thumb by the clock, or the charge manager.

Each rule looks at what an inverter would show, in whole amperes as its line gives them, and sets the float voltage of
the simulated charger. Now and then an answer is lost.
"""

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import replace
from datetime import UTC, time

from custom_components.local_solar.solarlink.control.charge_manager import (
    Decision,
    Mode,
    Now,
    Outcome,
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
from simulators.voltronic.battery import ChargerModel, Stage

POLL_SECONDS = 10


class Rule(ABC):
    """Looks at the charger every ``POLL_SECONDS``."""

    def __init__(self, charger: ChargerModel) -> None:
        """Take charge of ``charger``, which has its own float voltage now."""
        self.charger = charger
        self.real_float = charger.float_voltage
        self.absorption = charger.bulk_voltage

    @abstractmethod
    def look(self, seconds: float, *, heard: bool = True) -> None:
        """Look at the charger at ``seconds`` of the monotonic clock; unless ``heard`` it does not answer."""


class Nobody(Rule):
    """The charger alone."""

    def look(self, seconds: float, *, heard: bool = True) -> None:
        """Do nothing."""


class AlwaysRaised(Rule):
    """The float voltage stays at the absorption voltage: no charge ends early, and none ever ends."""

    def __init__(self, charger: ChargerModel) -> None:
        """Raise it once and for all."""
        super().__init__(charger)
        charger.float_voltage = self.absorption

    def look(self, seconds: float, *, heard: bool = True) -> None:
        """Do nothing."""


class ByTheClock(Rule):
    """The rule of thumb that scripts use: up at night, down in the day when 30-minute averages look full.

    From the description in the reference (section 12.3): at night, when the float voltage is the real one, it is set
    to the absorption voltage; from 11 to 23 h, every ten minutes, it is set back when it is not the real one and the
    averages of the last half hour lie within 0.2 V of the absorption voltage and below the tail current. An answer that
    was lost counts as zero.
    """

    NIGHT = (time(3, 1), time(4, 3))
    WINDOW = (time(11), time(23))
    BETWEEN_LOOKS = 600
    AVERAGE_OVER = 1800 // POLL_SECONDS
    NEAR = 0.2

    def __init__(self, charger: ChargerModel) -> None:
        """Begin without samples."""
        super().__init__(charger)
        self._samples: deque[tuple[float, float]] = deque(maxlen=self.AVERAGE_OVER)

    def look(self, seconds: float, *, heard: bool = True) -> None:
        """Take a sample and judge when it is time."""
        charger = self.charger
        sample = (round(charger.battery_voltage, 2), float(round(charger.charge_current)))
        self._samples.append(sample if heard else (0.0, 0.0))
        if seconds % self.BETWEEN_LOOKS >= POLL_SECONDS:
            return
        now = charger.now.time()
        if self.NIGHT[0] <= now <= self.NIGHT[1]:
            if charger.float_voltage == self.real_float:
                charger.float_voltage = self.absorption
        elif self.WINDOW[0] <= now < self.WINDOW[1] and charger.float_voltage != self.real_float:
            voltage, current = (sum(values) / len(values) for values in zip(*self._samples, strict=True))
            near = self.NEAR * charger.scale
            if self.absorption - near < voltage < self.absorption + near and current < charger.tail_current:
                charger.float_voltage = self.real_float


class Managed(Rule):
    """The charge manager of Local Solar with its default settings."""

    def __init__(self, charger: ChargerModel) -> None:
        """Switch it on."""
        super().__init__(charger)
        nominal, capacity = round(charger.battery.nominal), charger.battery.capacity
        self.settings = Settings.for_system(nominal, capacity, self.absorption, self.real_float)
        self._heard_at, self._seen = 0.0, self._snapshot()
        self.state = switch_on(self.settings, State(proven=True), self._setup())
        assert self.state.mode is Mode.IDLE

    def look(self, seconds: float, *, heard: bool = True) -> None:
        """Decide and carry out."""
        if heard:
            self._heard_at, self._seen = seconds, self._snapshot()
        age = seconds - self._heard_at
        now = self._now(seconds)
        snapshot = replace(self._seen, age=age, float_age=age)
        self._carry_out(decide(self.settings, self.state, snapshot, now), now)

    def restart(self, seconds: float) -> None:
        """Begin anew with what was saved, as after a kill."""
        now = self._now(seconds)
        self.state = State.from_dict(self.state.as_dict())
        self._carry_out(resume(self.settings, self.state, self._setup(), now), now)

    def stop(self, seconds: float) -> None:
        """Restore the float voltage as at an orderly stop."""
        now = self._now(seconds)
        self._carry_out(stop(self.state, now), now)

    def _snapshot(self) -> Snapshot:
        """What the inverter shows: hundredths of a volt, whole amperes, whole watts."""
        charger = self.charger
        return Snapshot(
            age=0.0,
            battery_voltage=round(charger.battery_voltage, 2),
            charge_current=round(charger.charge_current),
            discharge_current=round(charger.discharge_current),
            solar_power=round(charger.pv_power),
            charging=charger.stage is not Stage.NONE,
            grid_charging=False,
            fault=False,
            battery_high=False,
            float_voltage=charger.float_voltage,
            bulk_voltage=charger.bulk_voltage,
            battery_type="user",
        )

    def _setup(self) -> Setup:
        charger = self.charger
        return Setup(battery_type="user", bulk_voltage=charger.bulk_voltage, float_voltage=charger.float_voltage)

    def _now(self, seconds: float) -> Now:
        return Now(seconds, self.charger.now.replace(tzinfo=UTC))

    def _carry_out(self, decision: Decision, now: Now) -> None:
        self.state = decision.state
        if decision.action is not None:
            self.charger.float_voltage = decision.action.voltage
            self.state = written(self.state, decision.action, Outcome.KEPT, decision.action.voltage, now)


ALONE = "the charger alone"
ALWAYS = "always raised"
"""More charges than with this are not possible with the sun of the same days."""
RULES: dict[str, type[Rule]] = {
    ALONE: Nobody,
    ALWAYS: AlwaysRaised,
    "rule by the clock": ByTheClock,
    "charge manager": Managed,
}
