"""`python -m djangocrud.keys`: fresh secrets for an environment file. With `--certificate FOLDER`, a stand-in for TLS.

It reads no settings, so it works before there are any. What it prints is shown once and kept nowhere.
"""

from __future__ import annotations

import argparse
import datetime
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# What production refuses to start without, and nobody should think up (djangocrud/env.py).
SECRETS = ("SECRET_KEY", "AUDIT_KEY", "SSN_HASH_KEY")
FILE_KEYS = tuple(f"ENCRYPTION_KEY_{name}" for name in ("DOCUMENTS", "SSN", "ADDRESS", "OTP", "WEBHOOKS"))
CERTIFICATE, KEY = "fullchain.pem", "privkey.pem"  # as certbot names them
DAYS = 365


def fresh() -> dict[str, str]:
    """Return a new value for each secret."""
    made = {name: secrets.token_urlsafe(48) for name in SECRETS}
    return made | {name: Fernet.generate_key().decode() for name in FILE_KEYS}


def stand_in_certificate(folder: Path, host: str) -> bool:
    """Keep a certificate in `folder` that the host signed for itself, unless one is there; return whether it was made.

    It lets a proxy start, and a load balancer speak TLS to it. Browsers rightly refuse it: put a real one in its place.
    """
    if (folder / CERTIFICATE).exists():
        return False
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    # The certificate comes last: where it is, its key is, too. The proxy runs as another user of the same volume.
    (folder / KEY).touch(mode=0o640)
    (folder / KEY).write_bytes(key.private_bytes(*form))
    (folder / CERTIFICATE).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m djangocrud.keys", description=__doc__)
    parser.add_argument("--certificate", type=Path, metavar="FOLDER", help="make a self-signed certificate there")
    parser.add_argument("--host", default="localhost", help="whose certificate")
    given = parser.parse_args(arguments)
    if given.certificate:
        made = stand_in_certificate(given.certificate, given.host)
        sys.stdout.write(f"{'made' if made else 'kept'} {given.certificate / CERTIFICATE}\n")
    else:
        sys.stdout.writelines(f"{name}={value}\n" for name, value in fresh().items())
    return 0


if __name__ == "__main__":
    sys.exit(main())
