"""What the DTU replies to a write: type, text and number (reference sections 2 and 4)."""

from .numbers import Json

SAVED = 1001
NO_VALUES = 1002
NOT_PARSED = 1004
MISSING = 1005
SERIAL_ZERO, NAME_LENGTH, INVALID_ID, INVALID_CHANNELS, INVERTER_CHANGED = 4001, 4002, 4005, 4006, 4007
STATS_RESET = 4010
LIMIT_SERIAL, LIMIT_RANGE, LIMIT_TYPE, LIMIT_INVERTER = 5001, 5002, 5003, 5004
REBOOT, NO_REBOOT = 6001, 6002
AUTHENTICATED = 10002
POWER_SERIAL, POWER_INVERTER = 11001, 11002

_TEXTS = {
    SAVED: "Settings saved!",
    NO_VALUES: "No values found!",
    NOT_PARSED: "Failed to parse data!",
    MISSING: "Values are missing!",
    SERIAL_ZERO: "Serial must be a number > 0!",
    NAME_LENGTH: "Name must between 1 and 31 characters long!",
    INVALID_ID: "Invalid ID specified!",
    INVALID_CHANNELS: "Invalid amount of max channel setting given!",
    INVERTER_CHANGED: "Inverter changed!",
    STATS_RESET: "Stats resetted",
    LIMIT_SERIAL: "Serial must be a number > 0!",
    LIMIT_RANGE: "Limit must between 0 and 2250!",
    LIMIT_TYPE: "Invalid type specified!",
    LIMIT_INVERTER: "Invalid inverter specified!",
    REBOOT: "Reboot triggered!",
    NO_REBOOT: "Reboot cancled!",
    AUTHENTICATED: "Authentication successful!",
    POWER_SERIAL: "Serial must be a number > 0!",
    POWER_INVERTER: "Invalid inverter specified!",
}
_SUCCESS = {SAVED, INVERTER_CHANGED, STATS_RESET, REBOOT, AUTHENTICATED}


def reply(code: int, *, numbered: bool = True, **param: int) -> dict[str, Json]:
    """Return the reply of a number; ``numbered``: whether the firmware says the number; ``param``: bounds."""
    answer: dict[str, Json] = {"type": "success" if code in _SUCCESS else "warning", "message": _TEXTS[code]}
    if numbered:
        answer["code"] = code
    if param:
        answer["param"] = dict(param)
    return answer
