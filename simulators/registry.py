"""The table of simulated families: how each is built and where it is found unless told otherwise."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from .conext import ConextSimulator
from .conext.faults import FAULTS as CONEXT_FAULTS
from .faults import Faults, FaultTable
from .house import House
from .opendtu import INVERTERS, OpenDtuSimulator
from .opendtu.faults import FAULTS as OPENDTU_FAULTS
from .pylontech import PylontechSimulator
from .pylontech.faults import FAULTS as PYLONTECH_FAULTS
from .senec import SenecSimulator
from .senec.faults import FAULTS as SENEC_FAULTS
from .shelly_em import ShellySimulator
from .shelly_em.faults import FAULTS as SHELLY_FAULTS
from .studer import StuderSimulator, Upload
from .studer.faults import FAULTS as STUDER_FAULTS
from .victron_gx import WholeGx
from .victron_gx.faults import FAULTS as VICTRON_FAULTS
from .voltronic import VoltronicSimulator
from .voltronic.faults import FAULTS as VOLTRONIC_FAULTS


class Simulator(Protocol):
    """What the command line needs of a simulator."""

    faults: Faults

    async def close(self) -> None:
        """End everything."""


@runtime_checkable
class Dialling(Protocol):
    """A simulator that can connect to its client."""

    async def dial(self, host: str, port: int) -> None:
        """Connect to a listener and keep trying."""


@runtime_checkable
class Listening(Protocol):
    """A simulator that clients can connect to."""

    async def listen(self, host: str, port: int) -> int:
        """Serve on a port; returns the one that was bound."""


@runtime_checkable
class OnTerminal(Protocol):
    """A simulator that can sit at the end of a serial line."""

    async def pty(self) -> str:
        """Serve on a pseudo terminal; returns its path."""


@runtime_checkable
class OnBus(Protocol):
    """A simulator with a D-Bus beside its other link."""

    async def listen_bus(self, host: str, port: int) -> int:
        """Start the bus on a port; returns the one that was bound. Raises ``NoDaemonError``."""


@dataclass(frozen=True, slots=True)
class Family:
    """One family: ``way`` is its usual way of connecting ("dial", "listen" or "pty"), ``address`` where."""

    build: Callable[[House, float], Simulator]
    """From the house and the pace of the wire (1: real)."""
    way: str
    address: str
    faults: FaultTable
    scheme: str = "tcp"
    """How the address of one that listens begins."""


def _studer(house: House, pace: float) -> Simulator:
    simulator = StuderSimulator(house=house, pace=pace, portal_period=60.0, upload=Upload())
    # An installation that feeds its surplus into the grid shows more of what there is to see.
    for address in (101, 102):
        simulator.set_flash(address, 1127, 1)
    simulator.add_message(3)
    return simulator


def _senec(house: House, pace: float) -> Simulator:
    return SenecSimulator(house=house, pace=pace, tls=True)


def _voltronic(house: House, pace: float) -> Simulator:
    # Two trackers, as the house has two generators.
    return VoltronicSimulator(house=house, profile="max_8k_48v", pace=pace)


def _conext(house: House, pace: float) -> Simulator:
    # One solar charger of each kind, as the house has two generators.
    return ConextSimulator(house=house, units=("xw", "mppt60", "mppt80", "battery_monitor", "ags", "scp"), pace=pace)


def _pylontech(house: House, pace: float) -> Simulator:
    # Four times 100 Ah, as much as the house's battery has.
    return PylontechSimulator(house=house, modules=4, layout="C", pace=pace)


def _shelly_em(house: House, pace: float) -> Simulator:
    return ShellySimulator(house=house, pace=pace)


def _opendtu(house: House, pace: float) -> Simulator:
    # Limited from the start to less than the house always needs, as long as nothing controls them.
    inverters = [replace(each, limit=20.0) for each in INVERTERS]
    return OpenDtuSimulator(house=house, inverters=inverters, pace=pace)


def _victron_gx(house: House, pace: float) -> Simulator:
    return WholeGx(house=house, pace=pace)


FAMILIES: dict[str, Family] = {
    "studer": Family(_studer, "dial", "127.0.0.1:4001", STUDER_FAULTS),
    "senec": Family(_senec, "listen", "127.0.0.1:8443", SENEC_FAULTS, "https"),
    "conext": Family(_conext, "listen", "127.0.0.1:1502", CONEXT_FAULTS),
    "pylontech": Family(_pylontech, "listen", "127.0.0.1:8896", PYLONTECH_FAULTS),
    "opendtu": Family(_opendtu, "listen", "127.0.0.1:8480", OPENDTU_FAULTS, "http"),
    "voltronic": Family(_voltronic, "listen", "127.0.0.1:8899", VOLTRONIC_FAULTS),
    "shelly_em": Family(_shelly_em, "listen", "127.0.0.1:8481", SHELLY_FAULTS, "http"),
    "victron_gx": Family(_victron_gx, "listen", "127.0.0.1:1503", VICTRON_FAULTS),
}
