"""Generation 2 and later: its HTTP addresses and its frames, with their logins (reference sections 4 to 4.3)."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from . import components
from .answers import EXHAUSTED, INVALID_ARGUMENT, NO_HANDLER, NOT_FOUND, UNAUTHORIZED, Answer, Call, RpcError
from .digest import ALGORITHM, Digest, Verdict
from .rpc import OPEN, Rpc
from .unit import Unit

type Json = dict[str, Any]

CHANGE_SHARE, CHANGE_POWER = 0.05, 10.0
"""A change of this share or of this many W is one that is pushed (reference section 1)."""
COUNTERS_PERIOD = 60.0
"""Seconds between two pushes of the energy counters."""
STATUS_CODES = {UNAUTHORIZED: 401, NO_HANDLER: 404, EXHAUSTED: 429}
"""The status of an error over HTTP; 500 for all others."""


class Gen2:
    """Answers HTTP requests and frames as a meter of generation 2 or later does."""

    def __init__(
        self,
        unit: Unit,
        profile: str | None,
        *,
        nonce_seconds: float,
        numeric_nonce: bool,
        text_count: bool,
        push_seconds: float | None,
        seed: int,
    ) -> None:
        self.unit = unit
        self.rpc = Rpc(unit, profile)
        self.notify: Callable[[str, Json], None] = lambda _method, _params: None
        """Sends a notification to every client that may have it."""
        self.digest = (
            None
            if unit.password is None
            else Digest(self.rpc.device_id, unit.password, unit.clock, lifetime=nonce_seconds, seed=seed)
        )
        self._spare = Digest(self.rpc.device_id, "", unit.clock, lifetime=0.0, seed=seed)
        self._numeric_nonce = numeric_nonce
        self._text_count = text_count
        self._push_seconds = push_seconds
        self._powers = [name for name in self.rpc.components if name.startswith(("em:", "em1:"))]
        self._counters = [name for name in self.rpc.components if name.startswith(("emdata:", "em1data:"))]
        self._pushed: dict[str, float] = {}
        self._pushed_at = -math.inf
        self._counters_at = unit.clock.now
        if unit.relay is not None:
            unit.relay.on_change = self._switched

    # HTTP

    def answer(self, call: Call) -> Answer:
        """Answer one request."""
        if call.path == "/shelly":
            return Answer(self.rpc.device_info())
        if call.path == "/rpc" and call.method == "POST":
            return self._posted(call)
        name = call.path.removeprefix("/rpc/")
        if name == call.path or not name:
            return NOT_FOUND
        try:
            params = _object(call.body) if call.method == "POST" and call.body else _typed(call.query)
            return self._login(call, name) or Answer(self.rpc.call(name, params, "HTTP_in"))
        except RpcError as error:
            return Answer({"code": error.code, "message": error.text}, STATUS_CODES.get(error.code, 500))

    def _posted(self, call: Call) -> Answer:
        try:
            frame = _object(call.body)
        except RpcError as error:
            return Answer({"code": error.code, "message": error.text}, 500)
        refused = self._login(call, str(frame.get("method", "")))
        return refused or Answer(self._carried_out(frame, "HTTP_in"))

    def _login(self, call: Call, method: str) -> Answer | None:
        """Return the refusal, None when the request may be carried out."""
        if method in OPEN:
            return None
        verdict = Verdict.RIGHT
        if self.digest is not None:
            verdict = self.digest.check_header(call.authorization, call.method, call.target)
        if verdict is Verdict.RIGHT and not self._thrown_out():
            return None
        digest = self.digest or self._spare
        parts = [
            'qop="auth"',
            f'realm="{digest.realm}"',
            f'nonce="{digest.nonce(number=self._numeric_nonce)}"',
            f"algorithm={ALGORITHM}",
        ]
        if self.unit.firmware.stale and verdict is Verdict.STALE:
            parts.append("stale=true")
        return Answer("", 401, {"WWW-Authenticate": f"Digest {', '.join(parts)}"})

    def _thrown_out(self) -> bool:
        """Tell whether a right login is refused all the same; its nonce is worth nothing then."""
        if not self.unit.faults.take("unauthorized_mid_session"):
            return False
        if self.digest is not None:
            self.digest.forget()
        return True

    # Frames

    def frame_login(self, frame: Mapping[str, Any]) -> Json | None:
        """Return the error of a frame that needs a login and has none, None when it may be carried out."""
        if frame.get("method") in OPEN:
            return None
        verdict = Verdict.RIGHT if self.digest is None else self.digest.check_frame(frame.get("auth"))
        if verdict is Verdict.RIGHT and not self._thrown_out():
            return None
        digest = self.digest or self._spare
        challenge: Json = {
            "auth_type": "digest",
            "nonce": digest.nonce(number=self._numeric_nonce),
            "nc": "1" if self._text_count else 1,
            "realm": digest.realm,
            "algorithm": ALGORITHM,
        }
        if self.unit.firmware.stale and verdict is Verdict.STALE:
            challenge["stale"] = True
        return {"code": UNAUTHORIZED, "message": json.dumps(challenge, separators=(",", ":"))}

    def frame_answer(self, frame: Mapping[str, Any]) -> Json:
        """Carry out a frame that came over a WebSocket and may be; returns the answering frame."""
        return self._carried_out(frame, "WS_in")

    def _carried_out(self, frame: Mapping[str, Any], source: str) -> Json:
        method, params = frame.get("method"), frame.get("params")
        try:
            if not isinstance(method, str) or not isinstance(params, dict | None):
                raise RpcError(INVALID_ARGUMENT, "Invalid request")
            return self.envelope(frame) | {"result": self.rpc.call(method, params or {}, source)}
        except RpcError as error:
            return self.envelope(frame) | {"error": {"code": error.code, "message": error.text}}

    def envelope(self, frame: Mapping[str, Any]) -> Json:
        """Return what every answer to a frame begins with."""
        ends: Json = {"id": frame.get("id"), "src": self.rpc.device_id}
        return ends | {"dst": frame["src"]} if "src" in frame else ends

    # Notifications

    def push_when_due(self) -> None:
        """Push what has changed or was not told for long; to be called once a second."""
        now = self.unit.clock.now
        slow = self.unit.faults.peek("slow_push")
        interval, on_change = self.unit.firmware.interval, self.unit.firmware.on_change
        if self._push_seconds is not None:
            interval = self._push_seconds
        if slow is not None:
            interval, on_change = slow.argument or interval, False
        if now - self._pushed_at >= interval or (on_change and self._moved()):
            self.push(*self._powers)
        if now - self._counters_at >= COUNTERS_PERIOD:
            self._counters_at = now
            self.push(*self._counters)

    def _moved(self) -> bool:
        for name, power in self._present().items():
            change = abs(power - self._pushed.get(name, math.inf))
            if change >= CHANGE_POWER or change >= CHANGE_SHARE * max(1.0, abs(self._pushed.get(name, 0.0))):
                return True
        return False

    def _present(self) -> dict[str, float]:
        readings = self.unit.meter.readings()
        if "em:0" in self._powers:
            return {"em:0": sum(reading.power for reading in readings)}
        return {f"em1:{clamp}": reading.power for clamp, reading in enumerate(readings)}

    def push(self, *names: str) -> None:
        """Push the whole status of these components now."""
        found = components.status(self.unit, names)
        if any(name in self._powers for name in names):
            self._pushed, self._pushed_at = self._present(), self.unit.clock.now
        self.notify("NotifyStatus", {"ts": round(self.unit.clock.now, 2), **found})

    def _switched(self) -> None:
        self.push("switch:0")

    def restart(self) -> None:
        """Forget all logins, as a restart does."""
        if self.digest is not None:
            self.digest.forget()
        self._pushed_at = -math.inf


def _object(body: bytes) -> Json:
    try:
        found = json.loads(body)
    except ValueError as error:
        raise RpcError(INVALID_ARGUMENT, "Invalid request") from error
    if not isinstance(found, dict):
        raise RpcError(INVALID_ARGUMENT, "Invalid request")
    return found


def _typed(query: Mapping[str, str]) -> Json:
    """Return the parameters of an address: numbers and truth values where they look like such."""
    found: Json = {}
    for name, text in query.items():
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found
