"""TLS to devices in the house: nobody signs for them, so the first certificate is trusted and every later one told.

A context is built in a thread, because loading certificates blocks.
"""

import asyncio
import hashlib
import ssl
from typing import override

OLD_DEVICES = "DEFAULT:@SECLEVEL=1"
"""Cipher setting that still accepts the shorter keys of older devices."""


class WitnessContext(ssl.SSLContext):
    """A client context that remembers the certificate of the last peer; host names are not compared."""

    fingerprint: str = ""
    """SHA-256 of the last peer's own certificate as hex text, empty before the first handshake."""


class _Witness(ssl.SSLObject):
    """Looks at the peer's certificate when a handshake is complete."""

    @override
    def do_handshake(self) -> None:
        super().do_handshake()
        context = self.context
        if isinstance(context, WitnessContext) and (leaf := self.getpeercert(binary_form=True)):
            context.fingerprint = hashlib.sha256(leaf).hexdigest()


def _build(root: str) -> WitnessContext:
    context = WitnessContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslobject_class = _Witness
    # Certificates of devices name their maker's idea of a host, never the address in this house.
    context.check_hostname = False
    if root:
        context.load_verify_locations(cadata=root)
    else:
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers(OLD_DEVICES)
    return context


async def client_context(root: str = "") -> WitnessContext:
    """A context that demands a chain up to ``root`` (PEM), or with an empty ``root`` accepts any certificate.

    Raises ``ssl.SSLError`` (an ``OSError``) when ``root`` is no certificate.
    """
    return await asyncio.get_running_loop().run_in_executor(None, _build, root)


def short(fingerprint: str) -> str:
    """The first eight bytes of a fingerprint, as people compare them."""
    return ":".join(fingerprint[place : place + 2].upper() for place in range(0, min(16, len(fingerprint)), 2))
