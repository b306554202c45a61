"""What an inverter remembers: the fields of its answers, with settings that show after a while."""

from collections.abc import Callable
from dataclasses import dataclass

HEADER = 5
"""Length of the "^Dnnn" before the data of the comma dialects."""


def shaped(template: str, value: float) -> str:
    """Write a number with the digits and decimals of another one; longer when it does not fit."""
    _, point, decimals = template.partition(".")
    return f"{value:0{len(template)}.{len(decimals) if point else 0}f}"


@dataclass(frozen=True, slots=True)
class _Pending:
    due: float
    query: str
    index: int
    text: str


class Registers:
    """The fields of every answer; ``comma`` is the dialect with "^Dnnn" before and commas between them."""

    def __init__(self, replies: dict[str, str], clock: Callable[[], float], *, comma: bool) -> None:
        """Take the answers of a profile."""
        self._comma = comma
        self._clock = clock
        self._separator = "," if comma else " "
        self._fields = {query: self._parts(text) for query, text in replies.items()}
        self._pending: list[_Pending] = []

    def _parts(self, text: str) -> list[str]:
        if self._comma and text.startswith("^D"):
            text = text[HEADER:]
        return text.split(self._separator)

    def __contains__(self, query: str) -> bool:
        """Tell whether the unit knows a query."""
        return query in self._fields

    def queries(self) -> list[str]:
        """Return every query that the unit knows."""
        return list(self._fields)

    def fields(self, query: str) -> list[str]:
        """Return a copy of the fields of an answer; an empty one at the end stands for a trailing separator."""
        self._settle()
        return list(self._fields[query])

    def text(self, query: str) -> str:
        """Return an answer's data."""
        return self._separator.join(self.fields(query))

    def has(self, query: str, index: int) -> bool:
        """Tell whether an answer has a field."""
        return query in self._fields and index < len(self._fields[query])

    def get(self, query: str, index: int) -> str:
        """Return one field."""
        self._settle()
        return self._fields[query][index]

    def put(self, query: str, index: int, text: str, delay: float = 0.0) -> None:
        """Set one field, now or some seconds later."""
        if delay > 0:
            self._pending.append(_Pending(self._clock() + delay, query, index, text))
            return
        self._settle()
        self._fields[query][index] = text

    def put_number(self, query: str, index: int, value: float, delay: float = 0.0) -> None:
        """Set one field to a number, written as the present one is."""
        self.put(query, index, shaped(self._fields[query][index], value), delay)

    def replace(self, query: str, text: str) -> None:
        """Set a whole answer."""
        self._fields[query] = self._parts(text)

    def remove(self, query: str) -> None:
        """Make a query unknown."""
        self._fields.pop(query, None)

    def _settle(self) -> None:
        now = self._clock()
        due = [entry for entry in self._pending if entry.due <= now]
        if due:
            self._pending = [entry for entry in self._pending if entry.due > now]
            for entry in due:
                self._fields[entry.query][entry.index] = entry.text
