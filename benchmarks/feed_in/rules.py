"""Rules of others, written here from what their projects say about them in words; no line of theirs is used.

Each gets the same target and cap. Where a description gives no number, the docstring names the one taken here.
"""

from abc import ABC, abstractmethod

from .plant import View


class IntervalRule(ABC):
    """Looks at the latest meter value every ``interval`` seconds and moves its own sum of limits."""

    def __init__(self, interval: float, tolerance: float) -> None:
        """Look every ``interval`` s and leave alone what is within ``tolerance`` W of the target."""
        self._interval = interval
        self._tolerance = tolerance
        self._next = interval

    def look(self, now: float, view: View) -> None:
        """Decide when it is time."""
        if now < self._next or view.reading is None:
            return
        self._next = now + self._interval
        error = view.reading.watts - view.conditions.target
        if abs(error) > self._tolerance:
            self.correct(error, view)

    @abstractmethod
    def correct(self, error: float, view: View) -> None:
        """Send what brings the grid power down by ``error`` W."""


def send_watts(view: View, limits: list[float], inverter: int, watts: float, step: float = 1.0) -> bool:
    """Send ``watts`` as a multiple of ``step`` %, not below the least limit; whether that was a change."""
    rated, least = view.conditions.rated[inverter], view.conditions.least_percent
    percent = max(least, min(100.0, int(watts / rated * 100 / step + 1e-6) * step))
    if abs(percent - limits[inverter] / rated * 100) < step / 2:
        return False
    limits[inverter] = rated * percent / 100
    view.send(inverter, percent)
    return True


def least_limits(view: View) -> list[float]:
    """The limits in W from which every rule starts."""
    return [rated * view.conditions.least_percent / 100 for rated in view.conditions.rated]


def share_out(view: View, limits: list[float], total: float, step: float = 1.0) -> None:
    """Bring the sum of the limits to ``total`` W, each inverter in proportion to its rated power."""
    rated = view.conditions.rated
    for inverter, own in enumerate(rated):
        send_watts(view, limits, inverter, total * own / sum(rated), step)


class Plain(IntervalRule):
    """What many scripts do: every 15 s the whole error at once, on the limits that were sent, shared out in proportion.

    Leaves alone what is within 25 W.
    """

    def __init__(self) -> None:
        """Begin without limits."""
        super().__init__(15.0, 25.0)
        self._limits: list[float] = []

    def correct(self, error: float, view: View) -> None:
        """Move the sum by the error, under the cap."""
        conditions = view.conditions
        limits = self._limits = self._limits or least_limits(view)
        share_out(view, limits, max(conditions.floor, min(conditions.cap, sum(limits) + error)))


class FourSeconds(IntervalRule):
    """The rule of dbus-opendtu-DC-load as far as it is known: a loop of 4 s over meter and DTU.

    Its project says in words only that the inverters follow the grid meter. One command per turn, ``RISE`` of the error
    for a rise and all of it for a fall, and a tolerance of 20 W are taken from the figures that the reference
    gives for it, which this comes near; that makes it a picture of that rule and no copy.
    """

    RISE = 0.25

    def __init__(self) -> None:
        """Begin without limits."""
        super().__init__(4.0, 20.0)
        self._limits: list[float] = []

    def correct(self, error: float, view: View) -> None:
        """Move the inverter that can take most of the change."""
        conditions = view.conditions
        limits = self._limits = self._limits or least_limits(view)
        total = sum(limits)
        change = min(conditions.cap, total + (self.RISE * error if error > 0 else error)) - total
        floor = least_limits(view)
        rooms = [conditions.rated[i] - limits[i] if change > 0 else limits[i] - floor[i] for i in range(len(limits))]
        inverter = max(range(len(limits)), key=lambda i: min(rooms[i], abs(change)))
        part = min(rooms[inverter], abs(change))
        send_watts(view, limits, inverter, limits[inverter] + (part if change > 0 else -part))


