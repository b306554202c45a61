"""Simulated Schneider Conext gateways and the devices behind them, written from the protocol reference alone."""

from .behaviour import Behaviour
from .device import Device, Write
from .simulator import ConextSimulator

__all__ = ["Behaviour", "ConextSimulator", "Device", "Write"]
