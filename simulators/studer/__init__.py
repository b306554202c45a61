"""A simulated Studer installation that speaks SCOM, written from the protocol reference alone."""

from .gateway import Behaviour, Request
from .installation import Plan
from .simulator import StuderSimulator

__all__ = ["Behaviour", "Plan", "Request", "StuderSimulator"]
