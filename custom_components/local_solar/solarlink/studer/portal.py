"""Asks Studer's portal which days it has, to know when a nightly upload is complete (reference section 14).

Optional, and the only thing that is ever asked of the portal. It takes hashes of the account's e-mail address and
password; they open the account like the password itself, so they are kept and shown as little as that.
"""

import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Self
from urllib.parse import quote, urlsplit

import aiohttp

from ..errors import (
    AuthError,
    BadAddressError,
    BadAnswerError,
    DeviceBusyError,
    LinkError,
    NoAnswerError,
)

BASE = "https://api.studer-innotec.com/api/v1"
LEAST_SECONDS = 60.0
"""Seconds between two requests for the days, at least (section 14)."""
PATIENCE = 30.0
"""Seconds that an answer may take: the portal often stalls."""
LARGEST = 1 << 20
"""Bytes of an answer beyond which it is none of the portal."""
NAME = "Studer's portal"


@dataclass(frozen=True, slots=True)
class Account:
    """Who asks: hashes, as the portal wants them. They are worth as much as the password."""

    user_hash: str = field(repr=False)
    password_hash: str = field(repr=False)

    @classmethod
    def of(cls, email: str, password: str) -> Self:
        """The account of an e-mail address and a password; neither is kept."""
        return cls(
            hashlib.sha256(email.strip().encode()).hexdigest(),
            hashlib.md5(password.encode(), usedforsecurity=False).hexdigest(),
        )


@dataclass(frozen=True, slots=True)
class PortalInstallation:
    """One installation of the account, as the portal calls it."""

    id: int
    name: str


class Portal:
    """One account at the portal. Questions that would come too soon after each other are not sent."""

    def __init__(
        self,
        account: Account,
        *,
        base: str = BASE,
        session: aiohttp.ClientSession | None = None,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is asked before it is wanted. Raises ``BadAddressError``.

        ``base`` is the address of the API; ``session`` is one that somebody else closes, else there is one of our own.
        """
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadAddressError(address=base, family=NAME, expected="http(s)://host/path")
        self._account = account
        self._base = base.rstrip("/")
        self._patience = patience
        self._clock = clock
        self._asked_at = -math.inf
        self._session = session
        self._own = session is None

    async def installations(self) -> list[PortalInstallation]:
        """The installations of the account. Raises ``AuthError`` and the errors of ``days``."""
        found = await self._get("/installation/installations")
        if not isinstance(found, list):
            raise _not_understood("no list of installations")
        return [
            PortalInstallation(each["id"], str(each.get("name", "")))
            for each in found
            if isinstance(each, dict) and isinstance(each.get("id"), int)
        ]

    async def days(self, installation: int) -> list[date]:
        """The days whose datalog the portal has, newest first.

        Raises ``DeviceBusyError`` for trouble over there, and without asking within a minute of the last question (also
        of one that failed), ``AuthError`` for an account that is refused, ``BadAnswerError`` for what cannot be
        understood, ``NoAnswerError`` and ``LinkError``.
        """
        if (left := self._asked_at + LEAST_SECONDS - self._clock()) > 0:
            raise DeviceBusyError(device=NAME, code="too_soon", reason=f"it may be asked again in {left:.0f} s")
        self._asked_at = self._clock()
        found = await self._get(f"/datalog/available-dates/{quote(str(installation), safe='')}")
        if not isinstance(found, list):
            raise _not_understood("no list of days")
        try:
            return sorted({datetime.fromisoformat(each).date() for each in found}, reverse=True)
        except (TypeError, ValueError) as err:
            raise _not_understood("something that is no day") from err

    async def _get(self, path: str) -> Any:
        # Not through links.http: that one trusts devices without a certificate, and this goes over the internet.
        headers = {"UHASH": self._account.user_hash, "PHASH": self._account.password_hash, "Accept": "application/json"}
        if self._session is None:
            self._session = aiohttp.ClientSession()
        timeout = aiohttp.ClientTimeout(total=self._patience)
        try:
            async with self._session.get(
                self._base + path, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                body = bytearray()
                async for piece in response.content.iter_any():
                    body += piece
                    if len(body) > LARGEST:
                        raise _not_understood("an answer without end")
                return self._understood(response.status, bytes(body))
        except TimeoutError as err:
            raise NoAnswerError(device=NAME, seconds=self._patience) from err
        except (aiohttp.ClientError, OSError) as err:
            raise LinkError(address=urlsplit(self._base).netloc, reason=type(err).__name__) from err

    @staticmethod
    def _understood(status: int, body: bytes) -> Any:
        match status:
            case 200:
                pass
            case 401 | 403:
                raise AuthError(device=NAME)
            case 429 | 500 | 502 | 503 | 504:
                raise DeviceBusyError(device=NAME, code=status, reason="trouble over there")
            case _:
                raise _not_understood(f"status {status}")
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as err:
            raise _not_understood("no JSON") from err

    async def close(self) -> None:
        """End the connection, if it is our own."""
        if self._own and self._session is not None:
            session, self._session = self._session, None
            await session.close()


def _not_understood(reason: str) -> BadAnswerError:
    return BadAnswerError(device=NAME, reason=reason)
