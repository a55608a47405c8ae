"""`python -m bench.kyc_work pieces|waiting|profiles|turn …`: what KYC's figures need done with Django. Prints JSON."""

import io
import json
import os
import sys
import time
import uuid
from datetime import UTC, date, datetime, timedelta

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from backend.common import vault  # noqa: E402
from backend.common.encryption import new_file_key  # noqa: E402
from backend.common.models import StoredFile  # noqa: E402
from backend.common.principal import BANK_ADMIN, CUSTOMER  # noqa: E402
from backend.identity.models import User  # noqa: E402
from backend.identity.principals import principal_of  # noqa: E402
from backend.kyc.models import Case, Document, Profile, Upload  # noqa: E402
from backend.kyc.sealing import address_envelopes, place_of, ssn_envelopes, ssn_hash  # noqa: E402
from backend.kyc.services import uploads  # noqa: E402
from bench.seed import people, token_of  # noqa: E402

PIECES = 40


def pieces(rounds: int) -> dict[str, list[float]]:
    """Store pieces sealed by the service, and as large ones plain by an INSERT; return the seconds for each of both."""
    (person,) = people(1, CUSTOMER)
    data = os.urandom(uploads.PIECE_MAX)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_piece (id bigserial PRIMARY KEY, plain bytea)")
    found: dict[str, list[float]] = {"sealed": [], "plain": []}
    for _ in range(rounds):
        found["sealed"].append(_sealed(person, data) / PIECES)
        found["plain"].append(_plain(data) / PIECES)
    return found


def _sealed(person: User, data: bytes) -> float:
    actor = principal_of(person)
    upload = Upload(
        user=person,
        document_type="OTHER",
        document_number="N1",
        file_name="x.png",
        length=len(data) * PIECES + 1,
        expires_at=datetime.now(UTC) + timedelta(hours=1),
    )
    upload.key_version, upload.wrapped_key = vault.master_keys().wrap(new_file_key(), upload.pk.bytes)
    upload.save()
    since = time.perf_counter()
    for number in range(PIECES):
        uploads.append(actor=actor, upload_id=upload.pk, offset=number * len(data), body=io.BytesIO(data))
    took = time.perf_counter() - since
    upload.delete()
    return took


def _plain(data: bytes) -> float:
    since = time.perf_counter()
    for _ in range(PIECES):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO bench_piece (plain) VALUES (%s)", [data])
    took = time.perf_counter() - since
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE bench_piece")
    return took


def waiting(count: int) -> dict[str, object]:
    """Make people who wait for a decision; return them with tokens, and a reviewer's token."""
    (reviewer,) = people(1, BANK_ADMIN)
    persons = people(count, CUSTOMER)
    User.objects.filter(pk__in=[person.pk for person in persons]).update(kyc_status="PENDING")
    _documents(persons)
    Case.objects.bulk_create(Case(user=person) for person in persons)
    return {
        "reviewer": token_of(reviewer),
        "people": [{"id": person.pk, "token": token_of(person)} for person in persons],
    }


def profiles(count: int, documents: int) -> dict[str, object]:
    """Make people with sealed profiles, some with documents, and return tokens of a few."""
    persons = people(count, CUSTOMER)
    Profile.objects.bulk_create(
        (
            Profile(
                user=person,
                phone=f"+9{person.pk:012}",
                date_of_birth=date(1990, 1, 1),
                ssn_sealed=ssn_envelopes().seal(f"{person.pk:09}", bound_to=place_of(person.pk, "ssn")),
                ssn_hash=ssn_hash(f"{person.pk:09}"),
                address_sealed=address_envelopes().seal("12 Harbour Street", bound_to=place_of(person.pk, "address")),
            )
            for person in persons
        ),
        batch_size=1000,
    )
    _documents(persons[:documents])
    return {"tokens": [token_of(person) for person in persons[-64:]]}


def _documents(persons: list[User]) -> None:
    now, keys = datetime.now(UTC), vault.master_keys()
    files = []
    for person in persons:
        file = StoredFile(kind="document", owner_id=person.pk, size=0, sha256="", path=uuid.uuid4().hex, kept_at=now)
        file.key_version, file.wrapped_key = keys.wrap(new_file_key(), file.pk.bytes)
        files.append(file)
    StoredFile.objects.bulk_create(files)
    Document.objects.bulk_create(
        Document(
            user=person,
            document_type="PASSPORT",
            document_number=file.path,
            number_key=file.path.upper(),
            file=file,
            content_type="image/png",
        )
        for person, file in zip(persons, files, strict=True)
    )


def turn() -> dict[str, float]:
    """Turn all keys by the commands; return how long it took."""
    since = time.perf_counter()
    with open(os.devnull, "w") as nowhere:
        call_command("turn_profile_keys", stdout=nowhere)
        call_command("rewrap_files", stdout=nowhere)
    return {"seconds": time.perf_counter() - since}


if __name__ == "__main__":
    work = {"pieces": pieces, "waiting": waiting, "profiles": profiles, "turn": turn}[sys.argv[1]]
    json.dump(work(*map(int, sys.argv[2:])), sys.stdout)
