"""The command line ``solarlink``: the values of an installation without Home Assistant."""

from .main import main

__all__ = ["main"]
