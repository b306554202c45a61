"""The words and codes of states, and the slugs that stand for them (reference sections 5, 6.2 and 11)."""

from collections.abc import Mapping

OTHER = "other"


def _numbered(*slugs: str) -> dict[int, str]:
    return dict(enumerate(slugs))


BATTERY_STATES = _numbered("idle", "charging", "discharging", "balancing", "system_error", "sleeping", OTHER)
_BASE_WORDS = {
    "idle": "idle",
    "charge": "charging",
    "dischg": "discharging",
    "discharge": "discharging",
    "balance": "balancing",
    "syserror": "system_error",
    "sleep": "sleeping",
}

LEVELS = _numbered("normal", "low", "high", "under", "over", OTHER)
"""A level of a voltage, a current or a temperature: beyond ``low`` and ``high`` the protection acts."""
_LEVEL_WORDS = {"normal": "normal", "low": "low", "high": "high"}
_LEVEL_ENDS = {"uv": "under", "ut": "under", "ov": "over", "ot": "over", "oc": "over", "oc2": "over"}

CHARGE_LEVELS = _numbered("normal", "full", "low", OTHER)
HEALTH_STATES = _numbered("normal", "warning", OTHER)
BALANCES = _numbered("good", "watch", "bad")
"""Spread of the cell voltages (section 6.11)."""
WATCH_SPREAD, BAD_SPREAD = 0.030, 0.050
"""V."""

LEVEL_CODES = {0x00: "normal", 0x01: "low", 0x02: "high", 0xF0: OTHER}
"""What one byte of an RS-485 alarm reply means."""


def battery_state(word: str) -> str:
    """The slug of a base state; what is not known is ``other``."""
    return _BASE_WORDS.get(word.lower(), OTHER)


def level(word: str) -> str:
    """The slug of a state word such as ``Normal``, ``High``, ``UV`` or ``BOV``; any text may appear."""
    told = word.lower()
    if told in _LEVEL_WORDS:
        return _LEVEL_WORDS[told]
    return next((slug for end, slug in _LEVEL_ENDS.items() if told.endswith(end)), OTHER)


def word_of(table: Mapping[int, str], word: str) -> str:
    """The slug of a state that is called by its own word."""
    told = word.lower()
    return told if told in table.values() else OTHER


def balance(spread: float) -> str:
    """How well the cells are balanced, from the spread of their voltages in V."""
    if spread < WATCH_SPREAD:
        return "good"
    return "watch" if spread <= BAD_SPREAD else "bad"
