"""The console as a session: prompt, wake-up, command, reply (reference sections 2 and 3)."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, override

from ..errors import BadAnswerError, NotSupportedError
from ..links.turns import Priority
from .codec import DEVICE, PAGER, foreign_end, has_begun, has_ended, has_prompt, payload, text_of, was_cut
from .line import Line

ENTER = b"\r\n"
"""CR alone is enough for most firmware, LF for some; both together for all (section 3)."""
NEXT_PAGE = b"\r"
WAKE = b"~20014682C0048520FCC3\r"
"""Sent at 1200 baud it switches the console of old firmware on (section 2)."""
WAKE_BAUD = 1200
BAUD = 115200
WAKE_AGAIN = 60.0
"""Seconds between two attempts to wake a battery that may as well be switched off."""
TAIL = 64
"""Bytes before a new piece that are looked at again, because an end may be cut in two."""

_SAFE = re.compile(r"(?:pwr|bat|info|stat|soh|getpwr|bmuinfo)(?: (?:[1-9]|1[0-6]))?|log|time|help|pwrsys|unit|sysinfo")
_LONG = ("log", "help")


def check_command(text: str) -> str:
    """Return the command when it is on the list of those that only read (section 4).

    Everything else could shut the battery down, erase it or change what protects it, and is never sent: raises
    ``NotSupportedError``.
    """
    command = " ".join(text.split())
    if not _SAFE.fullmatch(command):
        raise NotSupportedError(device=DEVICE, code=command[:40], reason="only commands that read are ever sent")
    return command


class Console(Line):
    """Asks for commands by name and finds their replies among prompts, echoes, pages and noise."""

    def __init__(self, *args: Any, wake: Callable[[], Awaitable[None]] | None = None, **more: Any) -> None:
        """``wake`` sends ``WAKE`` at 1200 baud over the same port, where the port can change its speed."""
        super().__init__(*args, **more)
        self.asleep = False
        """Whether nobody answers and the port cannot wake the battery."""
        self._wake = wake
        self._woken = -WAKE_AGAIN
        self._ready = 0
        """The connection on which a prompt has been seen."""

    async def ask[T](
        self,
        command: str,
        read: Callable[[list[str]], T],
        priority: Priority = Priority.POLL,
        *,
        retries: int | None = None,
    ) -> T:
        """Send a command and return what ``read`` makes of the lines of its reply.

        ``read`` raises ``BadAnswerError`` for a damaged reply, which is then asked for again. Raises
        ``NotSupportedError`` for a command that the console does not know or that we never send, and the errors of
        ``Line``.
        """
        command = check_command(command)

        async def exchange() -> T:
            return read(payload(text_of(await self._command(command)), command))

        return await self._carry_out(exchange, priority, retries)

    @override
    async def _begin(self) -> None:
        if self._ready == self.connection:
            return
        await asyncio.sleep(self.timing.settle)
        found = await self._probe(self.timing.probes)
        if not found and self._wake is not None and self._clock() - self._woken >= WAKE_AGAIN:
            self._woken = self._clock()
            # Newer firmware is always awake, so this is only for a console that has not answered.
            await self._wake()
            await self.open()
            await asyncio.sleep(self.timing.settle)
            found = await self._probe(self.timing.wake_probes)
        self.asleep = not found and self._wake is None
        if not found:
            raise self._silent(self.timing.probe * self.timing.probes)
        self._ready = self.connection

    async def _probe(self, times: int) -> bool:
        """Press Enter until a prompt comes."""
        for _ in range(times):
            self._drop_rest()
            self._send(ENTER)
            deadline = self._clock() + self.timing.probe
            try:
                while not has_prompt(bytes(self._buffer)):
                    await self._more(max(0.0, deadline - self._clock()))
            except TimeoutError:
                continue
            await self._silence(self.timing.quiet)
            return True
        return False

    async def _command(self, command: str) -> bytes:
        await self._rest(self.timing.gap)
        await self._silence(self.timing.quiet)
        self._send(command.encode("ascii") + ENTER)
        try:
            await self._reply(command)
        except TimeoutError:
            size, begun = len(self._buffer), has_begun(bytes(self._buffer))
            if not await self._probe(1):
                # It may have restarted, or gone to sleep: begin again with looking for the prompt.
                self._ready = 0
            if begun:
                raise BadAnswerError(device=DEVICE, reason=f"the reply stopped after {size} bytes") from None
            raise self._silent(self.timing.first) from None
        reply = bytes(self._buffer)
        self._drop_rest()
        return reply

    async def _reply(self, command: str) -> None:
        """Gather the reply; raises ``TimeoutError``."""
        deadline = self._clock() + (self.timing.long_total if command in _LONG else self.timing.total)
        looked = pages = 0
        while True:
            data = bytes(self._buffer)
            tail = max(0, looked - TAIL)
            if has_ended(data, tail):
                if not (end := foreign_end(data, command)):
                    break
                # Somebody else asks on the same port; our reply comes behind.
                self._stats.foreign += 1
                del self._buffer[:end]
                looked = 0
                continue
            if data.count(PAGER) > pages:
                pages += 1
                self._send(NEXT_PAGE)
            looked = len(data)
            wait = self.timing.idle if has_begun(data) else self.timing.first
            if was_cut(data):
                # A reply that lost its end, or only the answer to the second character of our Enter.
                wait = self.timing.prompt
            await self._more(min(wait, max(0.0, deadline - self._clock())))
        deadline = self._clock() + self.timing.prompt
        while not has_prompt(bytes(self._buffer[looked:])):
            try:
                await self._more(max(0.0, deadline - self._clock()))
            except TimeoutError:
                # Some replies come without a prompt after them.
                break
