"""The DTU: one radio that asks its inverters in turn and passes on their limits, first come, first served."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from .inverters import STEPS_PER_SECOND, Inverter

POLL_SECONDS = 5
SENDS = 5
LOST_SEND_SECONDS = 2.0


class Status(StrEnum):
    """What the DTU says of the last limit of an inverter."""

    OK = "Ok"
    PENDING = "Pending"
    FAILURE = "Failure"


@dataclass(frozen=True, slots=True)
class Sample:
    """A measured power (W) and when it was measured (s)."""

    ts: float
    watts: float


class Dtu:
    """A queue and a radio (feed-in reference, section 11).

    Statistics are asked for every 5 s, one inverter after the other, and take 0.25 to 0.9 s; 3 % of the requests fail
    and take 1.5 s. A limit takes 0.3 to 1.5 s and 2 s more for every send that is lost; after five lost sends it has
    failed and is sent again when it is that inverter's turn to be asked. A newer limit replaces one that waits.
    """

    def __init__(
        self, inverters: Sequence[Inverter], percent: float, *, loss: float, dead_time: tuple[float, float], rng: Random
    ) -> None:
        """Begin with every limit at ``percent``, acknowledged, and with the first inverter's turn.

        Args:
            loss: share of the sends of a limit that get lost.
            dead_time: shortest and longest time in s between acknowledgement and effect.
        """
        self.status = [Status.OK] * len(inverters)
        self.reported = [percent] * len(inverters)
        """Limit in % that each inverter acknowledged last."""
        self.samples: list[Sample | None] = [None] * len(inverters)
        self.posts = 0
        self._inverters = inverters
        self._wanted = [percent] * len(inverters)
        self._loss = loss
        self._dead_time = dead_time
        self._rng = rng
        self._queue: deque[tuple[bool, int]] = deque()
        self._on_air: tuple[bool, int] | None = None
        self._sent = 0.0
        self._heard = False
        self._ends = 0
        self._turn = 0
        self._next_poll = 0

    def post(self, inverter: int, percent: float) -> None:
        """Take a non-persistent relative limit in %."""
        self.posts += 1
        self._wanted[inverter] = percent
        self.status[inverter] = Status.PENDING
        if (True, inverter) not in self._queue:
            self._queue.append((True, inverter))

    def step(self, now: int) -> None:
        """Live through one step."""
        if now >= self._next_poll:
            self._poll(now)
        if self._on_air is not None:
            if now < self._ends:
                return
            self._finish(now, *self._on_air)
            self._on_air = None
        if self._queue:
            self._begin(now, *self._queue.popleft())

    def _poll(self, now: int) -> None:
        self._next_poll = now + POLL_SECONDS * STEPS_PER_SECOND
        if self.status[self._turn] is Status.FAILURE and (True, self._turn) not in self._queue:
            self.status[self._turn] = Status.PENDING
            self._queue.append((True, self._turn))
        if (False, self._turn) not in self._queue:
            self._queue.append((False, self._turn))
        self._turn = (self._turn + 1) % len(self._inverters)

    def _begin(self, now: int, is_limit: bool, inverter: int) -> None:
        rng = self._rng
        if is_limit:
            lost = 0
            while lost < SENDS and rng.random() < self._loss:
                lost += 1
            self._heard = lost < SENDS
            self._sent = self._wanted[inverter]
            seconds = LOST_SEND_SECONDS * lost + (rng.uniform(0.3, 1.5) if self._heard else 0.0)
        else:
            self._heard = rng.random() >= 0.03
            seconds = rng.uniform(0.25, 0.9) if self._heard else 1.5
        self._on_air = (is_limit, inverter)
        self._ends = now + round(seconds * STEPS_PER_SECOND)

    def _finish(self, now: int, is_limit: bool, inverter: int) -> None:
        if not is_limit:
            if self._heard:
                output = round(self._inverters[inverter].output, 1)
                self.samples[inverter] = Sample(now / STEPS_PER_SECOND, output)
            return
        # As long as a newer limit waits, the state speaks of that one.
        newer = (True, inverter) in self._queue
        if self._heard:
            dead = self._rng.uniform(*self._dead_time)
            self._inverters[inverter].take(self._sent, now + round(dead * STEPS_PER_SECOND))
            self.reported[inverter] = self._sent
            if not newer:
                self.status[inverter] = Status.OK
        elif not newer:
            self.status[inverter] = Status.FAILURE
