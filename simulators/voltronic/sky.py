"""Sun, clouds and loads of the house that has the virtual battery, in steps of a fixed length."""

import math
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Literal

from ..house import Appliance

type Weather = Literal["clear", "cloudy", "mixed"]
WEATHERS: tuple[Weather, ...] = ("clear", "cloudy", "mixed")

LATITUDE = math.radians(45.0)
_DAYS: dict[Weather, tuple[str, ...]] = {
    "clear": ("clear",),
    "cloudy": ("broken", "overcast"),
    "mixed": ("clear", "broken", "broken", "overcast"),
}


@dataclass(frozen=True, slots=True)
class Cover:
    """What clouds do on a kind of day: the light without and with one, and how long each lasts (mean, seconds)."""

    sunny: float
    cloudy: float
    sunny_seconds: float
    cloudy_seconds: float


COVERS = {
    "clear": Cover(1.0, 0.9, 10800.0, 120.0),
    "broken": Cover(0.98, 0.22, 900.0, 420.0),
    "overcast": Cover(0.55, 0.14, 900.0, 2400.0),
}


APPLIANCES = (
    Appliance(2000.0, 4.0, 4.0, 6.0, 21.0),
    Appliance(110.0, 18.0, 36.0, 0.0, 24.0),
    Appliance(1500.0, 20.0, 1.5, 10.0, 17.0),
    Appliance(250.0, 150.0, 1.0, 18.0, 23.0),
)


class Sky:
    """The light on the generator, 0 to 1 of its peak, and the loads, W."""

    def __init__(self, seed: int, weather: Weather, load_scale: float = 1.0) -> None:
        """Take which weather it is; ``load_scale`` multiplies the loads."""
        if weather not in WEATHERS:
            raise ValueError(f"weather {weather!r}: choose from {', '.join(WEATHERS)}")
        self.weather = weather
        self.load_scale = load_scale
        self.load_power = 0.0
        self.light = 0.0
        self.day = "clear"
        """The kind of today, a key of `COVERS`."""
        self._random = Random(seed)
        self._loads = Random(seed + 0x10AD)
        self._date: int | None = None
        self._hidden = False
        self._left = 0.0
        self._transparency = 1.0
        self._running = [0.0] * len(APPLIANCES)

    def step(self, now: datetime, seconds: float) -> None:
        """Move clouds and loads on."""
        if now.toordinal() != self._date:
            self._date = now.toordinal()
            self.day = self._random.choice(_DAYS[self.weather])
        cover = COVERS[self.day]
        self._left -= seconds
        if self._left <= 0:
            self._hidden = not self._hidden
            mean = cover.cloudy_seconds if self._hidden else cover.sunny_seconds
            self._left = self._random.expovariate(1.0 / mean)
        wanted = cover.cloudy if self._hidden else cover.sunny
        # The edge of a cloud takes about half a minute to pass.
        self._transparency += (wanted - self._transparency) * (1.0 - math.exp(-seconds / 30.0))
        self.light = sun_height(now) ** 1.15 * self._transparency
        self._step_loads(now, seconds)

    def _step_loads(self, now: datetime, seconds: float) -> None:
        hour = now.hour + now.minute / 60
        power = 130.0 + 60.0 * math.exp(-(((hour - 7.5) / 1.5) ** 2)) + 170.0 * math.exp(-(((hour - 20.0) / 2.0) ** 2))
        for index, appliance in enumerate(APPLIANCES):
            chance = self._loads.random()
            if self._running[index] > 0:
                self._running[index] -= seconds
                power += appliance.power
            elif appliance.first_hour <= hour < appliance.last_hour:
                window = (appliance.last_hour - appliance.first_hour) * 3600
                if chance < appliance.per_day * seconds / window:
                    self._running[index] = appliance.minutes * 60 * (0.5 + self._loads.random())
        self.load_power = power * self.load_scale


def sun_height(now: datetime) -> float:
    """Return the sine of the sun's height over the horizon, 0 at night."""
    hour = now.hour + now.minute / 60 + now.second / 3600
    declination = math.radians(-23.44) * math.cos(math.tau * (now.timetuple().tm_yday + 10) / 365)
    angle = math.tau * (hour - 12.5) / 24
    height = math.sin(LATITUDE) * math.sin(declination)
    return max(0.0, height + math.cos(LATITUDE) * math.cos(declination) * math.cos(angle))
