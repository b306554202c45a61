"""The serial port of an Xcom-232i: how it can be configured, and what to tell somebody who has it configured otherwise.

The module is silent when baud rate or parity are wrong (reference section 2.1), so silence is all that can be seen. The
port is never tried with other settings by itself: a module that hears nonsense for a while is not known to stay well.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, override

import serialx

from ..client import Installation, Progress
from ..errors import NoAnswerError, SilentPortError
from ..links.address import LinkAddress
from ..links.serial import SerialWire
from ..links.wire import Wire
from .client import StuderClient

SERIAL_PRESET = "serial_preset"
"""Option: how the serial port of the module is configured, one of ``Preset``."""


class Preset(StrEnum):
    """Configurations of the module's port; 8 data bits and 1 stop bit in all of them."""

    XCOM_LAN = "xcom_lan"
    """In Xcom-LAN mode: 115200 baud, no parity, CR LF behind every answer."""
    XCOM_232I = "xcom_232i"
    """As delivered: 38400 baud, even parity."""
    XCOM_232I_FAST = "xcom_232i_fast"
    """115200 baud, even parity, set by the configuration tool on the SD card."""


_PORTS: Mapping[Preset, tuple[int, serialx.Parity, str]] = {
    Preset.XCOM_LAN: (115200, serialx.Parity.NONE, "115200 8N1"),
    Preset.XCOM_232I: (38400, serialx.Parity.EVEN, "38400 8E1"),
    Preset.XCOM_232I_FAST: (115200, serialx.Parity.EVEN, "115200 8E1"),
}
_OTHERS = {
    Preset.XCOM_LAN: Preset.XCOM_232I,
    Preset.XCOM_232I: Preset.XCOM_LAN,
    Preset.XCOM_232I_FAST: Preset.XCOM_232I,
}


def preset_of(settings: Mapping[str, Any]) -> Preset:
    """The preset that the owner has chosen; that of the Xcom-LAN mode where the choice is not known."""
    try:
        return Preset(settings.get(SERIAL_PRESET, Preset.XCOM_LAN))
    except ValueError:
        return Preset.XCOM_LAN


def serial_wire(address: LinkAddress, preset: Preset) -> Wire:
    """The port at ``address``: a device of this machine, or one behind ``rfc2217://``.

    What is behind ``socket://`` has its own settings, which cannot be changed from here.
    """
    baud, parity, _ = _PORTS[preset]
    return SerialWire(address.path if address.scheme == "serial" else address.text, baudrate=baud, parity=parity)


class SerialStuderClient(StuderClient):
    """A client on a serial port, which knows what may be wrong when nothing has ever been heard."""

    def __init__(self, wire: Wire, *, preset: Preset, **more: Any) -> None:
        """As ``StuderClient``, with the preset of the port."""
        super().__init__(wire, **more)
        self._preset = preset

    @override
    async def identify(self, progress: Progress | None = None) -> Installation:
        """Find the gateway and all units. See ``StuderClient.identify``; besides it raises ``SilentPortError``."""
        try:
            return await super().identify(progress)
        except NoAnswerError as err:
            if self.stats.answers:
                raise
            raise SilentPortError(
                device="The gateway",
                seconds=err.details["seconds"],
                preset=_PORTS[self._preset][2],
                other=_PORTS[_OTHERS[self._preset]][2],
            ) from err
