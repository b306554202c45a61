"""A simulated Victron GX: its Modbus TCP server, and its D-Bus with the services around the battery."""

from .service import GxService
from .simulator import PORTAL_ID, GxSimulator, Request, Write
from .whole import BUS_PORT, WholeGx

__all__ = ["BUS_PORT", "PORTAL_ID", "GxService", "GxSimulator", "Request", "WholeGx", "Write"]
