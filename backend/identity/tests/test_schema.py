"""How the OpenAPI document shows our credentials, and which routes need none."""

import pytest


@pytest.fixture
def document(anybody) -> dict:
    return anybody.get("/api/schema/?format=json").json()


def test_the_one_credential_is_a_bearer_token(document):
    (name,) = document["components"]["securitySchemes"]

    scheme = document["components"]["securitySchemes"][name]
    assert (name, scheme["type"], scheme["scheme"], scheme["bearerFormat"]) == ("bearer", "http", "bearer", "JWT")


@pytest.mark.parametrize(
    ("path", "method", "security"),
    [
        ("/api/users/login/", "post", [{}]),
        ("/api/users/register/", "post", [{}]),
        ("/api/auth/refresh/", "post", [{}]),
        ("/api/users/logout/", "get", [{"bearer": []}]),
        ("/api/users/logout/", "post", [{"bearer": []}]),
        ("/api/users/changepwd/", "put", [{"bearer": []}]),
    ],
)
def test_each_route_says_whether_it_needs_the_credential(document, path, method, security):
    assert document["paths"][path][method]["security"] == security
