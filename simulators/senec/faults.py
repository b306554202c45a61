"""The faults that the simulated SENEC shows."""

from ..faults import FaultTable

FAULTS: FaultTable = {
    "delay": 15.0,
    "silence": None,
    "reset": None,
    "redirect": None,
    "html": None,
    "http_error": 500.0,
    "cut_body": None,
    "escaped_quotes": None,
    "stray_text": None,
    "forbidden": None,
    "malformed": None,
    "not_readable": None,
    "field_lost": None,
    "er": None,
    "nan": None,
    "infinity": None,
    "unknown_prefix": None,
    "wrong_digits": None,
    "object_not_found": None,
    "writes_ignored": None,
    "writes_forbidden": None,
    "reboot": 300.0,
    "no_server_connection": None,
    "unknown_state": 101.0,
    "no_mcu_sensor": None,
    "nonsense_temperatures": 60.0,
    "no_battery_data": None,
    "module_lost": None,
    "imbalance": 1500.0,
    "spike": 200000.0,
    "pv_not_measured": None,
    "force_charge_ignored": None,
    "force_charge_stays": None,
    "force_charge_restarts": 10.0,
    "insulation_test": 60.0,
    "cloud_push": None,
    "swap_certificate": None,
    "no_cookie": None,
}
"""Every fault name and the argument it takes when none is given.

delay: seconds until the answer, while the appliance serves nobody else; silence: no answer, the connection stays open;
reset: the connection ends without an answer; redirect: 301 to https from the plain port; html: a page "404 Not Found";
http_error: that status with an HTML page; cut_body: HTTP 200, the body ends early (at that share of it, or anywhere);
escaped_quotes: every quote comes with a backslash; stray_text: text of a log line inside the JSON.
forbidden, malformed, not_readable, field_lost: the sentinel FORBIDDEN, MALFORMED_VALUE, FILE_VARIABLE_NOT_READABLE or
VARIABLE_NOT_FOUND instead of a field; er, nan, infinity, unknown_prefix, wrong_digits: such a typed string instead of
the value (nan and infinity: of floating point values); all of these in every field, or in the n-th of the answer (from
1) when a number is given. object_not_found: an unknown section asked by field name answers as a whole section does.
writes_ignored: a write is answered with the old value; writes_forbidden: with FORBIDDEN. reboot: when set, the
appliance restarts and is silent for that many seconds. no_server_connection: state 38; unknown_state: a state of that
number. no_mcu_sensor: the controller's temperature is about -158; nonsense_temperatures: state 70 and that battery
temperature; no_battery_data: battery data are not collected and zero; module_lost: one battery module does not answer;
imbalance: the house power is that many watts off the balance; spike: a grid power of that many watts;
pv_not_measured: nothing measures the solar inverter, so the house power clamps at 0.
force_charge_ignored: the start button does nothing; force_charge_stays: the stop button does nothing;
force_charge_restarts: that many seconds after a stop the force charge runs again; insulation_test: a write of a
wallbox current makes the appliance test its insulation for that many seconds; cloud_push: when set, the cloud's wallbox
settings come back at once; swap_certificate: when set, a new certificate; no_cookie: no cookie until the log-out button
is pressed.
"""
