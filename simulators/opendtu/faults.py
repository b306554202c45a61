"""The faults that the simulated DTU shows."""

from ..faults import FaultTable

FAULTS: FaultTable = {
    "unreachable": 0.0,
    "lost_acknowledgements": 1.0,
    "lost_sends": 1.0,
    "commands_disabled": None,
    "reboot": 8.0,
    "busy": None,
    "error_500": None,
    "html": None,
    "slow": 8.0,
    "nulls": None,
    "wrong_password": None,
    "clock_not_set": None,
    "websocket_close": None,
    "websocket_refused": None,
    "silence": None,
}
"""Every fault name and the argument it takes when none is given.

unreachable: the inverter of that index (from 0) hears nothing; lost_acknowledgements: that share of the inverters'
acknowledgements never arrives, although the commands work; lost_sends: that share of the sends is not heard at all;
commands_disabled: sending commands is off for all inverters, so that a command is answered with success and does
nothing. reboot: when set, the DTU restarts and cannot be reached for that many seconds of the house. busy: live data
and metrics are answered with 429; error_500: status 500 instead of JSON; html: the web page instead of JSON, as for a
path that the firmware does not know; slow: seconds (real ones) until the answer; nulls: every measured number is null;
wrong_password: no password is right; clock_not_set: the DTU has no time and sends nothing to any inverter;
websocket_close: when set, all WebSockets end; websocket_refused: new ones are answered with 401, whatever they bring;
silence: no answer, the connection stays open.
"""
