"""What the DTU knows of one inverter: its configuration, the last answers, and the state of commands."""

from dataclasses import asdict, dataclass, field

from .hardware import Event, Hardware, Reading
from .numbers import Json

OK, PENDING, FAILURE = "Ok", "Pending", "Failure"


@dataclass(slots=True)
class Channel:
    """The owner's settings of one DC input: a name, the string's power in W, kWh to be added to its counter."""

    name: str = ""
    max_power: int = 0
    yield_total_offset: float = 0.0


@dataclass(slots=True)
class Configuration:
    """The owner's settings of one inverter, as in the inverter list (reference section 3.2)."""

    id: int
    name: str
    order: int
    poll_enable: bool = True
    poll_enable_night: bool = True
    command_enable: bool = True
    command_enable_night: bool = True
    reachable_threshold: int = 2
    zero_runtime: bool = False
    zero_day: bool = False
    clear_eventlog: bool = False
    yieldday_correction: bool = False
    channel: list[Channel] = field(default_factory=list)

    def document(self, serial: str, type_text: str) -> dict[str, Json]:
        """Return the inverter list's entry."""
        settings = asdict(self)
        channels = settings.pop("channel")
        head = {"id": settings.pop("id"), "name": settings.pop("name"), "order": settings.pop("order")}
        return {**head, "serial": serial, **settings, "type": type_text, "channel": channels}


@dataclass(slots=True)
class RadioStats:
    """The radio's counters of one inverter."""

    tx_request: int = 0
    tx_re_request: int = 0
    rx_success: int = 0
    rx_fail_nothing: int = 0
    rx_fail_partial: int = 0
    rx_fail_corrupt: int = 0


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that was asked for: % or W, until a restart or for ever."""

    value: float
    relative: bool
    persistent: bool


@dataclass(slots=True)
class View:
    """One inverter as the DTU sees it. Times are seconds of the house."""

    hardware: Hardware
    configuration: Configuration
    reading: Reading = field(init=False)
    """The last statistics answer as it is shown."""
    raw: Reading = field(init=False)
    lost_yield: list[float] = field(init=False)
    """Of each input, what a restart cost of today's yield, Wh."""
    read_at: float | None = None
    """Time of the last complete statistics answer, None before the first."""
    failures: int = 0
    """Statistics requests that failed one after another."""
    stats: RadioStats = field(default_factory=RadioStats)
    max_power: float = 0.0
    """Rated power that the device information told, W; 0 before."""
    limit_relative: float = 0.0
    limit_status: str = OK
    power_status: str = OK
    limit: Limit | None = None
    """The last limit that was sent, which a failure makes the DTU send again."""
    power: bool | None = None
    """The last power command: on, off, or None for a restart."""
    limit_at: float = 0.0
    """Time of the last limit command, or of the DTU's start."""
    read_back_at: float = 0.0
    events: list[Event] = field(default_factory=list)
    events_seen: int = 0
    published_at: float = 0.0
    """When a WebSocket message told of it last."""
    published_read_at: float | None = None

    def __post_init__(self) -> None:
        """Begin without any answer."""
        self.reading = self.raw = self.hardware.blank()
        self.lost_yield = [0.0] * len(self.raw.inputs)

    @property
    def serial(self) -> str:
        """Return the serial number in lower case."""
        return self.hardware.spec.serial.lower()

    @property
    def limit_absolute(self) -> float:
        """Return the limit in W, -1 while the rated power is unknown."""
        return self.limit_relative * self.max_power / 100 if self.max_power > 0 else -1.0

    def take(self, reading: Reading, now: float) -> None:
        """Take a statistics answer; where the owner wants it, what a restart cost of today's yields is added again."""
        before = self.raw.inputs
        self.raw = reading
        self.read_at = now
        self.failures = 0
        if self.configuration.yieldday_correction:
            self.lost_yield = [
                lost + (old.yield_day if new.yield_day < old.yield_day else 0.0)
                for lost, old, new in zip(self.lost_yield, before, reading.inputs, strict=True)
            ]
        self.reading = reading.with_more(self.lost_yield)

    def midnight(self) -> None:
        """Begin a new day."""
        self.stats = RadioStats()
        self.lost_yield = [0.0] * len(self.lost_yield)
        if self.configuration.zero_day:
            self.reading = self.reading.without_day()
        if self.configuration.clear_eventlog:
            self.events.clear()

    def forget(self, now: float) -> None:
        """Be as after the DTU's start."""
        fresh = View(self.hardware, self.configuration, limit_at=now, read_back_at=now, published_at=now)
        for name in self.__slots__:
            setattr(self, name, getattr(fresh, name))

    def know(self, now: float, age: float) -> None:
        """Be as after a long time of polling; the last answer came ``age`` seconds ago."""
        self.take(self.hardware.reading(), now - age)
        self.max_power = self.hardware.model.rated
        self.limit_relative = self.hardware.limit_percent
        self.limit_at = now - 86_400
        self.read_back_at = now
        self.events = list(self.hardware.events)
        self.events_seen = len(self.events)
        self.published_at = now
