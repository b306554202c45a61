"""The digest login of generation 2 and later (reference sections 4.1 and 4.2). Pure but for its random numbers.

The ready-made login of aiohttp is not used: it takes any algorithm that the other end names, keeps the connection of
the refused request while it opens another one, which a device with few sockets does not stand, and knows nothing of the
login inside a WebSocket, which is the same sum over other texts.
"""

import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.request import parse_http_list, parse_keqv_list

from ..errors import BadAnswerError
from .codec import DEVICE, decode_object

USER = "admin"
"""The one user that there is."""
ALGORITHM = "SHA-256"
SOCKET_METHOD = "dummy_method:dummy_uri"
"""What stands for method and path in a WebSocket."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a refused request was told."""

    realm: str
    nonce: str
    first: int = 1
    """Where the count of requests begins."""
    raw_nonce: str | int = ""
    """The nonce as it came in a WebSocket, a number on some models."""


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _algorithm(name: object) -> None:
    if str(name).upper() != ALGORITHM:
        raise BadAnswerError(device=DEVICE, reason="it asks for a login of another kind than SHA-256")


def challenge_of_header(header: str) -> Challenge:
    """Read ``WWW-Authenticate``; raises ``BadAnswerError`` for what is no digest with SHA-256."""
    scheme, _, rest = header.strip().partition(" ")
    try:
        told = parse_keqv_list([each for each in parse_http_list(rest) if each])
    except (ValueError, IndexError) as err:
        raise BadAnswerError(device=DEVICE, reason="it asks for a login that cannot be understood") from err
    if scheme.lower() != "digest" or not told.get("nonce") or "realm" not in told:
        raise BadAnswerError(device=DEVICE, reason="it asks for a login that cannot be understood")
    _algorithm(told.get("algorithm", "MD5"))
    return Challenge(told["realm"], told["nonce"])


def challenge_of_message(message: str) -> Challenge:
    """Read the JSON text in the error of a WebSocket frame; raises ``BadAnswerError`` as above."""
    told = decode_object(message)
    nonce, realm = told.get("nonce"), told.get("realm")
    if isinstance(nonce, bool) or not isinstance(nonce, str | int) or not isinstance(realm, str) or nonce == "":
        raise BadAnswerError(device=DEVICE, reason="it asks for a login that cannot be understood")
    _algorithm(told.get("algorithm"))
    # The count may be a text.
    try:
        first = int(str(told.get("nc", 1)))
    except ValueError:
        first = 1
    return Challenge(realm, str(nonce), max(first, 1), nonce)


class Login:
    """Answers challenges with one password; a challenge serves many requests, each with a higher count."""

    def __init__(self, password: str) -> None:
        """Nothing was asked yet."""
        self._password = password
        self._challenge: Challenge | None = None
        self._count = 0

    @property
    def challenged(self) -> bool:
        """Whether a challenge is known that requests can answer at once."""
        return self._challenge is not None

    def take(self, challenge: Challenge | None) -> None:
        """Answer this challenge from now on."""
        self._challenge = challenge
        self._count = challenge.first - 1 if challenge else 0

    def _next(self, count_format: str, what: str) -> tuple[Challenge, str, str, str]:
        assert self._challenge is not None
        challenge = self._challenge
        self._count += 1
        count, own = format(self._count, count_format), secrets.token_hex(8)
        return challenge, count, own, response_to(challenge, self._password, count, own, what)

    def header(self, method: str, target: str) -> str:
        """The value of ``Authorization`` for the next request."""
        challenge, count, own, response = self._next("08x", f"{method}:{target}")
        return (
            f'Digest username="{USER}", realm="{_quoted(challenge.realm)}", nonce="{_quoted(challenge.nonce)}", '
            f'uri="{target}", algorithm={ALGORITHM}, qop=auth, nc={count}, cnonce="{own}", response="{response}"'
        )

    def member(self) -> dict[str, Any]:
        """The member ``auth`` of the next frame in a WebSocket."""
        challenge, count, own, response = self._next("d", SOCKET_METHOD)
        return {
            "realm": challenge.realm,
            "username": USER,
            "nonce": challenge.raw_nonce,
            "cnonce": own,
            "response": response,
            "algorithm": ALGORITHM,
            "nc": int(count),
        }


def response_to(challenge: Challenge, password: str, count: str, own: str, what: str) -> str:
    """The hash that proves the password; ``what`` is method and path with a colon between."""
    secret = _hash(f"{USER}:{challenge.realm}:{password}")
    return _hash(f"{secret}:{challenge.nonce}:{count}:{own}:auth:{_hash(what)}")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
