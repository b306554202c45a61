"""What every dialect shares: memory, plant, quirks, and the list of what was written."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..faults import Faults
from .plant import ChargerPlant, Plant
from .profile import Profile, Quirks
from .registers import Registers

SAME_VOLTAGE = 0.05
"""Half of what the ratings can tell apart, V."""
STAGE_CODES = {"none": 10, "bulk": 11, "absorption": 12, "float": 13}


@dataclass(frozen=True, slots=True)
class Write:
    """A setting that reached the inverter."""

    text: str
    """The command without checksum."""
    at: float
    """When, on the simulator's clock, s."""
    accepted: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its text with the start byte, and how its end is made ("crc", "sum", "sum and LF" or "none")."""

    text: str
    end: str = "crc"


@dataclass(slots=True)
class State:
    """What is not a field of an answer."""

    changed: bool = False
    """A setting has changed since the ratings were read."""
    fault_code: int = 0
    """A code of the fault table, 0 without fault."""
    warnings: set[int] = field(default_factory=set)
    """Positions of the warnings that are set."""
    mode: str | None = None
    """A working mode that was forced, instead of the plant's."""
    powering_on: bool = False
    """The unit has just started; the next mode it tells is "power on"."""
    clock_offset: timedelta = timedelta()
    solar_offset: float = 0.0
    """What the solar counter had when it was cleared, kWh."""
    load_offset: float = 0.0


class Inverter(ABC):
    """Answers requests; one subclass for each dialect."""

    refusal: Reply
    acceptance: Reply

    def __init__(
        self, profile: Profile, quirks: Quirks, plant: Plant, faults: Faults, clock: Callable[[], float], *, member: int
    ) -> None:
        """Start with the settings of the profile; ``member`` is this unit's number in a parallel group."""
        self.profile = profile
        self.quirks = quirks
        self.plant = plant
        self.faults = faults
        self.clock = clock
        self.member = member
        self.live = True
        """False: the profile's answers as they are."""
        self.registers = Registers(profile.replies, clock, comma=self.comma)
        self.state = State()
        self.writes: list[Write] = []
        self.adopt_charger()

    @property
    @abstractmethod
    def comma(self) -> bool:
        """Tell whether this is a comma dialect."""

    @abstractmethod
    def answer(self, text: str) -> Reply | None:
        """Carry out a request whose checksum was right; None is silence."""

    @abstractmethod
    def adopt_charger(self) -> None:
        """Write the charger model's settings into the ratings, which then rule it."""

    @abstractmethod
    def apply_to_charger(self) -> None:
        """Let the charger model work with the settings."""

    @property
    def wall_clock(self) -> datetime:
        """Return the unit's own clock."""
        return self.plant.now + self.state.clock_offset

    @property
    def charger_plant(self) -> ChargerPlant | None:
        """Return the plant if it is a charger model."""
        return self.plant if isinstance(self.plant, ChargerPlant) else None

    def wrote(self, text: str, accepted: bool) -> Reply:
        """Remember a setting and return the answer to it."""
        self.writes.append(Write(text, self.clock(), accepted))
        if accepted:
            if self.quirks.settings_changed_works:
                self.state.changed = True
            self.apply_to_charger()
        return self.acceptance if accepted else self.refusal

    def unadjusted_byte(self) -> bytes | None:
        """Return the byte that a status answer's checksum shall contain as it is, None without that fault."""
        fault = self.faults.peek("unadjusted_crc")
        return None if fault is None or fault.argument is None else bytes((int(fault.argument),))

    def unknown(self, text: str) -> Reply | None:
        """Return the answer to a word that the unit does not know."""
        match self.quirks.unknown:
            case "silence":
                return None
            case "echo":
                return Reply(text)
            case "#-1":
                return Reply("#-1", "none")
            case "^0":
                return Reply("^0")
            case _:
                return Reply("(NAK")

    def restart(self) -> None:
        """Restart: settings stay, everything volatile is lost."""
        self.state.powering_on = True
        self.state.changed = True
        self.plant.restart()
