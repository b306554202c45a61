"""The faults that the simulated GX shows on Modbus TCP."""

from ..faults import FaultTable

FAULTS: FaultTable = {
    "silence": None,
    "lost_request": None,
    "lost_answer": None,
    "delay": 4.0,
    "disconnect": None,
    "restart": 40.0,
    "exception": 4.0,
    "read_only": None,
    "rejected": None,
    "dropped_write": None,
    "battery_gone": None,
    "battery_mute": None,
    "vebus_gone": None,
    "no_state_of_charge": None,
    "cut_frame": None,
    "split": 5.0,
    "garbage": 6.0,
    "wrong_unit": None,
    "wrong_transaction": None,
    "wrong_count": None,
    "stale": None,
}
"""Every fault name and the argument it takes when none is given.

The link. silence: nothing is answered; lost_request: the request is neither carried out nor answered; lost_answer: it
is carried out, the answer is lost; delay: seconds before the answer; disconnect: the request ends the connection;
restart: when set, all connections end, new ones are closed at once for that many seconds of the house, and as long
again nobody but the GX itself is there.

Services. battery_gone, vebus_gone: that service has left; battery_mute: it is there and has no values;
no_state_of_charge: the system knows none.

Answers. exception: that code for every request; read_only: writes are answered with exception 2; rejected: the owner of
a setting rejects every value, exception 10; dropped_write: a write is acknowledged and not kept; cut_frame: half of the
answer; split: the answer in pieces of that many bytes; garbage: that many stray bytes before it; wrong_unit,
wrong_transaction: another one in the answer; wrong_count: one register fewer than asked for; stale: the previous answer
again, before this one.
"""
