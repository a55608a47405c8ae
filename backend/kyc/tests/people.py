"""People in the states that reviews are about."""

import itertools
from datetime import date
from typing import Any

from backend.common import vault
from backend.common.tests.made_files import picture
from backend.common.unit_of_work import unit_of_work
from backend.identity.models import User
from backend.identity.principals import principal_of
from backend.kyc.models import Document
from backend.kyc.services import documents, examining, profiles
from backend.kyc.services.profiles import Person

PICTURE = picture(size=(400, 300))
_numbers = itertools.count(1)


def person_for(number: int) -> Person:
    return Person(f"+2{number:010}", date(1990, 5, 17), f"{100_000_000 + number}", "12 Harbour Street")


def with_profile(user: User) -> User:
    profiles.save_profile(actor=principal_of(user), person=person_for(next(_numbers)))
    user.refresh_from_db()
    return user


def send_document(
    user: User, document_type: str = "PASSPORT", data: bytes = PICTURE, *, is_checked: bool = True
) -> Document:
    """Have the user send a document, as the doors do."""
    number = f"N{next(_numbers):08}"
    if is_checked:
        documents.check_before(
            actor=principal_of(user), document_type=document_type, document_number=number, file_name="scan.png"
        )
    with vault.incoming(kind="document") as file:
        file.write(data)
        seen = examining.examine(file, file_name="scan.png", user_id=user.pk)
        file.store()
        with unit_of_work() as unit:
            return documents.keep(
                unit, user_id=user.pk, document_type=document_type, document_number=number, file=file, seen=seen
            )


def waiting(make_user: Any, **fields: Any) -> User:
    """A person with a profile and one document, who waits for a decision."""
    user = with_profile(make_user(**fields))
    send_document(user)
    return user
