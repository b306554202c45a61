"""An inverter and a battery on the desk for the state-of-charge control: values by hand, time in steps."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from custom_components.local_solar.solarlink.control.state_of_charge import (
    Action,
    Decision,
    Found,
    Mode,
    Now,
    Outcome,
    Purpose,
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
    touched,
    written,
)

MORNING = datetime(2026, 5, 4, 8, tzinfo=UTC)
POLL = 10.0
MINUTE, HOUR = 60.0, 3600.0
OWNER: dict[str, Setting] = {
    "load_shave": False,
    "grid_support": False,
    "low_battery_cut_out": 46.5,
    "low_battery_cut_out_hysteresis": 2.5,
    "low_battery_cut_out_delay": 10.0,
}
PROTECTION = {"low_battery_cut_out": 47.0, "low_battery_cut_out_hysteresis": 2.0}
SETTINGS = Settings(protection=PROTECTION)
FULL = {"mean": 85.0, "lowest": 82.0, "lowest_cell": 3.35}
MIDDLE = {"mean": 50.0, "lowest": 47.0, "lowest_cell": 3.29}
EMPTY = {"mean": 23.0, "lowest": 20.0, "lowest_cell": 3.2}


@dataclass
class Desk:
    """The host of the control, with everything that happened."""

    settings: Settings = SETTINGS
    state: State = field(default_factory=State)
    device: dict[str, Setting] = field(default_factory=lambda: dict(OWNER))
    wall: datetime = MORNING
    seconds: float = 1000.0
    outcome: Outcome = Outcome.KEPT
    """What becomes of the next writes."""
    carried_out: bool = False
    """Whether a write with the outcome ``UNCERTAIN`` was carried out."""
    linked: bool = True
    """Whether the gateway can be reached; without it nothing is read or written."""
    read_at: float = 1000.0
    """When the settings were read last."""
    saved: str = ""
    actions: list[Action] = field(default_factory=list)
    changes: list[tuple[Mode, Reason]] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=lambda: dict(MIDDLE))

    def __post_init__(self) -> None:
        if self.state.mode is Mode.OFF:
            self.state = switch_on(self.settings, self.state, self.setup)
        self.save()

    @property
    def now(self) -> Now:
        return Now(self.seconds, self.wall)

    @property
    def setup(self) -> Setup:
        return Setup(battery=True, device=self.device)

    @property
    def done(self) -> list[tuple[str, Setting]]:
        """The actions so far."""
        return [(action.key, action.value) for action in self.actions]

    def snapshot(self, **more: Any) -> Snapshot:
        if self.linked:
            self.read_at = self.seconds
        age = self.seconds - self.read_at
        device = {key: Found(value, age) for key, value in self.device.items()}
        always: dict[str, Any] = {"age": 0.0, "device": device}
        return Snapshot(**(always | self.values | more))

    def save(self) -> None:
        self.saved = json.dumps(self.state.as_dict())

    def take(self, decision: Decision) -> bool:
        """Do what the host must do, in its order; returns whether there may be more to do."""
        before = (self.state.mode, self.state.reason)
        self.state = decision.state
        self.save()
        if decision.action is not None:
            self.write(decision.action)
        if (self.state.mode, self.state.reason) != before:
            self.changes.append((self.state.mode, self.state.reason))
        return decision.action is not None

    def write(self, action: Action) -> None:
        self.actions.append(action)
        outcome = self.outcome if self.linked else Outcome.NOT_SENT
        kept: Setting | None = None
        if action.dry:
            outcome, kept = Outcome.KEPT, action.value
        elif outcome is Outcome.KEPT or (outcome is Outcome.UNCERTAIN and self.carried_out):
            self.device[action.key] = action.value
            kept = action.value if outcome is Outcome.KEPT else None
        elif outcome is Outcome.DIFFERENT:
            kept = self.device[action.key]
        self.state = written(self.state, action, outcome, kept, self.now)
        self.save()

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        self.wall += timedelta(seconds=seconds)

    def look(self, **more: Any) -> Mode:
        for _ in range(20):
            if not self.take(decide(self.settings, self.state, self.snapshot(**more), self.now)):
                return self.state.mode
        raise AssertionError("it never comes to rest")

    def poll(self, **more: Any) -> Mode:
        """Let one interval pass and look."""
        self.wait(POLL)
        return self.look(**more)

    def run(self, seconds: float, **values: Any) -> Mode:
        """Look all the time; ``values`` stay."""
        self.values |= values
        for _ in range(round(seconds / POLL)):
            # A cell never stands quite still.
            self.poll(highest_cell=3.4 + (self.seconds % 100) / 1e5)
        return self.state.mode

    def silent(self, seconds: float) -> Mode:
        """The battery tells nothing for a while."""
        for step in range(round(seconds / POLL)):
            self.poll(age=(step + 1) * POLL)
        return self.state.mode

    def end(self, reason: Reason = Reason.STOPPED) -> Mode:
        for _ in range(20):
            if not self.take(stop(self.state, self.now, reason)):
                return self.state.mode
        raise AssertionError("it never comes to rest")

    def touch(self, key: str, value: Setting) -> Mode:
        """A person sets a setting in Home Assistant."""
        self.device[key] = value
        self.take(touched(self.state, key, value, self.now))
        return self.look()

    def kill(self, away: float = MINUTE, **changed: Any) -> Mode:
        """The program dies and begins again from what is on disk; the monotonic clock begins anew."""
        self.wait(away)
        self.seconds = self.read_at = 50.0
        self.state = State.from_dict(json.loads(self.saved))
        self.settings = replace(self.settings, **changed)
        self.take(resume(self.settings, self.state, self.setup, self.now))
        return self.look(age=float("inf"))

    # Where tests begin

    def to_discharging(self) -> Desk:
        assert self.run(2 * MINUTE, **FULL) is Mode.DISCHARGING
        return self

    def to_middle(self) -> Desk:
        self.to_discharging()
        assert self.run(HOUR, **MIDDLE) is Mode.DISCHARGING
        return self


__all__ = [
    "EMPTY",
    "FULL",
    "HOUR",
    "MIDDLE",
    "MINUTE",
    "OWNER",
    "POLL",
    "PROTECTION",
    "SETTINGS",
    "Desk",
    "Purpose",
]
