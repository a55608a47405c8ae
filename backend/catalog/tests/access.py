"""Who may call the routes of the catalogue, and what calling them takes (backend/tests/access.py)."""

import uuid

from backend.catalog.models import Tag
from backend.catalog.tests.factories import BODY, add_article, add_test, set_image
from backend.common.tests.made_files import picture
from backend.tests.roles import Cases, always, only, signed_in
from backend.tests.stage import FLAGS, Caller, Form, Stage, User

_TEST = "/api/diagnostictest/diagnostictests/{test_id}/"
_TAG = "/api/diagnostictest/tags/{test_tag_id}/"
_ARTICLE = "/api/help/articles/{slug}/"
_WRITERS = ("staff", "superuser")

ACCESS: dict[str, Cases] = {
    # Everybody's own tests and tags.
    "GET /api/diagnostictest/diagnostictests/": always(signed_in(200)),
    "POST /api/diagnostictest/diagnostictests/": always(signed_in(201)),
    f"GET {_TEST}": {"own": signed_in(200), "another": signed_in(404)},
    f"PUT {_TEST}": {"own": signed_in(200), "another": signed_in(404)},
    f"PATCH {_TEST}": {"own": signed_in(200), "another": signed_in(404)},
    f"DELETE {_TEST}": {"own": signed_in(204), "another": signed_in(404)},
    "GET /api/diagnostictest/tags/": always(signed_in(200)),
    "POST /api/diagnostictest/tags/": always(signed_in(201)),
    f"GET {_TAG}": {"own": signed_in(200), "another": signed_in(404)},
    f"PUT {_TAG}": {"own": signed_in(200), "another": signed_in(404)},
    f"PATCH {_TAG}": {"own": signed_in(200), "another": signed_in(404)},
    f"DELETE {_TAG}": {"own": signed_in(204), "another": signed_in(404)},
    "GET /api/diagnostictest/recommendations/": always(signed_in(400)),  # It must name tags, in its query.
    "POST /api/diagnostictest/recommendations/": always(signed_in(200)),
    "GET /api/catalog/items/": always(signed_in(200)),
    "GET /api/catalog/items/{item_id}/": {"own": signed_in(200), "another": signed_in(404)},
    "GET /api/catalog/items/{item_id}/image/": {"own": signed_in(200), "another": signed_in(404)},
    "POST /api/catalog/items/{item_id}/image/": {"own": signed_in(201), "another": signed_in(404)},
    "DELETE /api/catalog/items/{item_id}/image/": {"own": signed_in(204), "another": signed_in(404)},
    # Articles are the house's: `own` and `another` do not differ. The flags write (roles do not), everybody reads.
    "GET /api/help/articles/": always(signed_in(200)),
    "POST /api/help/articles/": always(only(201, *_WRITERS)),
    f"GET {_ARTICLE}": {"own": signed_in(200), "another": signed_in(200)},
    f"PATCH {_ARTICLE}": {"own": only(200, *_WRITERS), "another": only(200, *_WRITERS)},
    f"DELETE {_ARTICLE}": {"own": only(204, *_WRITERS), "another": only(204, *_WRITERS)},
    f"POST {_ARTICLE}publish/": {"own": only(200, *_WRITERS), "another": only(200, *_WRITERS)},
    f"POST {_ARTICLE}withdraw/": {"own": only(200, *_WRITERS), "another": only(200, *_WRITERS)},
}

# What leaves no row in the trail (backend/tests/test_audit_coverage.py), and why.
UNRECORDED = {
    "POST /api/help/articles/{slug}/publish/": "here it is published already",
    "POST /api/diagnostictest/recommendations/": "it reads",
}


def _test_id(stage: Stage, owner: User, caller: Caller) -> int:
    return add_test(owner).pk


def _item_id(stage: Stage, owner: User, caller: Caller) -> int:
    """A test with a picture."""
    return set_image(add_test(owner), owner).item_id


def _tag_id(stage: Stage, owner: User, caller: Caller) -> int:
    return Tag.objects.create(owner=owner, name=uuid.uuid4().hex).pk


def _slug(stage: Stage, owner: User, caller: Caller) -> str:
    return add_article(stage.make_user(**FLAGS["staff"]), "Read me").slug or ""


MAKERS = {"test_id": _test_id, "item_id": _item_id, "test_tag_id": _tag_id, "slug": _slug}

BODIES = {
    "POST /api/diagnostictest/diagnostictests/": lambda stage: BODY,
    f"PUT {_TEST}": lambda stage: BODY,
    f"PATCH {_TEST}": lambda stage: {"title": "After"},
    "POST /api/diagnostictest/tags/": lambda stage: {"name": uuid.uuid4().hex},
    f"PUT {_TAG}": lambda stage: {"name": uuid.uuid4().hex},
    f"PATCH {_TAG}": lambda stage: {"name": uuid.uuid4().hex},
    "POST /api/diagnostictest/recommendations/": lambda stage: {"tags": ["fatigue"]},
    "POST /api/catalog/items/{item_id}/image/": lambda stage: Form("iron.png", picture()),
    "POST /api/help/articles/": lambda stage: {"title": "How to"},
    f"PATCH {_ARTICLE}": lambda stage: {"title": "After"},
}
