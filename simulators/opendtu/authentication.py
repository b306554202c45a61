"""Who may ask: Basic for everything but WebSockets, which want Digest since v24.9.23 (reference sections 2 and 7.1)."""

import binascii
import hashlib
import re
from base64 import b64decode
from collections.abc import Mapping
from random import Random

USER = "admin"
REALM = "Login Required"
_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


def basic(header: str, password: str) -> bool:
    """Tell whether a header of Basic authentication has the right password."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        return b64decode(token, validate=True) == f"{USER}:{password}".encode()
    except binascii.Error:
        return False


def _md5(*parts: str) -> str:
    return hashlib.md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()


class Digest:
    """Digest authentication with one nonce for each challenge; a nonce may be used again."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._opaque = random.randbytes(16).hex()
        self._nonces: set[str] = set()

    def challenge(self) -> str:
        """Return the header that asks for it."""
        nonce = self._random.randbytes(16).hex()
        self._nonces.add(nonce)
        return f'Digest realm="{REALM}", qop="auth", nonce="{nonce}", opaque="{self._opaque}"'

    def accepts(self, header: str, method: str, password: str) -> bool:
        """Tell whether a header answers a challenge with the right password."""
        scheme, _, rest = header.partition(" ")
        if scheme.lower() != "digest":
            return False
        told: Mapping[str, str] = {name: quoted or plain for name, quoted, plain in _FIELD.findall(rest)}
        if told.get("nonce") not in self._nonces or told.get("username") != USER or told.get("realm") != REALM:
            return False
        secret = _md5(USER, REALM, password)
        request = _md5(method, told.get("uri", ""))
        counted = [told.get("nc", ""), told.get("cnonce", ""), told["qop"]] if "qop" in told else []
        return told.get("response") == _md5(secret, told["nonce"], *counted, request)
