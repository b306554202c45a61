"""Supervisor of the zero feed-in control: what the inverters may give together, which of them may be used, and when.

The core decides from the meter; this decides the frame in which it may. Each rule is a module of its own:

| reference | rule | module |
|---|---|---|
| 9.1 | cap | ``feed_in_cap`` |
| 9.2 | discharge gate, and the battery's temperature of 9.5 | ``feed_in_gate`` |
| 9.3 | season floor | ``feed_in_season`` |
| 9.4 | surplus export | ``feed_in_surplus`` |
| 9.5 | temperature of the inverters | ``feed_in_temperature`` |
| 9.6 | when an inverter is usable, and what one that is not still gives | ``feed_in_usable`` |
| 9.7 | park and start | ``feed_in_parking`` |
| 9.8 | limit guard | ``feed_in_guard`` |
| 9.9 | what is lost: meter, DTU and its reboot, grid; stop; watchdog relay | ``feed_in_loss`` |
| 9.10 | modes, manual limits | ``feed_in_modes`` |

What it is told is in ``feed_in_snapshot``; what it is set to, remembers and orders in ``feed_in_supervisor_model``.

**Safe state: a cap of 0,** which brings every inverter to its lowest limit: without the battery's data, with an empty,
cold or hot battery, without a grid. An inverter of which too little is known is left alone and counts as another
producer with what it was last seen to give.

Pure: no clock, no input or output. The caller asks ``Supervisor.step`` about once a second and after each new value,
keeps the state, and

1. gives the core target, cap, ceilings and usable inverters, in this order, and then a tick;
2. carries out the core's commands while ``use_core`` is true, and otherwise feeds it nothing to command;
3. sends ``limits``, ``resend`` and ``power``; each is ordered once and ordered again when it is due again.

``stop`` gives the last commands.
"""

from dataclasses import replace

from . import (
    feed_in_gate,
    feed_in_guard,
    feed_in_loss,
    feed_in_parking,
    feed_in_season,
    feed_in_surplus,
    feed_in_usable,
)
from .feed_in_cap import Cap, cap
from .feed_in_gate import GateReason
from .feed_in_guard import GuardState, false_report
from .feed_in_loss import MeterState, RelayState, after_reboot, meter_state, own_limit, stop_limits
from .feed_in_modes import Mode, Wish, flow, manual_limits
from .feed_in_parking import NOTHING, Need, ParkOrders
from .feed_in_snapshot import HouseSnapshot, InverterSnapshot, LimitWord
from .feed_in_supervisor_model import (
    FloorKind,
    Frame,
    InverterLimits,
    InverterMemory,
    InverterOrder,
    SupervisorOrders,
    SupervisorSettings,
    SupervisorState,
    Work,
)
from .feed_in_supervisor_words import TROUBLES, parked, troubles, work
from .feed_in_temperature import ceiling_pct, is_hot
from .feed_in_terms import known
from .feed_in_usable import Usable, standing_w

__all__ = [
    "TROUBLES",
    "FloorKind",
    "HouseSnapshot",
    "InverterLimits",
    "InverterOrder",
    "InverterSnapshot",
    "LimitWord",
    "Mode",
    "Supervisor",
    "SupervisorOrders",
    "SupervisorSettings",
    "SupervisorState",
    "Work",
]

BEGIN_S = 120.0
"""So long (s) after the start nothing is commanded while the meter or the battery have not told anything yet."""


