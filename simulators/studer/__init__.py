"""A simulated Studer installation that speaks SCOM and Modbus, written from the protocol reference alone."""

from .behaviour import Behaviour
from .finder import MoxaFinder
from .frames import Request
from .installation import Plan
from .modbus import ModbusBehaviour
from .portal import Night, Upload
from .simulator import StuderSimulator
from .watchdogs import Stop

__all__ = [
    "Behaviour",
    "ModbusBehaviour",
    "MoxaFinder",
    "Night",
    "Plan",
    "Request",
    "Stop",
    "StuderSimulator",
    "Upload",
]
