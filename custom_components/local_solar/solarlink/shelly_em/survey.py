"""What a meter is and has, out of its first answers; and back out of what was kept of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..client import Installation, Unit
from ..points import Point
from .address import DEVICE_WIDE, Field, Name, ShellyPoint
from .codec import Picture
from .greeting import Greeting
from .models import Model, model_of
from .points import CHANNEL, METER, points_of
from .wiring import Wiring

MAKER = "Shelly"
ROOT = "meter"


@dataclass(frozen=True, slots=True)
class Found:
    """What ``identify`` found out, apart from the units."""

    generation: int = 1
    model: str = ""
    profile: str = ""
    clamps: tuple[int, ...] = ()
    phases: bool = False
    switch: int | None = None
    """Number of the output; ``None`` without one."""
    fields: frozenset[Field] = field(default_factory=frozenset)
    """Everything that the meter tells."""

    @property
    def kind(self) -> Model:
        """The model by name."""
        return model_of(self.model)

    def as_facts(self) -> dict[str, Any]:
        """What ``from_facts`` needs, as JSON holds it."""
        return {
            "generation": self.generation,
            "model": self.model,
            "profile": self.profile,
            "clamps": list(self.clamps),
            "phases": self.phases,
            "switch": self.switch,
            "fields": sorted([each.name.value, each.clamp] for each in self.fields),
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Found:
        """Take back what ``as_facts`` gave; fields that are not known any more are left out."""
        known = {name.value for name in Name}
        return cls(
            generation=int(facts.get("generation", 1)),
            model=str(facts.get("model", "")),
            profile=str(facts.get("profile", "")),
            clamps=tuple(facts.get("clamps", ())),
            phases=bool(facts.get("phases")),
            switch=facts.get("switch"),
            fields=frozenset(Field(Name(name), clamp) for name, clamp in facts.get("fields", ()) if name in known),
        )


def found_of(greeting: Greeting, picture: Picture, *, phases: bool, switch: int | None) -> Found:
    """What the first answers say of the meter."""
    return Found(
        generation=greeting.generation,
        model=greeting.model,
        profile=greeting.profile,
        clamps=picture.clamps,
        phases=phases,
        switch=switch,
        fields=frozenset(picture.values),
    )


def units_of(greeting: Greeting, found: Found, name: str, clamp_names: Iterable[str]) -> tuple[Unit, ...]:
    """The meter, and each clamp that stands for itself: of clamps on the phases of one connection, none does."""
    root = Unit(
        id=ROOT,
        kind=METER,
        name=name or found.kind.name,
        serial=greeting.mac,
        manufacturer=MAKER,
        model=found.kind.name,
        firmware=greeting.firmware,
        hardware=greeting.model,
        mac=":".join(greeting.mac[place : place + 2] for place in range(0, 12, 2)).lower(),
    )
    if found.phases:
        return (root,)
    channels = (
        Unit(
            id=f"channel_{clamp + 1}",
            kind=CHANNEL,
            name=own or f"{root.name} channel {clamp + 1}",
            serial=f"{root.serial}-{clamp + 1}",
            manufacturer=MAKER,
            model=f"{root.model} channel",
            address=clamp,
        )
        for clamp, own in zip(found.clamps, clamp_names, strict=True)
    )
    return (root, *channels)


def points_for(unit: Unit, found: Found, wiring: Wiring) -> dict[str, ShellyPoint]:
    """The points that this meter has, as it is wired."""
    there = wiring.derived(found.fields)

    def has(point: Point[Field]) -> bool:
        where = point.address.of(unit.address)
        if unit.kind == METER and where.clamp != DEVICE_WIDE and not found.phases:
            return False
        return where in there

    return {key: point for key, point in points_of(unit.kind).items() if has(point)}


def same_layout(found: Found, greeting: Greeting) -> bool:
    """Whether a meter still measures the way it did: its owner can choose a profile (section 4)."""
    return found.profile == greeting.profile and (found.generation == 1) == greeting.first_generation


def installation_of(units: tuple[Unit, ...], found: Found) -> Installation:
    """Units and facts together."""
    return Installation(units[0], units[1:], found.as_facts())