class Supervisor:
    """The rules composed. It holds the settings and nothing else; the state comes and goes."""

    def __init__(self, settings: SupervisorSettings) -> None:
        self.settings = settings

    def step(self, state: SupervisorState, house: HouseSnapshot) -> tuple[SupervisorState, SupervisorOrders]:
        """What holds at ``house.t``, and what is to be sent."""
        state = self._begin(state, house)
        state = self._battery(state, house)
        state, resend = self._inverters(state, house)
        frame = self._frame(state, house)
        state, parking = self._park(state, house, frame)
        state, relay = self._relay(state, house, frame)
        mode = self.settings.mode
        limits = self._manual(state, house, frame.cap) if mode is Mode.MANUAL else {}
        inverters = tuple(self._order(state, house.t, each) for each in house.inverters)
        orders = SupervisorOrders(
            work=work(self.settings.mode, state, house, frame),
            cap_w=frame.cap.watts,
            cap_reason=frame.cap.reason,
            target_w=frame.target_w,
            inverters=inverters,
            use_core=mode.uses_core and state.begun,
            all_to_min=mode is not Mode.OFF and state.begun and frame.cap.watts <= 0.0,
            limits=limits,
            resend={serial: pct for serial, pct in {**resend, **parking.lower}.items() if serial not in limits},
            power=parking.power,
            relay=relay,
            gate_open=state.gate.open,
            gate_reason=state.gate.reason,
            park=state.park.reason,
            parked=parked(self.settings.mode, state, house),
            surplus=frame.surplus,
            discharge_floor_pct=frame.floor_pct,
            season_peak=state.season.peak,
            limited_by_cap=_limited_by_cap(house, frame),
            limited_by_temperature=any(each.hot for each in inverters),
            meter=frame.meter,
            others_w=frame.others_w,
            troubles=troubles(self.settings.mode, state, house),
        )
        return state, orders

    def stop(self, house: HouseSnapshot) -> dict[str, float]:
        """The last commands (%, by serial number) when Home Assistant stops or the control is unloaded.

        The caller waits for them ``feed_in_loss.STOP_WAIT_S`` at most. In the mode off there are none.
        """
        return {} if self.settings.mode is Mode.OFF else stop_limits(house.inverters, self.settings.stop_pct)

    def _begin(self, state: SupervisorState, house: HouseSnapshot) -> SupervisorState:
        if state.mode is Mode.OFF and self.settings.mode is not Mode.OFF:
            # Switching the control off and on is the owner's way to have everything tried again.
            cleared = {serial: replace(each, guard=GuardState()) for serial, each in state.inverters.items()}
            state = replace(state, inverters=cleared, park=state.park.restored(), relay=RelayState())
        begun_at = house.t if state.begun_at is None else state.begun_at
        metered = state.metered or known(house.meter_age) is not None
        return replace(state, mode=self.settings.mode, begun_at=begun_at, metered=metered)

    def _battery(self, state: SupervisorState, house: HouseSnapshot) -> SupervisorState:
        settings = self.settings
        season = feed_in_season.step(state.season, house.soc)
        state = replace(state, season=season)
        if settings.battery:
            gate = feed_in_gate.step(
                settings.gate,
                state.gate,
                house.t,
                soc=house.soc,
                voltage=house.battery_voltage,
                ac_power_w=sum(each.measured or 0.0 for each in house.inverters),
                temperature=house.battery_temperature,
                data_at=house.battery_data_t,
                soc_floor=self._floor(state),
            )
        else:
            gate = replace(state.gate, charged=True, cause=GateReason.OPEN, temperature=None)
        surplus = feed_in_surplus.step(
            settings.surplus,
            state.surplus,
            house.t,
            soc=house.soc,
            ccl=house.ccl,
            charge_current=house.charge_current,
            season_full=season.full or settings.floor is not FloorKind.SEASON,
        )
        # What is remembered from before a restart is no word of the battery now.
        heard = state.heard or not settings.battery or gate.good_at != state.gate.good_at
        waited = state.begun_at is not None and house.t - state.begun_at >= BEGIN_S
        begun = state.begun or waited or (state.metered and heard)
        return replace(state, gate=gate, surplus=surplus, heard=heard, begun=begun)

    def _floor(self, state: SupervisorState) -> float:
        return float(state.season.floor) if self.settings.floor is FloorKind.SEASON else self.settings.soc_floor

    def _inverters(self, state: SupervisorState, house: HouseSnapshot) -> tuple[SupervisorState, dict[str, float]]:
        """Each inverter by itself; also the limits that are to be sent again."""
        memories, resend = {}, {}
        commanding = self.settings.mode is not Mode.OFF and state.begun
        for each in house.inverters:
            before = state.inverters.get(each.serial) or InverterMemory()
            reboot, again = after_reboot(before.reboot, house.t, each)
            off = state.park.of(each.serial).off
            guard = before.guard
            if commanding and again is None and (before.usable.usable or guard.given_up):
                guard, again = feed_in_guard.step(guard, house.t, each, step_pct=self.settings.step_pct)
            usable = feed_in_usable.step(
                self.settings.usable,
                before.usable,
                house.t,
                each,
                poll_period_s=house.poll_period(each),
                limit_known=each.reported is not None or own_limit(reboot, house.t) is not None,
                limit_kept=not guard.given_up,
                switched_off=off,
                begun=state.begun,
            )
            memories[each.serial] = InverterMemory(
                usable=usable,
                guard=guard,
                reboot=reboot,
                flow=flow(before.flow, house.t, each),
                hot=is_hot(self.settings.heat, each.temperature, before=before.hot),
            )
            mine = not (each.governed_elsewhere or each.manual_override or off)
            if again is not None and commanding and mine:
                # What was in force may be too much for an inverter that has become hot since.
                resend[each.serial] = min(again, self._ceiling(each, hot=memories[each.serial].hot))
        return replace(state, inverters=memories), resend

    def _ceiling(self, inverter: InverterSnapshot, *, hot: bool) -> float:
        return ceiling_pct(inverter.min_pct, self.settings.limits(inverter.serial).max_pct, hot=hot)

    def _frame(self, state: SupervisorState, house: HouseSnapshot) -> Frame:
        settings = self.settings
        standing = sum(
            standing_w(
                settings.usable,
                state.inverters[each.serial].usable,
                house.t,
                each,
                persistent_pct=settings.limits(each.serial).persistent_pct,
                switched_off=state.park.of(each.serial).off,
            )
            for each in house.inverters
            if not state.inverters[each.serial].usable.usable
        )
        others = known(house.others_w) if house.others_configured else 0.0
        highest = cap(
            settings.cap,
            gate_open=state.gate.open,
            others_w=others,
            voltage=house.battery_voltage if settings.battery else None,
            dcl=house.dcl,
            other_dc_w=house.other_dc_w,
            standing_w=standing,
            grid_down=house.grid_down,
            paused=settings.mode is Mode.PAUSE,
        )
        surplus = state.gate.open and not house.grid_down
        surplus = surplus and (settings.mode is Mode.SURPLUS or (settings.mode is Mode.AUTO and state.surplus.active))
        return Frame(
            cap=highest,
            target_w=0.0 - settings.surplus_w if surplus else settings.target_w,
            surplus=surplus,
            grid_down=house.grid_down,
            others_w=None if others is None else max(0.0, others) + standing,
            meter=meter_state(house.meter_age),
            floor_pct=self._floor(state),
        )

    def _park(self, state: SupervisorState, house: HouseSnapshot, frame: Frame) -> tuple[SupervisorState, ParkOrders]:
        settings = self.settings
        load = known(house.house_load_w)
        if frame.meter in {MeterState.NEVER, MeterState.LOST}:
            load = None
        need = Need(
            gate_open=state.gate.open,
            cap_w=frame.cap.watts,
            wanted_w=None if load is None else load - frame.target_w,
        )
        usable = frozenset(serial for serial, each in state.inverters.items() if each.usable.usable)
        active = settings.mode.follows_load and state.begun
        park, orders = feed_in_parking.step(
            settings.park, state.park, house.t, need, house.inverters, usable, active=active
        )
        return replace(state, park=park), orders if active else NOTHING

    def _relay(
        self, state: SupervisorState, house: HouseSnapshot, frame: Frame
    ) -> tuple[SupervisorState, feed_in_loss.RelayOrder | None]:
        if self.settings.mode is Mode.OFF or not state.begun:
            # Nobody watches, so the relay is not fed; it falls off by itself.
            return replace(state, relay=RelayState()), None
        grid = house.grid_w if meter_state(house.meter_age) is MeterState.FRESH else None
        if grid is not None and frame.target_w < 0.0:
            # An export that the owner wants is none that lasts too long.
            grid -= frame.target_w
        relay, order = feed_in_loss.relay(
            self.settings.relay,
            state.relay,
            house.t,
            alive=house.loop_alive,
            gate_open=state.gate.open,
            grid_w=grid,
        )
        return replace(state, relay=relay), order

    def _manual(self, state: SupervisorState, house: HouseSnapshot, highest: Cap) -> dict[str, float]:
        wishes = []
        for each in house.inverters:
            memory = state.inverters[each.serial]
            limit = each.reported if each.commanded_pct is None else known(each.commanded_pct)
            if not memory.usable.usable or limit is None or each.rated is None:
                continue
            wishes.append(
                Wish(
                    serial=each.serial,
                    rated_w=each.rated,
                    wish_pct=known(each.manual_pct),
                    min_pct=each.min_pct,
                    ceiling_pct=self._ceiling(each, hot=memory.hot),
                    commanded_pct=limit,
                    flow_w=memory.flow.high_w,
                    waiting=each.waiting or each.state in {LimitWord.PENDING, LimitWord.FAILURE},
                )
            )
        return manual_limits(highest.watts, self.settings.step_pct, wishes)

    def _order(self, state: SupervisorState, t: float, inverter: InverterSnapshot) -> InverterOrder:
        memory = state.inverters[inverter.serial]
        reason = memory.usable.reason
        if reason is Usable.YES and not self.settings.mode.uses_core:
            reason = Usable.NOT_IN_THIS_MODE
        limit = inverter.reported
        if limit is None:
            limit = own_limit(memory.reboot, t)
        elif false_report(inverter, inverter.commanded_pct):
            limit = inverter.commanded_pct
        return InverterOrder(
            serial=inverter.serial,
            usable=reason is Usable.YES,
            reason=reason,
            limit_pct=limit,
            measured_w=inverter.measured or 0.0,
            ceiling_pct=self._ceiling(inverter, hot=memory.hot),
            hot=memory.hot,
        )


def _limited_by_cap(house: HouseSnapshot, frame: Frame) -> bool:
    """Whether the house would take more than the cap allows."""
    load = known(house.house_load_w)
    return load is not None and load - frame.target_w > frame.cap.watts
