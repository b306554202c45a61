"""The faults that the simulated batteries show."""

from ..faults import FaultTable

FAULTS: FaultTable = {
    "silence": None,
    "delay": 3.0,
    "disconnect": None,
    "restart": 2.0,
    "no_echo": None,
    "glued_prompt": None,
    "no_at": None,
    "no_prompt": None,
    "late_prompt": 0.5,
    "line_ends": None,
    "garbage": 8.0,
    "unsolicited": None,
    "unsolicited_inside": None,
    "foreign": None,
    "lost_bytes": 60.0,
    "lost_rows": 2.0,
    "cut_reply": None,
    "unknown_command": None,
    "command_failed": None,
    "split": 7.0,
    "frozen": None,
    "clock_drift": 3600.0,
    "alarm": 1.0,
    "system_error": 1.0,
    "missing_module": 2.0,
    "over_full": 107.0,
    "negative_temperatures": None,
    "no_barcode": None,
    "wrong_checksum": None,
    "wrong_length": None,
    "cut_frame": None,
    "wrong_address": None,
    "return_code": 4.0,
}
"""Every fault name and the argument it takes when none is given.

On either link. silence: nothing is answered, for that many seconds or until cleared; delay: seconds before the answer;
disconnect: the request ends the connection; garbage: that many stray bytes before the answer; split: the answer in
pieces of that many bytes; lost_bytes: that many bytes in the middle of an answer are lost, so that two rows of a table
merge; restart: when set, the batteries are off for that many seconds; an old console sleeps afterwards.

On the console. no_echo: the command does not come back; glued_prompt: it comes back behind a stale prompt; no_at: the
line with the at sign is missing; no_prompt: no prompt behind the answer; late_prompt: the prompt comes that many
seconds behind the end of the answer; line_ends: LF and CR change places; unsolicited: a line of a log before the
answer; unsolicited_inside: in the middle of it; foreign: another program's answer before ours; lost_rows: that many
whole lines in the middle are lost; cut_reply: the second half is lost with its end mark; unknown_command: the command
is not known; command_failed: it cannot be carried out.

In the data. frozen: the measured values and their times stand still; clock_drift: the batteries' clock is that many
seconds ahead; alarm: the module in that slot reports high cell voltage; system_error: the module in that slot reports
SysError with low voltages; missing_module: the module in that slot is absent; over_full: the states of charge count up
to that many percent; negative_temperatures: the cells are below freezing; no_barcode: `info` has no barcode.

On RS-485. wrong_checksum, wrong_length: a wrong checksum of the frame or of its length; cut_frame: half of the frame;
wrong_address: the answer of another module; return_code: the answer is that error.
"""
