"""`python -m djangocrud.keys`: the secrets that production asks for, and a stand-in for TLS."""

import datetime
import stat
import subprocess
import sys

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from backend.tests.servers import ROOT
from backend.tests.test_settings import PRODUCTION
from djangocrud import keys
from djangocrud.env import ENCRYPTION_KEYS, load


def test_production_starts_with_what_it_prints(capsys):
    assert keys.main([]) == 0

    printed = dict(line.split("=", 1) for line in capsys.readouterr().out.splitlines())
    assert load({**PRODUCTION, **printed}).signing_key == printed["SECRET_KEY"]
    assert {name for name in printed if name.startswith("ENCRYPTION")} == {name.upper() for name in ENCRYPTION_KEYS}
    assert len(set(printed.values())) == len(printed)


def test_each_call_makes_others():
    assert set(keys.fresh().values()) & set(keys.fresh().values()) == set()


def test_it_needs_no_settings():
    """It is called before there are any, with others that would stop a start."""
    result = subprocess.run(
        [sys.executable, "-m", "djangocrud.keys"], cwd=ROOT, env={"ENVIRONMENT": "production"}, capture_output=True
    )

    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.count(b"\n") == 8


def test_a_stand_in_certificate_is_the_hosts_and_stays(tmp_path, capsys):
    assert keys.main(["--certificate", str(tmp_path), "--host", "bank.example.com"]) == 0
    first = (tmp_path / keys.CERTIFICATE).read_bytes()
    assert keys.main(["--certificate", str(tmp_path), "--host", "other.example.com"]) == 0

    certificate = x509.load_pem_x509_certificate(first)
    key = load_pem_private_key((tmp_path / keys.KEY).read_bytes(), None)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert (tmp_path / keys.CERTIFICATE).read_bytes() == first
    assert capsys.readouterr().out.splitlines() == [f"{word} {tmp_path}/fullchain.pem" for word in ("made", "kept")]
    assert names.get_values_for_type(x509.DNSName) == ["bank.example.com"]
    assert key.public_key() == certificate.public_key()
    assert certificate.not_valid_after_utc > datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=300)
    assert stat.S_IMODE((tmp_path / keys.KEY).stat().st_mode) & 0o007 == 0
