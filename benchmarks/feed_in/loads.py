"""What the house draws: a base load with noise, and appliances at fixed times.

The reference (section 11) leaves open when they start. *Calm* and *pulse* begin at 300 s and *steps* at 200 s, as in
its recorded traces. As in most of the traces, appliances switch 0.1 s before a full second of the meter, so that a
tenth of a step shows in the value before it. This matters: a controller that waits until a rise is confirmed begins
with that tenth. The appliances of the *evening* begin where ``EVENING`` says; the reference names their powers and most
of their durations, but of the short pulses neither number nor length: here there is one of each, of 3 s and 5 s.
"""

from collections.abc import Iterator
from math import exp, sqrt
from random import Random

from .inverters import STEPS_PER_SECOND

BASE = 190.0
NOISE = 7.0
NOISE_SECONDS = 4.0
LEAST = 20.0
EARLY_STEPS = 1
"""By how many steps of the plant the appliances are ahead of the meter's second."""

type Use = tuple[float, float, float]
"""An appliance: its start in s, for how long in s, with which power in W."""

STEP_POWERS = (60.0, 120.0, 250.0, 400.0, 180.0, 320.0)
EVENING: tuple[Use, ...] = (
    (1100.0, 180.0, 2050.0),
    (1500.0, 3.0, 1900.0),
    (1600.0, 5.0, 900.0),
    (4600.0, 120.0, 750.0),
    (4900.0, 1380.0, 160.0),
)
HOB_BEGINS, HOB_SECONDS = 2800.0, 900.0


def _calm(seconds: float) -> Iterator[Use]:
    start = 300.0
    while start < seconds:
        yield start, 650.0, 95.0
        start += 1750.0


def _steps(seconds: float) -> Iterator[Use]:
    start, turn = 200.0, 0
    while start < seconds:
        yield start, 150.0, STEP_POWERS[turn % len(STEP_POWERS)]
        start, turn = start + 290.0, turn + 1


def _hob(start: float, end: float) -> Iterator[Use]:
    while start < end:
        yield start, 7.0, 1100.0
        start += 17.0


def _evening(seconds: float) -> Iterator[Use]:
    yield from _calm(seconds)
    yield from EVENING
    yield from _hob(HOB_BEGINS, HOB_BEGINS + HOB_SECONDS)


def uses(name: str, seconds: float) -> list[Use]:
    """What is switched on in the load scenario ``name`` (calm, evening, steps or pulse)."""
    match name:
        case "calm":
            return list(_calm(seconds))
        case "evening":
            return list(_evening(seconds))
        case "steps":
            return list(_steps(seconds))
        case "pulse":
            return list(_hob(300.0, seconds))
    raise ValueError(name)


def load(name: str, seconds: int, seed: int) -> list[float]:
    """The house's load in W for every step from 0 to ``seconds``, the same for the same ``seed``."""
    count = seconds * STEPS_PER_SECOND + 1
    appliances = [0.0] * count
    for start, duration, power in uses(name, seconds):
        begin = round(start * STEPS_PER_SECOND) + 1 - EARLY_STEPS
        for step in range(begin, min(count, begin + round(duration * STEPS_PER_SECOND))):
            appliances[step] += power
    keep = exp(-1 / (STEPS_PER_SECOND * NOISE_SECONDS))
    fresh = NOISE * sqrt(1 - keep * keep)
    rng = Random(f"load {seed}")
    noise = rng.gauss(0.0, NOISE)
    watts = []
    for power in appliances:
        noise = keep * noise + rng.gauss(0.0, fresh)
        watts.append(max(LEAST, BASE + noise + power))
    return watts
