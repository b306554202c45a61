"""Simulated Voltronic-made inverters, written from the protocol reference alone."""

from .battery import FAULT_VARIANTS, ChargerModel, Day, Stage
from .profile import Profile, ProfileError, Quirks
from .simulator import VoltronicSimulator

__all__ = [
    "FAULT_VARIANTS",
    "ChargerModel",
    "Day",
    "Profile",
    "ProfileError",
    "Quirks",
    "Stage",
    "VoltronicSimulator",
]
