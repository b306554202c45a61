"""All settings of an installation as one document, and what has changed since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from ..client import Progress, Unit
from ..errors import BadAnswerError, DeviceRefusedError
from ..points import Value
from . import catalogue
from .address import StuderPoint
from .codec import Property
from .infos import is_silence
from .settings import Settings
from .site import Site
from .values import to_value

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that is not what it was. ``then`` or ``now`` is ``None`` where the device does not have it."""

    unit: str
    name: str
    number: int
    then: Value
    now: Value
    unit_of_value: str = ""


class Backup:
    """Reads all settings; flash values, because those are what a device goes back to."""

    def __init__(self, site: Site, settings: Settings) -> None:
        """Nothing is asked before it is wanted."""
        self._site = site
        self._settings = settings

    async def export(self, progress: Progress | None = None) -> dict[str, Any]:
        """Every readable parameter of every unit, as JSON can hold it; ``as_text`` makes a file for people of it.

        It takes one exchange for each: a minute or two for a full installation, with gaps for the portal. What a unit
        does not know is left out. Raises ``LinkError`` and ``NoAnswerError``.
        """
        tell = progress or (lambda share, name: None)
        units = self._site.installation.all_units
        documents = []
        for position, unit in enumerate(units):
            numbers = catalogue.readable_settings(unit.kind)
            values: dict[str, Any] = {}
            for done, number in enumerate(numbers):
                tell((position + done / len(numbers)) / len(units), unit.name)
                if (point := catalogue.point_at(unit.kind, number)) is None:
                    continue
                known, value = await self._stored(unit, point)
                if known:
                    values[str(number)] = {"name": point.name, "value": _plain(value), "unit": point.unit}
            documents.append(
                {
                    "id": unit.id,
                    "kind": unit.kind,
                    "name": unit.name,
                    "model": unit.model,
                    "serial": unit.serial,
                    "firmware": unit.firmware,
                    "settings": values,
                }
            )
        tell(1.0, "")
        return {"format": FORMAT, "taken": datetime.now(UTC).isoformat(timespec="seconds"), "units": documents}

    async def _stored(self, unit: Unit, point: StuderPoint) -> tuple[bool, Value]:
        """Whether the unit has that setting, and its flash value."""
        try:
            return True, to_value(point, await self._settings.read_property(unit, point, Property.VALUE))
        except (DeviceRefusedError, BadAnswerError) as err:
            if is_silence(err):
                raise
            return False, None

    async def compare(
        self, document: Mapping[str, Any], progress: Progress | None = None
    ) -> tuple[list[Difference], list[str]]:
        """What is different now from an exported document, and the names of units in it that are not there.

        A unit is found by its serial number, else, when it was replaced, by its place. Raises as ``export`` does, and
        ``BadAnswerError`` for a document of another shape.
        """
        tell = progress or (lambda share, name: None)
        try:
            saved = [(each, _settings_of(each)) for each in document["units"]]
        except (KeyError, TypeError, ValueError, AttributeError) as err:
            raise BadAnswerError(device="The document", reason="it is no export of settings") from err
        differences: list[Difference] = []
        missing: list[str] = []
        for position, (description, settings) in enumerate(saved):
            unit = self._unit_of(description)
            if unit is None:
                missing.append(str(description.get("name", "")))
                continue
            for done, (number, then) in enumerate(settings.items()):
                tell((position + done / len(settings)) / len(saved), unit.name)
                if (point := catalogue.point_at(unit.kind, number)) is None:
                    continue
                _, now = await self._stored(unit, point)
                if _plain(now) != then:
                    differences.append(Difference(unit.id, point.name, number, then, _plain(now), point.unit))
        tell(1.0, "")
        return differences, missing

    def _unit_of(self, description: Mapping[str, Any]) -> Unit | None:
        units: Sequence[Unit] = self._site.installation.all_units
        same_hardware = (unit for unit in units if unit.serial == description.get("serial"))
        same_place = (
            unit for unit in units if (unit.id, unit.kind) == (description.get("id"), description.get("kind"))
        )
        return next(same_hardware, None) or next(same_place, None)


def as_text(document: Mapping[str, Any]) -> str:
    """An exported document as a text for people: a heading per unit, a line per setting, columns parted by ";"."""
    lines = [f"# Settings of {document['taken']}"]
    for unit in document["units"]:
        lines += ["", f"# {unit['name']} ({unit['model']}, serial {unit['serial']}, firmware {unit['firmware']})"]
        for number, setting in unit["settings"].items():
            lines.append(f"{number};{setting['name']};{_text(setting['value'])};{setting['unit']}")
    return "\n".join(lines) + "\n"


def _settings_of(description: Mapping[str, Any]) -> dict[int, Value]:
    return {int(number): each["value"] for number, each in description["settings"].items()}


def _plain(value: Value) -> Any:
    """A value as JSON holds it."""
    return value.isoformat("minutes") if isinstance(value, time) else value


def _text(value: Any) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
