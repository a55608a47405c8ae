"""How the OpenAPI document shows our credentials, and which routes need none."""

import pytest


@pytest.fixture
def document(anybody) -> dict:
    return anybody.get("/api/schema/", HTTP_ACCEPT="application/json").json()


def test_the_credentials_are_a_bearer_token_and_a_cookie(document):
    schemes = document["components"]["securitySchemes"]

    assert sorted(schemes) == ["bearer", "cookie"]
    bearer, cookie = schemes["bearer"], schemes["cookie"]
    assert (bearer["type"], bearer["scheme"], bearer["bearerFormat"]) == ("http", "bearer", "JWT")
    assert (cookie["type"], cookie["in"], cookie["name"]) == ("apiKey", "cookie", "accessToken")


@pytest.mark.parametrize(
    ("path", "method", "security"),
    [
        ("/api/users/login/", "post", [{}]),
        ("/api/users/register/", "post", [{}]),
        ("/api/auth/refresh/", "post", [{}]),
        ("/api/users/logout/", "get", [{"bearer": []}]),
        ("/api/users/logout/", "post", [{"bearer": []}]),
        ("/api/users/changepwd/", "put", [{"bearer": []}, {"cookie": []}]),
    ],
)
def test_each_route_says_whether_it_needs_the_credential(document, path, method, security):
    assert document["paths"][path][method]["security"] == security
