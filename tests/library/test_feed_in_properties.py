"""The zero feed-in control whatever happens: any order of events, late and repeated times, losses, changed settings."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.local_solar.solarlink.control.feed_in import (
    FeedIn,
    FeedInInverter,
    FeedInReason as Reason,
    FeedInSettings,
    LearnedDelay,
    LimitCommand,
)
from custom_components.local_solar.solarlink.control.feed_in_recorder import FeedInRecorder
from custom_components.local_solar.solarlink.control.feed_in_trace import FeedInTrace, replay
from tests.tries import TRIES

NAME = "Zero feed-in control"
EXAMPLES = 120
ROUNDED = 0.051
"""Commands are rounded to 0.1 %."""

RATED = (400.0, 400.0, 300.0)
indices = st.integers(0, 2)
powers = st.one_of(st.floats(-3000, 3000), st.sampled_from([0.0, 20.0, 500.0, -500.0, 1e9, -1e9]))
shares = st.floats(0, 120)
gaps = st.one_of(
    st.sampled_from([1.0, 1.0, 1.0, 0.2, 5.0, 12.0, 31.0, 0.0, -3.0]), st.floats(-50, 50), st.sampled_from([1e6, -1e6])
)
"""How much later an event is than the one before, s."""
ages = st.one_of(st.just(0.3), st.floats(-20, 60))
"""How much older a measurement is than its event, s."""
choices = st.builds(
    FeedInSettings,
    target_w=st.sampled_from([20.0, -100.0, 0.0]),
    band_up_w=st.sampled_from([5.0, 20.0, 200.0]),
    band_down_w=st.sampled_from([5.0, 15.0, 200.0]),
    confirm_s=st.sampled_from([0.0, 3.0, 60.0]),
    delay_init_s=st.sampled_from([0.0, 2.0, 24.0]),
    tau_s=st.sampled_from([0.5, 2.5, 10.0]),
    step_pct=st.sampled_from([0.1, 0.3, 1.0, 5.0]),
    min_pct=st.sampled_from([2.0, 3.7, 10.0, 50.0]),
    cap_w=st.sampled_from([0.0, 300.0, 800.0, 5000.0]),
    fallback_w=st.sampled_from([0.0, 150.0]),
    learn=st.booleans(),
    learn_inline=st.booleans(),
)
events = st.one_of(
    st.tuples(st.just("meter"), ages, powers),
    st.tuples(st.just("meters"), st.integers(2, 8), st.floats(-900, 1500)),
    st.tuples(st.just("tick")),
    st.tuples(st.just("limit_status"), indices, st.sampled_from(["Ok", "Ok", "Failure", "?"])),
    st.tuples(st.just("limit_status"), indices, st.just("Ok")),
    st.tuples(st.just("sample"), indices, ages, powers),
    st.tuples(st.just("as_told"), indices, st.floats(0.5, 1.2)),
    st.tuples(st.just("set_usable"), indices, st.booleans(), shares, powers),
    st.tuples(st.just("set_ceiling"), indices, shares),
    st.tuples(st.just("set_floor"), indices, shares),
    st.tuples(st.just("set_cap"), st.floats(-100, 2000)),
    st.tuples(st.just("set_target"), st.floats(-800, 500)),
    st.tuples(st.just("retune"), choices),
    st.tuples(st.just("reset_learning")),
    st.tuples(st.just("learned"), st.floats(0, 24)),
)
stories = st.lists(st.tuples(gaps, events), min_size=1, max_size=60)


@dataclass
class House:
    """A core that is fed a story; it keeps its own account of what was told to whom."""

    core: FeedIn
    t: float = 0.0
    all_commands: list[tuple[LimitCommand, ...]] = field(default_factory=list)
    last: dict[int, float] = field(default_factory=dict)
    """The newest limit of each inverter (W)."""
    open: dict[int, list[float]] = field(default_factory=dict)
    """Limits of each inverter (W) of which one is in force: the acknowledged one and all after it."""

    raises: int = 0

    def __post_init__(self) -> None:
        for index, each in enumerate(self.core.inverters):
            self.last[index] = each.p_nom * each.initial_pct / 100.0
            self.open[index] = [self.last[index]]

    def feed(self, gap: float, event: tuple[Any, ...]) -> None:
        TRIES[NAME] += 1
        self.t += gap
        core, t = self.core, self.t
        commands: Sequence[LimitCommand] = ()
        match event:
            case ("meter", age, watts):
                commands = core.meter(t, t - age, watts)
            case ("meters", count, watts):
                for _ in range(count):
                    self.feed(1.0, ("meter", 0.2, watts))
            case ("tick",):
                commands = core.tick(t)
            case ("limit_status", index, status):
                core.limit_status(t, index, status)
                if status == "Ok":
                    self.open[index] = [self.last[index]]
            case ("sample", index, age, watts):
                core.sample(t, index, t - age, watts)
            case ("as_told", index, share):
                core.sample(t, index, t, core.commanded_w(index) * share)
            case ("set_usable", index, usable, percent, watts):
                if usable and not core.usable(index):
                    self.last[index] = core.inverters[index].p_nom * percent / 100.0
                    self.open[index] = [self.last[index]]
                core.set_usable(t, index, usable, limit_pct=percent, measured_w=watts)
            case ("learned", delay):
                core.learned(t, LearnedDelay(core.delay_s, delay))
            case (name, *arguments):
                getattr(core, name)(t, *arguments)
        self.check(commands)

    def check(self, commands: Sequence[LimitCommand]) -> None:
        core = self.core
        raised = False
        for command in commands:
            index, rated = command.inverter, core.inverters[command.inverter].p_nom
            assert core.usable(index)
            assert core.settings.min_pct - ROUNDED <= command.percent <= core.high(index) / rated * 100.0 + ROUNDED
            assert command.percent <= 100.0
            assert abs(core.commanded_pct(index) - command.percent) <= ROUNDED
            raised |= core.commanded_w(index) > self.last[index]
            self.last[index] = core.commanded_w(index)
            self.open[index].append(self.last[index])
        assert len({command.inverter for command in commands}) == len(commands)
        if commands:
            self.all_commands.append(tuple(commands))
        if raised and all(core.gain(index) == 1.0 for index in self.open):
            self.check_raise()

    def check_raise(self) -> None:
        """Whatever inverter has obeyed whichever command: the sum stays within the cap."""
        self.raises += 1
        core = self.core
        used = [index for index in self.open if core.usable(index)]
        worst = sum(max(self.open[index]) for index in used)
        assert worst <= core.cap_w + 0.01


def house_of(chosen: FeedInSettings, slew: float) -> House:
    known = [FeedInInverter(p_nom=rated, slew_pct_per_s=slew) for rated in RATED]
    return House(FeedInRecorder(known, chosen, capacity=25))


@settings(max_examples=EXAMPLES, deadline=None)
@given(choices, st.sampled_from([0.0, 0.5]), stories)
def test_no_command_is_ever_out_of_bounds_and_every_recording_replays(
    chosen: FeedInSettings, slew: float, story: list[tuple[float, tuple[Any, ...]]]
) -> None:
    house = house_of(chosen, slew)
    for gap, event in story:
        house.feed(gap, event)
        assert isinstance(house.core.reason, Reason)
        assert house.core.delay_s >= 0.0
        low, high = house.core.settings.confirm_s, house.core.settings.confirm_max_s
        assert low <= house.core.confirm_s <= max(low, high)
    assert isinstance(house.core, FeedInRecorder)
    dump = FeedInTrace.from_dict(json.loads(json.dumps(house.core.trace().as_dict(), allow_nan=False)))
    core = dump.core()
    assert list(replay(dump.rows, core)) == []
    assert core.state == house.core.state


def anything_honest(random: Random) -> tuple[Any, ...]:
    """An event that leaves every gain at 1, so that a limit is a power."""
    index = random.randrange(3)
    return random.choice(
        [
            *[("meters", random.randint(3, 9), random.choice([-300.0, -50.0, 20.0, 90.0, 300.0, 900.0]))] * 6,
            *[("limit_status", index, "Ok")] * 6,
            *[("as_told", index, 1.0)] * 6,
            ("set_usable", index, random.random() < 0.8, random.uniform(0.0, 100.0), random.uniform(0.0, 400.0)),
            ("set_ceiling", index, random.choice([0.0, 30.0, 100.0])),
            ("set_cap", random.choice([0.0, 150.0, 500.0, 800.0])),
            ("tick",),
            (
                "retune",
                FeedInSettings(min_pct=random.choice([2.0, 10.0, 30.0]), step_pct=random.choice([0.3, 1.0, 5.0])),
            ),
        ]
    )


@pytest.mark.parametrize("slew", [0.0, 0.5])
def test_no_raise_ever_lets_the_sum_exceed_the_cap(slew: float) -> None:
    raises = 0
    for seed in range(100):
        random = Random(seed)
        house = house_of(FeedInSettings(cap_w=random.choice([300.0, 800.0])), slew)
        for _ in range(150):
            house.feed(random.choice([1.0, 4.0, 15.0]), anything_honest(random))
        assert all(house.core.gain(index) == 1.0 for index in range(3))
        raises += house.raises
    assert raises > 400


def test_enough_was_tried() -> None:
    assert TRIES[NAME] >= 20000
