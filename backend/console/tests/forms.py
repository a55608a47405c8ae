"""Filling in forms as a browser does: with the token that came with the page."""

import re
from typing import Any

from django.test import Client

SIGN_IN = "/console/sign-in/"
POLICY = "Content-Security-Policy"
FIELD = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


def token_on(client: Client, path: str) -> str:
    found = FIELD.search(client.get(path).content.decode())
    assert found is not None
    return found[1]


def send(client: Client, path: str, *, page: str = "", **fields: str) -> Any:
    """Load the page with the form, then send it."""
    token = token_on(client, page or path)
    return client.post(path, {**fields, "csrfmiddlewaretoken": token})
