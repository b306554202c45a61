"""What every family's client offers, whatever its wire looks like.

The integration and the command line know only this: a link is opened, the installation behind it is identified, points
of its units are read in as few exchanges as the protocol allows, and settings are written with care.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol, runtime_checkable

from .errors import SolarError
from .journal import Journal
from .links.stats import LinkStats
from .points import Limits, Point, Reading, Ref, Value
from .trace import Trace

type Progress = Callable[[float, str], None]
"""Called during long work with the share that is done (0 to 1) and the name of what is being looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One device of an installation.

    ``id`` is a short name unique within the installation and stable while its order on the bus is (``xt1``, ``bms``);
    ``serial`` identifies the hardware and is what histories hang on.
    """

    id: str
    kind: str
    name: str
    serial: str
    manufacturer: str
    model: str
    firmware: str = ""
    hardware: str = ""
    address: int = 0
    mac: str = ""


@dataclass(frozen=True, slots=True)
class Installation:
    """A gateway (``root``) and the units behind it; a device without a gateway is a root without units."""

    root: Unit
    units: tuple[Unit, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else ``identify`` found out and ``expect`` wants back (dialect, firmware), as JSON holds it."""

    @property
    def all_units(self) -> tuple[Unit, ...]:
        """The root and everything behind it, root first."""
        return (self.root, *self.units)

    def unit(self, unit_id: str) -> Unit | None:
        """The unit of that id, if it is there."""
        return next((unit for unit in self.all_units if unit.id == unit_id), None)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something happened: ``kind`` is one of the options of the point, ``details`` what people want to know of it."""

    ref: Ref
    kind: str
    details: Mapping[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(slots=True)
class Report:
    """What one read brought: values with their time, and what failed and why. Neither costs the other."""

    readings: dict[Ref, Reading] = field(default_factory=dict)
    failed: dict[Ref, SolarError] = field(default_factory=dict)
    happenings: list[Happening] = field(default_factory=list)
    """What has happened since the last read, oldest first."""


class Client(Protocol):
    """One link to one installation; all methods may be called from several tasks at once."""

    stats: LinkStats
    trace: Trace
    journal: Journal
    troubles: Mapping[str, Mapping[str, str]]
    """What the owner should look at, until it is over: translation key of the repair issue to what its text needs."""

    @property
    def installation(self) -> Installation:
        """The installation found by the last ``identify``; before that an ``AttributeError``."""

    @property
    def connected(self) -> bool:
        """Whether the link stands at this moment."""

    def points(self, unit: Unit) -> Mapping[str, Point[Any]]:
        """Every point of that unit by key, in the order in which people want to see them."""

    async def connect(self, timeout: float) -> None:
        """Wait until the link stands; raises ``LinkError``."""

    async def identify(self, progress: Progress | None = None) -> Installation:
        """Find out what is there. Raises ``LinkError``, ``NoAnswerError``, ``NoDeviceError``."""

    def expect(self, installation: Installation) -> None:
        """Take an installation as known from an earlier ``identify``, so that nothing has to be asked.

        Whether the device at the other end is still that one is checked at the first exchange (``WrongDeviceError``).
        """

    async def read(self, refs: Sequence[Ref]) -> Report:
        """Read these points in as few exchanges as possible.

        What fails by itself is in the report; an error that costs everything (no link, silence) is raised.
        """

    def group(self, ref: Ref) -> Hashable:
        """Names the exchange in which ``ref`` is read: refs of the same group share one."""

    async def limits(self, ref: Ref) -> Limits:
        """What that setting accepts now: the device's own limits where it tells them, and the order of settings."""

    async def write(self, ref: Ref, value: Value, *, permanent: bool = False, confirmed: bool = False) -> Reading:
        """Set a point, verify it as far as the device allows and return what the device keeps.

        ``permanent`` spends flash where the ordinary write would not. ``confirmed`` is the person's consent to a write
        with ``Risk.OUTAGE``. Raises ``NotWritableError``, the ``Value...Error`` family, ``NeedsConsentError``,
        ``WriteBudgetError``, ``DeviceRefusedError``, ``WriteUncertainError``, ``NotKeptError``, ``LinkError``.
        """

    async def close(self) -> None:
        """Close the link and end every task of this client."""


