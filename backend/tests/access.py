"""Who may call what: every route of the OpenAPI document, with the status that each role gets.

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


ACCESS: Mapping[str, Cases] = {
    # Doors
    "POST /api/register/": always(anybody(201)),
    "POST /api/users/register/": always(anybody(202)),
    "POST /api/user/create/": always(anybody(201)),
    "POST /api/login/": always(anybody(200)),
    "POST /api/users/login/": always(anybody(200)),
    "POST /api/auth/login/": always(anybody(200)),
    "POST /api/user/token/": always(anybody(200)),
    "POST /api/auth/refresh/": always(anybody(200)),
    "POST /api/auth/password/forgot/": always(anybody(202)),
    "POST /api/auth/password/reset/": always(anybody(422)),
    # The S0 doors go by cookies, which say which session to end or to renew.
    "POST /api/token/": always(signed_in(200, anonymous=400, api_key=400)),
    "POST /api/logout/": always(signed_in(200, anonymous=400, api_key=400)),
    "POST /api/auth-status/": always(signed_in(200)),
    "GET /api/users/logout/": always(signed_in(200)),
    "POST /api/users/logout/": always(signed_in(200)),
    "POST /api/auth/logout/": always(signed_in(200)),
    # Oneself
    "GET /api/profile/": always(signed_in(200)),
    "PUT /api/profile/": always(signed_in(200)),
    "GET /api/user/me/": always(signed_in(200)),
    "PUT /api/user/me/": always(signed_in(200)),
    "PATCH /api/user/me/": always(signed_in(200)),
    "DELETE /api/user/me/": always(signed_in(204)),
    "PUT /api/users/changepwd/": always(signed_in(200)),
    "POST /api/profile/change-password/": always(signed_in(200)),
    "POST /api/auth/ws-ticket/": always(signed_in(201)),
    "GET /api/auth/sessions/": always(signed_in(200)),
    "DELETE /api/auth/sessions/": always(signed_in(200)),
    "PATCH /api/auth/sessions/{session_id}/": {"own": signed_in(200), "another": signed_in(404)},
    "DELETE /api/auth/sessions/{session_id}/": {"own": signed_in(204), "another": signed_in(404)},
    "GET /api/auth/api-key/": always({**anybody(403), "api_key": 200}),
    # The login log: one's own to read; superusers read all of it and write, audited.
    "GET /api/users/loginLog/": always(signed_in(200)),
    "POST /api/users/loginLog/": always(only(201, "superuser")),
    "GET /api/users/loginLog/{log_id}/": {"own": signed_in(200), "another": signed_in(404, superuser=200)},
    "PUT /api/users/loginLog/{log_id}/": {"own": only(200, "superuser"), "another": only(200, "superuser")},
    "DELETE /api/users/loginLog/{log_id}/": {"own": only(204, "superuser"), "another": only(204, "superuser")},
    # The super-admin desk: staff manage plain users, superusers everybody; nobody deletes themselves.
    "GET /api/superadmin/user/": always(only(200, "staff", "superuser")),
    "POST /api/superadmin/user/": always(only(202, "staff", "superuser")),
    "GET /api/superadmin/user/{user_id}/": {
        "own": only(200, "superuser"),
        "another": only(200, "staff", "superuser"),
        "above": only(200, "superuser"),
    },
    "PUT /api/superadmin/user/{user_id}/": {
        "own": only(200, "superuser"),
        "another": only(200, "staff", "superuser"),
        "above": only(200, "superuser"),
    },
    "PUT /api/superadmin/user/block/{user_id}/": {
        "own": only(202, "superuser"),
        "another": only(202, "staff", "superuser"),
        "above": only(202, "superuser"),
    },
    "DELETE /api/superadmin/user/{user_id}/": {
        "own": only(204),
        "another": only(204, "staff", "superuser"),
        "above": only(204, "superuser"),
    },
    # Security events: bank admins and auditors read, bank admins resolve; flags open nothing.
    "GET /api/admin/security-events/": always(only(200, "bank_admin", "auditor")),
    "POST /api/admin/security-events/{event_id}/resolve/": always(only(200, "bank_admin")),
    # Chats: their customer and their agent. Flags open none, but a superuser may close any (K-47).
    "POST /api/chats/get-or-create/": always(signed_in(200)),
    "GET /api/chats/chat/": always(only(200, "agent", "staff", "superuser")),
    "GET /api/chats/queue/": always(only(200, "agent")),
    "GET /api/chats/{chat_id}/": {"own": signed_in(200), "another": signed_in(404)},
    "GET /api/chats/{chat_id}/messages/": {"own": signed_in(200), "another": signed_in(404)},
    "POST /api/chats/{chat_id}/messages/": {"own": signed_in(201), "another": signed_in(404)},
    "POST /api/chats/{chat_id}/take/": {"own": only(200, "agent"), "another": only(409, "agent")},
    "POST /api/chats/{chat_id}/close/": {
        "own": only(202, "agent", "superuser", staff=404),
        "another": only(202, "superuser", agent=404, staff=404),
    },
}
