"""The settings of the GX: here only the device instances that it gives out (protocol reference, section 4.5)."""

import re
from collections.abc import MutableMapping
from typing import Any

from dbus_fast import Message, MessageType, Variant

from .items import Service

NAME = "com.victronenergy.settings"
_SETTINGS = "com.victronenergy.Settings"
_NOT_BELOW, _UNDERSCORE, _BAD_VALUE = -9, -2, -4


class LocalSettings(Service):
    """Gives every device an instance of its class and remembers it."""

    def __init__(self, address: str, stored: MutableMapping[str, Any] | None = None) -> None:
        """``stored``: path to value; what outlives a restart of the GX when the same mapping is handed in again."""
        super().__init__(address, NAME, {})
        self.stored = stored if stored is not None else {}
        self.values = self.stored  # type: ignore[assignment]

    def handle(self, message: Message) -> Message | bool | None:
        """Answer calls."""
        if (
            message.message_type is MessageType.METHOD_CALL
            and message.interface == _SETTINGS
            and message.member == "AddSettings"
            and message.signature == "aa{sv}"
        ):
            results = [self._add(message.path or "/", entry) for entry in message.body[0]]
            return Message.new_method_return(message, "aa{sv}", [results])
        return super().handle(message)

    def _add(self, group: str, entry: dict[str, Variant]) -> dict[str, Variant]:
        path = str(entry["path"].value) if "path" in entry else ""
        shown = {"path": Variant("s", path)}
        full = f"{group.rstrip('/')}/{path.lstrip('/')}"
        if not group.startswith("/Settings"):
            return shown | {"error": Variant("i", _NOT_BELOW)}
        if "/_" in full:
            return shown | {"error": Variant("i", _UNDERSCORE)}
        if full not in self.stored:
            if "default" not in entry:
                return shown | {"error": Variant("i", _BAD_VALUE)}
            self.stored[full] = self._instance(full, entry["default"].value)
        value = self.stored[full]
        return shown | {"error": Variant("i", 0), "value": Variant("s" if isinstance(value, str) else "i", value)}

    def _instance(self, path: str, value: Any) -> Any:
        """A class and instance is moved on to the first instance of the class that is free; others stay as they are."""
        if not path.endswith("/ClassAndVrmInstance") or not (asked := re.fullmatch(r"(\w+):(\d+)", str(value))):
            return value
        taken = {str(each) for place, each in self.stored.items() if place.endswith("/ClassAndVrmInstance")}
        instance = int(asked.group(2))
        while f"{asked.group(1)}:{instance}" in taken:
            instance += 1
        return f"{asked.group(1)}:{instance}"
