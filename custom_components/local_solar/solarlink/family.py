"""What a family offers to the command line and to the integration; each family package has one as ``FAMILY``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from .client import Client
from .journal import Journal
from .links.address import LinkAddress
from .points import Point

NAMES = ("studer", "voltronic", "senec", "conext", "pylontech", "opendtu", "shelly_em", "victron_gx")
"""The families of devices that exist; each is a sub-package of that name."""
CONTROLLERS = ("feed_in_control",)
"""Controllers that are installations of their own, because what they need belongs to several others.

They are sub-packages like the families, but nothing that can be opened by itself.
"""


class Opener(Protocol):
    """Builds a client for a link; nothing is sent before the client is used."""

    def __call__(self, address: LinkAddress, *, journal: Journal, settings: Mapping[str, Any] | None = None) -> Client:
        """Return the client of the installation at ``address``; ``settings`` are the owner's options by name."""


type Decoder = Callable[[str, Mapping[str, str]], Mapping[str, Any]]
"""Takes the raw text and the options of ``solarlink decode`` and returns ``{"values": {unit: {key: value}}, ...}``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One family of devices."""

    key: str
    name: str
    schemes: tuple[str, ...]
    default_port: int
    open: Opener
    points: tuple[Point[Any], ...]
    decoders: Mapping[str, Decoder]
    troubles: Mapping[str, tuple[str, ...]]
    """Every key that ``Client.troubles`` can hold, with the names of the details that belong to it."""


def load_family(key: str) -> Family:
    """Import the package of a family and return what it offers; raises ``KeyError`` for an unknown one."""
    if key not in (*NAMES, *CONTROLLERS):
        raise KeyError(key)
    family: Family = import_module(f".{key}", __package__).FAMILY
    return family
