"""Points made up for tests that need no family."""

from typing import Any

from custom_components.local_solar.solarlink.points import Pace, Point, Quantity, Ref


def point(key: str = "power", pace: Pace = Pace.LIVE, **fields: Any) -> Point[None]:
    given = {"name": key.capitalize(), "unit_kind": "box", "quantity": Quantity.POWER, "unit": "W"} | fields
    return Point(key=key, pace=pace, address=None, **given)


def points(*paces: Pace, prefix: str = "p") -> dict[Ref, Point[None]]:
    """One point per pace, named in order."""
    return {Ref("box", f"{prefix}{n}"): point(f"{prefix}{n}", pace) for n, pace in enumerate(paces)}
