"""The words of the access table: who calls, and which answer each caller gets.

The roles are people with exactly that role or flag, an anonymous client, and a partner's API key. Where a route is
about one object, it is called with the caller's `own`, with `another`'s, and where the hierarchy matters with
somebody's `above`. Another's object does not exist for the caller (404); a forbidden action is 403; not signed in is
401, and 403 where only keys count (design.md sections 3 and 10).
"""

from collections.abc import Mapping

PEOPLE = ("customer", "agent", "bank_admin", "auditor", "staff", "superuser")
ROLES = ("anonymous", *PEOPLE, "api_key")

Row = Mapping[str, int]
Cases = Mapping[str, Row]


def anybody(status: int) -> Row:
    return dict.fromkeys(ROLES, status)


def signed_in(status: int, **others: int) -> Row:
    """The same for everybody who is signed in, but for `others`; a key is nobody there."""
    return {**dict.fromkeys(ROLES, 401), **dict.fromkeys(PEOPLE, status), **others}


def only(status: int, *roles: str, **others: int) -> Row:
    """`status` for these roles, 403 for everybody else who is signed in, but for `others`."""
    return signed_in(403, **dict.fromkeys(roles, status), **others)


def always(row: Row) -> Cases:
    """For routes that are about no particular object."""
    return {"": row}
