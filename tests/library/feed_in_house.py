"""A small house for the zero feed-in loop: a meter, and a gateway with inverters, in steps of a quarter of a second.

It answers with the same pictures as a gateway of ours would bring, and can lose its meter, its gateway, or one
confirmation. Nothing of it is shared with the rules that it tests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from custom_components.local_solar.solarlink.control.feed_in_loop import (
    ControlledInverter,
    FeedInLoop,
    Orders,
    Surroundings,
)
from custom_components.local_solar.solarlink.control.feed_in_settings import FeedInSettings
from custom_components.local_solar.solarlink.control.feed_in_supervisor import SupervisorSettings
from custom_components.local_solar.solarlink.live import GatewayPicture, InverterPicture, LimitStatus

STEP = 0.25
DAY = "2026-06-15"


@dataclass(slots=True)
class Micro:
    """An inverter: what it was told, when that takes effect, and what it gives."""

    serial: str
    rated: float
    limit: float = 10.0
    power: float = 0.0
    on: bool = True
    telling: float = 100.0
    """Reported limit, %; 0 after a restart of the gateway."""
    queue: list[tuple[float, float, int]] = field(default_factory=list)
    """Confirmations to come: when, limit, number."""
    effects: list[tuple[float, float]] = field(default_factory=list)
    accepted: int = 0
    acknowledged: int = 0
    temperature: float = 30.0
    governed: bool = False
    slow: bool = False
    reachable: bool = True


class SmallHouse:
    """The house, and the loop that controls it."""

    def __init__(
        self,
        load: Callable[[float], float] | float = 300.0,
        inverters: Mapping[str, float] | None = None,
        *,
        core: FeedInSettings | None = None,
        supervisor: SupervisorSettings | None = None,
        minimum: float = 2.0,
    ) -> None:
        self.t = 1000.0
        self.load = load
        self.micros = [Micro(serial, rated) for serial, rated in (inverters or {"A": 400.0, "B": 400.0}).items()]
        for each in self.micros:
            each.telling = each.limit
            each.power = each.rated * each.limit / 100.0
        self.loop = FeedInLoop(
            [ControlledInverter(serial=each.serial, rated=each.rated, minimum=minimum) for each in self.micros],
            core or FeedInSettings(learn_inline=False),
            supervisor or SupervisorSettings(),
        )
        self.loop.surroundings = Surroundings(soc=60.0, battery_voltage=52.0, dcl=100.0)
        self.metered = self.pictured = True
        self.confirms = True
        """Whether inverters confirm what they are told."""
        self.boots = 0
        self.sent: list[tuple[float, str, float]] = []
        self.switched: list[tuple[float, str, bool]] = []
        self.relay: list[object] = []
        self.highest_sum = 0.0
        self._number = 0

    @property
    def grid(self) -> float:
        """W, positive when importing."""
        load = self.load(self.t) if callable(self.load) else self.load
        return load - sum(each.power for each in self.micros)

    @property
    def given(self) -> float:
        """What the inverters give, W."""
        return sum(each.power for each in self.micros)

    def limits(self) -> dict[str, float]:
        """What was sent last, by serial number."""
        return {serial: percent for _, serial, percent in self.sent}

    def restart_gateway(self) -> None:
        """Let the client of the gateway be a new one, which has sent nothing yet."""
        self._number = 0
        for each in self.micros:
            each.accepted = each.acknowledged = 0
            each.queue.clear()

    def run(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds / STEP)):
            self.t += STEP
            self._inverters()
            beat = round(self.t / STEP)
            if self.pictured and beat % 2 == 0:
                self._do(self.loop.picture(self.t, self._picture(), DAY))
            if self.metered and beat % 4 == 1:
                self._do(self.loop.meter(self.t, self.t - 0.1, self.grid, DAY))
            if beat % 4 == 3:
                self._do(self.loop.tick(self.t, DAY))

    def _inverters(self) -> None:
        for each in self.micros:
            while each.queue and each.queue[0][0] <= self.t and self.confirms:
                _, each.telling, each.acknowledged = each.queue.pop(0)
                each.effects.append((self.t + 2.0, each.telling))
            while each.effects and each.effects[0][0] <= self.t:
                each.limit = each.effects.pop(0)[1]
            goal = each.rated * each.limit / 100.0 if each.on else 0.0
            each.power += (goal - each.power) * 0.2
        self.highest_sum = max(self.highest_sum, self.given)

    def _picture(self) -> GatewayPicture:
        return GatewayPicture(
            at=self.t,
            uptime=self.t,
            boots=self.boots,
            poll_interval=1.0,
            clock_set=True,
            inverters=[
                InverterPicture(
                    serial=each.serial,
                    name=each.serial,
                    rated_power=each.rated,
                    limit=each.telling or None,
                    limit_status=LimitStatus.PENDING if each.queue else LimitStatus.OK,
                    power=each.power,
                    dc_power=each.power / 0.95,
                    dc_current=None,
                    sampled_at=self.t - 0.2,
                    reachable=each.reachable,
                    producing=each.on,
                    poll_enabled=True,
                    commands_enabled=True,
                    ac_voltage=230.0,
                    temperature=each.temperature,
                    inputs=1,
                    slow=each.slow,
                    reports_full_limit=False,
                    governed=each.governed,
                    energy=1.0,
                    accepted=each.accepted,
                    acknowledged=each.acknowledged,
                )
                for each in self.micros
            ],
        )

    def _do(self, orders: Orders) -> None:
        for serial, percent in orders.limits.items():
            self._number += 1
            self.sent.append((self.t, serial, percent))
            self.loop.requested(self.t, serial, percent, self._number)
            micro = next(each for each in self.micros if each.serial == serial)
            micro.accepted = self._number
            micro.queue.append((self.t + 1.0, percent, self._number))
        for serial, on in orders.power.items():
            self.switched.append((self.t, serial, on))
            next(each for each in self.micros if each.serial == serial).on = on
        if orders.relay is not None:
            self.relay.append(orders.relay)
