"""The faults that the simulated inverter shows."""

from ..faults import FaultTable

FAULTS: FaultTable = {
    "lost_request": None,
    "lost_answer": None,
    "swallow": 60.0,
    "silence": None,
    "delay": 1.0,
    "all_nak": None,
    "refused": None,
    "disguised_nak": None,
    "truncate": 20.0,
    "bit_flip": None,
    "missing_crc_byte": None,
    "wrong_crc": None,
    "unadjusted_crc": 0x28,
    "zero_in_crc": 0.0,
    "bare_answer": None,
    "garbage": None,
    "echo": None,
    "line_feed": None,
    "padding": 8.0,
    "leading_zeros": 8.0,
    "stale": None,
    "glued": None,
    "foreign": None,
    "split": 5.0,
    "five_digits": None,
    "extra_fields": 3.0,
    "disconnect": None,
    "restart": 2.0,
    "write_timeout": None,
}
"""Every fault name and the argument it takes when none is given.

lost_request: the request is neither carried out nor answered; lost_answer: it is carried out, the answer is lost;
swallow: a request after that many seconds of rest is lost; silence: nothing is answered, for that many seconds or
until cleared; delay: seconds before the answer; all_nak: every request is refused until cleared or restarted;
refused: settings are refused; disguised_nak: NAK with one wrong letter and the checksum of NAK; truncate: only that
many bytes of the answer, without CR; bit_flip: one bit in the middle is wrong; missing_crc_byte: the second checksum
byte is missing; wrong_crc: it is wrong; unadjusted_crc: a status answer whose checksum contains that byte (28, 0D or
0A) as it is; zero_in_crc: a status answer whose checksum contains 00 (argument 1: raised to 01); bare_answer: ACK and
NAK without a checksum; garbage: stray bytes before the answer; echo: the request comes back before the answer;
line_feed: LF after CR; padding: that many 00 after CR; leading_zeros: that many 00 before the answer; stale: the
previous answer again before this one, or only that many of its last bytes; glued: another program's answer right
behind ours; foreign: another program's answer before ours; split: answers in pieces of that many bytes; five_digits:
powers of the status with five digits; extra_fields: that many unknown fields at the end of status and ratings;
disconnect: the request ends the connection (EOF, EIO); restart: the unit is off for that many seconds and comes back
powering on, on USB under another node; write_timeout: a USB write fails.
"""
