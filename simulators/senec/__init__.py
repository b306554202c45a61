"""A simulated SENEC.Home with its local web interface, written from the protocol reference alone."""

from .controls import Write
from .profiles import NAMES as PROFILES
from .server import Request
from .simulator import SenecSimulator

__all__ = ["PROFILES", "Request", "SenecSimulator", "Write"]
