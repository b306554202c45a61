"""The bridge's side of RFC 2217: Telnet commands inside the stream, of which the speed matters."""

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
BINARY, SUPPRESS_GO_AHEAD, COM_PORT = 0, 3, 44
SET_BAUD = 1
ANSWER = 100
"""What is added to a client's command in the answer."""
_ACCEPTED = (BINARY, SUPPRESS_GO_AHEAD, COM_PORT)


class Telnet:
    """Takes one client's stream apart."""

    def __init__(self, baud: int) -> None:
        """Begin with a speed."""
        self.baud = baud
        self._rest = b""
        self._out = bytearray()
        self._told: set[bytes] = set()

    def answers(self) -> bytes:
        """Return what has to be sent to the client, and forget it."""
        data, self._out = bytes(self._out), bytearray()
        return data

    def feed(self, data: bytes) -> list[tuple[bytes, int]]:
        """Return the bytes meant for the port, in pieces with the speed they go at."""
        data = self._rest + data
        pieces: list[tuple[bytes, int]] = []
        plain = bytearray()
        at = 0
        while at < len(data):
            if data[at] != IAC:
                plain.append(data[at])
                at += 1
                continue
            size = self._command_size(data, at)
            if size is None:
                break
            command = data[at : at + size]
            at += size
            if command == bytes((IAC, IAC)):
                plain.append(IAC)
                continue
            if plain:
                pieces.append((bytes(plain), self.baud))
                plain.clear()
            self._command(command)
        self._rest = data[at:]
        if plain:
            pieces.append((bytes(plain), self.baud))
        return pieces

    @staticmethod
    def _command_size(data: bytes, at: int) -> int | None:
        """Return how long the command is, None when it is not all there."""
        if at + 1 >= len(data):
            return None
        kind = data[at + 1]
        if kind == SB:
            end = data.find(bytes((IAC, SE)), at + 2)
            return None if end < 0 else end + 2 - at
        size = 3 if kind in (WILL, WONT, DO, DONT) else 2
        return size if at + size <= len(data) else None

    def _command(self, command: bytes) -> None:
        kind = command[1]
        if kind == DO:
            self._option(WILL if command[2] in _ACCEPTED else WONT, command[2])
        elif kind == WILL:
            self._option(DO if command[2] in _ACCEPTED else DONT, command[2])
        elif kind == SB and len(command) >= 6 and command[2] == COM_PORT:
            self._com_port(command[3], command[4:-2].replace(b"\xff\xff", b"\xff"))

    def _option(self, verb: int, option: int) -> None:
        answer = bytes((IAC, verb, option))
        # An answer to an answer would go on for ever.
        if answer not in self._told:
            self._told.add(answer)
            self._out += answer

    def _com_port(self, command: int, value: bytes) -> None:
        if command == SET_BAUD and len(value) == 4:
            self.baud = int.from_bytes(value) or self.baud
            value = self.baud.to_bytes(4)
        value = value.replace(b"\xff", b"\xff\xff")
        self._out += bytes((IAC, SB, COM_PORT, command + ANSWER)) + value + bytes((IAC, SE))
