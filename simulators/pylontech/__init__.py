"""Simulated Pylontech batteries on their console and on RS-485, written from the protocol reference alone."""

from .behaviour import Behaviour
from .models import LAYOUTS, Layout, Model
from .simulator import PylontechSimulator
from .stack import Module, Stack

__all__ = ["LAYOUTS", "Behaviour", "Layout", "Model", "Module", "PylontechSimulator", "Stack"]
