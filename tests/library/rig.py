"""What the rigs of several families share: closing what they have started, and short cuts to what clients say."""

from types import TracebackType
from typing import Any, Protocol, Self

from custom_components.local_solar.solarlink.client import Client, Report, Unit
from custom_components.local_solar.solarlink.points import Ref, Value


class Simulator(Protocol):
    """A simulated device."""

    async def close(self) -> None:
        """Stop serving."""


class RigBase[S: Simulator, C: Client]:
    """Starts simulators and clients, and closes them all."""

    def __init__(self) -> None:
        self._sims: list[S] = []
        self._clients: list[C] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            await client.close()
        for sim in self._sims:
            await sim.close()


def unit(client: Client, unit_id: str) -> Unit:
    """A unit that must be there."""
    found = client.installation.unit(unit_id)
    assert found is not None, [each.id for each in client.installation.all_units]
    return found


def measured(client: Client, unit_id: str = "") -> list[Ref]:
    """Every point that is read, of one unit or of all."""
    return [
        Ref(each.id, key)
        for each in client.installation.all_units
        for key, point in client.points(each).items()
        if point.measured and unit_id in ("", each.id)
    ]


def values(report: Report) -> dict[Ref, Any]:
    """The values of a report in which nothing failed."""
    assert report.failed == {}
    return {ref: reading.value for ref, reading in report.readings.items()}


def value(report: Report, unit_id: str, key: str) -> Value:
    """One value of a report."""
    return report.readings[Ref(unit_id, key)].value


async def read_one(client: Client, unit_id: str, key: str) -> Value:
    """One value, read now."""
    return value(await client.read([Ref(unit_id, key)]), unit_id, key)
