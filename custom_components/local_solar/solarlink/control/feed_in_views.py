"""What can be read off the zero feed-in control; nothing here changes anything."""

import math

from . import feed_in_model as model
from .feed_in_settings import FeedInInverter, FeedInSettings
from .feed_in_state import FeedInReason, FeedInState, InverterState


class FeedInViews:
    """All views are as of the last event; powers in W, times in s. Raise ``ValueError`` for an unknown inverter."""

    def __init__(self, inverters: tuple[FeedInInverter, ...], settings: FeedInSettings, state: FeedInState) -> None:
        """Show ``state``."""
        self._known = inverters
        self._settings = settings
        self._state = state

    @property
    def settings(self) -> FeedInSettings:
        """The settings in force."""
        return self._settings

    @property
    def inverters(self) -> tuple[FeedInInverter, ...]:
        """The inverters as they were at the start."""
        return self._known

    @property
    def state(self) -> FeedInState:
        """A copy of everything it knows."""
        return self._state.copy()

    @property
    def reason(self) -> FeedInReason:
        """Why the last decision was what it was."""
        return self._state.reason

    @property
    def limited_by_cap(self) -> bool:
        """Whether the last decision wanted more than the cap allows."""
        return self._state.limited_by_cap

    @property
    def committed_w(self) -> float:
        """C: what the usable inverters deliver once everything commanded has taken effect."""
        return model.committed(self._state, self._settings)

    @property
    def modelled_w(self) -> float:
        """What the usable inverters deliver now according to the model."""
        return model.modelled(self._state)

    @property
    def house_load_w(self) -> float | None:
        """H: the newest load of the house, less what anybody else delivers; None before a meter value."""
        return self._state.window[-1][1] if self._state.window else None

    @property
    def upper_w(self) -> float:
        """What could flow at worst while lowered inverters are not seen to have obeyed."""
        return model.upper(self._state)

    @property
    def floor_w(self) -> float:
        """Sum of the usable inverters at their lowest limits."""
        return model.floor(self._state)

    @property
    def delay_s(self) -> float:
        """Dead time between acknowledgement and effect."""
        return self._state.delay

    @property
    def confirm_s(self) -> float:
        """How long a rise must last now."""
        return self._state.confirm

    @property
    def period_s(self) -> float:
        """Mean time between meter values."""
        return self._state.period

    @property
    def cap_w(self) -> float:
        """Highest allowed sum."""
        return self._state.cap

    @property
    def target_w(self) -> float:
        """Wanted grid power."""
        return self._state.target

    def meter_age(self, t: float) -> float:
        """Time since the last meter value; before the first one since the first event, and infinite before that."""
        return max(0.0, t - self._state.meter_arrived_at) if self._state.begun else math.inf

    def commanded_pct(self, inverter: int) -> float:
        """The last commanded limit, % of the rated power."""
        one = self._inverter(inverter)
        return one.commanded / one.p_nom * 100.0

    def commanded_w(self, inverter: int) -> float:
        """The last commanded power."""
        return self._inverter(inverter).commanded

    def acknowledged(self, inverter: int) -> float:
        """The last acknowledged power, W."""
        return self._inverter(inverter).acknowledged

    def waiting(self, inverter: int) -> bool:
        """Whether the last command is not acknowledged yet."""
        return self._inverter(inverter).waiting

    def usable(self, inverter: int) -> bool:
        """Whether the inverter is used."""
        return self._inverter(inverter).usable

    def slew(self, inverter: int) -> float:
        """Change of the output in W/s; 0 means fast."""
        return self._inverter(inverter).slew

    def gain(self, inverter: int) -> float:
        """Delivered power per commanded power."""
        return self._inverter(inverter).gain

    def available(self, inverter: int) -> float:
        """What the source can give, W; infinite while it has given everything."""
        return self._inverter(inverter).available

    def low(self, inverter: int) -> float:
        """Power at the lowest limit, W."""
        return self._inverter(inverter).low

    def high(self, inverter: int) -> float:
        """Power at the highest limit that is allowed now, W."""
        return self._inverter(inverter).high

    def _inverter(self, index: int) -> InverterState:
        if not 0 <= index < len(self._known):
            raise ValueError(f"there is no inverter {index}")
        return self._state.inverters[index]
