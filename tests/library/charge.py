"""An inverter on the desk for the charge manager: values by hand, time in steps, and a float voltage that remembers."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from custom_components.local_solar.solarlink.control.charge_manager import (
    Action,
    Decision,
    Mode,
    Now,
    Outcome,
    Reason,
    Settings,
    Setup,
    Snapshot,
    State,
    decide,
    finish_now,
    resume,
    start_now,
    stop,
    switch_on,
    written,
)

REAL, ABSORPTION, BULK = 54.0, 57.6, 57.6
SETTINGS = Settings.for_system(48, 400, BULK, REAL)
MORNING = datetime(2026, 5, 4, 8, tzinfo=UTC)
POLL = 10.0
MINUTE = 60.0
HOUR = 3600.0

DAY = {"battery_voltage": 52.5, "charge_current": 20.0, "discharge_current": 0.0, "solar_power": 900.0}
FULL = {"battery_voltage": 57.6, "charge_current": 4.0}
NIGHT = {"battery_voltage": 50.5, "charge_current": 0.0, "discharge_current": 5.0, "solar_power": 0.0}


@dataclass
class Desk:
    """The host of the charge manager, with everything that happened."""

    settings: Settings = SETTINGS
    state: State = field(default_factory=lambda: State(proven=True))
    device: float = REAL
    """Float voltage that the inverter has."""
    wall: datetime = MORNING
    seconds: float = 1000.0
    outcome: Outcome = Outcome.KEPT
    """What becomes of the next writes."""
    kept: float | None = None
    """What the inverter makes of a write with the outcome ``DIFFERENT``."""
    carried_out: bool = False
    """Whether a write with the outcome ``UNCERTAIN`` was carried out."""
    saved: str = ""
    """What is on disk."""
    saved_before: list[str] = field(default_factory=list)
    """What was on disk when each action was carried out."""
    actions: list[Action] = field(default_factory=list)
    changes: list[tuple[Mode, Reason]] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=lambda: dict(DAY))

    def __post_init__(self) -> None:
        if self.state.mode is Mode.OFF:
            self.state = switch_on(self.settings, self.state, self.setup)
        self.save()

    @property
    def now(self) -> Now:
        return Now(self.seconds, self.wall)

    @property
    def setup(self) -> Setup:
        return Setup(battery_type="user", bulk_voltage=BULK, float_voltage=self.device)

    @property
    def writes(self) -> list[float]:
        """Voltages of the actions so far."""
        return [action.voltage for action in self.actions]

    def snapshot(self, **more: Any) -> Snapshot:
        always = {"age": 0.0, "charging": True, "float_voltage": self.device, "bulk_voltage": BULK}
        return Snapshot(**(always | {"battery_type": "user"} | self.values | more))

    def save(self) -> None:
        self.saved = json.dumps(self.state.as_dict())

    def take(self, decision: Decision) -> Decision:
        """Do what the host must do, in its order."""
        if decision.state.mode is not self.state.mode:
            self.changes.append((decision.state.mode, decision.reason))
        self.state = decision.state
        self.save()
        if decision.action is not None:
            self.write(decision.action)
        return decision

    def write(self, action: Action) -> None:
        self.actions.append(action)
        self.saved_before.append(self.saved)
        outcome = Outcome.KEPT if action.dry else self.outcome
        if not action.dry:
            if outcome is Outcome.KEPT or (outcome is Outcome.UNCERTAIN and self.carried_out):
                self.device = action.voltage
            elif outcome is Outcome.DIFFERENT and self.kept is not None:
                self.device = self.kept
        kept = None if outcome in {Outcome.UNCERTAIN, Outcome.NOT_SENT} else self.device
        self.state = written(self.state, action, outcome, kept, self.now)
        self.save()

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        self.wall += timedelta(seconds=seconds)

    def poll(self, **more: Any) -> Decision:
        """Let one interval pass and look."""
        self.wait(POLL)
        return self.take(decide(self.settings, self.state, self.snapshot(**more), self.now))

    def run(self, seconds: float, **values: Any) -> Mode:
        """Look all the time; ``values`` stay."""
        self.values |= values
        for _ in range(round(seconds / POLL)):
            self.poll()
        return self.state.mode

    def silent(self, seconds: float) -> Mode:
        """Nothing is read for a while, but the host goes on deciding."""
        for step in range(round(seconds / POLL)):
            self.poll(age=(step + 1) * POLL, float_age=(step + 1) * POLL)
        return self.state.mode

    def kill(self, away: float = MINUTE, **changed: Any) -> Decision:
        """The program dies and begins again from what is on disk; the monotonic clock begins anew."""
        self.wait(away)
        self.seconds = 50.0
        self.state = State.from_dict(json.loads(self.saved))
        self.settings = replace(self.settings, **changed)
        return self.take(resume(self.settings, self.state, self.setup, self.now))

    def stop(self, reason: Reason = Reason.STOPPED) -> Decision:
        return self.take(stop(self.state, self.now, reason))

    def start_now(self, **more: Any) -> Decision:
        return self.take(start_now(self.settings, self.state, self.snapshot(**more), self.now))

    def finish_now(self) -> Decision:
        return self.take(finish_now(self.state, self.now))

    # Where tests begin

    def to_dusk(self) -> Desk:
        assert self.run(10 * MINUTE, solar_power=20.0) is Mode.IDLE
        return self

    def to_bulk(self) -> Desk:
        assert self.run(6 * MINUTE) is Mode.BULK
        return self

    def to_absorption(self) -> Desk:
        self.to_bulk()
        assert self.run(2 * MINUTE, battery_voltage=57.6) is Mode.ABSORPTION
        return self

    def to_float(self) -> Desk:
        self.to_absorption()
        assert self.run(30 * MINUTE, **FULL) is Mode.FLOAT
        return self
