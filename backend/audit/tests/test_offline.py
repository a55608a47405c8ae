"""What auditors are given, taken by itself: signatures as RFC 8032 has them, and no import of ours."""

import ast
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from backend.audit import keys
from backend.audit.keys import verify_signature
from backend.audit.offline.bundle import verifier
from backend.audit.offline.signatures import ed25519_verify

# RFC 8032, section 7.1: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
]
ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize("vector", VECTORS, ids=["empty", "one byte", "two bytes"])
def test_signatures_of_the_rfc_hold_and_changed_ones_do_not(vector):
    public, message, signature = map(bytes.fromhex, vector)
    other = signature[:32] + ((int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little"))

    assert ed25519_verify(public, message, signature)
    assert not ed25519_verify(public, message + b"x", signature)
    assert not ed25519_verify(public, message, other), "the same signature, written another way"
    for place in (0, 31, 32, 63):
        changed = signature[:place] + bytes([signature[place] ^ 1]) + signature[place + 1 :]
        assert not ed25519_verify(public, message, changed)
    assert not ed25519_verify(public[:-1], message, signature)
    assert not ed25519_verify(b"\xff" * 32, message, signature)
    assert not ed25519_verify(public, message, signature[:-1])


def test_both_verifiers_say_the_same():
    signer = Ed25519PrivateKey.generate()
    public = signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    for size in (0, 1, 500):
        message = bytes(size)
        signature = signer.sign(message)
        for signed in (signature, signature[::-1]):
            assert ed25519_verify(public, message, signed) == verify_signature(public, message, signed)


def test_the_verifier_imports_nothing_but_the_library():
    names = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(verifier()))
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [])
        + ([node.module] if isinstance(node, ast.ImportFrom) else [])
    }

    assert names <= sys.stdlib_module_names
    assert verifier().startswith('"""Prove that an export')


def test_an_older_key_goes_on_proving_and_the_newest_signs(settings):
    settings.AUDIT_KEYS = {1: "first" * 8}
    before = keys.newest()
    settings.AUDIT_KEYS = {1: "first" * 8, 2: "second" * 8}

    assert (keys.newest().number, before.number) == (2, 1)
    assert keys.proving()[1] == before.keys
    assert keys.public()[1] == before.public != keys.public()[2]


def test_what_an_auditor_gets_signs_no_checkpoint(settings):
    """The keys of digests, seals and signatures come from one secret, but none from another."""
    version = keys.newest()
    secrets = {version.keys.digest, version.keys.seal, version.signer.private_bytes_raw()}

    assert len(secrets) == 3
