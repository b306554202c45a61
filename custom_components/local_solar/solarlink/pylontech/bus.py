"""Requests and replies on RS-485: one master, one request at a time, with a pause between (reference section 11)."""

import asyncio
from typing import Any, override

from ..errors import BadAnswerError
from ..links.turns import Priority
from .blocks import Block, Fields
from .codec_rs485 import COMMANDS, check_code, decode, encode, request, split
from .line import Line


class Bus(Line):
    """Asks one module at a time for one block of values."""

    def __init__(self, *args: Any, **more: Any) -> None:
        """See ``Line``."""
        super().__init__(*args, **more)
        self._settled = 0

    async def ask(
        self, block: Block, address: int, priority: Priority = Priority.POLL, *, retries: int | None = None
    ) -> Fields:
        """The fields of that block of the module at ``address``.

        Raises ``DeviceAbsentError`` when the bus says that there is no such module, ``NotSupportedError`` for a command
        that the module does not know, and the errors of ``Line``.
        """

        async def exchange() -> Fields:
            return await self._ask_once(block, address)

        return await self._carry_out(exchange, priority, retries)

    @override
    async def _begin(self) -> None:
        if self._settled != self.connection:
            await asyncio.sleep(self.timing.settle)
            self._settled = self.connection

    async def _ask_once(self, block: Block, address: int) -> Fields:
        await self._rest(self.timing.bus_gap)
        self._drop_rest()
        asked = request(block, address)
        sent = encode(asked)
        self._send(sent)
        deadline = self._clock() + self.timing.answer
        spoiled: BadAnswerError | None = None
        while True:
            frames, dropped = split(self._buffer)
            self._stats.dropped_bytes += dropped
            for raw in frames:
                if raw == sent:
                    # Adapters with two wires hear what they send.
                    continue
                try:
                    frame = decode(raw)
                except BadAnswerError as err:
                    spoiled = err
                    continue
                if frame.address != address:
                    self._stats.foreign += 1
                    continue
                check_code(frame, f"command {block.value}")
                return COMMANDS[block](frame.info)
            try:
                await self._more(max(0.0, deadline - self._clock()))
            except TimeoutError:
                raise spoiled or self._silent(self.timing.answer) from None
