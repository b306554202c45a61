"""Leave a Studer gateway alone while the portal fetches the datalog of the day, and no longer than that.

At midnight of the installation's own clock the gateway closes the file of the day (at 00:00:30) and the portal fetches
it over the same serial line. In large systems that fails when somebody else asks for values meanwhile (reference
section 9). This controller stops polling in time and goes on as soon as the upload is seen to have finished:

- the portal's file transfer shows up on our connection, and ends;
- the gateway's status bit "new file on the card" falls;
- the portal, where the owner lets us ask it, has the file of that day;
- otherwise after the longest pause that the owner allows.

It counts on the installation's clock alone. That clock has no time zone, ignores daylight saving, drifts, and may be
set wrongly; it is read every few hours and carried on with the monotonic clock, so neither a step of Home Assistant's
clock nor a change to or from daylight saving moves the pause away from the midnight that the gateway sees.

A transfer that is seen at any other time pauses polling as well (the gateway's clock may have been set over midnight,
or the portal may be late).

**Safe state: polling.** Whenever it is in doubt (the clock is not known, a watchdog forbids silence, the time is over)
nothing is paused.

Pure: the caller brings the clocks and carries out the actions. The state of a pause that begins must be kept on disk
before polling stops, and that of one that ends after polling has been taken up again; then a crash in between never
leaves polling stopped.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from .upload_model import DAY, Action, Decision, Phase, Reason, Settings, Snapshot, State, seconds_of

CLOSING = 30.0
"""Seconds after midnight at which the gateway closes the file of the day and is busy for a moment (section 9.1)."""
FIRST_LOOK = 30.0
"""Seconds after the closing until the status bits are looked at."""
LOOK_EVERY = 60.0
"""Seconds between two looks during a pause, when nothing is heard meanwhile: one cheap question (section 9.3)."""
MEASURE_EVERY = 6 * 3600.0
"""Seconds after which the clock of the installation is measured again."""
MEASURE_BEFORE = 900.0
"""Seconds before the pause in which that is done once more, if it was longer ago than ``MEASURE_ANEW``."""
MEASURE_ANEW = 3600.0
ASK_AGAIN = 60.0
"""Seconds between two attempts to measure the clock, and between two questions to the portal (section 14)."""
SETTLE = 20.0
"""Seconds of quiet after the last block of a file: whoever fetches another one has begun by then."""
QUIET = 60.0
"""Seconds without a frame after which a transfer is over, although its end was not seen (section 9.3)."""
RETRY_WAIT = 900.0
"""Seconds that the portal is given to begin anew after a transfer that broke off; how long it takes is not known."""
NOT_STARTED_AFTER = 600.0
"""Seconds after the closing without any transfer and without a new file on the card: there will be none."""
CALM = 6 * 3600.0
"""Seconds for which, after a pause that lasted as long as is allowed, a transfer alone does not begin another one."""
STEP = 5.0
"""Seconds between two decisions during a pause."""
LONGEST_STEP = 60.0


class _Hour(NamedTuple):
    """Where the installation's clock stands in relation to the window."""

    night: int
    """The day of that clock that the nearest window's midnight begins."""
    to_start: float
    """Seconds until the window begins; not positive within it."""
    to_end: float
    """Seconds until it ends; not positive after it."""
    since_closing: float
    """Seconds since the file of the day before was closed; negative before."""


def decide(state: State, snapshot: Snapshot, settings: Settings) -> Decision:
    """Return what to do next. Call it again after ``Decision.again`` s, and whenever something was heard."""
    if state.heard_from is None:
        state = replace(state, heard_from=snapshot.monotonic)
    state = _note_upload(state, snapshot)
    if state.pausing:
        return _while_pausing(state, snapshot, settings)
    return _while_polling(state, snapshot, settings)


def end_by_hand(state: State, snapshot: Snapshot, settings: Settings) -> Decision:
    """The owner wants polling back now; the rest of this night's window is not paused again."""
    if not state.pausing:
        return decide(state, snapshot, settings)
    return _end(state, snapshot, settings, Reason.SWITCHED_OFF)


# What is heard


