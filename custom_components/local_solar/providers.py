"""What the integration itself adds to what a device tells: energies that are summed up, and controllers.

A provider owns points. They are in the tables of the families like all others (``Point.integral``,
``Point.controller``), so their entities, names and documents are made like all others; only their values come from
here, and writing them is a matter of the provider, not of the device.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Protocol

from homeassistant.core import HomeAssistant

from .solarlink.client import Client, Report, Unit
from .solarlink.errors import NotWritableError
from .solarlink.points import Limits, Point, Reading, Ref, Value


class Host(Protocol):
    """What a provider may ask of the coordinator."""

    hass: HomeAssistant
    client: Client

    @property
    def options(self) -> Mapping[str, Any]:
        """The owner's options."""

    @property
    def entry_data(self) -> Mapping[str, Any]:
        """What was entered when the installation was added."""

    @property
    def interval(self) -> float:
        """Seconds between two reads of live points."""

    def reading(self, ref: Ref) -> Reading | None:
        """The last reading of a point."""

    def fresh(self, ref: Ref) -> bool:
        """Whether that reading may still be believed."""

    def points(self, unit: Unit) -> Mapping[str, Point[Any]]:
        """Every point of a unit by key."""

    def limits(self, ref: Ref) -> Limits:
        """What a setting accepts now, as far as that is known."""

    async def async_set(self, ref: Ref, value: Value) -> Reading:
        """Write a setting of the device and return what the device kept; raises ``SolarError``."""

    async def async_remember(self) -> None:
        """Put what all providers have to remember on disk, and return when it is there."""

    @property
    def paused(self) -> bool:
        """Whether the device is left alone now."""

    async def async_set_paused(self, paused: bool) -> None:
        """Stop polling until further notice, or take it up again; raises ``SolarError`` when the device objects."""

    def provider(self, key: str) -> Provider | None:
        """Another provider of this installation."""

    def read_soon(self, refs: Collection[Ref]) -> None:
        """Read these before their time."""

    def tell(self) -> None:
        """Values of a provider have changed: let the entities show them."""


class Provider(ABC):
    """Owns points and gives them their values."""

    key: ClassVar[str]
    """Its section in what the entry remembers."""
    possible_troubles: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Every key that ``troubles`` can hold, with the names of the details that belong to it."""

    def __init__(self, host: Host, points: Mapping[Ref, Point[Any]]) -> None:
        """``points`` are the ones it owns."""
        self.host = host
        self.points = points

    @property
    def troubles(self) -> Mapping[str, Mapping[str, str]]:
        """What the owner should look at, as in ``Client.troubles``."""
        return {}

    @abstractmethod
    def wants(self, shown: Collection[Ref]) -> set[Ref]:
        """The points of the device that it needs to be read while ``shown`` of its own points are looked at."""

    @abstractmethod
    def reading(self, ref: Ref) -> Reading | None:
        """The value of one of its points."""

    @abstractmethod
    def fresh(self, ref: Ref) -> bool:
        """Whether that value may be shown."""

    def take(self, report: Report) -> None:
        """The device was read."""
        return

    async def async_start(self) -> None:
        """The first values of the device are there."""
        return

    async def async_step(self) -> None:
        """Act; called after every poll, whether it brought values or not."""
        return

    async def async_stop(self) -> None:
        """The entry is being unloaded or Home Assistant stops; the link still stands."""
        return

    async def async_touched(self, ref: Ref, value: Value) -> None:
        """A person, or an automation, has set a point of the device."""
        return

    async def async_write(self, ref: Ref, value: Value) -> None:
        """A person sets one of its points; raises ``SolarError``."""
        raise NotWritableError(point=self.points[ref].name)

    def attributes(self, ref: Ref) -> Mapping[str, Any]:
        """What else people see on the entity of one of its points."""
        return {}

    @property
    def secrets(self) -> Collection[str]:
        """Numbers and names that tell one owner from another; diagnostics leave them out."""
        return ()

    def diagnostics(self) -> dict[str, Any]:
        """What helps to understand a problem with it, as JSON can hold it."""
        return {}

    def as_dict(self) -> dict[str, Any]:
        """What it has to remember, as JSON can hold it."""
        return {}

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take over what ``as_dict`` gave before; called once, before ``async_start``."""
        return
