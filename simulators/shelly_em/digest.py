"""Login from generation 2 on: SHA-256 digests over HTTP and in WebSocket frames (reference sections 4.1 and 4.2)."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from random import Random

from .clock import HouseClock

USER = "admin"
ALGORITHM = "SHA-256"
FRAME_TARGET = ("dummy_method", "dummy_uri")
"""What a frame's digest is made of in place of method and address."""
_PART = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')


class Verdict(Enum):
    """What a login is worth."""

    RIGHT = auto()
    STALE = auto()
    """Right, but its nonce has expired or its count was used before."""
    WRONG = auto()


@dataclass(slots=True)
class _Nonce:
    issued: float
    count: int = 0
    """The highest count that was used."""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def header_parts(authorization: str) -> dict[str, str] | None:
    """Return the parts of a digest header by name, None when it is none."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() != "digest":
        return None
    return {name: quoted or plain for name, quoted, plain in _PART.findall(rest)}


class Digest:
    """Issues nonces and checks logins; a nonce serves for ``lifetime`` seconds of the house's time."""

    def __init__(self, realm: str, password: str, clock: HouseClock, *, lifetime: float, seed: int) -> None:
        self.realm = realm
        self.lifetime = lifetime
        self._password = password
        self._clock = clock
        self._random = Random(seed)
        self._nonces: dict[str, _Nonce] = {}

    def nonce(self, *, number: bool = False) -> str | int:
        """Issue a nonce, as eight hexadecimal digits or as a number."""
        value = self._random.getrandbits(32)
        nonce: str | int = value if number else f"{value:08x}"
        self._nonces[str(nonce)] = _Nonce(self._clock.now)
        return nonce

    def forget(self, nonce: str | None = None) -> None:
        """Let one nonce or all of them count no more."""
        if nonce is None:
            self._nonces.clear()
        else:
            self._nonces.pop(nonce, None)

    def check(self, parts: Mapping[str, object], method: str, uri: str, *, count: int) -> Verdict:
        """Judge a login made of ``username``, ``realm``, ``nonce``, ``nc``, ``cnonce`` and ``response``."""
        said = {name: str(parts.get(name, "")) for name in ("username", "realm", "nonce", "nc", "cnonce", "response")}
        first = _hash(f"{USER}:{self.realm}:{self._password}")
        second = _hash(f"{method}:{uri}")
        expected = _hash(f"{first}:{said['nonce']}:{said['nc']}:{said['cnonce']}:auth:{second}")
        named = (said["username"], said["realm"]) == (USER, self.realm)
        algorithm = parts.get("algorithm", ALGORITHM) == ALGORITHM
        if not named or not algorithm or not hmac.compare_digest(said["response"].encode(), expected.encode()):
            return Verdict.WRONG
        nonce = self._nonces.get(said["nonce"])
        if nonce is None or self._clock.now >= nonce.issued + self.lifetime or count <= nonce.count:
            return Verdict.STALE
        nonce.count = count
        return Verdict.RIGHT

    def check_header(self, authorization: str, method: str, target: str) -> Verdict:
        """Judge the header of a request over HTTP for this method and target."""
        parts = header_parts(authorization)
        if parts is None or parts.get("uri") != target or parts.get("qop") != "auth":
            return Verdict.WRONG
        try:
            count = int(parts.get("nc", ""), 16)
        except ValueError:
            return Verdict.WRONG
        return self.check(parts, method, target, count=count)

    def check_frame(self, auth: object) -> Verdict:
        """Judge the member ``auth`` of a frame."""
        if not isinstance(auth, dict):
            return Verdict.WRONG
        count = str(auth.get("nc", ""))
        return self.check(auth, *FRAME_TARGET, count=int(count)) if count.isdecimal() else Verdict.WRONG
