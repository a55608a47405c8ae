"""Requests that work, shown in the API's documents: each slice registers its own, and a test sends every one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNAUTHENTICATED = {
    "description": "No valid credential.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Detail"}}},
}


@dataclass(frozen=True, slots=True)
class Example:
    """A body, the status that it gets, and who sends it: one of the roles of backend/tests/roles.py.

    What the path names is the sender's `own`, or `another`'s.

    The people in examples are `ana@example.com`, with the password `correct horse battery staple`, and whom the
    example itself makes.
    """

    value: Any
    status: int
    role: str = "customer"
    about: str = "It works"
    case: str = "own"


_examples: dict[str, Example] = {}


def register(examples: Mapping[str, Example]) -> None:
    """Show these examples, by method and path: `POST /api/login/` (called in `AppConfig.ready()`)."""
    _examples.update(examples)


def registered() -> dict[str, Example]:
    return dict(_examples)


def add_to_document(result: dict[str, Any], **about: Any) -> dict[str, Any]:
    """Put the examples into the OpenAPI document, and 401 wherever a credential is asked for (drf-spectacular hook).

    Of the groups that settings describe, those stay that have a route.
    """
    used = {tag for methods in result["paths"].values() for operation in methods.values() for tag in operation["tags"]}
    result["tags"] = [tag for tag in result.get("tags", []) if tag["name"] in used]
    for path, methods in result["paths"].items():
        for method, operation in methods.items():
            if {} not in operation.get("security", [{}]):
                operation["responses"].setdefault("401", UNAUTHENTICATED)
            example = _examples.get(f"{method.upper()} {path}")
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if example is not None and body is not None:
                body["examples"] = {"example": {"summary": example.about, "value": example.value}}
    return result
