"""Requests and answers of both generations, without any network."""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """One request over HTTP."""

    method: str
    target: str
    """Path and query as they came, which a digest login signs."""
    path: str
    query: Mapping[str, str]
    body: bytes = b""
    authorization: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer over HTTP; a body that is no text goes as JSON."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


NOT_FOUND = Answer("Not Found", 404)


class RpcError(Exception):
    """A method could not be carried out; ``code`` as in reference section 4.2."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


UNAUTHORIZED, NO_HANDLER, EXHAUSTED, INVALID_ARGUMENT, NO_SUCH = 401, 404, 429, -103, -105


def basic_login(authorization: str, user: str, password: str) -> bool:
    """Tell whether a header carries this user and password (HTTP Basic)."""
    scheme, _, encoded = authorization.partition(" ")
    expected = base64.b64encode(f"{user}:{password}".encode()).decode()
    return scheme.lower() == "basic" and hmac.compare_digest(encoded.strip().encode(), expected.encode())
