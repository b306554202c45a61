"""What the version of the DTU's firmware decides (reference sections 4.1, 7 and 9)."""

import re
from dataclasses import dataclass

_TAG = re.compile(r"v(\d{1,2})\.(\d{1,2})\.(\d{1,2})(?!\d)")
_DATED_TAG = re.compile(r"(20\d\d)\.(\d{1,2})\.(\d{1,2})(?!\d)")

ONE_PER_MESSAGE = (24, 2, 12)
"""From here the WebSocket sends one inverter at a time, and ``?inv=`` is needed for values."""
STURDY = (24, 9, 0)
"""From here the DTU stands being asked every two seconds."""
RENUMBERED = (25, 9, 11)
"""From here the types of kept limits are 2 and 3."""

LIMIT_ABSOLUTE, LIMIT_RELATIVE = 0, 1
"""Types of limits that the inverter does not keep; the same in every version."""
_KEPT_NOW, _KEPT_BEFORE = 2, 256
"""What is added to those for limits that the inverter keeps in its flash."""


@dataclass(frozen=True, slots=True)
class Firmware:
    """A ``git_hash``: a tag (``v25.9.11``, ``2026.03.31`` of OnBattery, with a suffix or not) or a bare commit."""

    text: str = ""

    @property
    def version(self) -> tuple[int, int, int] | None:
        """Year of the century, month and day of the release; ``None`` when it is no tag."""
        if match := _TAG.match(self.text):
            return int(match[1]), int(match[2]), int(match[3])
        if match := _DATED_TAG.match(self.text):
            return int(match[1]) - 2000, int(match[2]), int(match[3])
        return None

    def before(self, version: tuple[int, int, int]) -> bool:
        """Whether it is known to be older."""
        return self.version is not None and self.version < version

    @property
    def delicate(self) -> bool:
        """Whether it may hang when it is asked or commanded more than once in ten seconds (section 7)."""
        return self.before(STURDY)

    def kept_types(self, kind: int) -> tuple[int, int]:
        """The types of a kept limit of ``kind`` in the order in which to try them; a wrong one is refused."""
        # OnBattery names its releases after the month in which it took over upstream's.
        since = (25, 9, 1) if _DATED_TAG.match(self.text) else RENUMBERED
        now, before = kind + _KEPT_NOW, kind + _KEPT_BEFORE
        return (before, now) if self.before(since) else (now, before)
