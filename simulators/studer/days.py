"""What the devices count of today and of yesterday: their day ends at midnight of the remote control's clock."""

from ..house import Counter, House


class Days:
    """The counters of the house, cut into the days of the remote control."""

    def __init__(self, house: House) -> None:
        """Take over what the house has counted today and yesterday."""
        self._counters = [
            *house.counters.all(),
            *(counter for array in house.arrays for counter in (array.energy, array.hours)),
        ]
        self._at_midnight = {id(counter): counter.total - counter.today for counter in self._counters}
        self._yesterday = {id(counter): counter.yesterday for counter in self._counters}

    def midnight(self) -> None:
        """Begin a new day."""
        for counter in self._counters:
            self._yesterday[id(counter)] = self.today(counter)
            self._at_midnight[id(counter)] = counter.total

    def today(self, counter: Counter) -> float:
        """Return what was counted since the last midnight."""
        return counter.total - self._at_midnight[id(counter)]

    def yesterday(self, counter: Counter) -> float:
        """Return what was counted on the day before."""
        return self._yesterday[id(counter)]
