"""What the appliance remembers: every field at rest, the owner's settings in RAM, and the settings file."""

from .fields import Table
from .profiles import Wire
from .wire import Value, decode

type Key = tuple[str, str]


def _copy(values: dict[Key, Wire]) -> dict[Key, Wire]:
    return {key: list(wire) if isinstance(wire, list) else wire for key, wire in values.items()}


class Memory:
    """The fields of one appliance. Settings live in RAM until `save`; a restart loads what was saved (section 11)."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._values = _copy(
            {(field.section, field.name): field.rest for part in table.values() for field in part.values()}
        )
        self._saved = _copy(self._values)
        self.saves = 0
        """How often the settings file was written."""

    def wire(self, section: str, name: str) -> Wire:
        """Return a field as it is answered."""
        return self._values[section, name]

    def put(self, section: str, name: str, wire: Wire, index: int | None = None) -> None:
        """Change a field, or one element of an array."""
        held = self._values[section, name]
        if index is None:
            self._values[section, name] = wire
        elif isinstance(held, list) and isinstance(wire, str):
            held[index] = wire

    def value(self, section: str, name: str, index: int = 0) -> Value:
        """Return the value of a field or of one element of an array."""
        held = self._values[section, name]
        return decode(held[index] if isinstance(held, list) else held)

    def number(self, section: str, name: str, index: int = 0) -> float:
        """Return a numeric value; 0 for a field that this appliance does not have."""
        if (section, name) not in self._values:
            return 0.0
        return float(self.value(section, name, index))

    def save(self) -> None:
        """Write the settings file."""
        self._saved = _copy(self._values)
        self.saves += 1

    def load(self) -> None:
        """Forget what was not saved; buttons come up released."""
        self._values = _copy(self._saved)
        for fields in self.table.values():
            for field in fields.values():
                if field.access == "button":
                    self._values[field.section, field.name] = field.rest
