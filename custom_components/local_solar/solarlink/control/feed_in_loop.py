"""Core and supervisor of the zero feed-in control as one: device data go in, what is to be sent comes out.

It does what section 10 of the reference asks of adapters: every measurement is fed once, limit states before samples
and samples before the meter, and a confirmation counts only for the command that it belongs to.

Pure: no clock, no input or output. Times are seconds of one monotonic clock, powers W, limits % of the rated power.
The caller passes every value of the meter and every picture of a gateway as it comes, calls ``tick`` about once a
second, carries out the returned ``Orders`` and says under which number it has requested a limit (``requested``).

**Safe state: that of the supervisor, a cap of 0.** In a dry run nothing is ordered; what would be is in ``would_set``.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace

from ..live import GatewayPicture, InverterPicture, LimitStatus
from .feed_in import FeedInInverter, FeedInReason, FeedInSettings, LearnedDelay, LearningJob, LimitCommand
from .feed_in_figures import FeedInFigures
from .feed_in_loop_model import ControlledInverter, LoopInverter, Orders
from .feed_in_modes import Mode
from .feed_in_recorder import FeedInRecorder
from .feed_in_snapshot import Surroundings
from .feed_in_supervisor import (
    HouseSnapshot,
    InverterSnapshot,
    LimitWord,
    Supervisor,
    SupervisorOrders,
    SupervisorSettings,
    SupervisorState,
)
from .feed_in_terms import known

__all__ = ["ControlledInverter", "FeedInLoop", "Orders", "Surroundings"]

SLEW_OF_OLD_FIRMWARE = 0.5
"""% of the rated power per second by which firmware of 2020 moves a limit."""
SAMPLE_STEP = 0.5
"""Seconds by which a sample must be newer than the last one to be a new one."""
SILENT_AFTER = 6.0
"""Seconds without a picture after which a gateway counts as not answering: two cycles, and a slow answer."""
REFUSED_FOR = 30.0
"""Seconds for which an inverter is left alone whose gateway did not take a command, even repeated."""
ASSUMED_RATED = 400.0
"""W for the model of an inverter whose rated power nobody knows yet; it is not used before it is known."""
ACK_MISSING = 3600.0
"""What a refused command counts as: an acknowledgement that has been missing for long, s."""

_WORDS = {
    LimitStatus.OK: LimitWord.OK,
    LimitStatus.PENDING: LimitWord.PENDING,
    LimitStatus.FAILURE: LimitWord.FAILURE,
    LimitStatus.UNKNOWN: LimitWord.UNKNOWN,
}

PASSING = frozenset(
    {
        FeedInReason.METER_REPEATED,
        FeedInReason.LOWERING_UNDER_WAY,
        FeedInReason.RAISE_UNDER_WAY,
        FeedInReason.RAISE_CONFIRMING,
        FeedInReason.WAITING_FOR_ACKNOWLEDGEMENT,
        FeedInReason.MINIMUM_INTERVAL,
        FeedInReason.LOST_WAITING,
    }
)
"""What the core says while a decision is under way or not due yet: between two decisions it would flicker."""


class FeedInLoop:
    """The whole control of one house."""

    def __init__(
        self,
        inverters: Sequence[ControlledInverter],
        core: FeedInSettings,
        supervisor: SupervisorSettings,
        *,
        state: SupervisorState | None = None,
        figures: FeedInFigures | None = None,
    ) -> None:
        """Nothing is commanded before meter, inverters and battery have told something."""
        self._chosen = tuple(inverters)
        self._core_settings = core
        self._supervisor = Supervisor(supervisor)
        self._inverters = {each.serial: LoopInverter(each.serial, index) for index, each in enumerate(inverters)}
        self._rated = [each.rated or ASSUMED_RATED for each in inverters]
        self._slow = [False for _ in inverters]
        self.state = state or SupervisorState()
        self.figures = figures or FeedInFigures()
        self.core = self._new_core()
        self.orders: SupervisorOrders | None = None
        """What the supervisor decided last."""
        self.reason = FeedInReason.NONE
        """Why the last decision was what it was; what only waits is none."""
        self.dry_run = False
        self.would_set: dict[str, float] = {}
        self.surroundings = Surroundings()
        self.grid: float | None = None
        """Newest value of the meter."""
        self._meter_at: float | None = None
        self._applied: tuple[float, float] | None = None
        self._ceilings: list[float | None] = [None] * len(self._chosen)

    def _new_core(self) -> FeedInRecorder:
        known_inverters = [
            FeedInInverter(
                p_nom=rated,
                initial_pct=each.minimum,
                slew_pct_per_s=SLEW_OF_OLD_FIRMWARE if slow else 0.0,
            )
            for each, rated, slow in zip(self._chosen, self._rated, self._slow, strict=True)
        ]
        return FeedInRecorder(known_inverters, self._core_settings)

    # Settings

    @property
    def settings(self) -> SupervisorSettings:
        """The supervisor's settings."""
        return self._supervisor.settings

    def retune(self, now: float, core: FeedInSettings, supervisor: SupervisorSettings) -> None:
        """Go on with other settings."""
        self._core_settings = core
        self._supervisor = Supervisor(supervisor)
        self.core.retune(now, core)

    def set_manual(self, serial: str, percent: float | None) -> None:
        """The owner's wish for an inverter in manual mode."""
        self._inverters[serial].manual = percent

    def leave_alone(self, serial: str, left_alone: bool) -> None:
        """Take an inverter out of the control, or in again."""
        self._inverters[serial].left_alone = left_alone

    def set_minimum(self, now: float, serial: str, percent: float) -> None:
        """Lowest limit of an inverter, %."""
        index = self._inverters[serial].index
        chosen = replace(self._chosen[index], minimum=percent)
        self._chosen = (*self._chosen[:index], chosen, *self._chosen[index + 1 :])
        self._applied = None

    def set_season_peak(self, percent: int) -> None:
        """How full the battery gets these days, as its owner knows it, 74 to 110 %."""
        self.state = replace(self.state, season=replace(self.state.season, peak=percent))

    def begin_with_dead_time(self, now: float, seconds: float) -> None:
        """Go on with a dead time that was learned before, 0 to 24 s."""
        self.core.learned(now, LearnedDelay(before=self.core.delay_s, delay=seconds))

    def end_dry_run(self, now: float, *, dry_run: bool) -> None:
        """Begin a dry run, or end one: from what the gateways report, as if nothing had been commanded."""
        self.dry_run, self.would_set = dry_run, {}
        # Whoever switches the control on wants everything tried again.
        self.state = replace(self.state, inverters={}, park=self.state.park.restored())
        for each in self._inverters.values():
            each.commanded = each.number = each.sent_at = each.refused_at = None
        self._begin_anew(now)

    def _begin_anew(self, now: float) -> None:
        learned = self.core.delay_s
        self.core = self._new_core()
        self.begin_with_dead_time(now, learned)
        for index in range(len(self._chosen)):
            # Whoever is usable is taken in again with the limit that is in force, not with that of a new core.
            self.core.set_usable(now, index, False)
        self._applied, self._ceilings = None, [None] * len(self._chosen)

    # Events

    def meter(self, now: float, at: float, power: float, date: str) -> Orders:
        """A value of the meter, W, positive when importing, measured ``at``; ``date`` is the local day."""
        if self._meter_at is not None and at <= self._meter_at:
            return Orders()
        self._meter_at, self.grid = at, power
        # Without a tick: it would act once more on the silence that this value ends.
        orders = self._supervise(now)
        commands = self.core.meter(now, at, power)
        if self.dry_run and self.core.reason is FeedInReason.WITHIN_BAND:
            # What is in force is as good as anything that was wanted before.
            self.would_set = {}
        self._judge(now, power, date)
        return self._with(now, orders, commands, date)

    def picture(self, now: float, picture: GatewayPicture, date: str) -> Orders:
        """What a gateway knows now: limit states are fed first, then samples."""
        ours = [(self._inverters[each.serial], each) for each in picture.inverters if each.serial in self._inverters]
        for inverter, each in ours:
            self._see(inverter, each, picture, now)
        if self._learn_what_they_are(ours):
            self._begin_anew(now)
        for inverter, each in ours:
            self._take_answer(inverter, each, now)
        for inverter, each in ours:
            self._take_sample(inverter, each, now)
        return self._with(now, self._supervise(now), self.core.tick(now), date)

    def tick(self, now: float, date: str) -> Orders:
        """Let time pass; about once a second."""
        self.figures.advance(now, date)
        return self._with(now, self._supervise(now), self.core.tick(now), date)

    def requested(self, now: float, serial: str, percent: float, number: int) -> None:
        """A limit was handed to the gateway under this number."""
        inverter = self._inverters[serial]
        inverter.commanded, inverter.sent_at, inverter.number = percent, now, number
        inverter.refused_at = None

    def not_sent(self, now: float, serial: str) -> None:
        """A limit could not be handed to the gateway."""
        self._inverters[serial].refused_at = now

    def gateway_left(self, now: float, serials: Collection[str]) -> None:
        """The gateway of these is not followed any more. Whatever it is when it comes back, nothing is under way."""
        for serial in serials:
            before = self._inverters[serial]
            self._inverters[serial] = LoopInverter(
                serial,
                before.index,
                silent_since=now - ACK_MISSING,
                manual=before.manual,
                left_alone=before.left_alone,
            )

    def stop(self, now: float) -> Mapping[str, float]:
        """The last limits, when Home Assistant stops or the control is unloaded; none in a dry run."""
        if self.dry_run:
            return {}
        return self._supervisor.stop(self.snapshot(now))

    def reset_learning(self, now: float) -> None:
        """Forget what was learned."""
        self.core.reset_learning(now)

    def learning_job(self) -> LearningJob | None:
        """What to learn from, if that is due; to be run elsewhere, because it takes long."""
        return self.core.learning_job()

    def learned(self, now: float, result: LearnedDelay | None) -> None:
        """What came of a learning job."""
        self.core.learned(now, result)

    # What it sees

    def _see(self, inverter: LoopInverter, each: InverterPicture, picture: GatewayPicture, now: float) -> None:
        inverter.picture, inverter.seen_at = each, now
        inverter.pollers = max(1, sum(other.poll_enabled for other in picture.inverters))
        inverter.poll_interval = picture.poll_interval
        if inverter.boots is not None and picture.boots > inverter.boots:
            inverter.rebooted = True
            # What was under way is lost with the memory of the gateway.
            inverter.number = None
        inverter.boots = picture.boots

    def _learn_what_they_are(self, ours: Sequence[tuple[LoopInverter, InverterPicture]]) -> bool:
        changed = False
        for inverter, each in ours:
            if each.rated_power and each.rated_power != self._rated[inverter.index]:
                self._rated[inverter.index], changed = each.rated_power, True
            if each.slow != self._slow[inverter.index]:
                self._slow[inverter.index], changed = each.slow, True
        return changed

    def _take_answer(self, inverter: LoopInverter, each: InverterPicture, now: float) -> None:
        if inverter.number is None:
            return
        if each.acknowledged >= inverter.number:
            inverter.number = None
            self.core.limit_status(now, inverter.index, LimitStatus.OK.value)
        elif each.refused >= inverter.number:
            inverter.number, inverter.refused_at = None, now

    def _take_sample(self, inverter: LoopInverter, each: InverterPicture, now: float) -> None:
        newer = inverter.sampled_at is None or each.sampled_at > inverter.sampled_at + SAMPLE_STEP
        if each.power is not None and newer:
            inverter.sampled_at = each.sampled_at
            self.core.sample(now, inverter.index, each.sampled_at, each.power)

    def snapshot(self, now: float) -> HouseSnapshot:
        """Everything that the supervisor is told now."""
        return HouseSnapshot(
            t=now,
            inverters=tuple(self._inverter_snapshot(each, now) for each in self._inverters.values()),
            meter_age=None if self._meter_at is None else max(0.0, now - self._meter_at),
            grid_w=self.grid,
            **{each.name: getattr(self.surroundings, each.name) for each in fields(Surroundings)},
            house_load_w=self.core.house_load_w,
            committed_w=self.core.committed_w,
        )

    def _inverter_snapshot(self, inverter: LoopInverter, now: float) -> InverterSnapshot:
        picture = inverter.picture
        silent = None if inverter.seen_at is None else now - inverter.seen_at
        if picture is None or silent is None:
            inverter.silent_since = now if inverter.silent_since is None else inverter.silent_since
            return InverterSnapshot(
                serial=inverter.serial,
                min_pct=self._minimum(inverter),
                dtu_lost_s=now - inverter.silent_since,
                manual_override=inverter.left_alone,
            )
        return InverterSnapshot(
            serial=inverter.serial,
            min_pct=self._minimum(inverter),
            reachable=picture.reachable,
            producing=picture.producing,
            poll_enabled=picture.poll_enabled,
            commands_enabled=picture.commands_enabled,
            rated_w=picture.rated_power,
            limit_pct=picture.limit,
            state=_WORDS[picture.limit_status],
            commanded_pct=inverter.commanded,
            waiting=inverter.number is not None,
            ack_missing_s=self._missing(inverter, now),
            measured_w=picture.power,
            sample_age_s=now - picture.sampled_at,
            ac_voltage=picture.ac_voltage,
            temperature=picture.temperature,
            poll_period_s=inverter.pollers * inverter.poll_interval,
            firmware_is_hms_2=picture.reports_full_limit,
            governed_elsewhere=picture.governed,
            manual_override=inverter.left_alone,
            dtu_lost_s=silent if silent > SILENT_AFTER else None,
            dtu_rebooted=inverter.rebooted,
            manual_pct=inverter.manual,
        )

    def _minimum(self, inverter: LoopInverter) -> float:
        return self._chosen[inverter.index].minimum

    def _missing(self, inverter: LoopInverter, now: float) -> float | None:
        if inverter.refused_at is not None:
            if now - inverter.refused_at < REFUSED_FOR:
                return ACK_MISSING
            inverter.refused_at = None
        if inverter.number is None or inverter.sent_at is None:
            return None
        return now - inverter.sent_at

    # What it does

    def _supervise(self, now: float) -> Orders:
        """Ask the supervisor and tell the core; what the supervisor wants to send."""
        self.state, found = self._supervisor.step(self.state, self.snapshot(now))
        self.orders = found
        for each in self._inverters.values():
            each.rebooted = False
        self._apply(now, found)
        return Orders(limits={**found.limits, **found.resend}, power=found.power, relay=found.relay)

    def _apply(self, now: float, found: SupervisorOrders) -> None:
        if self._applied != (found.target_w, found.cap_w):
            self._applied = (found.target_w, found.cap_w)
            for index, chosen in enumerate(self._chosen):
                self.core.set_floor(now, index, chosen.minimum)
            self.core.set_target(now, found.target_w)
            self.core.set_cap(now, found.cap_w)
        for index, each in enumerate(found.inverters):
            if self._ceilings[index] != each.ceiling_pct:
                self._ceilings[index] = each.ceiling_pct
                self.core.set_ceiling(now, index, each.ceiling_pct)
            usable = each.usable and each.limit_pct is not None
            if usable != self.core.usable(index):
                if usable:
                    # It begins with the limit that is in force; an older command of ours is history.
                    inverter = self._inverters[each.serial]
                    inverter.number, inverter.commanded = None, each.limit_pct
                self.core.set_usable(now, index, usable, limit_pct=each.limit_pct or 0.0, measured_w=each.measured_w)

    def _with(self, now: float, orders: Orders, commands: Sequence[LimitCommand], date: str) -> Orders:
        """The orders with the commands of the core; in a dry run nothing but a memory of them."""
        assert self.orders is not None
        if self.core.reason not in PASSING:
            self.reason = self.core.reason
        limits = dict(orders.limits)
        if self.orders.use_core:
            limits |= {self._chosen[each.inverter].serial: each.percent for each in commands}
        if not self.dry_run:
            if limits:
                self.figures.command(now, date, len(limits))
            return replace(orders, limits=limits)
        self.would_set |= limits
        for serial in limits:
            self._forget_command(now, serial)
        return Orders()

    def _forget_command(self, now: float, serial: str) -> None:
        """The core believes in what it has commanded; in a dry run it must go on from what is."""
        inverter = self._inverters[serial]
        picture = inverter.picture
        if not self.core.usable(inverter.index) or picture is None or picture.limit is None:
            return
        self.core.set_usable(now, inverter.index, False)
        self.core.set_usable(now, inverter.index, True, limit_pct=picture.limit, measured_w=known(picture.power) or 0.0)

    def _judge(self, now: float, power: float, date: str) -> None:
        assert self.orders is not None
        self.figures.meter(
            now,
            date,
            grid_w=power,
            load_w=self.core.house_load_w if self.orders.use_core else None,
            delivered_w=self.core.modelled_w,
            target_w=self.orders.target_w,
            floor_w=self.core.floor_w,
            cap_w=self.orders.cap_w,
        )

    # What people see

    @property
    def limited_by_cap(self) -> bool:
        """Whether more was wanted than the cap allows."""
        limited = self.orders is not None and self.orders.limited_by_cap
        return self.settings.mode is not Mode.OFF and (limited or self.core.limited_by_cap)

    def measured(self) -> float | None:
        """What all inverters give now, W; ``None`` while nothing is known of one of them."""
        powers = [each.picture.power if each.picture else None for each in self._inverters.values()]
        return None if None in powers else sum(power for power in powers if power is not None)

    def meter_age(self, now: float) -> float | None:
        """Seconds since the last value of the meter was measured."""
        return None if self._meter_at is None else max(0.0, now - self._meter_at)

    def index(self, serial: str) -> int:
        """Which inverter of the core that is."""
        return self._inverters[serial].index

    def commanded(self, serial: str) -> float | None:
        """The limit that it was told last, or that its gateway reports, %."""
        inverter = self._inverters[serial]
        reported = inverter.picture.limit if inverter.picture else None
        return reported if inverter.commanded is None else inverter.commanded
