"""The table of simulated families: how each is built and where it is found unless told otherwise."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .faults import Faults, FaultTable
from .house import House
from .studer import StuderSimulator
from .studer.faults import FAULTS as STUDER_FAULTS


class Simulator(Protocol):
    """What the command line needs of a simulator."""

    faults: Faults

    async def dial(self, host: str, port: int) -> None:
        """Connect to a listener and keep trying."""

    async def listen(self, host: str, port: int) -> int:
        """Serve on a port; returns the one that was bound."""

    async def pty(self) -> str:
        """Serve on a pseudo terminal; returns its path."""

    async def close(self) -> None:
        """End everything."""


@dataclass(frozen=True, slots=True)
class Family:
    """One family: ``way`` is its usual way of connecting ("dial", "listen" or "pty"), ``address`` where."""

    build: Callable[[House, float], Simulator]
    """From the house and the pace of the wire (1: real)."""
    way: str
    address: str
    faults: FaultTable


def _studer(house: House, pace: float) -> Simulator:
    simulator = StuderSimulator(house=house, pace=pace, portal_period=60.0)
    # An installation that feeds its surplus into the grid shows more of what there is to see.
    for address in (101, 102):
        simulator.set_flash(address, 1127, 1)
    simulator.add_message(3)
    return simulator


FAMILIES: dict[str, Family] = {
    "studer": Family(_studer, "dial", "127.0.0.1:4001", STUDER_FAULTS),
}
