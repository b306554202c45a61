"""The appliance's own words for system states, from the script of its web pages (reference section 2.3)."""

import re

PATHS = ("/js/EN-en.js", "/js/DE-de.js")
"""Where the words are, in the order in which they are looked for."""

_TABLE = re.compile(r"system_state_name\s*=\s*\{([^}]*)\}")
_ENTRY = re.compile(r"""(\d{1,5})\s*:\s*(?:"((?:[^"\\\n]|\\.){1,200})"|'((?:[^'\\\n]|\\.){1,200})')""")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(.))")


def system_states(script: str) -> dict[int, str]:
    """Code to text of every system state in that script; empty when it has no such table."""
    table = _TABLE.search(script)
    if table is None:
        return {}
    return {int(code): _plain(one or other) for code, one, other in _ENTRY.findall(table.group(1))}


def _plain(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        number = match.group(1) or match.group(2)
        return chr(int(number, 16)) if number else match.group(3)

    return _ESCAPE.sub(character, text).strip()
