"""The DTU's radio: one queue for everything, first in, first out, in the time of the house (reference section 5)."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from random import Random

from .hardware import Hardware


@dataclass(frozen=True, slots=True)
class RadioModel:
    """How long things take on the air, s, and how often they fail."""

    statistics: tuple[float, float] = (0.25, 0.9)
    """A request that reads something, from its first frame to the last fragment of the answer."""
    statistics_loss: float = 0.03
    """Share of these that fail although the inverter hears them."""
    statistics_failed: float = 1.5
    unreachable: float = 4.0
    """A request that reads something from an inverter that hears nothing."""
    limit: tuple[float, float] = (0.3, 1.5)
    """A send of a command that is acknowledged."""
    limit_loss: float = 0.06
    """Share of the sends that are lost."""
    lost_send: float = 2.0
    """How long the DTU waits for an acknowledgement that does not come."""
    sends: int = 5
    """Sends until a command has failed."""


class Kind(Enum):
    """What is on the air."""

    STATISTICS = auto()
    EVENTS = auto()
    READ_BACK = auto()
    DEVICE_INFO = auto()
    LIMIT = auto()
    POWER = auto()


COMMANDS = (Kind.LIMIT, Kind.POWER)


@dataclass(slots=True)
class Request:
    """Something to be sent to an inverter."""

    kind: Kind
    hardware: Hardware
    deliver: Callable[[float], None] = lambda _at: None
    """Called with the time at which the inverter hears a command, once for each send that it hears."""
    done: Callable[[bool], None] = lambda _good: None
    """Called with whether the DTU got its answer."""
    sends: int = field(default=0)


@dataclass(slots=True)
class _OnAir:
    request: Request
    ends: float
    good: bool
    heard_at: float | None = None
    """When the inverter hears it, although the answer may be lost; None when it does not."""


class Radio:
    """One radio chip. ``now`` is given in seconds of the house."""

    def __init__(
        self,
        model: RadioModel,
        random: Random,
        *,
        ready: Callable[[], bool],
        hears: Callable[[Hardware], bool],
        lost: Callable[[], tuple[float, float]],
    ) -> None:
        """``ready``: whether anything may be sent; ``hears``: whether an inverter hears.

        ``lost``: shares of sends and of acknowledgements that a fault loses.
        """
        self.model = model
        self.waiting: deque[Request] = deque()
        self._random = random
        self._ready = ready
        self._hears = hears
        self._lost = lost
        self._on_air: _OnAir | None = None

    @property
    def next_end(self) -> float | None:
        """Return when what is on the air ends, None while the radio is idle."""
        return self._on_air.ends if self._on_air else None

    def forget(self) -> None:
        """Drop everything, as a restart does."""
        self.waiting.clear()
        self._on_air = None

    def add(self, request: Request, now: float, *, replace: bool = False) -> None:
        """Queue a request; ``replace``: in the place of one of its kind for the same inverter that still waits."""
        place = self._place(request.kind, request.hardware)
        if place is not None and replace:
            self.waiting[place] = request
        else:
            self.waiting.append(request)
        self.start(now)

    def waits(self, kind: Kind, hardware: Hardware) -> bool:
        """Tell whether a request of a kind waits for an inverter's turn (not: is on the air)."""
        return self._place(kind, hardware) is not None

    def _place(self, kind: Kind, hardware: Hardware) -> int | None:
        return next(
            (place for place, other in enumerate(self.waiting) if other.kind is kind and other.hardware is hardware),
            None,
        )

    def start(self, now: float) -> None:
        """Send what is next, unless the radio is busy."""
        if self._on_air is None and self.waiting and self._ready():
            self._send(self.waiting.popleft(), now)

    def _send(self, request: Request, now: float) -> None:
        request.sends += 1
        send = self._send_command if request.kind in COMMANDS else self._send_question
        self._on_air = send(request, now)

    def _send_question(self, request: Request, now: float) -> _OnAir:
        if not self._hears(request.hardware):
            return _OnAir(request, now + self.model.unreachable, good=False)
        if self._random.random() < self.model.statistics_loss:
            return _OnAir(request, now + self.model.statistics_failed, good=False)
        return _OnAir(request, now + self._random.uniform(*self.model.statistics), good=True)

    def _send_command(self, request: Request, now: float) -> _OnAir:
        sends_lost, answers_lost = self._lost()
        took = self._random.uniform(*self.model.limit)
        chances = [self._random.random() for _ in range(3)]
        heard = self._hears(request.hardware) and chances[0] >= self.model.limit_loss and chances[1] >= sends_lost
        good = heard and chances[2] >= answers_lost
        ends = now + (took if good else self.model.lost_send)
        return _OnAir(request, ends, good=good, heard_at=now + took if heard else None)

    def finish(self) -> None:
        """End what is on the air at the time it ends: tell its outcome or send it again; then send what is next."""
        on_air, self._on_air = self._on_air, None
        if on_air is None:
            return
        request = on_air.request
        if on_air.heard_at is not None:
            request.deliver(on_air.heard_at)
        if not on_air.good and request.kind in COMMANDS and request.sends < self.model.sends:
            self._send(request, on_air.ends)
            return
        request.done(on_air.good)
        self.start(on_air.ends)
