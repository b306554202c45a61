"""A day's datalog as hourly values. No I/O.

The reference says what a file is (a table with one line a minute, section 6) but not how it looks. What is read here is
the layout that owners' published files of version 7.6 have: three header lines (what, number of the user info, which
device), then a line for each minute beginning with day and time of the installation's clock, and a header again when
units come or go in the middle of a day. Whatever else stands in a file is left out; a file without such a header is
refused.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ..errors import BadAnswerError

ENCODING = "iso-8859-15"
_MOMENT = "%d.%m.%Y %H:%M"


@dataclass(frozen=True, slots=True)
class Track:
    """One column: the number of a user info and the device, as the file calls it ("L1-2", "1", "ALL")."""

    info: int
    device: str


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of one column, in the unit of the wire.

    ``start`` is the beginning of the hour on the clock of the installation, without time zone; ``minutes`` is how many
    lines the values come from.
    """

    track: Track
    start: datetime
    mean: float
    minimum: float
    maximum: float
    minutes: int


def hourly(content: bytes) -> list[Hour]:
    """The hours of every column, in the order of time; raises ``BadAnswerError`` for what is no datalog."""
    sums: dict[tuple[datetime, Track], list[float]] = {}
    known = False
    for moment, tracks, cells in _lines(content):
        known = True
        if moment is None:
            continue
        start = moment.replace(minute=0)
        for track, cell in zip(tracks, cells, strict=False):
            if track is not None and (value := _number(cell)) is not None:
                sums.setdefault((start, track), []).append(value)
    if not known:
        raise BadAnswerError(device="The gateway", reason="the file is no datalog of a layout that is known")
    return [
        Hour(track, start, math.fsum(values) / len(values), min(values), max(values), len(values))
        for (start, track), values in sorted(sums.items(), key=lambda item: item[0][0])
    ]


def _lines(content: bytes) -> Iterator[tuple[datetime | None, list[Track | None], list[str]]]:
    """Every line of values with its columns; a header counts as a line without a moment."""
    separator, numbers = "", list[str]()
    tracks: list[Track | None] = []
    for line in content.decode(ENCODING, "replace").splitlines():
        if line[:1] == "v" and (found := next((each for each in line if each in ";,\t"), "")):
            separator, numbers, tracks = found, [], []
            continue
        if not separator:
            continue
        first, *cells = line.split(separator)
        if first == "" and not numbers:
            numbers = cells
        elif first == "" and not tracks:
            tracks = [_track(number, device) for number, device in zip(numbers, cells, strict=False)]
            yield None, tracks, []
        elif tracks and (moment := _moment(first)) is not None:
            yield moment, tracks, cells


def _track(number: str, device: str) -> Track | None:
    text = number.strip()
    return Track(int(text[1:]), device.strip()) if text[:1] == "I" and text[1:].isdecimal() else None


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text.strip(), _MOMENT)  # noqa: DTZ007 - the clock has no zone
    except ValueError:
        return None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
