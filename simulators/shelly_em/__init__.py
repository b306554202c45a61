"""Simulated Shelly energy meters of both protocol generations, written from the protocol reference alone."""

from .models import MODELS, Model
from .server import Request
from .simulator import ShellySimulator

__all__ = ["MODELS", "Model", "Request", "ShellySimulator"]
