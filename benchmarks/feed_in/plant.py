"""The house with its inverters, its meter and its DTU, and how well a rule did in it (feed-in reference, section 11).

What the reference leaves open and this plant decides: the dead time is drawn anew for every acknowledged limit; an
answer to statistics tells the power at its end; the rule looks every 0.5 s (the pace of the recorded traces) and sees
what the meter had delivered by then; a meter that tells a value every 5 s averages over these 5 s.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from random import Random
from typing import Protocol

from .dtu import Dtu, Sample, Status
from .inverters import STEPS_PER_SECOND, Inverter

LOOK_STEPS = 5
UNCOUNTED_SECONDS = 120
CAP_MARGIN = 1.03
WH_PER_WATT_STEP = 1 / (3600 * STEPS_PER_SECOND)


@dataclass(frozen=True, slots=True)
class Conditions:
    """How inverters, meter and radio behave, and what is wanted of the rule."""

    rated: tuple[float, ...] = (400.0, 400.0, 300.0)
    dead_time: tuple[float, float] = (1.0, 3.0)
    tau: float = 1.5
    slew: tuple[float, ...] = (0.0, 0.0, 0.0)
    """Fastest change of each inverter in % of its rated power per s; 0 for none."""
    slew_told: bool = False
    """Whether the owner has told it to a rule that asks for it."""
    meter_seconds: int = 1
    radio_loss: float = 0.06
    gain_error: float = 0.02
    target: float = 20.0
    cap: float = 800.0
    least_percent: float = 2.0

    @property
    def floor(self) -> float:
        """Least power in W that all inverters together can be told."""
        return sum(self.rated) * self.least_percent / 100


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of merit of one run, or means of several."""

    rms: float
    """Root mean square of what was delivered above or below the ideal, W."""
    export: float
    """Energy given to the grid, Wh."""
    avoidable: float
    """Energy taken from the grid above the target while the inverters could have given more under the cap, Wh."""
    commands: float
    """Limit commands per hour."""
    violation: float
    """Time in s with more than 1.03 of the cap, the start included."""


@dataclass(slots=True)
class View:
    """What a rule can know and do."""

    conditions: Conditions
    dtu: Dtu
    reading: Sample | None = None
    """Grid power in W that the meter delivered last, and when it was measured."""
    log: list[tuple[float, int, float]] = field(default_factory=list)
    """Every command: when (s), to which inverter, which limit (%)."""
    now: float = 0.0

    def send(self, inverter: int, percent: float) -> None:
        """Command a limit in % of the rated power."""
        self.log.append((self.now, inverter, percent))
        self.dtu.post(inverter, percent)

    def settled(self, inverter: int) -> bool:
        """Whether the last command of the inverter was acknowledged."""
        return self.dtu.status[inverter] is Status.OK


class Rule(Protocol):
    """Decides about limits."""

    def look(self, now: float, view: View) -> None:
        """Look at the house at ``now`` (s) and send what should be sent; called every 0.5 s."""


class Plant:
    """One house in which one rule is let loose."""

    def __init__(self, conditions: Conditions, seed: int) -> None:
        """Draw the gains; the same ``seed`` gives the same inverters and the same luck of radio and meter."""
        gains = Random(f"gain {seed}")
        error = conditions.gain_error
        self.conditions = conditions
        self.inverters = [
            Inverter(
                rated, gains.uniform(1 - error, 1 + error), conditions.least_percent, tau=conditions.tau, slew=slew
            )
            for rated, slew in zip(conditions.rated, conditions.slew, strict=True)
        ]
        dtu = Dtu(
            self.inverters,
            conditions.least_percent,
            loss=conditions.radio_loss,
            dead_time=conditions.dead_time,
            rng=Random(f"radio {seed}"),
        )
        self.view = View(conditions, dtu)
        self._late = Random(f"meter {seed}")

    @property
    def delivered(self) -> float:
        """Power in W of all inverters together."""
        return sum(inverter.output for inverter in self.inverters)

    def run(self, rule: Rule, load: Sequence[float]) -> Figures:
        """Let ``rule`` govern the house for the whole ``load`` (W per step); what became of it, the start left out."""
        conditions, view, inverters = self.conditions, self.view, self.inverters
        target, cap, floor = conditions.target, conditions.cap, conditions.floor
        ceiling = CAP_MARGIN * cap
        radio = view.dtu.step
        uncounted = UNCOUNTED_SECONDS * STEPS_PER_SECOND
        meter_steps = conditions.meter_seconds * STEPS_PER_SECOND
        squares = export = avoidable = period = 0.0
        above = 0
        coming: Sample | None = None
        arrives = 0.0
        for now in range(1, len(load)):
            watts = load[now]
            delivered = 0.0
            for inverter in inverters:
                delivered += inverter.step(now)
            grid = watts - delivered
            period += grid
            radio(now)
            if not now % LOOK_STEPS:
                if not now % meter_steps:
                    coming = Sample(now / STEPS_PER_SECOND, round(period / meter_steps, 1))
                    arrives = now + self._late.uniform(0.05, 0.25) * STEPS_PER_SECOND
                    period = 0.0
                if coming is not None and now >= arrives:
                    view.reading, coming = coming, None
                view.now = now / STEPS_PER_SECOND
                rule.look(view.now, view)
            above += delivered > ceiling
            if now > uncounted:
                error = delivered - max(floor, min(cap, watts - target))
                squares += error * error
                if grid < 0.0:
                    export -= grid
                elif grid > target and delivered < cap:
                    avoidable += min(grid - target, cap - delivered)
        counted = len(load) - 1 - uncounted
        hours = counted / STEPS_PER_SECOND / 3600
        return Figures(
            rms=sqrt(squares / counted),
            export=export * WH_PER_WATT_STEP,
            avoidable=avoidable * WH_PER_WATT_STEP,
            commands=sum(when > UNCOUNTED_SECONDS for when, _, _ in view.log) / hours,
            violation=above / STEPS_PER_SECOND,
        )
