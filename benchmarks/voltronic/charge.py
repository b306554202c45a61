"""Thirty simulated days with a charger that goes to float too early: how many charges are finished, at which cost."""

from dataclasses import dataclass
from random import Random

from simulators.voltronic.battery import FAULT_VARIANTS, ChargerModel
from simulators.voltronic.sky import WEATHERS, Weather

from .rules import ALONE, ALWAYS, POLL_SECONDS, RULES

DAYS = 30
DAY_SECONDS = 86400
LOST = 0.02
"""Share of the answers that is lost on a bad line."""


@dataclass(frozen=True, slots=True)
class Month:
    """What became of the days of one run."""

    weather: str
    firmware: str
    rule: str
    completed: float
    """Share of days on which the battery was held at the absorption voltage down to its tail current, 0 to 1."""
    absorption_hours: float
    """Mean time at the absorption voltage, h per day."""
    gassing: float
    """Mean charge that split water, Ah per day: what staying at the absorption voltage for too long costs."""
    raised_hours: float
    """Mean time with a raised float voltage, h per day: while it lasts, nobody but the rule protects the battery."""
    writes: float
    """Mean writes of the float voltage per day."""
    most_writes: int
    """Writes of the day with most of them."""


def month(weather: Weather, firmware: str, rule: str, *, seed: int = 1, days: int = DAYS, lost: float = 0.0) -> Month:
    """Let ``days`` pass; sun, clouds, loads and lost answers are the same for every rule and firmware."""
    charger = ChargerModel(seed=seed, weather=weather, fault_seconds=FAULT_VARIANTS[firmware])
    keeper = RULES[rule](charger)
    line = Random(seed)
    raised = 0
    for seconds in range(0, days * DAY_SECONDS, POLL_SECONDS):
        charger.step(POLL_SECONDS)
        keeper.look(float(seconds), heard=line.random() >= lost)
        raised += POLL_SECONDS * (charger.float_voltage > keeper.real_float)
    over = charger.days[:days]
    return Month(
        weather,
        firmware,
        rule,
        completed=sum(day.absorption_completed for day in over) / len(over),
        absorption_hours=sum(day.absorption_seconds for day in over) / 3600 / len(over),
        gassing=sum(day.gassing_ah for day in over) / len(over),
        raised_hours=raised / 3600 / days,
        writes=sum(day.float_writes for day in over) / len(over),
        most_writes=max(day.float_writes for day in over),
    )


def print_tables(days: int = DAYS, seed: int = 1) -> None:
    """Run every weather, firmware and rule, and print two tables: a good line and a bad one."""
    system = f"{days} days, 48 V, 400 Ah, 4 kWp, seed {seed}"
    print(f"\nShare of days with a completed absorption ({system})\n")
    _head()
    for weather in WEATHERS:
        for firmware in FAULT_VARIANTS:
            for rule in RULES:
                _row(month(weather, firmware, rule, seed=seed, days=days))
    print(f"\nThe same when {LOST:.0%} of the answers are lost\n")
    _head()
    for weather in WEATHERS:
        for rule in RULES:
            if rule not in (ALONE, ALWAYS):
                _row(month(weather, next(iter(FAULT_VARIANTS)), rule, seed=seed, days=days, lost=LOST))


def _head() -> None:
    titles = ("hours at absorption", "Ah gassed", "hours raised", "writes a day", "most")
    print(f"| weather | fault | rule | days completed | {' | '.join(titles)} |")
    print(f"|---|---|---|{'--:|' * (1 + len(titles))}")


def _row(each: Month) -> None:
    fault = f"after {FAULT_VARIANTS[each.firmware]:g} s"
    print(
        f"| {each.weather} | {fault} | {each.rule} | {each.completed:.0%} | {each.absorption_hours:.1f} "
        f"| {each.gassing:.1f} | {each.raised_hours:.1f} | {each.writes:.1f} | {each.most_writes} |",
        flush=True,
    )
