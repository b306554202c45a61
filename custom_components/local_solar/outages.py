"""Single points that cannot be read: said once when it begins and once when it is over."""

import logging
from collections.abc import Mapping

from .solarlink.client import Report
from .solarlink.errors import DeviceRefusedError, LinkError, NotSupportedError, SolarError
from .solarlink.points import Ref

PATIENCE = 2
"""Failures in a row before silence is worth a line: one lost answer is no news, and a dead link is told elsewhere."""


class OutageLog:
    """Remembers which points fail, and for how many reads."""

    def __init__(self, logger: logging.Logger) -> None:
        """Nothing fails yet."""
        self._logger = logger
        self._failures: dict[Ref, int] = {}
        self._told: set[Ref] = set()

    def take(self, report: Report, names: Mapping[Ref, str]) -> None:
        """Log what changed with this report."""
        news: dict[str, list[str]] = {}
        for ref, error in report.failed.items():
            self._failures[ref] = self._failures.get(ref, 0) + 1
            if isinstance(error, NotSupportedError):
                if self._failures[ref] == 1:
                    self._logger.debug("%s: %s", names[ref], error)
            elif ref not in self._told and self._worth_a_line(ref, error):
                self._told.add(ref)
                news.setdefault(str(error), []).append(names[ref])
        for sentence, failed in news.items():
            self._logger.warning("Cannot read %s: %s", ", ".join(failed), sentence)
        back = [names[ref] for ref in report.readings if ref in self._told]
        if back:
            self._logger.info("Reading %s again", ", ".join(back))
        for ref in report.readings:
            self._failures.pop(ref, None)
            self._told.discard(ref)

    def _worth_a_line(self, ref: Ref, error: SolarError) -> bool:
        if isinstance(error, LinkError):
            return False
        return isinstance(error, DeviceRefusedError) or self._failures[ref] >= PATIENCE
