"""What the catalogue's tests share: people who came through the S3 door, and staff."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from rest_framework.test import APIClient

from backend.conftest import PASSWORD
from backend.identity.models import User


@dataclass(frozen=True)
class Person:
    user: User
    client: APIClient


@pytest.fixture
def s3_person(db: Any, make_user: Callable[..., User]) -> Callable[..., Person]:
    """Make people who signed in at `POST /api/user/token/` and send the 40 characters that it gave them."""

    def make(*role_names: str, **fields: Any) -> Person:
        user = make_user(*role_names, **fields)
        client = APIClient()
        answer = client.post("/api/user/token/", {"email": user.email, "password": PASSWORD})
        client.credentials(HTTP_AUTHORIZATION=f"Token {answer.json()['token']}")
        return Person(user, client)

    return make


@pytest.fixture
def ana(s3_person: Callable[..., Person]) -> Person:
    return s3_person(first_name="Ana")


@pytest.fixture
def bob(s3_person: Callable[..., Person]) -> Person:
    return s3_person(first_name="Bob")


@pytest.fixture
def writer(s3_person: Callable[..., Person]) -> Person:
    """Staff: writes help articles."""
    return s3_person(first_name="Wim", is_staff=True)
