"""What the clamps mean in this house: which of them measure the grid, which way round, and what is plausible.

Pure: a picture goes in as the meter told it and comes out with the grid in it (reference sections 1 and 7).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ValueChoiceError
from .address import DEVICE_WIDE, Field, Name
from .codec import MOST_CLAMPS, Picture, all_errors, sum_of
from .models import USUAL_CURRENT, Model

GRID_CHANNEL, INVERTED = "grid_channel", "inverted"
"""Names of the settings: "auto" (what is usual for the model), "total" or the number of a clamp counted from 1, and
whether the clamps that measure the grid are the wrong way round."""
AUTO, TOTAL = "auto", "total"
CHANNELS = (TOTAL, *(str(number + 1) for number in range(MOST_CLAMPS)))

_DERIVED_FROM = {
    Name.GRID_POWER: Name.POWER,
    Name.GRID_IMPORTED: Name.IMPORTED,
    Name.GRID_EXPORTED: Name.EXPORTED,
    Name.SUM_IMPORTED: Name.IMPORTED,
    Name.SUM_EXPORTED: Name.EXPORTED,
    Name.FREQUENCY: Name.FREQUENCY,
    Name.PROBLEM: Name.PROBLEM,
}
_SIGNED = (Name.POWER, Name.REACTIVE, Name.FACTOR)


@dataclass(frozen=True, slots=True)
class Wiring:
    """How one meter is wired."""

    clamps: tuple[int, ...] = (0, 1, 2)
    phases: bool = True
    """Whether the clamps are the phases of one connection."""
    grid: int | None = None
    """The clamp that measures the grid; ``None``: all of them together."""
    inverted: bool = False
    largest: float = Model("", USUAL_CURRENT).largest_power
    """W beyond which a power is not believed."""

    @property
    def grid_clamps(self) -> tuple[int, ...]:
        """The clamps that measure the grid."""
        return self.clamps if self.grid is None else (self.grid,)

    @property
    def one_counter(self) -> bool:
        """Whether one counter of the meter is that of the grid."""
        return len(self.grid_clamps) == 1

    def derived(self, told: Collection[Field]) -> set[Field]:
        """What ``apply`` makes of the fields that the meter tells."""
        names = {each.name for each in told if each.clamp in self.clamps}
        wanted = {Name.GRID_POWER, Name.FREQUENCY, Name.PROBLEM}
        wanted |= {Name.GRID_IMPORTED, Name.GRID_EXPORTED} if self.one_counter else set()
        wanted |= {Name.SUM_IMPORTED, Name.SUM_EXPORTED} if not self.one_counter else set()
        kept = {each for each in told if each.name not in (Name.SUM_IMPORTED, Name.SUM_EXPORTED)}
        return kept | {Field(name) for name in wanted if _DERIVED_FROM[name] in names}

    def apply(self, picture: Picture) -> Picture:
        """Turn what is inverted, drop what cannot be, and add what the clamps of the grid say together."""
        self._drop_nonsense(picture)
        if self.inverted:
            self._turn(picture)
        if set(self.grid_clamps) <= set(picture.clamps):
            picture.values[Field(Name.GRID_POWER)] = self._power(picture)
        if set(self.grid_clamps) <= set(picture.counting):
            self._count(picture)
        frequencies = [Field(Name.FREQUENCY, clamp) for clamp in self.clamps]
        if any(each in picture.values for each in frequencies):
            known = [value for each in frequencies if (value := picture.values.get(each)) is not None]
            picture.values[Field(Name.FREQUENCY)] = known[0] if known else None
        if set(self.clamps) <= set(picture.clamps):
            picture.values[Field(Name.PROBLEM)] = bool(picture.errors)
            if picture.errors:
                picture.errors[DEVICE_WIDE] = all_errors(picture)
        return picture

    def _drop_nonsense(self, picture: Picture) -> None:
        """No house moves that much, and a meter without voltage measures nothing (section 7)."""
        measured = [clamp for clamp in self.clamps if clamp in picture.clamps]
        dead = bool(measured) and all(
            picture.number(Name.POWER, clamp) == 0 and picture.number(Name.VOLTAGE, clamp) == 0 for clamp in measured
        )
        where = [Field(Name.POWER, clamp) for clamp in picture.clamps]
        total = Field(Name.TOTAL_POWER)
        for each in (*where, total) if total in picture.values else where:
            value = picture.number(*each)
            if value is not None and (dead or abs(value) > self.largest):
                picture.values[each] = None

    def _turn(self, picture: Picture) -> None:
        values = picture.values
        for clamp in self.grid_clamps:
            for name in _SIGNED:
                value = picture.number(name, clamp)
                if value is not None:
                    values[Field(name, clamp)] = -value
            _swap(picture, Field(Name.IMPORTED, clamp), Field(Name.EXPORTED, clamp))
        if self.grid is None:
            if (total := picture.number(Name.TOTAL_POWER)) is not None:
                values[Field(Name.TOTAL_POWER)] = -total
            _swap(picture, Field(Name.SUM_IMPORTED), Field(Name.SUM_EXPORTED))

    def _power(self, picture: Picture) -> float | None:
        """The net power: never of single phases, and the meter's own total where it tells one (section 5.4)."""
        if self.grid is not None:
            return picture.number(Name.POWER, self.grid)
        whole = sum_of(picture, Name.POWER, self.clamps)
        if Field(Name.TOTAL_POWER) in picture.values:
            return None if whole is None else picture.number(Name.TOTAL_POWER)
        return None if whole is None or abs(whole) > self.largest else whole

    def _count(self, picture: Picture) -> None:
        values = picture.values
        for name, grid, whole in (
            (Name.IMPORTED, Name.GRID_IMPORTED, Name.SUM_IMPORTED),
            (Name.EXPORTED, Name.GRID_EXPORTED, Name.SUM_EXPORTED),
        ):
            if self.one_counter:
                made, parts = Field(grid), {Field(name, self.grid_clamps[0])}
                values[made] = picture.number(name, self.grid_clamps[0])
                values.pop(Field(whole), None)
            else:
                made, parts = Field(whole), {Field(name, clamp) for clamp in self.clamps}
                values.setdefault(made, sum_of(picture, name, self.clamps))
            if parts & picture.doubtful:
                picture.doubtful.add(made)


def _swap(picture: Picture, one: Field, other: Field) -> None:
    values = picture.values
    if one in values and other in values:
        values[one], values[other] = values[other], values[one]
        swapped = {one: other, other: one}
        picture.doubtful = {swapped.get(each, each) for each in picture.doubtful}


def wiring_of(settings: Mapping[str, Any], clamps: Iterable[int], model: Model, *, phases: bool) -> Wiring:
    """The wiring that the owner's settings name; raises ``ValueChoiceError`` for a clamp that is not there.

    Unless they name one, phases are taken together, and of two clamps that are none the first one is the grid's.
    """
    there = tuple(clamps)
    chosen = str(settings.get(GRID_CHANNEL) or AUTO)
    choices = (TOTAL, *(str(clamp + 1) for clamp in there))
    if chosen != AUTO and chosen not in choices:
        raise ValueChoiceError(point="Grid channel", value=chosen, choices=", ".join(choices))
    if chosen in (AUTO, TOTAL):
        grid = there[0] if chosen == AUTO and not phases and len(there) < MOST_CLAMPS else None
    else:
        grid = int(chosen) - 1
    return Wiring(there, phases, grid, bool(settings.get(INVERTED)), model.largest_power)
