"""A simulated OpenDTU or OpenDTU-OnBattery with its micro-inverters, written from the protocol reference alone."""

from .dtu import Command
from .hardware import InverterSpec
from .radio import RadioModel
from .server import HttpRequest
from .simulator import INVERTERS, OpenDtuSimulator
from .view import Limit

__all__ = ["INVERTERS", "Command", "HttpRequest", "InverterSpec", "Limit", "OpenDtuSimulator", "RadioModel"]
