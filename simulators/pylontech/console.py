"""The master's text console: echo, commands, pager, debug mode, wake at 1200 baud (reference sections 2 to 4)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from random import Random
from typing import NamedTuple

from ..faults import Faults
from . import tables
from .behaviour import BAUD, WAKE_BAUD, Behaviour
from .journal import Journal
from .stack import Module, Stack
from .tables import Reply
from .tower import Tower

WAKE = b"~20014682C0048520FCC3\r"
SUCCESS = "Command completed successfully"
FAILED = "Invalid command or fail to excute."
PRESS_ENTER = "Press [Enter] to be continued,other key to exit"
DANGEROUS = frozenset(
    ("data", "datalist", "datac", "disp", "trst", "shut", "ctrl", "prot", "config", "updata", "eepw", "flaw", "mm")
)
"""Commands that no client may send: they shut down, erase, change protections or load firmware."""
LOST, ROWS, STRAY = 60, 2, 8


class Page(NamedTuple):
    """What is printed at once; more of it follows after Enter."""

    text: str
    last: bool


class Console:
    """One console, which all clients of the port share."""

    def __init__(
        self,
        stack: Stack,
        behaviour: Behaviour,
        faults: Faults,
        send: Callable[[bytes], Awaitable[None]],
        pace: float,
    ) -> None:
        """``send`` puts bytes on the wire and takes the time that this needs."""
        self._stack = stack
        self._behaviour = behaviour
        self._faults = faults
        self._send = send
        self._pace = pace
        self._tower = Tower(stack)
        self._random = Random(7)
        self.journal = Journal(stack)
        self.asleep = behaviour.asleep
        self.debug = False
        self.on = True
        self.commands: list[str] = []
        """Every command that was entered."""
        self.writes: list[str] = []
        """Those of them that change something, or must never be sent."""
        self._typed = bytearray()
        self._woken_by = bytearray()
        self._after_cr = False
        self._pages: list[Page] = []
        self._words = behaviour.prompt or stack.layout.prompt
        self._commands: dict[str, Callable[[list[str]], Reply | list[Page]]] = {
            "pwr": self._pwr,
            "bat": lambda words: self._tower.bat() if self._is_tower else self._of_module(words, self._bat),
            "info": lambda words: self._tower.info() if self._is_tower else self._of_module(words, self._info),
            "stat": lambda words: self._tower.stat() if self._is_tower else self._of_module(words, self._stat),
            "soh": lambda words: self._tower.soh() if self._is_tower else self._of_module(words, self._soh),
            "getpwr": lambda words: self._of_module(words, lambda module: tables.getpwr(stack.read(module))),
            "time": self._time,
            "log": lambda _: self._log(),
            "help": lambda _: self._help(),
            "login": self._login,
            "logout": lambda _: self._logout(),
            "pwrsys": lambda _: self._pwrsys(),
        }
        if self._is_tower:
            self._commands["unit"] = lambda _: self._tower.unit()
            self._commands["sysinfo"] = lambda _: self._tower.sysinfo()

    @property
    def _is_tower(self) -> bool:
        return self._stack.layout.tower

    @property
    def prompt(self) -> bytes:
        """Return the prompt of the present mode with its line end."""
        word = f"{self._words}_debug" if self.debug else self._words
        return f"\n\r{word}>".encode()

    def close(self) -> None:
        """Follow the house no longer."""
        self.journal.close()

    def restart(self) -> None:
        """Begin anew: in user mode, and asleep where the firmware sleeps."""
        self.asleep = self._behaviour.asleep
        self.debug = False
        self.on = True
        self._typed.clear()
        self._pages.clear()

    # What is typed

    async def take(self, data: bytes, baud: int) -> None:
        """Take what arrives at a speed (baud)."""
        if not self.on:
            return
        if self.asleep:
            if baud == WAKE_BAUD:
                self._woken_by += data
                if WAKE in self._woken_by:
                    self._woken_by.clear()
                    self.asleep = False
            return
        if baud != BAUD:
            # A console that is awake hears noise at any other speed.
            return
        for byte in data:
            await self._key(byte)

    async def _key(self, byte: int) -> None:
        after_cr, self._after_cr = self._after_cr, byte == 0x0D
        if self._pages:
            await self._page_key(byte)
            return
        if byte in (0x0D, 0x0A):
            enter = {
                "both": True,
                "cr": byte == 0x0D,
                "lf": byte == 0x0A,
                "crlf": byte == 0x0A and after_cr,
            }[self._behaviour.enter]
            if enter:
                text = self._typed.decode("ascii", "replace").strip()
                self._typed.clear()
                await self._enter(text)
            return
        self._typed.append(byte)
        if "no_echo" not in self._faults and "silence" not in self._faults:
            stale = self.prompt[2:] if len(self._typed) == 1 and self._faults.take("glued_prompt") else b""
            await self._send(stale + bytes((byte,)))

    async def _enter(self, text: str) -> None:
        faults = self._faults
        if faults.take("silence"):
            return
        faults.take("no_echo")
        if not text:
            await self._send(self.prompt)
            return
        self.commands.append(text)
        delay = faults.take("delay")
        if delay is not None:
            await asyncio.sleep(delay.argument or 0.0)
        await asyncio.sleep(self._behaviour.think * self._pace)
        result = self._run(text)
        if isinstance(result, list):
            self._pages = result
            await self._send(b"\n\r@\r\r\n")
            await self._next_page()
            return
        await self._reply(result)

    # Answers

    async def _reply(self, reply: Reply) -> None:
        faults = self._faults
        before = b""
        stray = faults.take("garbage")
        if stray is not None:
            # Noise after power-up can be any byte, but an accidental end mark would be a different fault.
            before += self._random.randbytes(int(stray.argument or STRAY)).replace(b"$", b"\xa4")
        if faults.take("unsolicited"):
            before += self._log_line()
        if faults.take("foreign"):
            before += (
                b"\n\r" + self._body(tables.soh(self._head(), self._stack.read(self._head()))) + self._end() + b"soh"
            )
        body = self._damaged(self._body(reply))
        if faults.take("cut_reply"):
            await self._send(before + body[: len(body) // 2])
            return
        await self._send(before + body)
        await self._finish()

    def _body(self, reply: Reply) -> bytes:
        """Return an answer up to its end mark."""
        at = "\n\r" if self._faults.take("no_at") else "\n\r@"
        end = "\r\r\n" if reply.shape == "table" else "\r\n\r"
        text = at + end + end.join(reply.lines)
        if reply.good:
            text += f"\r\n\r{SUCCESS}"
        return text.encode("ascii", "replace") + b"\r\n\r$$\r\n"

    def _end(self) -> bytes:
        return self.prompt[1:]

    async def _finish(self) -> None:
        """Print the prompt behind the end mark."""
        faults = self._faults
        if faults.take("no_prompt"):
            return
        late = faults.take("late_prompt")
        await asyncio.sleep((late.argument or 0.0) if late else self._behaviour.prompt_delay * self._pace)
        await self._send(self._end())

    def _log_line(self) -> bytes:
        return b"\r\n[I] BMM state sync, %d modules\r\n" % len(self._stack.present)

    def _damaged(self, body: bytes) -> bytes:
        faults = self._faults
        middle = body.find(b"\n", len(body) // 2)
        if faults.take("unsolicited_inside"):
            body = body[: middle + 1] + b"[I] BMM state sync\r\r\n" + body[middle + 1 :]
        rows = faults.take("lost_rows")
        if rows is not None:
            end = middle
            for _ in range(int(rows.argument or ROWS)):
                end = body.find(b"\n", end + 1)
            body = body[: middle + 1] + body[end + 1 :]
        lost = faults.take("lost_bytes")
        if lost is not None:
            # Around a line end, so that what is left of two rows becomes one.
            size = min(int(lost.argument or LOST), len(body) // 2)
            start = max(0, middle - size // 2)
            body = body[:start] + body[start + size :]
        if faults.take("line_ends"):
            body = body.replace(b"\r\r\n", b"\n\r").replace(b"\r\n\r", b"\n\r")
        return body

    async def say(self, text: str) -> None:
        """Print a line that nobody asked for."""
        await self._send(f"\r\n{text}\r\n".encode())

    # Pages

    async def _next_page(self) -> None:
        page = self._pages.pop(0)
        text = page.text.encode()
        if page.last:
            self._pages.clear()
            await self._send(text + f"{SUCCESS}\r\n\r$$\r\n".encode())
            await self._finish()
        else:
            await self._send(text + PRESS_ENTER.encode() + b"\r")

    async def _page_key(self, byte: int) -> None:
        if self._faults.take("silence"):
            return
        if byte in (0x0D, 0x0A):
            if byte == 0x0A and self._behaviour.enter == "cr":
                return
            # The line is written over with blanks.
            await self._send(b"\r" + b" " * 50 + b"\r")
            await self._next_page()
            return
        self._pages.clear()
        await self._send(f"\r\n\r{SUCCESS}\r\n\r$$\r\n".encode())
        await self._finish()

    # Commands

    def _run(self, text: str) -> Reply | list[Page]:
        words = text.split()
        name = words[0]
        if self._faults.take("unknown_command"):
            return self._unknown(name)
        if self._faults.take("command_failed"):
            return self._failed(f"Usage: {name} [index]")
        if name in DANGEROUS:
            self.writes.append(text)
            if name == "shut":
                self.on = False
            return Reply((), "lines")
        command = self._commands.get(name)
        return self._unknown(name) if command is None else command(words[1:])

    @staticmethod
    def _unknown(name: str) -> Reply:
        return Reply((f"Unknown command '{name}' - try 'help'",), good=False)

    @staticmethod
    def _failed(*more: str) -> Reply:
        return Reply((FAILED, *more), good=False)

    def _head(self) -> Module:
        return (self._stack.present or list(self._stack.modules.values()))[0]

    def _of_module(self, words: list[str], answer: Callable[[Module], Reply]) -> Reply:
        """Answer for the module in a slot; without a number for the master."""
        present = {module.slot: module for module in self._stack.present}
        if not words:
            return answer(self._head())
        number = int(words[0]) if words[0].isdecimal() else 0
        return answer(present[number]) if number in present else self._failed(f"Usage: 1 to {self._stack.layout.slots}")

    def _pwr(self, words: list[str]) -> Reply:
        if self._is_tower:
            return self._tower.pwr()
        if not words:
            return tables.pwr(self._stack)
        return self._of_module(words, lambda module: tables.pwr_module(self._stack, module))

    def _bat(self, module: Module) -> Reply:
        return tables.bat(self._stack, module)

    def _info(self, module: Module) -> Reply:
        return tables.info(self._stack, module)

    def _stat(self, module: Module) -> Reply:
        return tables.stat(module, self._stack.read(module))

    def _soh(self, module: Module) -> Reply:
        return tables.soh(module, self._stack.read(module))

    def _time(self, words: list[str]) -> Reply:
        chip = self._behaviour.time_chip
        if words:
            self.writes.append(" ".join(["time", *words]))
            try:
                year, month, day, hour, minute, second = (int(word) for word in words)
                self._stack.set_clock(datetime(2000 + year % 100, month, day, hour, minute, second))  # noqa: DTZ001
            except ValueError:
                return self._failed("Usage: time [year] [month] [day] [hour] [minute] [second]")
        text = f"{'' if self._is_tower else chip} {self._stack.now:%Y-%m-%d %H:%M:%S}".strip()
        return Reply((text, "Test result:pass") if chip == "RTC" else (text,), "lines")

    def _log(self) -> list[Page]:
        records = self.journal.newest_first()
        size = self._behaviour.pager or max(1, len(records))
        starts = range(0, max(1, len(records)), size)
        return [
            Page(
                "".join(f"{line}\r\n\r" for record in records[start : start + size] for line in record.lines()),
                start == starts[-1],
            )
            for start in starts
        ]

    def _help(self) -> list[Page]:
        commands = "\r\n\r".join(tables.commands(self._head().model))
        local = f"Local command:\r\n\r{commands}\r\r\n{'*' * 58}\r\r\nRemote command:\n\r"
        remote = "".join(f"{name:<8} {name} [index]\r\n\r" for name in ("bat", "info", "pwr", "soh", "stat"))
        if not self._behaviour.pager:
            return [Page(local + remote, last=True)]
        return [Page(local, last=False), Page(remote, last=True)]

    def _login(self, words: list[str]) -> Reply:
        self.writes.append(" ".join(["login", *words]))
        if self.debug:
            return Reply(("Quit current mode", FAILED), good=False)
        if words != [self._behaviour.password]:
            return self._failed()
        self.debug = True
        return Reply((), "lines")

    def _logout(self) -> Reply:
        self.debug = False
        return Reply((), "lines")

    def _pwrsys(self) -> Reply:
        if self._is_tower or not (self.debug or self._behaviour.pwrsys_always):
            return self._unknown("pwrsys")
        return tables.pwrsys(self._stack)
