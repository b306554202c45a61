"""The warning word, taken apart (reference section 6.5), and what has changed since the last one."""

from collections.abc import Iterable, Mapping

from .alarms import (
    ALARMS,
    FAULT_CODES,
    NO_FAULT,
    PI18_BITS,
    TRIPLE_CHARGER_BITS,
    WARNING_BITS,
    Alarm,
    Severity,
    alarm_key,
)
from .fields import Fields, flag, whole
from .manner import Manner

_INVERTER_FAULT = 1
_PLAIN = 30
"""Positions that mean the same in words of every length."""
_TRIPLE_CHARGER = 38
_SET = "1"


def _layout(word: str, manner: Manner) -> tuple[dict[int, Alarm], int | None]:
    """Which alarm each position of this word means, and where its two-digit fault code begins, if it has one.

    Models differ in that place. Of an unknown one only digits other than 0 and 1 show that there is a code.
    """
    if len(word) == _TRIPLE_CHARGER:
        extra = dict(enumerate(TRIPLE_CHARGER_BITS, _PLAIN))
        return dict(enumerate(WARNING_BITS[:_PLAIN])) | extra, None
    code_at = manner.fault_digits_at
    digits = [n for n in range(_PLAIN, min(len(word), _PLAIN + 4)) if word[n] not in "01"]
    if code_at is None and digits:
        code_at = 31 if digits[0] <= 31 else 32
    if code_at is not None and len(word) < code_at + 2:
        code_at = None
    places = () if code_at is None else (code_at, code_at + 1)
    named = enumerate(WARNING_BITS[: len(word)])
    return {n: alarm for n, alarm in named if n not in places and alarm.slug in ALARMS}, code_at


def _severity(alarm: Alarm, faulty: bool, manner: Manner) -> Severity:
    if alarm.with_fault and faulty:
        return Severity.FAULT
    if (alarm.slug == "output_short" and manner.output_short_is_fault) or (
        alarm.slug == "mppt_overload_fault" and manner.mppt_overload_is_fault
    ):
        return Severity.FAULT
    if alarm.slug == "dcdc_over_current" and manner.dcdc_is_warning:
        return Severity.WARNING
    return alarm.severity


def warning_word(word: str, manner: Manner) -> Fields:
    """The fields of a PI30 warning word: each alarm, whether any is a fault or a warning, and the fault code."""
    alarms, code_at = _layout(word, manner)
    faulty = word[_INVERTER_FAULT] == _SET
    active = {alarm.slug: _severity(alarm, faulty, manner) for n, alarm in alarms.items() if word[n] == _SET}
    fields = _told((alarm.slug for alarm in alarms.values()), active)
    if code_at is not None:
        fields["fault_code"] = FAULT_CODES.get(int(word[code_at : code_at + 2]))
    return fields


def warning_list(parts: list[str]) -> Fields:
    """The fields of a PI18 warning reply: the fault code first, then the warnings (section 9)."""
    code = whole(parts[0])
    active = {alarm.slug: alarm.severity for alarm, part in zip(PI18_BITS, parts[1:], strict=False) if flag(part)}
    known = [alarm.slug for alarm, _ in zip(PI18_BITS, parts[1:], strict=False)]
    slug = None if code is None else FAULT_CODES.get(code)
    if code:
        active["inverter_fault"] = Severity.FAULT
    return _told((*known, "inverter_fault"), active) | {"fault_code": slug}


def _told(known: Iterable[str], active: Mapping[str, Severity]) -> Fields:
    levels = set(active.values())
    fields: Fields = {alarm_key(slug): slug in active for slug in known}
    return fields | {
        "fault": Severity.FAULT in levels,
        "warning": Severity.WARNING in levels,
        "active_alarms": ", ".join(active) or "none",
        "alarm": None,
        # Not a point: what the happenings are made of.
        "severities": ", ".join(f"{slug}={severity.value}" for slug, severity in active.items()),
    }


def severities(fields: Fields) -> dict[str, Severity]:
    """The active alarms of a warning reply with how bad each is; the fault code is one of them."""
    text = fields.get("severities")
    active = {}
    if isinstance(text, str) and text:
        for item in text.split(", "):
            slug, _, level = item.partition("=")
            active[slug] = Severity(level)
    code = fields.get("fault_code")
    if isinstance(code, str) and code != NO_FAULT:
        active[code] = Severity.FAULT
    return active


def level_of(slug: str) -> Severity:
    """How bad an alarm usually is; a fault code is a fault."""
    return ALARMS[slug].severity if slug in ALARMS else Severity.FAULT