@runtime_checkable
class CataloguedClient(Protocol):
    """A client whose family knows more points than its units show, all of which it can read and write."""

    def find(self, unit: Unit, name: str) -> Point[Any]:
        """The point that somebody calls by its key or its number; raises ``UnknownPointError``."""

    async def read_any(self, unit: Unit, name: str) -> tuple[Point[Any], Reading]:
        """Read whatever a unit knows, by key or number; returns what it is and its value.

        Raises ``UnknownPointError`` and the error for which it could not be read.
        """

    async def write_any(
        self, unit: Unit, name: str, value: Value, *, permanent: bool = False, confirmed: bool = False
    ) -> tuple[Point[Any], Reading]:
        """Set whatever a unit lets be set; ``value`` may be text. Raises what ``Client.write`` raises.

        Installer settings have to be confirmed like those that can cut the supply.
        """


class SettingDifference(Protocol):
    """A setting that is not what it was; a side is ``None`` where the device does not have it."""

    @property
    def unit(self) -> str:
        """Id of the unit."""

    @property
    def name(self) -> str:
        """Name of the setting."""

    @property
    def number(self) -> int:
        """Its number."""

    @property
    def then(self) -> Value:
        """What the document says."""

    @property
    def now(self) -> Value:
        """What the device says."""

    @property
    def unit_of_value(self) -> str:
        """Unit of both."""


@runtime_checkable
class BackupClient(Protocol):
    """A client that can put all settings of its installation into one document."""

    async def export_settings(self, progress: Progress | None = None) -> dict[str, Any]:
        """All settings of all units, as JSON holds them; raises ``LinkError`` and ``NoAnswerError``."""

    def settings_text(self, document: Mapping[str, Any]) -> str:
        """Such a document as a text for people."""

    async def compare_settings(
        self, document: Mapping[str, Any], progress: Progress | None = None
    ) -> tuple[Sequence[SettingDifference], list[str]]:
        """What is different from a document, and the names of units that are missing.

        Raises as ``export_settings`` does, and ``BadAnswerError`` for a document of another shape.
        """


@runtime_checkable
class ClockClient(Protocol):
    """A client whose installation has a clock of its own, without time zone."""

    async def glance(self) -> tuple[datetime, float]:
        """What that clock shows and when it was read (monotonic), by one question; raises the errors of ``read``."""

    async def set_clock(self, now: datetime, *, tolerance: float = 30.0) -> float:
        """Set it, unless it is right within ``tolerance`` s; returns by how many seconds it was ahead.

        Raises ``WriteUncertainError`` when it does not show the new time afterwards, and the errors of ``read``.
        """


@runtime_checkable
class MessageClient(Protocol):
    """A client whose installation keeps a history of messages."""

    async def read_messages(self, count: int) -> list[dict[str, Any]]:
        """The newest messages, newest first; raises the errors of ``read``."""


class LoggedHour(Protocol):
    """One hour of one point in its unit; ``start`` is on the clock of the installation."""

    @property
    def ref(self) -> Ref:
        """The point."""

    @property
    def start(self) -> datetime:
        """Beginning of the hour, without time zone."""

    @property
    def mean(self) -> float:
        """Mean of the hour."""

    @property
    def minimum(self) -> float:
        """Least value."""

    @property
    def maximum(self) -> float:
        """Greatest value."""


@runtime_checkable
class DatalogClient(Protocol):
    """A client whose installation keeps a log of every day."""

    async def read_datalog(self, day: date) -> bytes:
        """The log of a day, as the device keeps it. Nothing else should be asked meanwhile.

        Raises ``ValueKindError``, ``DatalogWaitsError``, ``DeviceRefusedError`` and the errors of ``read``.
        """

    def datalog_hours(self, content: bytes) -> Sequence[LoggedHour]:
        """The hourly values in it that belong to points that are there; raises ``BadAnswerError``."""


@runtime_checkable
class PausableClient(Protocol):
    """A client whose device may object to being left alone."""

    def check_pause(self) -> None:
        """Raise the ``SolarError`` for which nothing may be asked of the device for a while, if so."""


class CommandClient(Protocol):
    """A client whose device takes commands in its own words."""

    async def command(self, text: str, *, confirmed: bool = False) -> str:
        """Send ``text`` and return the device's answer as text.

        Raises ``NeedsConsentError`` for what is not known to be harmless, unless ``confirmed``, and the errors of
        ``Client.read``.
        """


@runtime_checkable
class CertifiedClient(Protocol):
    """A client that trusts the first certificate it sees, and tells when the device shows another one."""

    def accept_certificate(self) -> None:
        """Trust the certificate that the device shows now."""
