"""What proves who is at the other end: a session's own certificate, and a token for each allocation."""

from __future__ import annotations

import os
import secrets
import ssl
import stat
import tempfile
from pathlib import Path
from typing import Any

import msgspec

TOKEN = 32
"""Bytes of a token."""


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate; its private key, where this end is the one to show it; an allocation's token, where there is one.

    The PEMs serve any TLS server and client of the session, for instance those of an engine.
    """

    certificate_pem: str
    key_pem: str = ""
    token: bytes = b""

    def __repr__(self) -> str:
        held = [name for name, value in (("key", self.key_pem), ("token", self.token)) if value]
        return f"Credentials(certificate{''.join(f', {name} hidden' for name in held)})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("certificate", "..."), ("secrets", "hidden")]

    @classmethod
    def make(cls, name: str = "pilot-quantum", days: int = 30) -> Credentials:
        """A new key, and a certificate that it signs itself, valid for `days`."""
        from datetime import UTC, datetime, timedelta

        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))  # hosts' clocks differ
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return cls(
            certificate_pem=certificate.public_bytes(serialization.Encoding.PEM).decode(), key_pem=secret.decode()
        )

    def for_allocation(self, token: bytes) -> Credentials:
        """What an agent needs: the certificate to know us by, and its token. Not the key."""
        return Credentials(certificate_pem=self.certificate_pem, token=token)

    def server_context(self) -> ssl.SSLContext:
        """For the end that listens. Raises ValueError without the key."""
        if not self.key_pem:
            raise ValueError("these credentials have no private key: they are for the end that dials")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.num_tickets = 0  # a session that is resumed would save nothing here
        with tempfile.NamedTemporaryFile() as file:  # 0600, and gone at once: `ssl` reads keys from files only
            file.write((self.key_pem + self.certificate_pem).encode())
            file.flush()
            context.load_cert_chain(file.name)
        return context

    def client_context(self) -> ssl.SSLContext:
        """For the end that dials: only this very certificate will do, whatever the host is called."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=self.certificate_pem)
        return context

    def write(self, path: Path) -> None:
        """Write them to a file that only this user can read, in the place of one that may be there."""
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(self))
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise

    @classmethod
    def read(cls, path: Path) -> Credentials:
        """Read what `write` wrote. Raises PermissionError when others can read the file, or it is somebody else's."""
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_uid != os.geteuid():
                raise PermissionError(f"{path} belongs to user {status.st_uid}, not to {os.geteuid()}.")
            if stat.S_IMODE(status.st_mode) & 0o077:
                raise PermissionError(f"{path} can be read by others: chmod 600 {path}, and make new credentials.")
            return msgspec.json.decode(file.read(), type=cls)


def new_token() -> bytes:
    """A token for one allocation."""
    return secrets.token_bytes(TOKEN)
