"""Device instances: the numbers that the GX and its portal know a service by, kept by localsettings (section 4.5)."""

import re

from dbus_fast import Variant

from ..errors import BadAnswerError, DeviceRefusedError
from .bus import GxBus

SERVICE = "com.victronenergy.settings"
PATH = "/Settings/Devices"
INTERFACE = "com.victronenergy.Settings"
FIRST_INSTANCE = 40
_REASONS = {
    -1: "it failed",
    -2: "a name begins with an underscore",
    -9: "the path is not below the one that was called",
}


async def device_instance(bus: GxBus, unique: str, kind: str, wanted: int = FIRST_INSTANCE) -> int:
    """The instance of the device ``unique`` of this kind; asked again for the same device it stays the same.

    ``wanted`` is taken where it is free. Raises ``DeviceRefusedError``, ``BadAnswerError``, ``NoAnswerError`` and
    ``LinkError``.
    """
    setting = {"path": Variant("s", f"{unique}/ClassAndVrmInstance"), "default": Variant("s", f"{kind}:{wanted}")}
    answer = await bus.call("AddSettings", "aa{sv}", [[setting]], destination=SERVICE, path=PATH, interface=INTERFACE)
    try:
        result = {key: entry.value for key, entry in answer[0][0].items()}
        error = int(result.get("error", 0))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as err:
        raise _not_understood(bus, answer) from err
    if error:
        reason = _REASONS.get(error, "it gives no reason")
        raise DeviceRefusedError(device="The settings of the GX", code=error, reason=reason)
    found = re.fullmatch(rf"{re.escape(kind)}:(\d+)", str(result.get("value", "")))
    if found is None:
        raise _not_understood(bus, answer)
    return int(found.group(1))


def _not_understood(bus: GxBus, answer: object) -> BadAnswerError:
    return BadAnswerError(device=bus.device, reason=f"no instance in {str(answer)[:200]}")