def _note_upload(state: State, snapshot: Snapshot) -> State:
    """Take note of a file that was fetched to the end, also outside of a pause."""
    if snapshot.finished_at is None:
        return state
    when = snapshot.now - (snapshot.monotonic - snapshot.finished_at)
    # The same moment, told by two clocks, is never exactly the same number.
    if state.last_upload is not None and when - state.last_upload < 1.0:
        return state
    return replace(state, last_upload=when)


def _age(snapshot: Snapshot, moment: float | None) -> float | None:
    return None if moment is None else max(snapshot.monotonic - moment, 0.0)


def _uploading(snapshot: Snapshot) -> bool:
    """Whether a transfer is going on: its last frame is not long ago, and was not its end."""
    quiet = _age(snapshot, snapshot.transfer_at)
    return (
        quiet is not None and quiet < QUIET and snapshot.transfer_at not in (snapshot.finished_at, snapshot.broken_at)
    )


def _hour(snapshot: Snapshot, settings: Settings) -> _Hour | None:
    if snapshot.clock is None or snapshot.clock_at is None:
        return None
    clock = snapshot.clock + snapshot.monotonic - snapshot.clock_at
    start, end = seconds_of(settings.start), seconds_of(settings.end)
    # Until the window of this morning is over, it is that one that counts.
    night = int((clock - end) // DAY) + 1
    midnight = night * DAY
    return _Hour(night, midnight - (DAY - start) - clock, midnight + end - clock, clock - midnight - CLOSING)


# Polling


def _while_polling(state: State, snapshot: Snapshot, settings: Settings) -> Decision:
    hour = _hour(snapshot, settings)
    if not settings.enabled:
        return _poll(state, snapshot, settings, Phase.SWITCHED_OFF)
    if snapshot.paused:
        return _poll(state, snapshot, settings, Phase.OWNER_PAUSE)
    if snapshot.objection:
        return _poll(state, snapshot, settings, Phase.WATCHDOG)
    if _uploading(snapshot) and snapshot.now >= state.calm_until:
        inside = hour is not None and hour.to_start <= 0
        return _begin(state, snapshot, settings, hour.night if hour and inside else None)
    if hour is None:
        return _measure(_poll(state, snapshot, settings, Phase.CLOCK_UNKNOWN), snapshot)
    decision = _poll(state, snapshot, settings, Phase.WAITING)
    if hour.to_start > 0 or state.served == hour.night:
        age = _age(snapshot, snapshot.clock_at) or 0.0
        near = 0 < hour.to_start < MEASURE_BEFORE and age > MEASURE_ANEW
        return _measure(decision, snapshot) if near or age > MEASURE_EVERY else decision
    if hour.since_closing < FIRST_LOOK:
        return _begin(state, snapshot, settings, hour.night)
    # The window is found open long after its beginning: the program has just started. Whether there is still something
    # to wait for, the status bits tell.
    if not _flags_after_closing(snapshot, hour):
        return _measure(decision, snapshot)
    if snapshot.new_file:
        return _begin(state, snapshot, settings, hour.night)
    return decision._replace(state=replace(state, served=hour.night))


def _poll(state: State, snapshot: Snapshot, settings: Settings, phase: Phase) -> Decision:
    hour = _hour(snapshot, settings)
    next_pause: float | None = None
    again = LONGEST_STEP
    if phase is Phase.WAITING and hour is not None:
        to_start = hour.to_start + (DAY if state.served == hour.night else 0.0)
        next_pause = snapshot.now + max(to_start, 0.0)
        again = min(max(to_start, 1.0), LONGEST_STEP)
    return Decision(state, (), phase, _uploading(snapshot), next_pause, again)


def _measure(decision: Decision, snapshot: Snapshot) -> Decision:
    """Ask for the clock, unless that was done a moment ago."""
    waited = _age(snapshot, decision.state.measured_at)
    if waited is not None and waited < ASK_AGAIN:
        return decision._replace(again=min(decision.again, ASK_AGAIN - waited))
    state = replace(decision.state, measured_at=snapshot.monotonic)
    return decision._replace(state=state, actions=(*decision.actions, Action.MEASURE_CLOCK))


def _begin(state: State, snapshot: Snapshot, settings: Settings, night: int | None) -> Decision:
    began = replace(
        state,
        pausing=True,
        night=night,
        began=snapshot.now,
        began_at=snapshot.monotonic,
        transfer_seen=False,
        new_file_seen=False,
        had_day=False,
        measured_at=None,
    )
    actions = [Action.PAUSE]
    hour = _hour(snapshot, settings)
    if hour is not None and hour.since_closing < 0 and _portal_due(began, snapshot, settings):
        # What the portal has before midnight tells nothing afterwards.
        began = replace(began, asked_at=snapshot.monotonic)
        actions.append(Action.ASK_PORTAL)
    return Decision(began, tuple(actions), Phase.PAUSED, _uploading(snapshot), None, STEP)


# Pausing


def _while_pausing(state: State, snapshot: Snapshot, settings: Settings) -> Decision:
    if not snapshot.paused or not settings.enabled:
        return _end(state, snapshot, settings, Reason.SWITCHED_OFF)
    if snapshot.objection:
        return _end(state, snapshot, settings, Reason.WATCHDOG)
    hour = _hour(snapshot, settings)
    state = _listen(state, snapshot, settings, hour)
    broken = _broken(state, snapshot)
    if (reason := _finished(state, snapshot, hour, broken=broken)) is not None:
        return _end(state, snapshot, settings, reason)
    if _lasted(state, snapshot) >= settings.longest:
        return _end(state, snapshot, settings, Reason.DISTURBED if broken else Reason.MAXIMUM_TIME)
    if hour is not None and state.night is not None and not (hour.night == state.night and hour.to_start <= 0):
        return _end(state, snapshot, settings, Reason.WINDOW_OVER)
    uploading = _uploading(snapshot)
    phase = Phase.UPLOADING if uploading else Phase.BROKEN_OFF if broken else Phase.PAUSED
    return _ask(Decision(state, (), phase, uploading, None, STEP), snapshot, settings, hour)


def _listen(state: State, snapshot: Snapshot, settings: Settings, hour: _Hour | None) -> State:
    """Take note of what must not be forgotten when the program restarts."""
    if _transfer_counts(state, snapshot, hour):
        state = replace(state, transfer_seen=True)
    if snapshot.new_file and _flags_after_closing(snapshot, hour):
        state = replace(state, new_file_seen=True)
    if (
        snapshot.portal_days is not None
        and state.night is not None
        and _day_before(state.night) in snapshot.portal_days
        and hour is not None
        and (age := _age(snapshot, snapshot.portal_at)) is not None
        and age > hour.since_closing
    ):
        state = replace(state, had_day=True)
    return state


def _transfer_counts(state: State, snapshot: Snapshot, hour: _Hour | None) -> bool:
    """Whether a transfer was heard that can be the one that is waited for, and not that of an older file."""
    heard = _age(snapshot, snapshot.transfer_at)
    if heard is None or heard > _lasted(state, snapshot) + QUIET:
        return False
    return state.night is None or hour is None or heard < hour.since_closing


def _flags_after_closing(snapshot: Snapshot, hour: _Hour | None) -> bool:
    """Whether the status bits are of after the closing of the day's file, so that they tell of that file."""
    age = _age(snapshot, snapshot.flags_at)
    return age is not None and hour is not None and age < hour.since_closing


def _quiet(state: State, snapshot: Snapshot) -> float:
    """Seconds since the last frame of the transfer that was seen; since we listen, when that was an earlier run."""
    last = state.heard_from if snapshot.transfer_at is None else snapshot.transfer_at
    return _age(snapshot, last) or 0.0


def _broken(state: State, snapshot: Snapshot) -> bool:
    """Whether a transfer has ended without the file having been read, as far as is known."""
    if not state.transfer_seen or not snapshot.new_file or _fetched(snapshot):
        return False
    stopped = snapshot.transfer_at is not None and snapshot.transfer_at == snapshot.broken_at
    return _quiet(state, snapshot) >= (SETTLE if stopped else QUIET)


def _fetched(snapshot: Snapshot) -> bool:
    """Whether the last frame of a transfer was the end of a file."""
    return snapshot.transfer_at is not None and snapshot.transfer_at == snapshot.finished_at


def _finished(state: State, snapshot: Snapshot, hour: _Hour | None, *, broken: bool) -> Reason | None:
    """Why the pause is over, if the upload is, or if there will be none."""
    if _portal_has_day(state, snapshot, hour):
        return Reason.PORTAL_HAS_DAY
    quiet = _quiet(state, snapshot)
    if state.transfer_seen:
        if broken:
            return Reason.DISTURBED if quiet >= RETRY_WAIT else None
        # Where the bit still says that there is a new file, another one may follow.
        if quiet >= (SETTLE if _fetched(snapshot) and not snapshot.new_file else QUIET):
            return Reason.UPLOAD_SEEN
    elif _flags_after_closing(snapshot, hour) and snapshot.new_file is False:
        if state.new_file_seen:
            return Reason.FLAG_FELL
        if hour is not None and hour.since_closing >= NOT_STARTED_AFTER:
            return Reason.NOT_STARTED
    return None


def _portal_has_day(state: State, snapshot: Snapshot, hour: _Hour | None) -> bool:
    if snapshot.portal_days is None or state.night is None or state.had_day or _uploading(snapshot):
        return False
    age = _age(snapshot, snapshot.portal_at)
    after = age is not None and hour is not None and age < hour.since_closing
    return after and _day_before(state.night) in snapshot.portal_days


def _ask(decision: Decision, snapshot: Snapshot, settings: Settings, hour: _Hour | None) -> Decision:
    """Look and ask, no more often than needed, and not while the transfer itself tells everything."""
    if hour is not None and hour.since_closing < FIRST_LOOK:
        return decision
    state, actions = decision.state, list(decision.actions)
    if hour is not None and state.night is not None and _portal_due(state, snapshot, settings):
        state = replace(state, asked_at=snapshot.monotonic)
        actions.append(Action.ASK_PORTAL)
    decision = decision._replace(state=state, actions=tuple(actions))
    heard = _age(snapshot, snapshot.flags_at)
    if decision.uploading or (heard is not None and heard < LOOK_EVERY):
        return decision
    return _measure(decision, snapshot)


def _portal_due(state: State, snapshot: Snapshot, settings: Settings) -> bool:
    waited = _age(snapshot, state.asked_at)
    return settings.portal and snapshot.portal_usable and (waited is None or waited >= ASK_AGAIN)


def _lasted(state: State, snapshot: Snapshot) -> float:
    """How long the pause is, s. After a restart only the clock on the wall knows, and it may have been set."""
    if state.began_at is not None:
        return max(snapshot.monotonic - state.began_at, 0.0)
    listening = _age(snapshot, state.heard_from) or 0.0
    return max(snapshot.now - (snapshot.now if state.began is None else state.began), listening)


def _end(state: State, snapshot: Snapshot, settings: Settings, reason: Reason) -> Decision:
    lasted = _lasted(state, snapshot)
    hour = _hour(snapshot, settings)
    # A clock that was set back to before the window has that night still before it.
    ahead = hour is not None and hour.night == state.night and hour.to_start > 0
    over = replace(
        state,
        pausing=False,
        night=None,
        served=state.served if state.night is None or ahead else state.night,
        began=None,
        began_at=None,
        reason=reason,
        ended=snapshot.now,
        lasted=lasted,
    )
    if reason in _WITH_UPLOAD:
        quiet = _quiet(state, snapshot) if reason is Reason.UPLOAD_SEEN else 0.0
        seen = snapshot.now - quiet
        over = replace(over, last_upload=max(seen, over.last_upload or seen))
    if reason is Reason.SWITCHED_OFF or (
        state.transfer_seen and (reason is Reason.WINDOW_OVER or lasted >= settings.longest)
    ):
        # Nobody is kept from polling for ever by a transfer that does not end.
        over = replace(over, calm_until=snapshot.now + CALM)
    actions = (Action.RESUME,) if snapshot.paused else ()
    after = replace(snapshot, paused=False)
    phase = Phase.WAITING if settings.enabled else Phase.SWITCHED_OFF
    if snapshot.objection:
        phase = Phase.WATCHDOG
    elif settings.enabled and snapshot.clock is None:
        phase = Phase.CLOCK_UNKNOWN
    return _poll(over, after, settings, phase)._replace(actions=actions)


_WITH_UPLOAD = frozenset({Reason.UPLOAD_SEEN, Reason.FLAG_FELL, Reason.PORTAL_HAS_DAY})


def _day_before(night: int) -> date:
    """The day whose file is uploaded in a night."""
    return datetime(1970, 1, 1).date() + timedelta(days=night - 1)  # noqa: DTZ001 - the clock has no zone
