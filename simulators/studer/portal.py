"""The cloud portal: it shares the serial line and fetches the datalog of the day every night.

Protocol reference, sections 2.2 and 9.1. Its requests come from source address 1, and their answers reach every client
of the line. A transfer fails when others ask more than a few things meanwhile.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import ceil

from ..house import House
from .behaviour import NEW_DATALOG
from .card import file_name
from .clock import WallClock
from .files import ABORT, DIRECTORY, FILE, FILE_TRANSFER, FINISH, NEXT, START
from .frames import IS_ERROR, READ, Frame
from .installation import GATEWAY
from .multi import MULTI_INFO

PORTAL_SOURCE = 1
CLOSING_SECONDS = 30
"""When the file of a day is closed, seconds after midnight of the remote control."""

_ITEMS = bytes.fromhex("b80bfd 400cfe 410cfe 581b00 5a1b00 983afd a23afe")
"""Some of the portal's standard set: 3000 mean, 3136 and 3137 sum, 7000 and 7002, 15000 mean, 15010 sum."""

type Ask = Callable[[Frame, Callable[[Frame | None], None]], None]
"""Puts a request on the line; the function gets the answer, or None when there was none."""
type Content = Callable[[str], bytes]
"""The content of the file of a name."""


def values_request() -> Frame:
    """Return a multiple read as the portal sends it, with the number of the document's example."""
    return Frame(PORTAL_SOURCE, GATEWAY, READ, MULTI_INFO, 1, 1, _ITEMS)


@dataclass(frozen=True, slots=True)
class Upload:
    """How the portal takes a night's file.

    ``delay``: seconds after the file was closed until it begins. ``seconds``: how long it takes, from a minute and a
    half in a small system to 45 minutes in a large one. More than ``tolerance`` requests of others within ``window``
    seconds make it fail. ``attempts`` and ``retry``: how often it tries in one night, and how many seconds after a
    failure. ``skips``: a file that is no longer marked as new is left out (unconfirmed).
    """

    delay: float = 30.0
    seconds: float = 90.0
    tolerance: int = 3
    window: float = 60.0
    attempts: int = 1
    retry: float = 600.0
    skips: bool = True


@dataclass(slots=True)
class Night:
    """One attempt: the day of the file, begin and end in the house's time, and what came of it."""

    day: date
    began: datetime
    ended: datetime | None = None
    outcome: str = ""
    """ "" while it runs; "complete", "disturbed" (by requests of others), "skipped" (the file was not marked as new),
    "refused" (the gateway answered an error) or "silent" (it did not answer)."""
    blocks: int = 0
    foreign: int = 0
    """Requests of others while it ran."""
    content: bytes = b""


@dataclass(slots=True)
class _Transfer:
    night: Night
    blocks: int
    """Blocks the transfer will have, the directory included; its pace follows from them."""
    object_id: int = DIRECTORY
    names: bytes = b""
    waiting: bool = False
    """A request is on the line."""
    busy: bool = False
    """Requests are being made, so an answer need not make the next."""
    heard: deque[datetime] = field(default_factory=deque)


class Portal:
    """The portal's part on the line. `tick` lets it act at the house's time."""

    def __init__(
        self, house: House, clock: WallClock, upload: Upload, ask: Ask, content: Callable[[str], bytes]
    ) -> None:
        """Take the line, and what tells the true content of a file, which sets the pace and shows a mix-up."""
        self._house = house
        self._clock = clock
        self.upload = upload
        self._ask = ask
        self._content = content
        self.nights: list[Night] = []
        """Every attempt so far, oldest first."""
        self.dates: list[date] = []
        """The days whose file the portal has, oldest first."""
        self._transfer: _Transfer | None = None
        self._day = clock.now.date()
        self._due: datetime | None = None
        self._attempts = 0

    @property
    def transferring(self) -> bool:
        """Tell whether a file is being fetched."""
        return self._transfer is not None

    def tick(self) -> None:
        """Do what is due."""
        now = self._house.now
        if self._transfer is not None:
            self._go_on(self._transfer, now)
        elif self._due is not None:
            if now >= self._due:
                self._due = None
                self._begin(now)
        else:
            shown = self._clock.now.date()
            if shown > self._day:
                self._attempts = 0
                self._due = now + timedelta(seconds=CLOSING_SECONDS + self.upload.delay)
            self._day = shown

    def heard(self) -> None:
        """Note a request of somebody else on the line."""
        transfer = self._transfer
        if transfer is None:
            return
        now = self._house.now
        transfer.night.foreign += 1
        transfer.heard.append(now)
        while (now - transfer.heard[0]).total_seconds() > self.upload.window:
            transfer.heard.popleft()
        if len(transfer.heard) > self.upload.tolerance:
            self._end(transfer, "disturbed")
            self._request(transfer, ABORT)

    # The transfer

    def _begin(self, now: datetime) -> None:
        day = self._day - timedelta(days=1)
        night = Night(day, now)
        self.nights.append(night)
        self._attempts += 1
        blocks = 1 + ceil(max(1, len(self._content(file_name(day)))) / 512)
        self._transfer = _Transfer(night, blocks)
        self._request(self._transfer, START)

    def _go_on(self, transfer: _Transfer, now: datetime) -> None:
        """Ask for as many blocks as there is time for."""
        elapsed = (now - transfer.night.began).total_seconds()
        share = elapsed / self.upload.seconds if self.upload.seconds else 1.0
        # At the end there may be more blocks than expected, when the directory needed several.
        wanted = int(transfer.blocks * share) + (1 if share >= 1 else 0)
        transfer.busy = True
        while self._transfer is transfer and not transfer.waiting and transfer.night.blocks < wanted:
            self._request(transfer, NEXT)
        transfer.busy = False

    def _request(self, transfer: _Transfer, property_id: int) -> None:
        data = b""
        if property_id == START and transfer.object_id == FILE:
            data = f"{file_name(transfer.night.day)}\n".encode("ascii")
        frame = Frame(PORTAL_SOURCE, GATEWAY, READ, FILE_TRANSFER, transfer.object_id, property_id, data)
        transfer.waiting = True
        self._ask(frame, lambda answer: self._answered(transfer, answer))

    def _answered(self, transfer: _Transfer, answer: Frame | None) -> None:
        transfer.waiting = False
        if self._transfer is not transfer:
            return
        night = transfer.night
        if answer is None or answer.service_flags & IS_ERROR:
            self._end(transfer, "silent" if answer is None else "refused")
            return
        night.blocks += 1
        if transfer.object_id == DIRECTORY:
            transfer.names += answer.data
        else:
            night.content += answer.data
        if answer.property_id != FINISH:
            if not transfer.busy:
                self._go_on(transfer, self._house.now)
            return
        if transfer.object_id == FILE:
            # Somebody else's transfer in between would have mixed up the two.
            right = night.content == self._content(file_name(night.day))
            if right:
                self.dates.append(night.day)
            self._end(transfer, "complete" if right else "disturbed")
        elif self.upload.skips and not answer.flags & NEW_DATALOG:
            self._end(transfer, "skipped")
        else:
            transfer.object_id = FILE
            self._request(transfer, START)

    def _end(self, transfer: _Transfer, outcome: str) -> None:
        self._transfer = None
        transfer.night.outcome = outcome
        transfer.night.ended = self._house.now
        if outcome not in ("complete", "skipped") and self._attempts < self.upload.attempts:
            self._due = self._house.now + timedelta(seconds=self.upload.retry)
