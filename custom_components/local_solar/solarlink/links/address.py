"""One text names a link: ``/dev/ttyUSB0``, ``socket://host:port``, ``tcp://host:port``, ``listen://0.0.0.0:4001``."""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..errors import BadAddressError

SERIAL_SCHEMES = ("serial", "socket", "rfc2217", "esphome-hass")
"""Schemes that serialx opens as a serial port."""


@dataclass(frozen=True, slots=True)
class LinkAddress:
    """A link address taken apart. ``path`` is a device path or the path of a URL; ``text`` is what was written."""

    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""
    peer: str = ""
    """For ``listen``: the only address that may dial in, empty for any (``listen://0.0.0.0:4001?peer=192.0.2.7``)."""
    local: int = 0
    """For ``udp``: the local port, 0 for the same as ``port`` (``udp://192.0.2.7:4001?local=4002``)."""

    @property
    def text(self) -> str:
        """The address as people write it, without anything secret."""
        if self.scheme == "serial" or (self.scheme == "hid" and self.path):
            return self.path
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port else "") + self.path


def parse_address(text: str, *, schemes: Collection[str], default_port: int, family: str) -> LinkAddress:
    """Take a link text apart; raises ``BadAddressError`` when it is of none of ``schemes``."""
    expected = ", ".join(f"{scheme}://..." if scheme != "serial" else "/dev/..." for scheme in schemes)

    def bad() -> BadAddressError:
        return BadAddressError(address=text, family=family, expected=expected)

    # A HID node is no serial port, though it is a device path too.
    if "hid" in schemes and text.startswith(("/dev/hidraw", "hid://")):
        path = text.removeprefix("hid://")
        if path and not path.startswith("/"):
            raise bad()
        return LinkAddress("hid", path=path)
    if "serial" in schemes and (text.startswith("/dev/") or text.upper().startswith("COM")):
        return LinkAddress("serial", path=text)
    # Modbus RTU may sit on a serial port as well as behind a bridge.
    if "modbus" in schemes and text.startswith("modbus:///dev/"):
        return LinkAddress("modbus", path=text.removeprefix("modbus://"))
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as err:
        raise bad() from err
    if parts.scheme not in schemes or not parts.hostname:
        raise bad()
    query = dict(item.partition("=")[::2] for item in parts.query.split("&") if item)
    local = query.get("local", "")
    if local and not (local.isdecimal() and 0 < int(local) < 65536):
        raise bad()
    return LinkAddress(
        parts.scheme,
        host=parts.hostname,
        port=default_port if port is None else port,
        path=parts.path,
        peer=query.get("peer", ""),
        local=int(local or 0),
    )
