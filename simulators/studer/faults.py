"""The faults that the simulated Studer installation shows."""

from ..faults import FaultTable

FAULTS: FaultTable = {
    "silence": None,
    "lost_answer": None,
    "delay": 1.0,
    "late_answer": 3.5,
    "cut_frame": None,
    "garbage": None,
    "wrong_checksum": None,
    "wrong_unit": None,
    "refused": 0x2B,
    "busy": None,
    "restart": None,
    "second_connection": None,
    "duplicate": None,
    "reset_mid_frame": None,
    "strip_crlf": None,
    "crlf": None,
    "nan": None,
    "old_gateway": None,
    "old_firmware": None,
    "split": 5.0,
    "joined": None,
}
"""Every fault name and the argument it takes when none is given.

silence: nothing is done and nothing answered; lost_answer: the request is carried out, its answer is lost;
delay: seconds during which the line is busy before the answer; late_answer: seconds until the answer comes, while
further requests are served; cut_frame: only the first half of the answer; garbage: stray bytes around the answer;
wrong_checksum: the last byte of the answer is wrong; wrong_unit: another unit's answer; refused: error code;
busy: the device says that it is busy; restart: the addressed device (or the one given) restarts before it answers;
second_connection: the device connects again and leaves its first connection half open; duplicate: each answer twice;
reset_mid_frame: half an answer, then a connection reset; strip_crlf: every CR LF inside the answer is lost;
crlf: CR LF after each answer; nan: floating point values are "not a number" (all, or the number given);
old_gateway: no multiple read; old_firmware: no RAM writes; split: answers in pieces of that many bytes;
joined: a foreign answer and ours in one piece.
"""
