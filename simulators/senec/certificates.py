"""A private chain of certificates like the appliance's: an own root, and a leaf that names no address of the house."""

import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT_NAME = "SenecGui-Root"
LEAF_NAME = "senec-gui.invalid"
"""The only name in the leaf; nobody reaches an appliance by it."""
YEARS = timedelta(days=3650)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, root: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not root,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=root,
        crl_sign=root,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


class Chain:
    """A root and the leaf in use; either can be replaced while the server runs."""

    def __init__(self) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.renew(root=True)

    def renew(self, *, root: bool = False) -> None:
        """Issue a new leaf, under a new root if wanted; connections made from now on get it."""
        if root:
            self._root_key = ec.generate_private_key(ec.SECP256R1())
            self._root = self._root_certificate()
        key = ec.generate_private_key(ec.SECP256R1())
        self._leaf = self._leaf_certificate(key)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with TemporaryDirectory() as folder:
            path = Path(folder) / "leaf.pem"
            path.touch(mode=0o600)
            path.write_bytes(private + _pem(self._leaf))
            self._context.load_cert_chain(path)

    @property
    def context(self) -> ssl.SSLContext:
        """Return the server's side of TLS."""
        return self._context

    @property
    def root_pem(self) -> str:
        """Return the root as an owner may have got it."""
        return _pem(self._root).decode()

    @property
    def leaf_sha256(self) -> str:
        """Return the SHA-256 of the leaf as 64 hexadecimal digits in lower case."""
        return hashlib.sha256(self._leaf.public_bytes(serialization.Encoding.DER)).hexdigest()

    def _root_certificate(self) -> x509.Certificate:
        key, name, now = self._root_key.public_key(), _name(ROOT_NAME), datetime.now(UTC)
        return (
            x509.CertificateBuilder(name, name, key, x509.random_serial_number(), now - timedelta(days=1), now + YEARS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(root=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .sign(self._root_key, hashes.SHA256())
        )

    def _leaf_certificate(self, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
        now, name, public = datetime.now(UTC), _name(LEAF_NAME), key.public_key()
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._root_key.public_key())
        return (
            x509.CertificateBuilder(
                _name(ROOT_NAME), name, public, x509.random_serial_number(), now - timedelta(days=1), now + YEARS
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(root=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(LEAF_NAME)]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._root_key, hashes.SHA256())
        )
