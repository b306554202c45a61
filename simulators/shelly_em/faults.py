"""The faults that the simulated meters show."""

from ..faults import FaultTable

FAULTS: FaultTable = {
    "invalid": None,
    "nulls": None,
    "counter_zero": None,
    "unauthorized_mid_session": None,
    "busy": None,
    "hang": 3.0,
    "silence": None,
    "refuse": None,
    "cut_body": None,
    "garbage": None,
    "slow_push": 15.0,
    "websocket_close": None,
    "reboot": 10.0,
    "wrong_generation": None,
}
"""Every fault name and the argument it takes when none is given.

invalid: the measuring chip does not answer (is_valid false with zeros; errors with nulls from generation 2 on); nulls:
every measured value is null, without an error; counter_zero: all energy counters are 0; each of these for every answer
and push that has such values. unauthorized_mid_session: a right login is refused, what it was made with counts no more;
busy: 429; hang: seconds of the house's time that an answer comes late; silence: no answer and no push, connections stay
open; refuse: connections are reset, those that are open when it is set too; cut_body: the JSON ends in the middle;
garbage: a page of HTML in its place; slow_push: pushes come at that interval only, seconds. websocket_close: when set,
every WebSocket is closed; reboot: when set, the meter is gone for that many seconds of the house's time and comes back
with its uptime at 0 and its energy kept; wrong_generation: a meter of the other generation answers at this address.
"""
