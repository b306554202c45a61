"""Which raw commands are harmless, which set something, and which are fenced (reference section 7.1, rule 8)."""

import re

from ..errors import NeedsConsentError, ValueKindError

LONGEST = 80
_QUERY = re.compile(r"Q[0-9A-Z]*|VERFW:|\^P\d{3}[0-9A-Z]+")
_SET = re.compile(
    r"POP\d\d|PCP\d\d|PPCP\d{3}|PGR\d\d|PBT\d\d|(PBCV|PBDV|PSDV|PCVV|PBFT)\d\d\.\d|PCVT\d{3}|PCST\d\d"
    r"|M[NUS]?CHGC\d{3,4}|PBATMAXDISC\d{3}|PBATCD[01]{3}|POPLG\d\d|PPVOKC\d|PSPB\d|P[ED][a-z]+|PBEQ[EA]\d"
    r"|PBEQO?[TP]\d{3}|PBEQV\d\d\.\d\d|DAT\d{12}|PDL\d\d|PLED[A-Z]\S+|PVENGUSE\d\d"
    r"|\^S\d{3}(P[ED][A-I]|MU?CHGC\d,\d{3}|MCHGV\d{3},\d{3}|BUCD\d{3},\d{3}|PSDV\d{3}|POP\d|PCP\d,\d|PSP\d|PGR\d|PBT\d"
    r"|DAT\d{12}|AC[CL]T\d{4},\d{4})"
)


def check_command(text: str, *, confirmed: bool) -> bool:
    """Whether ``text`` is a query; anything else must be confirmed.

    Raises ``ValueKindError`` for what cannot be sent and ``NeedsConsentError`` for what was not confirmed.
    """
    if not 1 <= len(text) <= LONGEST or not text.isascii() or not text.isprintable() or "(" in text:
        raise ValueKindError(point="the command", value=text, expected="a command of the inverter, such as QPIGS")
    if _QUERY.fullmatch(text):
        return True
    if not confirmed:
        reason = "it changes a setting" if _SET.fullmatch(text) else "it is not known to be harmless"
        raise NeedsConsentError(point=text, reason=reason)
    return False