class ZeroExport(IntervalRule):
    """HoymilesZeroExport, from its configuration file, its change log and the answers of its author.

    A loop of 10 s (``LOOP_INTERVAL_IN_SECONDS`` as its author runs it) with the default tolerance of 25 W. It reads the
    meter every second and does not wait for the end of the loop when the power is far off (``POWERMETER_MAX_POINT``,
    75 W above the target by default; here the same below it for ``POWERMETER_MIN_POINT``), but never sets limits twice
    within one loop. The sum of the limits moves by the error and is shared out in proportion to the rated powers. Of a
    reduction by more than 20 % of the rated power, 20 % are held back (``SLOW_APPROX_LIMIT_IN_PERCENT``,
    ``SLOW_APPROX_FACTOR_IN_PERCENT``). The jump to the maximum is off, as its author advises for batteries.
    """

    FAR = 75.0
    SLOW_LIMIT = 0.2
    SLOW_FACTOR = 0.2

    def __init__(self) -> None:
        """Begin without a setpoint."""
        super().__init__(10.0, 25.0)
        self._limits: list[float] = []
        self._setpoint = 0.0
        self._free = 0.0

    def look(self, now: float, view: View) -> None:
        """Look at the end of the loop, or at once when it is urgent."""
        if view.reading is None or now < self._free:
            return
        if abs(view.reading.watts - view.conditions.target) > self.FAR:
            self._next = now
        sent = len(view.log)
        super().look(now, view)
        if len(view.log) > sent:
            self._free = now + self._interval

    def correct(self, error: float, view: View) -> None:
        """Move the setpoint and share it out."""
        conditions = view.conditions
        limits = self._limits = self._limits or least_limits(view)
        before = self._setpoint or sum(limits)
        after = max(conditions.floor, min(conditions.cap, before + error))
        if before - after > self.SLOW_LIMIT * sum(conditions.rated):
            after += self.SLOW_FACTOR * (before - after)
        self._setpoint = after
        share_out(view, limits, after, step=0.1)


class PowerLimiter:
    """OpenDTU-OnBattery's dynamic power limiter, from its documentation and its maintainers' explanations.

    Every meter value is an occasion. It waits until all limits are acknowledged, until each inverter has told its power
    since its last limit, and until the meter value is newer than that. The wanted sum is the meter value plus what the
    inverters told, less the target, at most the cap. The difference goes to the inverters that can take most of it;
    each gets what it told plus its share, unless that is within the hysteresis (10 W) of its limit. Inverters are not
    switched off. It works inside the DTU, so it sees every state at once.
    """

    HYSTERESIS = 10.0

    def __init__(self) -> None:
        """Begin with every limit acknowledged long ago."""
        self._limits: list[float] = []
        self._acknowledged: list[float] = []
        self._waits: list[bool] = []
        self._used = 0.0

    def look(self, now: float, view: View) -> None:
        """Decide on a meter value that is new enough."""
        if not self._limits:
            self._limits = least_limits(view)
            self._acknowledged = [-1.0] * len(self._limits)
            self._waits = [False] * len(self._limits)
        for inverter, waits in enumerate(self._waits):
            if waits and view.settled(inverter):
                self._waits[inverter] = False
                self._acknowledged[inverter] = now
        reading = view.reading
        if any(self._waits) or reading is None or reading.ts <= self._used:
            return
        told = [sample for sample in view.dtu.samples if sample is not None]
        if len(told) < len(self._limits):
            return
        newest = max(sample.ts for sample in told)
        if any(sample.ts <= ack for sample, ack in zip(told, self._acknowledged, strict=True)) or reading.ts <= newest:
            return
        self._used = reading.ts
        self._share([sample.watts for sample in told], reading.watts, view)

    def _share(self, outputs: list[float], grid: float, view: View) -> None:
        conditions, floor = view.conditions, least_limits(view)
        total = sum(outputs)
        change = max(conditions.floor, min(conditions.cap, total + grid - conditions.target)) - total
        if abs(change) <= self.HYSTERESIS:
            return
        rise = change > 0
        rooms = [conditions.rated[i] - outputs[i] if rise else outputs[i] - floor[i] for i in range(len(outputs))]
        left = abs(change)
        for inverter in sorted(range(len(rooms)), key=lambda i: -rooms[i]):
            part = min(max(0.0, rooms[inverter]), left)
            if part <= 0.0:
                continue
            left -= part
            wanted = outputs[inverter] + (part if rise else -part)
            if abs(wanted - self._limits[inverter]) > self.HYSTERESIS and send_watts(
                view, self._limits, inverter, wanted, step=0.1
            ):
                self._waits[inverter] = True
