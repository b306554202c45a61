"""The contactor output: switched by people, or held on by a controller that must keep asking for it (section 2)."""

import math
from collections.abc import Awaitable, Callable
from typing import Protocol

from ..errors import (
    BadAnswerError,
    LinkLostError,
    NoAnswerError,
    NotKeptError,
    NotSupportedError,
    ValueRangeError,
    WriteUncertainError,
)
from ..links.turns import Priority
from .address import Field, Name
from .codec import DEVICE, Picture
from .codec_first import decode_relay
from .codec_later import decode_components
from .exchange import Exchange
from .rpc import Answered

NAME = "Relay"
SHORTEST, LONGEST = 1, 86400
"""Seconds for which the output can be held."""
_UNCERTAIN = (NoAnswerError, BadAnswerError, LinkLostError)


class Call(Protocol):
    """Calls a method of generation 2 and later by whatever way is open."""

    def __call__(self, method: str, params: dict[str, int | bool], priority: Priority) -> Awaitable[Answered]:
        """The result of the method."""


class Relay:
    """The output of one meter."""

    def __init__(self, exchange: Exchange, call: Call, take: Callable[[Picture, float], Picture]) -> None:
        """``take`` hands what the meter says of its output to those who read."""
        self.switch: int | None = None
        """Number of the output; ``None`` without one."""
        self._exchange, self._call, self._take = exchange, call, take

    async def hold(self, seconds: float) -> None:
        """Switch on for so long unless asked again; see ``live.RelayClient``."""
        if not SHORTEST <= seconds <= LONGEST:
            raise ValueRangeError(point=NAME, minimum=SHORTEST, maximum=LONGEST, unit="s", value=float(seconds))
        await self.set(on=True, seconds=math.ceil(seconds), priority=Priority.CONTROL)

    async def set(self, *, on: bool, seconds: int = 0, priority: Priority = Priority.PERSON) -> float:
        """Switch, back after ``seconds`` unless 0, and return when the meter confirmed it.

        Raises ``NotSupportedError``, ``WriteUncertainError``, ``NotKeptError``, ``AuthError``, ``LinkError``.
        """
        if self.switch is None:
            raise NotSupportedError(device=DEVICE, code=NAME, reason="it has no relay")
        # Greeting the meter may fail for reasons that leave no doubt about the output.
        greeting = await self._exchange.greet(priority)
        try:
            picture, at = await (
                self._set_first(on, seconds, priority)
                if greeting.first_generation
                else self._set_later(self.switch, on, seconds, priority)
            )
        except _UNCERTAIN as err:
            raise WriteUncertainError(device=DEVICE, point=NAME) from err
        self._take(picture, at)
        if (kept := picture.values.get(Field(Name.RELAY))) is not on:
            raise NotKeptError(point=NAME, value=_word(on), kept=_word(bool(kept)))
        return at

    async def _set_first(self, on: bool, seconds: int, priority: Priority) -> tuple[Picture, float]:
        query: dict[str, str | int] = {"turn": _word(on)}
        if seconds:
            query["timer"] = seconds
        answered = await self._exchange.get(f"/relay/{self.switch}", query, priority)
        return decode_relay(answered.content), answered.at

    async def _set_later(self, switch: int, on: bool, seconds: int, priority: Priority) -> tuple[Picture, float]:
        params: dict[str, int | bool] = {"id": switch, "on": on}
        if seconds:
            params["toggle_after"] = seconds
        await self._call("Switch.Set", params, priority)
        # Its answer tells the state before only.
        answered = await self._call("Switch.GetStatus", {"id": switch}, priority)
        return decode_components({f"switch:{switch}": answered.content}), answered.at


def _word(on: bool) -> str:
    return "on" if on else "off"
