"""How firmwares and serial bridges differ, as switches."""

from dataclasses import dataclass, field
from typing import Literal

BAUD = 115200
WAKE_BAUD = 1200

type Enter = Literal["both", "cr", "lf", "crlf"]
type BatForm = Literal["old", "new", "split_states", "no_current"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a firmware, a bridge or an installation does differently (reference sections 2, 3, 6.1 and 8)."""

    asleep: bool = False
    """The console sleeps until the wake string comes at 1200 baud, after power-up and after every restart."""
    prompt: str = ""
    """The word before ``>``; empty: what the layout's maker uses."""
    enter: Enter = "both"
    """What ends a command: CR and LF each, CR alone (LF is ignored), LF alone, or only CR LF together."""
    pager: int = 3
    """Log records on a page; 0 switches the pager off."""
    prompt_delay: float = 0.0
    """Seconds between the end mark and the prompt, at pace 1."""
    think: float = 0.02
    """Seconds before an answer begins, at pace 1."""
    bridge_baud: int = BAUD
    """What a raw TCP bridge is set to, baud; an RFC 2217 bridge begins with it."""
    bat_form: BatForm | None = None
    """Columns of ``bat``; None: what the layout's firmware has."""
    old_slaves: int = 0
    """The last so many modules are older ones behind a newer master (layouts B and C)."""
    password: str = "letmein"
    """Opens the debug mode."""
    pwrsys_always: bool = False
    """``pwrsys`` answers without debug mode."""
    time_chip: str = "Ds3231"
    """Name in front of the time; ``RTC`` adds its test result; empty: the bare time."""
    capacity: float | None = None
    """Rated charge of every module, Ah; None: that of its model."""
    history: int = 12
    """Log records from before the start."""
    group: int = 0
    """Number of the RS-485 group, 0 to 7 (DIP switches 2 to 4)."""
    rs485_baud: int = BAUD
    """Speed of the RS-485 port: 115200, or 9600 with DIP switch 1 up."""
    answers_all: bool = True
    """A question to all modules of the group is answered; False: with silence."""
    version_anywhere: bool = False
    """The protocol version is told under address 00 too."""
    serials: tuple[str, ...] = field(default=())
    """Barcodes of the modules in their order; empty: made from model and slot."""

    def __post_init__(self) -> None:
        if self.enter not in ("both", "cr", "lf", "crlf") or not 0 <= self.group <= 7 or self.pager < 0:
            raise ValueError("no battery has such a console or such switches")
