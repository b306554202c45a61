"""The faults that the simulated gateway shows."""

from ..faults import FaultTable

FAULTS: FaultTable = {
    "silence": None,
    "lost_request": None,
    "lost_answer": None,
    "delay": 6.0,
    "slow": 0.8,
    "disconnect": None,
    "second_connection": None,
    "restart": 30.0,
    "maintenance": 180.0,
    "exception": 4.0,
    "busy": None,
    "dropped_write": None,
    "refused_write": None,
    "cut_frame": None,
    "split": 5.0,
    "garbage": 6.0,
    "wrong_unit": None,
    "wrong_transaction": None,
    "wrong_function": None,
    "wrong_count": None,
    "stale": None,
    "device_gone": 10.0,
    "unit_lost": 10.0,
    "hole": 0x4E,
    "no_serial": None,
    "all_ones": None,
    "no_temperature": None,
    "counter_drop": None,
    "counter_jump": 5000.0,
    "unknown_state": 1099.0,
    "inverter_fault": None,
    "warning": None,
    "frozen": None,
}
"""Every fault name and the argument it takes when none is given.

The link. silence: nothing is answered, for that many seconds of the house or until cleared; lost_request: the request
is neither carried out nor answered; lost_answer: it is carried out, the answer is lost; delay: seconds before the
answer; slow: every answer takes up to that many seconds; disconnect: the request ends the connection;
second_connection: another program holds the gateway, new connections are closed at once; restart: when set, all
connections end and nothing is answered for that many seconds of the house; maintenance: when set, the Maintenance
Status is 1 for a minute, then the gateway is away for that many seconds of the house.

Answers. exception: that code for every request; busy: exception 6; dropped_write: a write is acknowledged and not kept;
refused_write: a write is answered with exception 2; cut_frame: half of the answer; split: the answer in pieces of that
many bytes; garbage: that many stray bytes before it; wrong_unit, wrong_transaction, wrong_function: another one in the
answer; wrong_count: one register fewer than asked for; stale: the previous answer again, before this one.

Devices. device_gone: that unit has left the network, its values stand still and Device Present is 0; unit_lost: that
unit is answered like one that never was; hole: that register address is missing in every device; no_serial: exception 4
for the hardware serial number; all_ones: measured values are not available; no_temperature: temperatures are raw 0;
counter_drop: lifetime counters are lower than before; counter_jump: they are higher by that many kWh; unknown_state:
the inverters' and chargers' states have that number; inverter_fault: F48 and F57 of the inverter; warning: W48 of the
inverter; frozen: all measured values stand still.
"""
