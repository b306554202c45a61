"""The ten scenarios of the reference's table (section 11).

Of *one slow of three* the reference does not say which one, nor whether the controller is told. Here it is the first,
and it is told, because the reference marks only the other scenario with slow inverters as "not told".
"""

from dataclasses import dataclass, field

from .plant import Conditions

SECONDS = 7200
SEEDS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A load and the conditions under which it is met."""

    name: str
    load: str
    conditions: Conditions = field(default_factory=Conditions)


SCENARIOS = (
    Scenario("calm", "calm"),
    Scenario("evening", "evening"),
    Scenario("steps", "steps"),
    Scenario("pulse", "pulse"),
    Scenario("steps, dead time 4-9 s, tau 4 s", "steps", Conditions(dead_time=(4.0, 9.0), tau=4.0)),
    Scenario("steps, dead time 15-20 s", "steps", Conditions(dead_time=(15.0, 20.0))),
    Scenario("steps, slew 0.5 %/s (not told)", "steps", Conditions(slew=(0.5, 0.5, 0.5))),
    Scenario("steps, one slow of three", "steps", Conditions(slew=(0.5, 0.0, 0.0), slew_told=True)),
    Scenario("steps, meter every 5 s", "steps", Conditions(meter_seconds=5)),
    Scenario("steps, 20 % radio loss", "steps", Conditions(radio_loss=0.2)),
)
